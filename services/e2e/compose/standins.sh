#!/usr/bin/env bash
# standins.sh: for machines that reach no image registry. Makes images of the names that docker-compose.yml and
# deploy/Dockerfile ask for from this machine's own programs, so that build and up run as they are written. Only the
# test of docker-compose.yml calls it; an image that is there already stays as it is.
#
# Each holds a shell, what the shell scripts of a build call, the programs it is named for, and the shared libraries
# that these are linked with.
set -euo pipefail

# The files that programs need: themselves, the libraries they are linked with, and where links among these lead.
closure() {
	local program path
	for program in "$@"; do
		path=$(command -v "$program")
		echo "$path"
		{ ldd "$path" 2>/dev/null || true; } | grep -o '/[^ )]*' || true # a script has none
	done | while read -r path; do printf '%s\n' "$path" "$(readlink -f "$path")"; done
}

# What a build stage needs beside its toolchain: certificates for the registries that it asks, and the whole C library
# for the compiled parts of npm's packages.
stage() {
	echo /etc/ssl/certs/ca-certificates.crt
	dpkg -L libc6 | grep '\.so'
}

# image NAME CHANGE < list of files: imports them, and what a root file system needs at least.
image() {
	local name=$1 change=$2 root
	if docker image inspect "$name" >/dev/null 2>&1; then
		cat >/dev/null
		return
	fi
	root=$(mktemp -d)
	mkdir -p "$root"/{tmp,data,etc,root,var/log/nginx,var/lib/nginx}
	chmod 1777 "$root/tmp" "$root/data" "$root/var/log/nginx" "$root/var/lib/nginx"
	echo 'root:x:0:0::/root:/bin/sh' >"$root/etc/passwd"
	# Debian's /lib and /bin are links into /usr: kept, so that every path of the list leads somewhere.
	for link in bin sbin lib lib64; do mkdir -p "$root/usr/$link" && ln -s "usr/$link" "$root/$link"; done
	{ cat && closure sh env cat ls cp mv mkdir rm chmod uname grep sed dirname basename; } |
		sed -E 's#^/(bin|sbin|lib|lib64)/#/usr/\1/#' | sort -u | sed 's#^/##' |
		tar -C / -cf - --no-recursion --files-from=- | tar -C "$root" -xf -
	# Toolchains are folders: CHANGE's second part names them.
	for folder in ${3:-}; do tar -C / -cf - "${folder#/}" | tar -C "$root" -xf -; done
	tar -C "$root" -cf - . | docker import --change "$change" - "$name" >/dev/null
	rm -rf "$root"
	echo "standins.sh: made $name"
}

goroot=$(go env GOROOT)
npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")

closure redis-server redis-cli | image redis:8-alpine 'WORKDIR /data'
closure nginx | image nginx:1-alpine 'ENV PATH=/usr/sbin:/usr/bin:/sbin:/bin'
{ stage && closure git; } | image golang:1.26 "ENV PATH=$goroot/bin:/usr/bin:/bin GOPATH=/go GOTOOLCHAIN=local" "$goroot"
{ stage && closure node npm; } | image node:20-slim 'ENV PATH=/usr/bin:/bin NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt' "$npm"

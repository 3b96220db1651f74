#!/usr/bin/env bash
# needs.sh COMMAND...: make sure that each command is there. On a Debian machine, as root, what is missing is
# installed; elsewhere the script says what to install and fails. A test that finds no server must not look green.
set -euo pipefail

# The Debian package of a command, or nothing where Debian's is too old to help (Go, Node).
package() {
	case $1 in
	redis-server | chromium | git | nginx) echo "$1" ;;
	gcc) echo gcc libc6-dev ;; # the race detector is linked by the C compiler
	esac
}

PATH=$PATH:/usr/sbin # where nginx is, which not everyone has in theirs

missing=() packages=() by_hand=()
for command in "$@"; do
	command -v "$command" >/dev/null && continue
	missing+=("$command")
	read -ra found <<<"$(package "$command")"
	if ((${#found[@]})); then packages+=("${found[@]}"); else by_hand+=("$command"); fi
done
((${#missing[@]})) || exit 0

if ((${#by_hand[@]})); then
	echo "needs.sh: not found: ${by_hand[*]}. Install Go 1.26 (https://go.dev/dl) and Node.js 20 with npm, then try again." >&2
	exit 1
fi
if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
	echo "needs.sh: not found: ${missing[*]}. Install what holds them (Debian: apt-get install ${packages[*]}), then try again." >&2
	exit 1
fi

# RUNLEVEL=1 keeps Debian's init scripts from starting a Redis or nginx of their own, which no test asked for.
install() {
	apt-get update -qq </dev/null &&
		RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" </dev/null
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "needs.sh: installing ${packages[*]}"
if ! install >"$log" 2>&1 && ! { sleep 5 && install >"$log" 2>&1; }; then
	cat "$log" >&2
	echo "needs.sh: apt-get could not install ${packages[*]}: see above." >&2
	exit 1
fi

#!/usr/bin/env bash
# fuzz.sh TIME PACKAGE...: let every fuzz test of the packages look for TIME (60s) each, one after the other. `go test`
# tells which there are, so a new one is never forgotten. An input that fails is left in the package's testdata/fuzz,
# where `go test` tries it ever after: commit it with the mending. What is only interesting is kept in Go's cache, and
# the next run goes on from there.
set -euo pipefail

time=$1
shift

all=$(go test -list '^Fuzz' "$@") || { echo "$all" >&2; exit 1; }
tests=() failed=()
while read -r word package _; do
	case $word in
	Fuzz*) tests+=("$word") ;;
	ok)
		for test in "${tests[@]}"; do
			echo "== $package $test"
			go test -run '^$' -fuzz "^$test\$" -fuzztime "$time" -parallel "${PARALLEL:-$(nproc)}" "$package" || failed+=("$package $test")
		done
		tests=()
		;;
	esac
done <<<"$all"

((${#failed[@]} == 0)) || { printf 'fuzz.sh: failed: %s\n' "${failed[@]}" >&2; exit 1; }

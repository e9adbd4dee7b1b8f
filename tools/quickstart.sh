#!/bin/sh
# SPDX-License-Identifier: MIT
#
# From a fresh clone to a resident kernel at work: installs what is missing, builds,
# and counts words in files that every machine has.
#
#   tools/quickstart.sh
set -eu

cd "$(dirname "$0")/.."

case ${1-} in
'') ;;
*)
	sed -n '4,7s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac

log=$(mktemp)
trap 'rm -f "$log"' EXIT
trap 'exit 1' HUP INT TERM

# A command's output matters only when it fails.
quietly() {
	"$@" >"$log" 2>&1 </dev/null || {
		cat "$log" >&2
		exit 1
	}
}

printf '1. What building needs\n'
tools/setup.sh

printf '\n2. Building into build/\n'
quietly cmake --preset release
quietly cmake --build --preset release
printf 'built: build/libmk, build/examples/mkscan, build/tools/mkbench\n'

cat <<'END'

3. The main job
One compute dispatch stays resident and watches a ring in memory that it shares with
the host.  mkscan reads blocks of files straight into that memory and publishes a slot
for each; publishing is a store, no system call.  Without a GPU, Vulkan runs on the CPU
(lavapipe), as it does below.

How often do three words occur in the GNU licences?
END
cd /usr/share/common-licenses
set -- *GPL-*
mkscan=$OLDPWD/build/examples/mkscan
printf '\n$ mkscan -e GNU -e license -e warranty /usr/share/common-licenses/*GPL-*\n'
"$mkscan" -e GNU -e license -e warranty "$@"

printf '\nThe same by grep, a pattern at a time:\n\n'
for pattern in GNU license warranty; do
	printf '%d\t%s\n' "$(grep -haoF "$pattern" "$@" | wc -l)" "$pattern"
done

# The build has just used this file, and it is tens of megabytes.
compiler=$(gcc -print-prog-name=cc1)
printf '\nAnd how fast is it, in a big file?\n'
printf '\n$ mkscan -v -e warning -e error -e internal %s\n' "$compiler"
"$mkscan" -v -e warning -e error -e internal "$compiler"

cat <<'END'

Next: tools/check.sh tests everything, build/tools/mkbench measures latency and
throughput, README.md shows the library.
END

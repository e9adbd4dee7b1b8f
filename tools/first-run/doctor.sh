#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Keeps a resident kernel for a moment and has mkinspect doctor look at it.
#
#   doctor.sh BUILD_FOLDER
#
# Prints doctor's JSON.  The exit status is doctor's: 1 when something is wrong.
set -u

build=$1

work=$(mktemp -d) || exit 2
mkfifo "$work/started" || exit 2
"$build/tools/mkrun" --engine=vulkan --name="$work/socket" --observables=8 -j \
	--interval=3600 >"$work/started" &
server=$!
trap 'kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM

# The first line comes when the engine runs, and none when it cannot.
exec 3<"$work/started"
read -r line <&3 || exit 2
printf '%s\n' "$line" >&2

"$build/tools/mkinspect" doctor --socket="$work/socket" --interval=0.5 -j

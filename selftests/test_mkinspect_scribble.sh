#!/bin/sh
# SPDX-License-Identifier: MIT
#
# mkinspect looks at a context whose words change at random: it may say that this is no
# context, but it does not crash or hang, and what it prints is JSON.
#
#   test_mkinspect_scribble.sh MKINSPECT SCRIBBLE
set -u

here=$(cd "$(dirname "$0")" && pwd)
inspect=$1
scribble=$2

# shellcheck source=selftests/tap.sh
. "$here/tap.sh"

seconds=3
[ -z "${MK_SLOW-}" ] || seconds=60

work=$(mktemp -d)
stop() {
	exec 3>&-
	wait
	rm -rf "$work" "$tap_output"
}
trap stop EXIT
trap 'exit 1' HUP INT TERM

mkfifo "$work/in"
seed=$(date +%s)
echo "# seed $seed"
"$scribble" "$seed" <"$work/in" >"$work/out" &
pid=$!
exec 3>"$work/in"
tries=0
while [ ! -s "$work/out" ]; do
	tries=$((tries + 1))
	[ "$tries" -lt 300 ] || {
		echo 'Bail out! nobody scribbles'
		exit 1
	}
	sleep 0.1
done

looks=0
refused=0

# One run: 0, or 1 with a word on what is wrong; never a signal, nor without an end.
look() {
	timeout 30 "$inspect" "$@" --pid "$pid" >"$work/text" 2>"$work/error" 3>&-
	status=$?
	looks=$((looks + 1))
	case $status in
	0) ;;
	1)
		refused=$((refused + 1))
		[ -s "$work/error" ]
		return
		;;
	*)
		echo "$*: status $status"
		cat "$work/error"
		return 1
		;;
	esac
	case " $* " in
	*' -j '*) jq -e . <"$work/text" >"$work/parsed" ;;
	*) [ -s "$work/text" ] ;;
	esac
}

looks_on() {
	end=$(($(date +%s) + seconds))
	while [ "$(date +%s)" -lt "$end" ]; do
		for object in ctx control ring ioq log cq producers tenants metrics snapshot; do
			look "$object" show && look "$object" show -j || return 1
		done
		for object in control ring ioq log cq; do
			look "$object" dump -j || return 1
		done
		rm -f "$work/file"
		look stats show --interval 0.01 -j && look ring show --all &&
			look stats watch --interval 0.01 --count 20 -j &&
			look log show --follow --interval 0.01 --count 20 -j &&
			look snapshot save "$work/file" || return 1
		[ ! -e "$work/file" ] ||
			"$inspect" ring show --file "$work/file" >"$work/text" || return 1
	done
	echo "$looks looks, $refused refused"
	[ "$refused" -lt "$looks" ]
}
try "$seconds s of looking at what somebody scribbles on" looks_on

tap_end

#!/bin/sh
# SPDX-License-Identifier: MIT
#
# mkbench kmod: its options and its output.
#
#   test_mkbench.sh PROGRAM
set -u

here=$(cd "$(dirname "$0")" && pwd)
program=$1

# shellcheck source=selftests/tap.sh
. "$here/tap.sh"

work=$(mktemp -d)
trap 'rm -rf "$work" "$tap_output"' EXIT

ends_with() {
	wanted=$1
	shift
	"$@"
	got=$?
	echo "status $got, expected $wanted"
	[ "$got" -eq "$wanted" ]
}

refuses_engine_options() {
	for option in --engine=cpu --slots=8 --seconds=1 --workgroups=1 --device=x --import=auto; do
		ends_with 64 "$program" kmod "$option" || return 1
	done
}

says_what_is_missing() {
	ends_with 1 "$program" kmod >"$work/out" 2>&1 && grep /dev/mk "$work/out"
}

value() {
	sed -n "s/^ *\"$1\": *\"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" "$work/json"
}

measures() {
	"$program" kmod -j --samples 50 >"$work/json" || return 1
	cat "$work/json"
	[ "$(value verb)" = kmod ] && [ "$(value bytes)" -eq 1048576 ] &&
		[ "$(value kernel)" = "$(uname -r)" ] && [ "$(value mk_p50_ns)" -gt 0 ] &&
		[ "$(value mk_touch_samples)" -eq "$(value memfd_samples)" ]
}

prints_a_table() {
	"$program" kmod --samples 10 >"$work/table" && grep '^mk.ko  ' "$work/table"
}

# What it costs is for people to look at: machines are noisy.
compares() {
	times=$(value times_udmabuf)
	echo "$times times what memfd + udmabuf costs"
	[ -n "$times" ] && awk -v times="$times" 'BEGIN { exit !(times > 0) }'
}

try 'kmod refuses what is about engines' refuses_engine_options
if [ ! -c /dev/mk ]; then
	try 'without the module it says so' says_what_is_missing
	skip 'kmod measures' 'there is no /dev/mk'
	tap_end
	exit
fi
try 'kmod measures, and prints JSON' measures
try 'kmod prints a table' prints_a_table
if [ -c /dev/udmabuf ]; then
	try 'kmod compares with memfd + udmabuf' compares
else
	skip 'kmod compares with memfd + udmabuf' 'there is no /dev/udmabuf'
fi
tap_end

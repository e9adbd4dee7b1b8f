#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tap-summary.awk counts what it should: no failure may get lost on the way to the
# last line of tools/check.sh.
set -u

here=$(cd "$(dirname "$0")" && pwd)

# shellcheck source=selftests/tap.sh
. "$here/tap.sh"

work=$(mktemp -d)
trap 'rm -rf "$work" "$tap_output"' EXIT

# counts EXPECTED TEXT LINE...: the lines give these counts, and TEXT is printed.
counts() {
	expected=$1
	text=$2
	shift 2
	printf '%s\n' "$@" >"$work/log"
	awk -v counts="$work/counts" -f "$here/tap-summary.awk" "$work/log" >"$work/out"
	cat "$work/counts" "$work/out"
	[ "$(cat "$work/counts")" = "$expected" ] &&
		{ [ -z "$text" ] || grep -F "$text" "$work/out"; }
}

dots='......................'

try 'TAP inside of ctest' counts '2 1 0' 'failed: abi' \
	'1: ok 1 - one' '1: not ok 2 - two' '1: ok 3 - three' '1: 1..3' \
	"1/1 Test #1: abi $dots***Failed    0.17 sec"
try 'TAP outside of ctest' counts '1 1 0' 'not ok' 'ok - one' 'not ok - two'
try 'a vectors runner' counts '12 0 2' '' \
	'1: 12 passed, 0 failed, 2 skipped' "1/1 Test  #1: vectors $dots   Passed    0.17 sec"
try 'a program that prints nothing' counts '1 0 0' '' \
	"1/1 Test #1: quiet $dots   Passed    0.17 sec"
try 'a crash after tests that passed' counts '1 1 0' 'SegFault' \
	'1: ok 1 - one' "1/1 Test #1: crash $dots***Exception: SegFault  0.17 sec"
try 'a program that ran out of time' counts '0 1 0' 'failed: slow' \
	"1/1 Test #1: slow $dots***Timeout 120.01 sec"
try 'a program that was not found' counts '0 1 0' 'failed: lost' \
	"1/1 Test #1: lost $dots***Not Run   0.00 sec"
try 'a program that is skipped, with its reason' counts '0 0 1' 'gpu: no device' \
	'1: no device' "1/1 Test #1: gpu $dots***Skipped   0.00 sec"
try 'a test that is skipped, with its reason' counts '1 0 1' 'two # SKIP no moon' \
	'1: ok 1 - one' '1: ok 2 - two # SKIP no moon' \
	"1/1 Test #1: sky $dots   Passed    0.17 sec"
try 'a skip as cmocka writes it' counts '1 0 1' 'test_two: no sun' \
	'1: ok 1 - test_one' '1: no sun' '1: not ok 2 # SKIP test_two' \
	"1/1 Test #1: sky $dots   Passed    0.17 sec"
try 'four failures, which cmocka makes the status of a skip' counts '0 4 0' 'failed: four' \
	'1: not ok 1 - a' '1: not ok 2 - b' '1: not ok 3 - c' '1: not ok 4 - d' \
	"1/1 Test #1: four $dots***Skipped    0.17 sec"
try 'a failure that the exit status hides' counts '0 1 0' 'exit status was 0' \
	'1: not ok 1 - a' "1/1 Test #1: sly $dots   Passed    0.17 sec"
try 'two programs whose output is mixed' counts '2 1 0' 'failed: second' \
	'1: ok 1 - a' '2: not ok 1 - b' '1: ok 2 - c' \
	"2/2 Test #2: second $dots***Failed    0.17 sec" \
	"1/2 Test #1: first $dots   Passed    0.17 sec"
tap_end

#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The small examples do on an engine what they say.
#
#   test_examples.sh FOLDER cpu|vulkan
set -u

here=$(cd "$(dirname "$0")" && pwd)
folder=$1
engine=$2

# shellcheck source=selftests/tap.sh
. "$here/tap.sh"

work=$(mktemp -d)
trap 'rm -rf "$work" "$tap_output"' EXIT

# Blocks that are whole, one that is not, and a last word that is not.
streams_in_capitals() {
	i=0
	while [ $i -lt 12000 ]; do
		printf 'line %d: the quick brown fox, {|}~ `@[\n' $i
		i=$((i + 1))
	done >"$work/from"
	"$folder/streamer" "$work/from" "$work/to" "$engine" &&
		LC_ALL=C tr '[:lower:]' '[:upper:]' <"$work/from" | cmp - "$work/to"
}

streams_nothing() {
	: >"$work/from"
	"$folder/streamer" "$work/from" "$work/to" "$engine" && [ ! -s "$work/to" ]
}

says_what_is_missing() {
	! "$folder/streamer" "$work/none" "$work/to" "$engine" 2>"$work/error" &&
		grep -q 'No such file' "$work/error"
}

try 'chase: 65535 pages that each say where the next one is' "$folder/chase" "$engine"
try 'streamer: a file in capitals' streams_in_capitals
try 'streamer: an empty file' streams_nothing
try 'streamer: a file that is not there' says_what_is_missing
try 'ticker: a producer in another process' "$folder/ticker" "$engine"
tap_end

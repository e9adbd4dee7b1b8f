#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs a libFuzzer program on a copy of its corpus: 5 s, or with MK_SLOW 10 minutes.
#
#   fuzz.sh PROGRAM CORPUS
set -u

program=$1
corpus=$2
seconds=5
[ -z "${MK_SLOW-}" ] || seconds=600

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# What it finds is kept beside the program, to be run again by its name.
echo '1..1'
if "$program" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=16384 \
	-artifact_prefix="$program." "$work" "$corpus" >"$work.log" 2>&1; then
	tail -n 2 "$work.log" | sed 's/^/# /'
	echo "ok 1 - $(basename "$program") for $seconds s"
	rm -f "$work.log"
else
	tail -n 60 "$work.log" | sed 's/^/# /'
	echo "not ok 1 - $(basename "$program") for $seconds s"
	rm -f "$work.log"
	exit 1
fi

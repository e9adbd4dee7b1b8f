#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs programs that print TAP, and prints what they say as one TAP stream:
#
#   run_tests.sh PROGRAM...
#
# A program that ends before its plan is through has failed.  Each has the seconds that
# the file 'settings' in the current folder allows.  After each one the module has to
# have as much left as before.
#
# The exit status is 0, 1 after a failure, or 4 when everything was skipped.
set -u

limit=$(sed -n 's/^timeout=//p' settings 2>/dev/null)
parameters=/sys/module/mk/parameters
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

left() {
	for counter in contexts attachments exports pages; do
		[ ! -f $parameters/$counter ] ||
			printf '%s %s ' "$(cat $parameters/$counter)" $counter
	done
}

# What is released behind a program's back is gone within some seconds.
is_left() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		now=$(left)
		[ "$now" != "$before" ] || return 1
		sleep 1
	done
}

echo 'TAP version 13'
: >"$work/results"
for program; do
	name=${program##*/}
	before=$(left)
	{
		timeout "${limit:-45}" "$program"
		echo "status $?"
		if is_left; then
			echo "# before: $before, after: $now"
			echo 'not ok 0 nothing is left'
		elif [ -n "$before" ]; then
			echo 'ok 0 nothing is left'
		fi
	} 2>&1 | awk -v name="$name" -v results="$work/results" '
		BEGIN {
			while ((getline line <results) > 0)
				count++
			planned = -1
		}
		/^TAP version / { next }
		/^1\.\.[0-9]+/ { planned = substr($1, 4) + 0; next }
		/^status / { status = $2; next }
		/^(not )?ok [0-9]+/ {
			result = /^not/ ? "not ok" : /# SKIP/ ? "skip" : "ok"
			text = $0
			sub(/^(not )?ok [0-9]+ (- )?/, "", text)
			if (!/^(not )?ok 0 /)
				seen++
			failed += result == "not ok"
			print (result == "skip" ? "ok" : result), ++count, "- " name ": " text
			print result >>results
			fflush()
			next
		}
		{ print; fflush() }
		END {
			if (seen != planned || (status && status != 4 && !failed)) {
				printf "# %s: %d of %d tests, status %d\n", name, seen, planned, status
				print "not ok", ++count, "- " name ": ended early"
				print "not ok" >>results
			}
		}
	'
done
echo "1..$(wc -l <"$work/results")"

! grep -q '^not ok' "$work/results" || exit 1
grep -q '^ok' "$work/results" || exit 4

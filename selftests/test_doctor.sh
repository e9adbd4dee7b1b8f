#!/bin/sh
# SPDX-License-Identifier: MIT
#
# mkinspect doctor and the full screen of mkinspect stats watch, on contexts that mkrun
# keeps.  What doctor finds is test_doctor.c's matter; here are its words, its JSON, and its
# exit status.
#
#   test_doctor.sh BUILD_DIR cpu|vulkan
set -u

here=$(cd "$(dirname "$0")" && pwd)
build=$1
engine=$2
mkinspect=$build/tools/mkinspect
client=$build/selftests/mkrun_client

# shellcheck source=selftests/tap.sh
. "$here/tap.sh"
# shellcheck source=selftests/schema.sh
. "$here/schema.sh"

work=$(mktemp -d)
socket=$work/socket
pid=
busy=
trap 'exec 4>&- 8>&-; kill -KILL $pid $busy 2>/dev/null; rm -rf "$work" "$tap_output"' EXIT

# mkrun in the background; it is there when this returns.
start() {
	# One that a test which failed has left.
	[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null
	rm -f "$work/out"
	mkfifo "$work/out"
	"$build/tools/mkrun" --engine="$engine" --workgroups=1 --name="$socket" \
		--observables=8 --snapshots="$work" -j --interval=3600 \
		>"$work/out" 2>"$work/err" &
	pid=$!
	exec 3<"$work/out"
	read -r line <&3 && echo "$line"
}

schema_begin "$here/../tools/mkinspect/report.schema.json" "$work"

# doctor STATUS OPTION...: what it says is in the file text, without a context named.
doctor() {
	wanted=$1
	shift
	timeout 60 "$mkinspect" doctor --interval=0.5 "$@" \
		>"$work/text" 2>"$work/complaints"
	got=$?
	cat "$work/text" "$work/complaints"
	echo "status $got, expected $wanted"
	[ "$got" -eq "$wanted" ]
}

is() {
	head -n 1 "$work/text" >"$work/json"
	jq -e "$1" "$work/json" && valid "$work/json"
}

healthy() {
	start || return 1
	"$client" "$socket" add 0 1000000000 2>/dev/null &
	busy=$!
	until [ "$("$client" "$socket" observe)" -gt 0 ]; do
		kill -0 "$busy" || return 1
	done
	doctor 0 --socket="$socket" && grep 'two looks, .* apart: nothing found' "$work/text" &&
		doctor 0 --socket="$socket" -j && is '.schema == 1 and .object == "doctor" and
			.interval_ns >= 500000000 and .checks > 10 and .findings_total == 0 and
			.findings == []'
}

names_causes() {
	"$client" "$socket" stay 4 && ! "$client" "$socket" run 0x105 2>/dev/null || return 1
	doctor 1 --socket="$socket" && grep '^error: masked' "$work/text" &&
		grep '^    Tenant 4 is not authorised' "$work/text" &&
		grep '^warning: faults' "$work/text" && grep '^    To do: ' "$work/text" &&
		! grep '.\{82\}' "$work/text" && doctor 1 --socket="$socket" -j && is \
		'.findings_total == (.findings | length) and
		([.findings[] | select(.check == "masked")] | length == 1 and
			(.[0] | .severity == "error" and .tenant == 4 and .window == null and
				(.slot | type) == "number")) and
		(.findings | all((.text | length) > 0 and (.advice | length) > 0 and
			(.severity == "error" or .severity == "warning")))'
}

looks_at_snapshots() {
	kill -QUIT "$pid"
	until file=$(sed -n 's/^mkrun: a snapshot is in //p' "$work/err") && [ -n "$file" ]; do
		kill -0 "$pid" || return 1
	done
	doctor 1 --file="$file" && grep '^warning: faults' "$work/text" &&
		grep 'those that compare two looks are left out' "$work/text"
}

# A producer still has the context, one that does not leave because its owner has.
engine_is_killed() {
	kill -KILL "$busy" || return 1
	wait "$busy" 2>/dev/null
	busy=
	mkfifo "$work/hold" "$work/held"
	"$client" "$socket" hold <"$work/hold" >"$work/held" &
	holder=$!
	exec 4>"$work/hold"
	read -r line <"$work/held" || return 1
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	exec 3<&-
	doctor 1 --pid="$holder" -j &&
		is "[.findings[] | select(.check == \"engine-process\")] |
			length == 1 and .[0].pid == $pid"
	result=$?
	exec 4>&-
	wait "$holder"
	pid=
	return "$result"
}

could_not_look() {
	doctor 2 --socket="$work/none" && grep 'no server is at' "$work/complaints" &&
		grep 'no context was looked at: nothing found' "$work/text"
}

without_vulkan() (
	export VK_DRIVER_FILES=/dev/null VK_ICD_FILENAMES=/dev/null
	doctor 1 --socket="$work/none" && grep '^warning: vulkan' "$work/text"
)

refuses() {
	ends_with 64 "$mkinspect" "$@" 2>"$work/err"
	result=$?
	cat "$work/err"
	return "$result"
}

refuses_nonsense() {
	refuses doctor watch && refuses doctor 7 && refuses doctor --count 2 &&
		refuses doctor --status DONE && refuses doctor --interval 0
}

escape=$(printf '\033')

# on_terminal INPUT VARIABLES OPTION...: what is drawn is in the file screen
on_terminal() {
	input=$1
	variables=$2
	shift 2
	printf '%s' "$input" >"$work/input"
	# shellcheck disable=SC2086 # several variables
	env $variables script -qec "timeout --foreground 60 $mkinspect stats watch --socket=$socket \
		--interval=0.1 $*" /dev/null >"$work/screen" <"$work/input"
	result=$?
	cat -v "$work/screen"
	return "$result"
}

fills_a_terminal() {
	start || return 1
	on_terminal '' 'TERM=xterm NO_COLOR=' --count=3 &&
		grep -a "$escape\[?1049h" "$work/screen" && grep -a 'windows leased' "$work/screen" &&
		grep -a 'q quits' "$work/screen" && grep -a "$escape\[3[26]m" "$work/screen"
}

without_colors() {
	on_terminal '' 'TERM=xterm NO_COLOR=1' --count=2 &&
		grep -a 'windows leased' "$work/screen" && ! grep -a "$escape\[3[0-9]m" "$work/screen"
}

on_a_dumb_terminal() {
	on_terminal '' TERM=dumb --count=2 && ! grep -a "$escape" "$work/screen" &&
		[ "$(grep -a -c 'queue depth' "$work/screen")" -eq 2 ]
}

# Without a count it would not end.
quits() {
	on_terminal q TERM=xterm && kill -TERM "$pid" && wait "$pid"
}

try 'doctor finds nothing where all is well' healthy
try 'doctor names causes' names_causes
try 'doctor looks at a snapshot' looks_at_snapshots
try 'doctor misses an engine that was killed' engine_is_killed
try 'doctor says when it could not look' could_not_look
try 'doctor misses Vulkan' without_vulkan
try 'refuses nonsense' refuses_nonsense
if command -v script >/dev/null; then
	try 'watch fills a terminal' fills_a_terminal
	try 'watch without colours' without_colors
	try 'watch on a dumb terminal' on_a_dumb_terminal
	try 'q quits' quits
else
	skip 'watch fills a terminal' 'there is no script(1)'
fi
tap_end

#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs are recorded, run again on both engines, and exported:
#
#   test_replay.sh BUILD_DIRECTORY vulkan|cpu
#
# The engine is the one that is recorded.  Where there is no Vulkan device, a replay on
# one is skipped.
set -u
LC_ALL=C
export LC_ALL

build=$1
engine=$2
here=$(cd "$(dirname "$0")" && pwd)
mkinspect=$build/tools/mkinspect
mkscan=$build/examples/mkscan
handlers=$build/examples/mkscan_handlers.so
# shellcheck source=selftests/tap.sh
. "$here/tap.sh"

work=$(mktemp -d)
trap 'rm -rf "$work" "$tap_output"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work" || exit 1

"$here/../tools/mkcc" -o kernel.spv "$here/../examples/mkscan/scan_opcode.glsl" || exit 1
vulkan_is_missing() {
	printf 'a' >one
	! "$mkscan" --engine vulkan -e a one >out 2>errors &&
		grep -q 'without a Vulkan device' errors
}
if vulkan_is_missing; then
	no_vulkan='no Vulkan device can run the kernel'
fi

fails_with() {
	expected=$1
	text=$2
	shift 2
	"$@" >out 2>errors </dev/null
	status=$?
	cat out errors
	[ "$status" -eq "$expected" ] || { echo "status $status" && return 1; }
	grep -q -e "$text" out errors
}

# A number of a JSON object in the file "result" is as it should be.
result_has() {
	for wanted; do
		grep -q "\"${wanted}[,}]" result || { cat result && echo "no $wanted" && return 1; }
	done
}

# --- mkscan over a real file --------------------------------------------------

cp "$mkscan" text
size=$(wc -c <text)
block=4096
slots=$(((size + block - 1) / block))

record_scan() {
	io=$1
	"$mkinspect" record --replay -j -o "$io.trace" -- "$mkscan" --engine "$engine" \
		--io "$io" --block-bytes $block -e the -e main -e libc text >counts 2>result
	cat counts result
	"$mkscan" --engine cpu --block-bytes $block -e the -e main -e libc text >want
	cmp counts want && grep -q '^[1-9]' counts || return 1
	result_has 'processes":1' 'killed":0' 'dropped":0'
}

replay_scan() {
	io=$1
	on=$2
	file=$handlers
	requests=0
	[ "$on" = vulkan ] && file=kernel.spv
	[ "$io" = device ] && requests=$slots
	"$mkinspect" replay -j --engine "$on" --handlers "$file" "$io.trace" >result || {
		cat result && return 1
	}
	result_has 'equal":true' "published\":$slots" "completions_compared\":$slots" \
		"io_requests\":$requests" 'difference_count":0' 'has_end":true' &&
		grep -q '"arena_words_compared":[1-9]' result
}

for io in host device; do
	try "mkscan on $engine, io by the $io, is recorded" record_scan $io
	try 'it runs again on cpu and is equal' replay_scan $io cpu
	if [ "${no_vulkan-}" ]; then
		skip 'it runs again on vulkan and is equal' "$no_vulkan"
	else
		try 'it runs again on vulkan and is equal' replay_scan $io vulkan
	fi
done

a_trace_without_its_handlers() {
	fails_with 1 '0x100.*--handlers' "$mkinspect" replay host.trace &&
		fails_with 1 'no shared object' "$mkinspect" replay --handlers kernel.spv host.trace &&
		fails_with 1 'no SPIR-V' "$mkinspect" replay --engine vulkan \
			--handlers "$handlers" host.trace
}
try 'a trace whose handlers are missing' a_trace_without_its_handlers

# --- What differs is named ------------------------------------------------------

# One word of what was recorded is another one: replays then say what and where.
recorded() {
	"$build/selftests/replay_subject" --engine "$engine" "$1.trace"
}
try 'batches are recorded' recorded batches
epochs_agree() {
	"$mkinspect" replay -j --engine "$1" batches.trace >result || { cat result && return 1; }
	result_has 'equal":true' 'epochs_compared":20' 'epochs_unsettled":0' \
		'observables_compared":8' 'ingests":0'
}
try 'each epoch is compared, on cpu' epochs_agree cpu
if [ "${no_vulkan-}" ]; then
	skip 'each epoch is compared, on vulkan' "$no_vulkan"
else
	try 'each epoch is compared, on vulkan' epochs_agree vulkan
fi

wrong() {
	"$build/selftests/trace_edit" batches.trace wrong.trace "$@"
}
wrong_record_is_named() {
	# The addition of batch 12 is another one.
	wrong publish 36 77 && fails_with 2 'epoch 12: observable 3 is 0x' \
		"$mkinspect" replay wrong.trace && grep -q 'DIFFERENT from epoch 12 on' out ||
		return 1
	! grep -q 'epoch [1-9]:\|epoch 1[01]:' out
}
try 'a wrong record: the first epoch that differs, and the word' wrong_record_is_named
wrong_observable_is_named() {
	wrong epoch 7 4 1234 && fails_with 2 'epoch 7: observable 4 .*was 0x4d2 when' \
		"$mkinspect" replay wrong.trace && [ "$(grep -c 'observable.*when' out)" -eq 1 ]
}
try 'a wrong observable: its epoch and number' wrong_observable_is_named
wrong_end_is_named() {
	wrong memory 2 99 && fails_with 2 'at the end: observable 2 .*was 0x63 when' \
		"$mkinspect" replay wrong.trace && grep -q 'DIFFERENT at the end' out
}
try 'a wrong end' wrong_end_is_named
wrong_status_is_named() {
	wrong completion 3 1 && fails_with 2 'ended with fault 0, with 1 when' \
		"$mkinspect" replay wrong.trace
}
try 'a completion that ended otherwise' wrong_status_is_named

# --- Files that are no good -----------------------------------------------------

no_replay() {
	"$mkinspect" record -o plain.trace -- "$mkscan" --engine cpu -e the text >/dev/null &&
		fails_with 1 'not recorded for a replay' "$mkinspect" replay \
			--handlers "$handlers" plain.trace
}
try 'a trace that was not recorded for a replay' no_replay
bad_files() {
	: >empty
	echo 'this is no trace' >text.trace
	head -c 300 host.trace >short.trace
	fails_with 1 'no whole block' "$mkinspect" replay empty &&
		fails_with 1 'is no trace' "$mkinspect" replay text.trace &&
		fails_with 1 'cannot open' "$mkinspect" replay missing &&
		fails_with 1 'no memory to begin with' "$mkinspect" replay \
			--handlers "$handlers" short.trace
}
try 'files that are no traces' bad_files
cut_off_is_told() {
	head -c "$(($(wc -c <batches.trace) - 10))" batches.trace >cut.trace
	"$mkinspect" replay cut.trace >out && grep -q 'the recording ended early' out
}
try 'a trace whose end is missing' cut_off_is_told

# --- Recording --------------------------------------------------------------------

wrong_use() {
	fails_with 64 'no command' "$mkinspect" record -o x &&
		fails_with 64 'no file' "$mkinspect" record true &&
		fails_with 64 'expected an object' "$mkinspect" nothing &&
		fails_with 64 'no format' "$mkinspect" export x &&
		fails_with 64 'vulkan or cpu' "$mkinspect" replay --engine gpu x
}
try 'wrong usage' wrong_use
status_is_the_programs() {
	"$mkinspect" record -o x -- sh -c "'$mkscan' --engine cpu -e a text >/dev/null; exit 7"
	[ $? -eq 7 ] && fails_with 127 'cannot run' "$mkinspect" record -o x -- ./missing &&
		fails_with 125 'used no context' "$mkinspect" record -o x -- true
}
try 'the exit status is the program'\''s' status_is_the_programs
no_file_is_left() {
	[ -z "$(find . -name 'x.*' -o -name '*.trace.*')" ]
}
try 'no other file is left' no_file_is_left
several_processes() {
	"$mkinspect" record -j -o two.trace -- sh -c "'$mkscan' --engine cpu -e a text
		'$mkscan' --engine cpu -e b text" >/dev/null 2>result || return 1
	result_has 'processes":2' 'killed":0' || return 1
	fails_with 1 'of 2 contexts.*--context' "$mkinspect" export --perfetto two.trace || return 1
	"$mkinspect" export --perfetto --context 1 -o two.json two.trace &&
		python3 "$here/check_perfetto.py" two.json 'opcode 0x100=+'
}
try 'processes with contexts of their own' several_processes
processes_of_one_context() {
	"$mkinspect" record --replay -j -o several.trace -- "$build/selftests/replay_subject" \
		--engine cpu --processes 2>result || { cat result && return 1; }
	result_has 'processes":3' 'killed":0' 'dropped":0' || return 1
	"$mkinspect" replay -j several.trace >result || { cat result && return 1; }
	result_has 'equal":true' 'published":400' 'completions_compared":400' &&
		"$mkinspect" export --perfetto -o several.json several.trace &&
		python3 "$here/check_perfetto.py" several.json ATOMIC_ADD=400 dispatch=+
}
try 'producers in other processes than the engine' processes_of_one_context
killed_process() {
	# What it had done so far is there; its parent tells what became of it.
	"$mkinspect" record -j -o killed.trace -- "$build/selftests/replay_subject" \
		--engine cpu --die >out 2>result
	[ $? -eq 137 ] || { cat out result && return 1; }
	result_has 'processes":1' 'killed":1' &&
		"$mkinspect" export --perfetto -o killed.json killed.trace &&
		python3 "$here/check_perfetto.py" killed.json 'ATOMIC_ADD=+'
}
try 'a process that is killed' killed_process

# --- Export -----------------------------------------------------------------------

exported() {
	"$mkinspect" export --perfetto -o scan.json device.trace &&
		python3 "$here/check_perfetto.py" scan.json "opcode 0x100=$slots" \
			"READ=$slots" 'dispatch=+' &&
		"$mkinspect" export --perfetto batches.trace >batches.json &&
		python3 "$here/check_perfetto.py" batches.json BATCH_FENCE=20 ATOMIC_ADD=60 \
			parked=+
}
try 'what is exported is what was recorded' exported
drops_are_exported() {
	"$mkinspect" record --ring-bytes 4096 -o drops.trace -- \
		"$build/selftests/replay_subject" --engine cpu --flood >out 2>&1 || return 1
	"$mkinspect" export --perfetto -o drops.json drops.trace &&
		python3 "$here/check_perfetto.py" drops.json dropped=+ &&
		fails_with 1 'not recorded for a replay' "$mkinspect" replay drops.trace
}
try 'drops are exported' drops_are_exported

tap_end

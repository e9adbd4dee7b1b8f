#!/bin/sh
# SPDX-License-Identifier: MIT
#
# For the first person with a card: tries all of mk on this machine's GPU, and writes a
# report, as text for people and as JSON, to be sent to those who make mk.
#
#   tools/amd-first-run.sh [OPTION]...
#
#   -o, --output FOLDER   where the two files go (default: the current folder)
#   -q, --quick           fewer vectors and samples, no lost devices: two minutes, not fifteen
#   -d, --device NAME     part of the Vulkan device's name (default: the one that mk chooses)
#       --only STEP,...   only these steps, and the probe; a report lists the steps' names
#       --timeout S       no step takes longer than S seconds
#       --vectors FILE    execution vectors (default: those that the build knows, if any)
#       --build FOLDER    a build of mk (default: build; made when it is not there)
#   -h, --help            this text
#
# What is collected: versions of kernel, Mesa, libdrm and firmware; for each GPU its name,
# PCI address and id, BARs, amount of memory, link and IOMMU group; amdgpu's and mk.ko's
# parameters; whether /dev/dri and /dev/mk may be opened; processor and amount of memory;
# variables of the environment that drivers and mk heed; what the steps print; and the
# kernel log's lines about GPUs from the time of the run, where it may be read.  Names of
# the machine and of the user, and the home folder's path, are taken out; no serial numbers
# are read.  Nothing is sent anywhere: look at the two files, then send them.
#
# It works on any GPU and without one, on the CPU (lavapipe).  A step that fails, hangs or
# crashes is reported and the next one goes on.  Ctrl-C ends it; what was found until then
# is in the report.  The exit status is 0 when no step failed, 1 when one did, 2 for wrong
# usage, 130 after Ctrl-C.
#
#   tools/amd-first-run.sh --quick --output /tmp
#   tools/amd-first-run.sh --device=NAVI31 --only=latency,throughput
#
# shellcheck disable=SC2016 # variables of jq's
set -u
export LC_ALL=C

start_folder=$PWD
cd "$(dirname "$0")/.." || exit 1
top=$PWD

usage() {
	sed -n '4,32s/^# \{0,1\}//p' "$top/tools/amd-first-run.sh"
}

say() {
	printf 'amd-first-run: %s\n' "$*" >&2
}

die() {
	say "$*"
	exit 1
}

bad_usage() {
	say "$*"
	usage >&2
	exit 2
}

# Options -----------------------------------------------------------------------------

folder=$start_folder
build=$top/build
quick=false
device=
only=
most=
vectors=
while [ $# -gt 0 ]; do
	option=$1
	shift
	# What takes a value has it behind '=' or as the next word.
	case $option in
	--*=*)
		value=${option#*=}
		option=${option%%=*}
		;;
	-o | --output | -d | --device | --only | --timeout | --vectors | --build)
		[ $# -gt 0 ] || bad_usage "$option: expected a value behind it"
		value=$1
		shift
		;;
	*) value= ;;
	esac
	case $option in
	-o | --output) folder=$value ;;
	-d | --device) device=$value ;;
	--only) only=$value ;;
	--timeout) most=$value ;;
	--vectors) vectors=$value ;;
	--build) build=$value ;;
	-q | --quick) quick=true ;;
	-h | --help)
		usage
		exit 0
		;;
	*) bad_usage "had \"$option\", which is no option" ;;
	esac
done
case $most in
*[!0-9]* | 0*) bad_usage "--timeout: had \"$most\", expected seconds, from 1" ;;
esac

# Paths were given in the folder that the user was in.
absolute() {
	case $1 in
	/*) printf '%s\n' "$1" ;;
	*) printf '%s/%s\n' "$start_folder" "$1" ;;
	esac
}
folder=$(absolute "$folder")
build=$(absolute "$build")
[ -z "$vectors" ] || vectors=$(absolute "$vectors")
if [ ! -d "$folder" ] || [ ! -w "$folder" ]; then
	die "--output: cannot write into $folder; expected a folder that is there"
fi
[ -z "$vectors" ] || [ -r "$vectors" ] || die "--vectors: cannot read $vectors"

# What it takes -----------------------------------------------------------------------

programs='tools/mkbench tools/mkrun tools/mkinspect selftests/exec_vectors
	selftests/test_producer selftests/test_litmus selftests/test_engine
	selftests/test_kill selftests/test_io_device'

missing_programs() {
	for program in $programs; do
		[ -x "$build/$program" ] || printf '%s ' "$program"
	done
}

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

quietly() {
	"$@" >"$work/log" 2>&1 </dev/null || {
		tail -n 40 "$work/log" >&2
		die "'$*' failed; its last lines are above"
	}
}

if [ -n "$(missing_programs)" ]; then
	[ "$build" = "$top/build" ] || die "$build lacks $(missing_programs)"
	printf 'Building mk into build/ first; that takes a minute or two.\n'
	# Where there is no apt, what building needs was installed by hand, or cmake says what lacks.
	! command -v apt-get >/dev/null || tools/setup.sh ||
		say "going on with what is installed"
	quietly cmake --preset release
	quietly cmake --build --preset release
fi
command -v jq >/dev/null ||
	die "jq is missing, which writes the report; install the package jq"
timeout --version >/dev/null 2>&1 ||
	die "timeout is missing; it is one of the GNU coreutils"

# Steps -------------------------------------------------------------------------------

mkdir "$work/steps" || exit 1
count=0
failures=0
interrupted= # the step that Ctrl-C ended

if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then
	good=$(printf '\033[32m') bad=$(printf '\033[31m') dim=$(printf '\033[33m') plain=$(printf '\033[0m')
else
	good='' bad='' dim='' plain=''
fi

now() {
	date +%s
}

is_wanted() {
	case ,$only, in
	,, | *,"$1",* | *,"${1%%-[0-9k]*}",*) return 0 ;;
	*) return 1 ;;
	esac
}

# record RESULT REASON: the step's outcome, for the report and for who looks on.  The
# variables of the step are those that step() has set.
record() {
	case $1 in
	passed) color=$good ;;
	skipped) color=$dim ;;
	*)
		color=$bad
		failures=$((failures + 1))
		;;
	esac
	seconds=$(($(now) - step_began))
	printf '%s%s%s, %s s\n' "$color" "$1" "$plain" "$seconds"
	[ "$1" = passed ] || printf '      %s\n' "$2"
	count=$((count + 1))
	# Ctrl-C goes to all that run here.
	(
		trap '' HUP INT TERM
		jq -n --arg name "$step_name" --arg title "$step_title" --arg result "$1" \
			--arg reason "$2" --arg command "$step_command" --argjson seconds "$seconds" \
			--argjson limit "$step_limit" --argjson status "$step_status" \
			--rawfile output "$work/output" --slurpfile data "$work/data" '{
				$name, $title, $result,
				reason: (if $reason == "" then null else $reason end),
				command: (if $command == "" then null else $command end),
				$seconds, limit_seconds: $limit, exit_status: $status,
				output: ($output | rtrimstr("\n") | split("\n")),
				data: $data[0]
			}' >"$work/steps/$(printf %03d "$count").json"
	)
}

# begin NAME TITLE LIMIT: fails when the step is not to be.
begin() {
	[ -z "$interrupted" ] && is_wanted "$1" || return 1
	step_name=$1
	step_title=$2
	step_limit=$3
	[ -z "$most" ] || [ "$most" -gt "$step_limit" ] || step_limit=$most
	step_command=
	step_status=null
	step_began=$(now)
	: >"$work/output"
	echo null >"$work/data"
	printf '%-20s %-52s ' "$1" "$2"
}

skip() {
	begin "$1" "$2" 0 || return 0
	record skipped "$3"
}

# A process that hangs in a driver outlives SIGKILL, so nothing waits for it for ever: it
# is looked whether the file is there in which the step's end is written.
await() {
	deadline=$(($(now) + step_limit + 10))
	until [ -s "$work/status" ]; do
		[ "$(now)" -lt "$deadline" ] || return 1
		sleep 0.1
	done
}

# Runs a command within the step's limit; leaves its output in $work/out and $work/err.
run() {
	step_command=$(printf '%s ' "$@" | sed "s|$top/||g; s| \$||")
	rm -f "$work/status"
	: >"$work/out"
	: >"$work/err"
	{
		timeout -k 5 "$step_limit" "$@" >"$work/out" 2>"$work/err" </dev/null &
		echo $! >"$work/pid"
		wait $!
		echo $? >"$work/status"
	} 2>/dev/null &
	if await; then
		read -r step_status <"$work/status"
	else
		step_status=null
	fi
	rm -f "$work/pid"
}

# The step's outcome, where the command's exit status decides.
conclude() {
	if [ -n "$interrupted" ]; then
		record interrupted 'stopped by Ctrl-C'
		return
	fi
	case $step_status in
	0) record passed '' ;;
	null) record stuck "it did not even end when killed, so it hangs in the kernel, most likely in the GPU's driver" ;;
	124 | 137) record 'timed out' "it did not end within $step_limit s" ;;
	13[0-9] | 14[0-9] | 15[0-9]) record crashed "ended by signal $((step_status - 128))" ;;
	*) record failed "$(last_words)" ;;
	esac
}

last_words() {
	words=$(grep -v '^$' "$work/err" | tail -n 1)
	[ -n "$words" ] || words=$(grep -v '^$' "$work/out" | tail -n 1)
	printf '%s\n' "${words:-ended with status $step_status, and said nothing}"
}

# step NAME TITLE LIMIT COMMAND...: for people to read.
step() {
	begin "$1" "$2" "$3" || return 0
	shift 3
	run "$@"
	cat "$work/out" "$work/err" | tail -n 400 >"$work/output"
	conclude
}

# The same, where standard output is JSON.
step_json() {
	begin "$1" "$2" "$3" || return 0
	shift 3
	run "$@"
	tail -n 400 "$work/err" >"$work/output"
	if jq -s '.[0]' "$work/out" >"$work/data.new" 2>/dev/null; then
		mv "$work/data.new" "$work/data"
	elif [ "$step_status" = 0 ] && [ -z "$interrupted" ]; then
		record failed 'what it printed is no JSON'
		return
	fi
	conclude
}

# The first test that failed, with what it said next; of a runner that names no tests, the
# first line.
first_failure() {
	awk '
		/^not ok/ { sub(/^not ok [0-9]* *-* */, ""); name = $0; next }
		name != "" { said = /^# / ? " (" substr($0, 3) ")" : ""; exit }
		NR == 1 { first = $0 }
		END { print name == "" ? first : name said }' "$work/output"
}

# The same for tests: their number is the data.
step_tests() {
	begin "$1" "$2" "$3" || return 0
	shift 3
	run env CMOCKA_MESSAGE_OUTPUT=TAP "$@"
	step_command=${step_command#env CMOCKA_MESSAGE_OUTPUT=TAP }
	cat "$work/out" "$work/err" | tail -n 400 >"$work/output"
	cat "$work/out" "$work/err" | awk -v counts="$work/counts" -f selftests/tap-summary.awk >"$work/summary"
	read -r passed failed skipped <"$work/counts" || passed=0 failed=0 skipped=0
	jq -n "{ tests_passed: $passed, tests_failed: $failed, tests_skipped: $skipped }" >"$work/data"
	# By 4 a test says that it was skipped.
	if [ "$step_status" = 4 ] && [ "$failed" -eq 0 ]; then
		record skipped "$(sed -n 's/^1\.\.0 *# SKIP *//p' "$work/output" | head -n 1)"
	elif [ "$failed" -gt 0 ] && [ "$step_status" != null ] && [ "$step_status" -lt 124 ] &&
		[ -z "$interrupted" ]; then
		record failed "$failed of $((passed + failed)) tests failed, the first: $(first_failure)"
	else
		conclude
	fi
}

# Reports -----------------------------------------------------------------------------

# Lines of the kernel log about GPUs; fails where it may not be read.
kernel_log() {
	dmesg >"$work/dmesg" 2>/dev/null || return 1
	grep -E 'amdgpu|radeon|\[drm|i915|xe 0|nouveau|NVRM|AMD-Vi|DMAR|iommu|(^|\] )mk[: ]' "$work/dmesg" >"$work/lines" || :
}

# Those that came since before.
log_news() {
	if kernel_log && [ -e "$work/log.before" ]; then
		awk 'NR == FNR { known[$0]; next } !($0 in known)' "$work/log.before" "$work/lines" |
			tail -n 200 | jq -Rn '[inputs]'
	else
		echo null
	fi
}

assemble() {
	jq -n --slurpfile machine "$work/machine.json" --argjson kernel_log "$(log_news)" \
		--arg began "$began_text" --argjson seconds $(($(now) - began)) \
		--argjson quick "$quick" --arg interrupted "$interrupted" --arg only "$only" \
		--arg wanted "$device" --arg version "$version" --arg commit "$commit" \
		--arg top "$top" --arg work "$work" --arg home "${HOME-}" \
		--arg host "$(uname -n)" --arg user "$(id -un)" --slurpfile steps "$work/all-steps" \
		-f tools/first-run/assemble.jq >"$work/report.json" &&
		jq -r -f tools/first-run/report.jq "$work/report.json" >"$work/report.txt"
}

write_report() {
	if ! assemble; then
		trap - EXIT
		die "the report could not be made; what there is of it lies in $work"
	fi
	if ! cp "$work/report.json" "$report.json" || ! cp "$work/report.txt" "$report.txt"; then
		die "cannot write $report.json"
	fi
}

finish() {
	trap '' HUP INT TERM
	cat "$work"/steps/*.json >"$work/all-steps" 2>/dev/null
	write_report
	printf '\n'
	sed -n '/^Result$/,/ skipped\.$/p; /^Machine$/q; /^Headline numbers$/,$p' "$report.txt"
	printf 'Two files were written, and nothing was sent:\n    %s\n    %s\n' "$report.txt" "$report.json"
	printf 'Please look at the first, and send us both: attach them to an issue.\n'
}

# The step under way is ended, by way of timeout, and no other one begins.
on_signal() {
	interrupted=$step_name
	[ ! -s "$work/pid" ] || kill "$(cat "$work/pid")" 2>/dev/null
}

# What is tried -----------------------------------------------------------------------

version=$(sed -n 's/^project(mk VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
commit=$(git describe --always --dirty 2>/dev/null)
began=$(now)
[ -z "$device" ] || export MK_DEVICE="$device"
began_text=$(date -u +%Y-%m-%dT%H:%M:%SZ)
report=$folder/mk-first-run-$(date -u +%Y%m%d-%H%M%S)

if [ -z "$vectors" ]; then
	vectors=$(sed -n 's/^MK_VECTORS_DIR:PATH=//p' "$build/CMakeCache.txt" 2>/dev/null)/exec.jsonl
fi
if $quick; then
	every=10 samples=2000 io_samples=200 for_seconds=0.3 rounds=1
else
	every=1 samples=100000 io_samples=2000 for_seconds=2 rounds=5
fi

printf 'mk on this machine, a line for each step.  Ctrl-C ends it with a partial report.\n\n'
step_name=machine
trap on_signal HUP INT TERM
echo '{}' >"$work/machine.json"
tools/first-run/machine.sh >"$work/machine.new" && mv "$work/machine.new" "$work/machine.json"
! kernel_log || mv "$work/lines" "$work/log.before"

bench() {
	verb=$1
	title=$2
	shift 2
	step_json "$verb" "$title" 300 "$build/tools/mkbench" "$verb" -j \
		"$@"
}

tests() {
	name=$1
	title=$2
	limit=$3
	shift 3
	step_tests "$name" "$title" "$limit" env MK_TEST_ENGINE=vulkan "$@"
}

# Its answer is needed for what comes, whether asked for or not.
probe() {
	asked=$only
	only=
	step_json probe 'which memory the GPU and the host can share' 120 \
		"$build/tools/mkbench" probe -j ${device:+"--device=$device"}
	only=$asked
	cp "$work/data" "$work/probe"
	# Whatever comes now runs on the same device.
	[ -n "${MK_DEVICE-}" ] ||
		MK_DEVICE=$(jq -r '[.devices? // [] | .[] | select(.is_chosen) | .uuid][0] // empty' "$work/probe")
	[ -z "$MK_DEVICE" ] || export MK_DEVICE
}

# Of the first device, which is the one that mk takes, a line for each placement that
# works: its number, whether it is chosen, whether it is the host's memory or the
# device's, and the import.  A CPU's trial may fail for want of a processor; libmk takes
# the host's memory there without one.
placements() {
	jq -r '(.placements? // []) | . as $all |
		([range(1; length) | select($all[.].number == 1)][0] // length) as $stop |
		.[:$stop][] | select(.is_coherent or
			((.is_in_device | not) and (.driver | test("llvmpipe")))) |
		"\(.number) \(.is_chosen) \(if .is_in_device then "device" else "host" end) " +
		(if .placement | endswith("host pointer") then "host-pointer" else "dma-buf" end)' \
		"$work/probe"
}

# run_vectors NAME TITLE IMPORT VARIABLE=VALUE...
run_vectors() {
	name=$1
	title=$2
	import=$3
	shift 3
	if [ ! -r "$vectors" ]; then
		skip "$name" "$title" 'there is no file of vectors; see --vectors'
		return
	fi
	step_tests "$name" "$title" 600 env "$@" "$build/selftests/exec_vectors" --import="$import" \
		--every="$every" "$vectors"
}

# on_memory NAME TITLE IS_CHOSEN IMPORT VARIABLE=VALUE...: tests on one kind of memory, the
# longer ones where it is what a context is given, or nothing shorter is there.
on_memory() {
	memory=$1
	where=$2
	is_chosen=$3
	way=$4
	shift 4
	run_vectors "vectors-$memory" "operations give the right results, $where" "$way" "$@"
	if [ "$is_chosen" = true ] || ! $quick || [ ! -r "$vectors" ]; then
		tests "producer-$memory" "publishing and completing, $where" 300 "$@" \
			MK_TEST_IMPORT="$way" "$build/selftests/test_producer"
		tests "ordering-$memory" "nobody sees stale data, $where" 300 "$@" \
			MK_TEST_IMPORT="$way" "$build/selftests/test_litmus"
	fi
}

on_each_placement() {
	placements >"$work/placements"
	if [ ! -s "$work/placements" ]; then
		skip vectors 'operations give the right results' 'the probe found no memory that both sides see'
		return
	fi
	while read -r number chosen where import <&3; do
		case $where in
		device) on_memory "$number" "placement $number" "$chosen" auto \
			MK_BACKING=device MK_PLACEMENT="$number" ;;
		*) on_memory "$number" "placement $number" "$chosen" "$import" MK_BACKING=memfd ;;
		esac
	done 3<"$work/placements"
}

module() {
	if [ -r /dev/mk ] && [ -w /dev/mk ]; then
		on_memory kmod 'memory of mk.ko' 1 auto MK_BACKING=kmod
		tests module 'the kernel module' 300 MK_BACKING=kmod "$build/selftests/test_kmod"
	else
		skip module 'the kernel module' 'mk.ko is not loaded, or /dev/mk may not be opened; it is not needed'
	fi
}

resets() {
	if $quick && [ -z "$only" ]; then
		skip resets 'the engine comes back after a lost device' 'it takes minutes: left out of --quick; --only=resets runs it'
	elif [ -x "$build/selftests/test_reset" ]; then
		tests resets 'the engine comes back after a lost device' 900 \
			MK_RESET_LAYER_DIR="$build/selftests/reset_layer" MK_RESET_ROUNDS="$rounds" \
			"$build/selftests/test_reset"
	else
		skip resets 'the engine comes back after a lost device' 'this build has no test_reset'
	fi
}

vulkan() {
	if command -v vulkaninfo >/dev/null; then
		step vulkaninfo 'what Vulkan has here' 60 vulkaninfo --summary
	else
		skip vulkaninfo 'what Vulkan has here' 'vulkaninfo is not installed; it is not needed'
	fi
	# RADV then prints all that it knows of the GPU.
	if [ -d /sys/module/amdgpu ]; then
		step radv-info 'what RADV knows of the GPU' 60 env RADV_DEBUG=info \
			"$build/tools/mkbench" probe
	fi
}

# A GPU that was reset says so in the log, even where all the steps passed.
judge_log() {
	begin kernel-log 'the kernel log of this time' 0 || return 0
	if ! kernel_log || [ ! -e "$work/log.before" ]; then
		record skipped 'it may not be read; as root, or with kernel.dmesg_restrict=0, it is in the report'
		return
	fi
	log_news >"$work/data"
	jq -r '.[]' "$work/data" >"$work/output"
	complaint=$(grep -Ei 'reset|timeout|timed out|hang|fault|\*ERROR\*|Xid' "$work/output" | head -n 1)
	if [ -n "$complaint" ]; then
		record failed "$complaint"
	else
		record passed ''
	fi
}

vulkan
probe
on_each_placement
module
tests engine 'an engine starts, parks, wakes and stops' 300 "$build/selftests/test_engine"
bench latency 'how soon an operation is done' --samples="$samples" --seconds="$for_seconds"
bench throughput 'how many operations a second' --seconds="$for_seconds" --samples=500 \
	--slots=1024 --producers=2
bench io 'files that the kernel reads' --samples="$io_samples" --seconds="$for_seconds"
tests io-device 'the io path, request by request' 300 "$build/selftests/test_io_device"
if ! $quick; then
	bench handover 'from one dispatch to the next' --samples=50000
	bench park 'sleeping, and the first operation after it'
fi
tests kill 'processes that are killed harm nobody' 600 "$build/selftests/test_kill"
resets
step_json doctor 'mkinspect doctor, on an engine that idles' 60 \
	tools/first-run/doctor.sh "$build"
step_json afterwards 'after all that, an operation is still done' 120 "$build/tools/mkbench" \
	latency -j --samples=500 --seconds=0.1
judge_log
finish
[ -z "$interrupted" ] || exit 130
[ "$failures" -eq 0 ]

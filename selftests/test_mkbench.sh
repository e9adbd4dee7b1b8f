#!/bin/sh
# SPDX-License-Identifier: MIT
#
# mkbench: its options, its output, its exit status.  What it measures is for people to
# look at: machines are noisy.
#
#   test_mkbench.sh PROGRAM kmod|vulkan
#   test_mkbench.sh PROGRAM cpu WRONG_SUM
#
# WRONG_SUM is the library of mkbench_wrong_sum.c.
set -u

here=$(cd "$(dirname "$0")" && pwd)
program=$1
engine=$2
wrong_sum=${3-}

# shellcheck source=selftests/tap.sh
. "$here/tap.sh"

work=$(mktemp -d)
trap 'rm -rf "$work" "$tap_output"' EXIT

# The module's memory ------------------------------------------------------------

refuses_engine_options() {
	for option in --engine=cpu --slots=8 --seconds=1 --workgroups=1 --device=x \
		--import=auto --producers=1 --operation=nop; do
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

compares() {
	times=$(value times_udmabuf)
	echo "$times times what memfd + udmabuf costs"
	[ -n "$times" ] && awk -v times="$times" 'BEGIN { exit !(times > 0) }'
}

test_kmod() {
	try 'kmod refuses what is about engines' refuses_engine_options
	if [ ! -c /dev/mk ]; then
		try 'without the module it says so' says_what_is_missing
		skip 'kmod measures' 'there is no /dev/mk'
		return
	fi
	try 'kmod measures, and prints JSON' measures
	try 'kmod prints a table' prints_a_table
	if [ -c /dev/udmabuf ]; then
		try 'kmod compares with memfd + udmabuf' compares
	else
		skip 'kmod compares with memfd + udmabuf' 'there is no /dev/udmabuf'
	fi
}

# Engines ------------------------------------------------------------------------

# What every test of a verb says beside the verb.
hwmon=/sys/class/hwmon
bench() {
	MKBENCH_HWMON=$hwmon "$program" --engine="$engine" --workgroups=1 "$@"
}

# What jq is to look for: distributions and their quantiles, baselines, the head.
# shellcheck disable=SC2016 # variables of jq's
functions='
def distribution($prefix):
	[.[$prefix + ("samples", "p50_ns", "p99_ns", "p999_ns")]] |
	.[0] > 0 and .[1] > 0 and .[1] <= .[2] and .[2] <= .[3];
def quantiles($prefix):
	.[$prefix + "quantiles_ns"] as $values |
	($values | length) == (.fractions | length) and ($values | sort) == $values and
	$values[.fractions | index(0.5)] == .[$prefix + "p50_ns"];
def compared($prefix):
	distribution("ping_pong_") and .[$prefix + "times_ping_pong"] > 0 and
	((has("submit_wait_p50_ns") | not) or
	(distribution("submit_wait_") and distribution("submit_poll_") and
	(.[$prefix + ("times_below_submit_wait", "times_below_submit_poll")] | type) ==
	"number"));
def headed($verb):
	.schema == 3 and .verb == $verb and .engine == $engine and .workgroups == 1 and
	([.device, .driver, .placement] | all(length > 0));
'

# json VERB FILTER OPTION...: the output is JSON, and the filter says true.
json() {
	verb=$1
	filter=$2
	shift 2
	bench "$verb" -j "$@" >"$work/json" || return 1
	cat "$work/json"
	cp "$work/json" "$work/$verb.json"
	jq -e --arg engine "$engine" --arg verb "$verb" \
		"$functions headed(\$verb) and ($filter)" "$work/json"
}

# table PATTERNS OPTION...: each line of the patterns matches one of the table.
table() {
	patterns=$1
	shift
	bench "$@" >"$work/table" || return 1
	cat "$work/table"
	printf '%s\n' "$patterns" >"$work/patterns"
	while read -r pattern; do
		grep -q -e "$pattern" "$work/table" || {
			echo "no line like '$pattern'"
			return 1
		}
	done <"$work/patterns"
}

latency_json() {
	json latency 'distribution("") and .samples == 500 and distribution("loaded_") and
		.load_slots >= 1024 and .load_slots_per_second > 0 and compared("") and
		compared("loaded_") and
		quantiles("") and quantiles("loaded_") and quantiles("ping_pong_")' \
		--samples 500 --seconds 0.1
}

latency_small_ring() {
	json latency 'distribution("") and ([keys[] | select(test("^load"))] == [])' \
		--samples 10 --slots 8
}

latency_table() {
	table 'publish -> completion  *[0-9]
		under load  *[0-9]
		polled fence
		ping-pong (limit)  *[0-9]
		above the ping-pong limit  *[0-9.]* times
		the load  *[0-9.]* million' latency --samples 500 --seconds 0.1
}

# Two sizes, of which the smaller has too few windows for three producers.
throughput_json() {
	json throughput '.operation == "add" and distribution("naive_") and
		.naive_slots_per_second > 0 and .naive_completed > 0 and .times_naive > 0 and
		(.rows | length) == 10 and (.rows | all(.completed > 0 and .ns > 0)) and
		([.rows[] | [.producers, .slots, .mode]] | unique | length) == 10 and
		([.rows[] | select(.slots == 64) | .producers] | max) == 2 and
		([.rows[] | select(.slots == 128) | .producers] | unique) == [1, 2, 3] and
		.slots_per_second == ([.rows[] |
			select(.producers == 1 and .mode == "stream") | .slots_per_second] | max)' \
		--seconds 0.05 --samples 100 --slots 64,128 --producers 3
}

throughput_nop() {
	json throughput '.operation == "nop" and (.rows | length) == 2 and
		(.rows | all(.completed > 0))' \
		--seconds 0.05 --samples 100 --slots 64 --producers 1 --operation nop
}

throughput_table() {
	table '^producers  *slots  mode  *Mslot/s  *times naive
		^  *1  *64  stream  *[0-9.]*  *[0-9.]*$
		^  *1  *64  wait  *[0-9.]*  *[0-9.]*$
		^  *1  *[0-9]*  naive  *[0-9.]*  *1.00$
		all sums of the additions are exact' \
		throughput --seconds 0.05 --samples 100 --slots 64 --producers 1
}

batch_json() {
	json batch 'compared("") and [.rows[].items] == [1, 2, 4, 8, 16, 31] and
		(.rows | all(distribution("") and .samples == 100 and .p50_ns_per_item > 0))' \
		--samples 100
}

# A window of 8 slots holds 7 operations and a fence.
batch_sizes() {
	json batch '[.rows[].items] == [1, 2, 4, 7]' --samples 10 --slots 8 &&
		ends_with 1 "$program" batch --engine="$engine" --slots 1
}

batch_table() {
	table 'batch of 31, and a fence  *[0-9]
		each of 31  *[0-9]
		above the ping-pong limit' batch --samples 20
}

handover_json() {
	json handover 'distribution("") and distribution("frequent_") and
		.max_ns >= .p999_ns and .frequent_steps == 2048 and
		.frequent_handovers > 0 and distribution("frequent_handover_") and
		.frequent_handover_samples <= .frequent_handovers and
		.frequent_handover_max_ns <= .frequent_max_ns and compared("")' \
		--samples 5000
}

handover_table() {
	table 'dispatches as usual  *[0-9]
		short dispatches  *[0-9]
		of these at a handover
		handovers of short ones  *[0-9]* in [0-9]* round trips' handover --samples 5000
}

park_json() {
	json park 'distribution("wake_") and distribution("") and .wake_samples == 20 and
		.parks >= 20 and .parked_cpu_ns_per_second < 1000000000 and
		.streaming_slots_per_second > 0 and .streaming_producer_cpu_ns_per_second > 0 and
		has("power") and compared("wake_")' --samples 20 --seconds 0.2
}

# Sensors as the kernel shows them: one reads 12.5 watts, one cannot be read.
park_power() {
	mkdir -p "$work/hwmon/hwmon0" "$work/hwmon/hwmon1" || return 1
	echo board >"$work/hwmon/hwmon0/name"
	echo 12500000 >"$work/hwmon/hwmon0/power1_average"
	echo broken >"$work/hwmon/hwmon1/name"
	: >"$work/hwmon/hwmon1/power1_input"
	hwmon=$work/hwmon
	json park '.power == [{ sensor: "board power1_average",
		parked_watts: 12.5, streaming_watts: 12.5 }]' --samples 2 --seconds 0.05
}

park_table() {
	hwmon=$work/none
	table 'parked before  *[0-9]
		^parked  *[0-9]
		^streaming  *[0-9.]* besides the producer
		^watts  *not available here' park --samples 5 --seconds 0.05
}

# What a file system does without O_DIRECT is said, and leaves the other rows.
io_json() {
	json io '.chain_reads == 16 and (.fixed_buffers | type) == "number" and
		([.rows[] | select(.cache == "page") | [.bytes, .depth]] | sort) ==
			[[512, 1], [512, 64], [4096, 1], [4096, 64], [65536, 1], [65536, 64]] and
		([.rows[] | [.bytes, .depth, .cache]] | unique | length) == (.rows | length) and
		(.rows | all(
			distribution("chain_") and distribution("publish_") and
			distribution("waited_") and distribution("polled_") and
			([.[("chain_", "publish_", "waited_", "polled_") +
				"reads_per_second"]] | all(. > 0)) and
			.[.baseline + "_p50_ns"] ==
				([.waited_p50_ns, .polled_p50_ns] | min) and
			.chain_over_ns == .chain_p50_ns - .[.baseline + "_p50_ns"] and
			.publish_over_ns == .publish_p50_ns - .[.baseline + "_p50_ns"]))' \
		--samples 100 --seconds 0.05 --directory "$work" 2>"$work/err" || return 1
	direct=$(jq '[.rows[] | select(.cache == "direct")] | length' "$work/json")
	[ "$direct" -eq 6 ] || grep 'without O_DIRECT' "$work/err"
}

io_table() {
	table 'kernel, microseconds  *io_uring, microseconds
		^  *512  *1  page  *chain  *[0-9. ]*  [+-][0-9. ]*$
		^ *65536  *64  page  *publish  *[0-9. ]*  [+-][0-9. ]*$
		^chain: a slot makes 16 reads' io --samples 20 --seconds 0.05
}

io_file() {
	head -c 1100000 /dev/urandom >"$work/file" && head -c 5000 "$work/file" >"$work/small" &&
		json io '.rows | length >= 6' --samples 20 --seconds 0.05 --file "$work/file" &&
		ends_with 1 "$program" io --engine="$engine" --file "$work/small" 2>"$work/err" &&
		grep 'small: had 5000 bytes, expected at least' "$work/err" &&
		ends_with 1 "$program" io --engine="$engine" --file "$work/none" 2>"$work/err" &&
		grep 'none: No such file' "$work/err" &&
		ends_with 1 "$program" io --engine="$engine" --directory "$work/none" \
			2>"$work/err" && grep 'none: No such file' "$work/err"
}

io_tmpfs() {
	json io '[.rows[].cache] | unique == ["page"]' --samples 20 --seconds 0.05 \
		--directory /dev/shm 2>"$work/err" && grep 'without O_DIRECT.*tmpfs' "$work/err"
}

test_io_tmpfs() {
	if [ "$(stat -f -c %T /dev/shm)" = tmpfs ]; then
		try 'io: a file without O_DIRECT' io_tmpfs
	else
		skip 'io: a file without O_DIRECT' 'there is no tmpfs at /dev/shm'
	fi
}

# The pump reads something else than io_uring does.
io_notices_wrong_reads() {
	asan=${ASAN_OPTIONS-}:verify_asan_link_order=0
	ends_with 1 env LD_PRELOAD="$wrong_sum" ASAN_OPTIONS="$asan" "$program" \
		io --engine="$engine" --samples 20 --seconds 0.05 2>"$work/err" || return 1
	cat "$work/err"
	grep 'other bytes than the file has' "$work/err"
}

trace_json() {
	json trace '(.rows | length) == 10 and
		[.rows[].trace] == [range(5) | ("without", "with")] and
		(.rows | all(distribution("") and .slots_per_second > 0)) and
		([.rows[] | select(.trace == "without") | .records, .dropped] | all(. == 0)) and
		([.rows[] | select(.trace == "with") | .records] | all(. > 200)) and
		.times_round_trip > 0 and .times_rate > 0 and
		.with_p50_ns == ([.rows[] | select(.trace == "with") | .p50_ns] | sort | .[2])' \
		--samples 100 --seconds 0.05
}

trace_table() {
	table '^trace  *p50, us
		^without  *[0-9.]*  *[0-9.]*  *0  *0$
		^with  *[0-9.]*  *[0-9.]*  *[1-9]
		a round trip with a trace  *[0-9.]* times
		the rate with a trace  *[0-9.]* times' trace --samples 20 --seconds 0.05
}

refuses() {
	ends_with 64 "$program" "$@" 2>"$work/err" && cat "$work/err"
}

refuses_nonsense() {
	refuses && grep 'expected a verb' "$work/err" && refuses mercury &&
		refuses latency throughput && refuses latency --slots 1,2 &&
		refuses throughput --slots 1,,2 && refuses throughput --slots 0 &&
		refuses throughput --slots 1x && refuses throughput --producers 0 &&
		refuses throughput --operation multiply && refuses batch --seconds 1 &&
		refuses handover --producers 2 && refuses park --operation add &&
		refuses latency --samples 0 && refuses latency --seconds nan &&
		refuses latency --engine abacus &&
		refuses latency --file "$program" && refuses trace --producers 2 &&
		refuses io --file "$program" --directory "$work" &&
		refuses throughput --slots 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17
}

helps() {
	"$program" --help >"$work/help" || return 1
	for verb in latency throughput batch handover park io trace probe kmod; do
		grep "^  $verb  *the time\|^  $verb  *[a-z]" "$work/help" || return 1
	done
	grep '^  mkbench latency' "$work/help"
}

# An observable that is not what the additions make it.
notices_wrong_sums() {
	asan=${ASAN_OPTIONS-}:verify_asan_link_order=0
	for verb in throughput batch latency; do
		ends_with 1 env LD_PRELOAD="$wrong_sum" ASAN_OPTIONS="$asan" "$program" \
			"$verb" --engine="$engine" --samples 20 2>"$work/err" || return 1
		grep 'sum of the observables: had [0-9]*, expected [0-9]*' "$work/err" || return 1
	done
}

ends_by_signal() {
	ends_with 130 timeout --preserve-status -s INT 2 "$program" latency \
		--engine="$engine" --samples 100000000
}

no_such_device() {
	ends_with 1 "$program" latency --device 'no such device' >"$work/out" 2>&1 &&
		grep '"no such device" is none of' "$work/out" &&
		ends_with 1 env MK_DEVICE=ff:1f.7 "$program" latency >"$work/out" 2>&1 &&
		grep '"ff:1f.7" is none of' "$work/out"
}

# A device is what it is said to be, by its name and by its UUID.
probe_devices() {
	"$program" probe -j >"$work/probe.json" && cat "$work/probe.json" &&
		jq -e '.schema == 3 and ([.devices[] | select(.is_chosen)] | length) == 1 and
			([.devices[] | .type, .driver, .uuid] | all(length > 0)) and
			(.placements[0].device | length) > 0' "$work/probe.json" || return 1
	for key in device uuid; do
		value=$(jq -r ".devices[] | select(.is_chosen).$key" "$work/probe.json")
		"$program" probe -j --device "$value" >"$work/json" &&
			jq -e --arg name "$(jq -r .placements[0].device "$work/probe.json")" \
				'[.placements[].device] | unique == [$name]' "$work/json" ||
			return 1
	done
}

probe_table() {
	"$program" probe >"$work/table" && cat "$work/table" &&
		grep '^ \* .*[0-9a-f]\{8\}-[0-9a-f-]*$' "$work/table" &&
		ends_with 1 "$program" probe --device 'no such device'
}

without_vulkan() (
	export VK_DRIVER_FILES=/dev/null VK_ICD_FILENAMES=/dev/null
	json latency '(has("submit_wait_p50_ns") or has("submit_poll_p50_ns")) | not' \
		--samples 100 --seconds 0.05 2>"$work/err" &&
		grep 'without Vulkan' "$work/err" &&
		json throughput '([keys[] | select(test("naive"))] | length) == 0' \
			--seconds 0.05 --slots 64 --producers 1
)

plot="$here/../tools/plot"

begins_with() {
	[ "$(head -c "$2" "$1" | od -An -tx1 | tr -d ' \n')" = "$3" ]
}

# The files that the tests before have left.
plots_files() {
	"$plot" -o "$work/all.png" "$work/latency.json" "$work/throughput.json" \
		"$work/batch.json" 2>"$work/err" &&
		[ ! -s "$work/err" ] && begins_with "$work/all.png" 4 89504e47 &&
		"$plot" -o "$work/one.svg" "$work/latency.json" &&
		grep '<svg' "$work/one.svg" &&
		grep 'two-thread ping-pong' "$work/one.svg"
}

# By a program that makes haste.
plots_what_it_measures() {
	cat >"$work/hasty" <<-END
		#!/bin/sh
		case \$1 in
		latency) set -- "\$@" --seconds 0.05 ;;
		throughput) set -- "\$@" --seconds 0.05 --slots 64 --producers 1 ;;
		esac
		exec "$program" "\$@"
	END
	chmod +x "$work/hasty"
	MKBENCH=$work/hasty "$plot" -o "$work/own.svg" --engine="$engine" --samples=20 &&
		[ "$(grep -c 'host threads' "$work/own.svg")" -eq 3 ]
}

plot_refuses() {
	echo '{ "schema": 1, "verb": "latency" }' >"$work/old.json"
	ends_with 2 "$plot" -o "$work/bad.pdf" "$work/latency.json" &&
		ends_with 2 "$plot" "$work/latency.json" &&
		ends_with 2 "$plot" -o "$work/bad.png" --samples=1 "$work/latency.json" &&
		ends_with 1 "$plot" -o "$work/bad.png" "$work/park.json" &&
		ends_with 1 "$plot" -o "$work/bad.png" "$work/old.json" &&
		ends_with 1 "$plot" -o "$work/bad.png" "$work/none.json" &&
		ends_with 1 "$plot" -o "$work/no/bad.png" "$work/latency.json" &&
		ends_with 1 "$plot" -o "$work/bad.png" "$program" && [ ! -e "$work/bad.png" ]
}

test_plot() {
	if ! command -v gnuplot >/dev/null; then
		skip 'tools/plot' 'there is no gnuplot'
		return
	fi
	try 'plot: files as PNG and SVG' plots_files
	try 'plot: what it measures itself' plots_what_it_measures
	try 'plot: wrong usage and wrong files are refused' plot_refuses
}

# What every engine must give.
test_engine() {
	try 'latency: JSON' latency_json
	try 'throughput: JSON' throughput_json
	try 'throughput: NOPs' throughput_nop
	try 'throughput: table' throughput_table
	try 'batch: JSON' batch_json
	try 'handover: JSON' handover_json
	try 'park: JSON' park_json
	try 'io: JSON' io_json
	try 'trace: JSON' trace_json
	try 'a signal ends it' ends_by_signal
}

# What has nothing to do with the engine, where starting one takes no compiler.
test_program() {
	try 'latency: a ring without room for a load' latency_small_ring
	try 'latency: table' latency_table
	try 'batch: sizes that the window sets' batch_sizes
	try 'batch: table' batch_table
	try 'handover: table' handover_table
	try 'park: what sensors say' park_power
	try 'park: table' park_table
	try 'io: table' io_table
	try 'io: a file of the user' io_file
	try 'trace: table' trace_table
	test_io_tmpfs
	try 'io: a wrong read is a failure' io_notices_wrong_reads
	try 'a wrong sum is a failure' notices_wrong_sums
	try 'without Vulkan there is less to compare with' without_vulkan
	try 'wrong usage is refused' refuses_nonsense
	try '--help knows all verbs' helps
}

case $engine in
kmod) test_kmod ;;
cpu)
	test_engine
	test_plot
	test_program
	;;
*)
	test_engine
	try 'a device that is not there' no_such_device
	try 'probe: devices as JSON' probe_devices
	try 'probe: table' probe_table
	;;
esac
tap_end

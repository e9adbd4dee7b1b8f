#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tools/amd-first-run.sh: both reports, steps that fail, hang and crash, and Ctrl-C.
#
#   test_first_run.sh BUILD_DIR
#
# shellcheck disable=SC2016 # what is in single quotes is for jq and other shells
set -u

here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
first_run=$here/../tools/amd-first-run.sh

# shellcheck source=selftests/tap.sh
. "$here/tap.sh"
# shellcheck source=selftests/schema.sh
. "$here/schema.sh"

work=$(mktemp -d)
trap 'rm -rf "$work" "$tap_output"' EXIT

schema_begin "$here/../tools/first-run/report.schema.json" "$work"

# report STATUS OPTION...: a run, and its reports in the files json and text.
report() {
	wanted=$1
	shift
	rm -rf "$work/reports"
	mkdir "$work/reports" || return 1
	ends_with "$wanted" "$first_run" --output="$work/reports" "$@" || return 1
	[ "$(find "$work/reports" -type f | wc -l)" -eq 2 ] &&
		cp "$work"/reports/mk-first-run-*.json "$work/json" &&
		cp "$work"/reports/mk-first-run-*.txt "$work/text" && valid "$work/json"
}

is() {
	jq -e "$1" "$work/json" || {
		jq 'del(.machine, .steps[]?.data)' "$work/json"
		return 1
	}
}

has() {
	grep -e "$1" "$work/text" || {
		cat "$work/text"
		return 1
	}
}

# A build of which some programs are others.
fake=$work/build
fakes() {
	mkdir -p "$fake/tools" "$fake/selftests" &&
		ln -s "$build"/tools/mk* "$fake/tools" &&
		ln -s "$build"/selftests/test_* "$build"/selftests/exec_vectors "$fake/selftests" &&
		rm "$fake/tools/mkbench" "$fake"/selftests/test_[eik]*
}

# program NAME: what it does comes from standard input.
program() {
	{
		printf '#!/bin/sh\n'
		cat
	} >"$fake/$1" && chmod +x "$fake/$1"
}

# Runs --------------------------------------------------------------------------------

works() {
	report 0 --quick --build="$build" \
		--only=vectors,latency,throughput,doctor,afterwards
}

has_its_parts() {
	is '.complete and .quick and .device.name != null and .summary.failed == 0 and
		([.steps[].name] | . as $names | ["probe", "latency", "throughput", "doctor",
			"afterwards"] | all([.] | inside($names))) and
		([.steps[] | select(.name == "probe") | .data.placements[] |
			select(.is_coherent or (.is_in_device | not)) | "vectors-\(.number)"] | sort) ==
		([.steps[] | select(.name | startswith("vectors-")) | .name] | sort) and
		([.headlines[].name] == ["round_trip", "round_trip_limit", "throughput"]) and
		(.headlines | all(.value > 0 and .baseline_value > 0 and .times > 0)) and
		.machine.kernel.release != null and .machine.processor.cores > 0'
}

reads_well() {
	has '^mk first run: ' && has '^Headline numbers$' && has '^Machine$' &&
		has '^latency  .*passed' && has 'submit a dispatch and wait for it  *[0-9]'
}

# Nothing in either tells whose machine this was.
names_nobody() {
	! grep -Fw -e "$(uname -n)" -e "$HOME" -e "$work" "$work/json" "$work/text"
}

goes_on() {
	fakes || return 1
	program tools/mkbench <<-'END'
		case $1 in
		probe) echo '{ "placements": [] }' ;;
		latency) sleep 100 ;;
		throughput) echo 'no JSON' ;;
		io) echo 'mkbench: io: cannot wait for a dispatch: device lost (VkResult -4)' >&2 && exit 1 ;;
		esac
	END
	program selftests/test_engine <<-'END'
		kill -SEGV $$
	END
	program selftests/test_io_device <<-'END'
		printf 'ok 1 - test_good\nnot ok 2 - test_bad\n# 1 == 2\n# said more\n'
		exit 1
	END
	program selftests/test_kill <<-'END'
		trap '' TERM
		while :; do sleep 1; done
	END
	report 1 --quick --build="$fake" --timeout=2 \
		--only=engine,latency,throughput,io,io-device,kill
}

tells_what_failed() {
	is '[.steps[] | {(.name): .result}] | add == {
			probe: "passed", engine: "crashed", latency: "timed out", throughput: "failed",
			io: "failed", "io-device": "failed", kill: "timed out" }' &&
		is '.complete and .summary == { steps: 7, passed: 1, skipped: 0, failed: 6 }' &&
		is '[.steps[] | select(.name == "io-device")][0] | .reason ==
			"1 of 2 tests failed, the first: test_bad (1 == 2)" and .data.tests_passed == 1' &&
		is '[.steps[] | select(.name == "io")][0].cause | test("the GPU was reset")' &&
		has '^6 of 7 steps FAILED' && has 'Again: .*mkbench latency -j'
}

no_driver() (
	export VK_DRIVER_FILES=/dev/null VK_ICD_FILENAMES=/dev/null
	report 1 --quick --build="$build" --only=vectors,engine,latency &&
		is '.device == null and .complete and [.steps[].result] ==
			["failed", "skipped", "skipped", "failed"]' &&
		has 'Install Mesa.s' && has '^mk first run: no usable Vulkan device'
)

# The signal comes from within a step, so it comes at no other time.
interrupted() {
	program tools/mkbench <<-END
		[ "\$1" = latency ] || exec "$build/tools/mkbench" "\$@"
		echo \$\$ >"$work/sleeper"
		kill -INT "\$(cat "$work/pid")"
		exec sleep 100
	END
	rm -rf "$work/reports"
	mkdir "$work/reports"
	ends_with 130 sh -c 'echo $$ >"$1/pid"
		exec "$2" --quick --build="$3" --output="$1/reports" --timeout=30 --only=latency,afterwards' \
		sh "$work" "$first_run" "$fake" || return 1
	cp "$work"/reports/*.json "$work/json" && cp "$work"/reports/*.txt "$work/text" &&
		valid "$work/json" && is '(.complete | not) and .interrupted_in == "latency" and
			([.steps[] | [.name, .result, .exit_status]] ==
			[["probe", "passed", 0], ["latency", "interrupted", 143]])' &&
		has '^INCOMPLETE' && ! kill -0 "$(cat "$work/sleeper")"
}

# The machine ---------------------------------------------------------------------------

# A card as amdgpu shows it, with 16 GiB of which the host maps all, or a part.
card() {
	rm -rf "$work/root"
	pci=$work/root/sys/bus/pci/devices/0000:03:00.0
	module=$work/root/sys/module/amdgpu
	mkdir -p "$pci/fw_version" "$module/parameters" "$work/root/dev/dri" "$work/root/proc" \
		"$work/root/sys/class/drm/renderD128" || return 1
	echo 0x030000 >"$pci/class"
	echo 0x1002 >"$pci/vendor"
	echo 0x744c >"$pci/device"
	echo 0xc8 >"$pci/revision"
	echo 17163091968 >"$pci/mem_info_vram_total"
	echo "$1" >"$pci/mem_info_vis_vram_total"
	echo 0x0000000d >"$pci/fw_version/mec_fw_version"
	cat >"$pci/resource" <<-'END'
		0x0000007800000000 0x0000007bffffffff 0x000000000014220c
		0x0000000000000000 0x0000000000000000 0x0000000000000000
		0x0000007c00000000 0x0000007c001fffff 0x000000000014220c
		0x0000000000000000 0x0000000000000000 0x0000000000000000
		0x000000000000e000 0x000000000000e0ff 0x0000000000040101
		0x00000000fcc00000 0x00000000fccfffff 0x0000000000040200
		0x00000000fcd00000 0x00000000fcd1ffff 0x0000000000046200
	END
	echo 10000,60000,10000,10000 >"$module/parameters/lockup_timeout"
	echo 'ro amdgpu.gpu_recovery=1 hidden=secret iommu=pt' >"$work/root/proc/cmdline"
	echo 'MemTotal:       16000000 kB' >"$work/root/proc/meminfo"
	: >"$work/root/dev/dri/renderD128"
	ln -s ../../../bus/pci/devices/0000:03:00.0 "$work/root/sys/class/drm/renderD128/device"
	MK_FIRST_RUN_ROOT=$work/root "$here/../tools/first-run/machine.sh" >"$work/json"
}

sees_a_card() {
	card 17163091968 && is '
		.gpus[0] == {
			pci_address: "0000:03:00.0", vendor_id: "0x1002", device_id: "0x744c",
			revision: "0xc8", name: null, driver: null, iommu_group: null, iommu_type: null,
			link_speed: null, link_width: null, runtime_status: null, vbios_version: null,
			vram_bytes: 17163091968, visible_vram_bytes: 17163091968, gtt_bytes: null,
			all_vram_is_visible: true, firmware: { mec_fw_version: "0x0000000d" },
			bars: [{ number: 0, bytes: 17179869184, prefetchable: true },
				{ number: 2, bytes: 2097152, prefetchable: true },
				{ number: 5, bytes: 1048576, prefetchable: false }]
		} and .amdgpu.parameters.lockup_timeout == "10000,60000,10000,10000" and
		.kernel.command_line == "amdgpu.gpu_recovery=1 iommu=pt" and
		.memory_bytes == 16384000000 and .mk == null and
		(.nodes[0] | .path == "/dev/dri/renderD128" and .pci_address == "0000:03:00.0")' &&
		card 268435456 && is '.gpus[0].all_vram_is_visible == false'
}

# Options -------------------------------------------------------------------------------

refuses() {
	ends_with "$@" >"$work/out" 2>&1
}

refuses_nonsense() {
	refuses 2 "$first_run" --fast && refuses 2 "$first_run" --timeout=0 &&
		refuses 2 "$first_run" --timeout=x && refuses 2 "$first_run" --output &&
		refuses 1 "$first_run" --output="$work/none" && grep 'cannot write' "$work/out" &&
		refuses 1 "$first_run" --vectors="$work/none" && grep 'cannot read' "$work/out" &&
		refuses 1 "$first_run" --build="$work" && grep 'lacks tools/mkbench' "$work/out"
}

helps() {
	"$first_run" --help >"$work/out" && grep 'Nothing is sent' "$work/out" &&
		grep '^  tools/amd-first-run.sh --quick' "$work/out" &&
		! grep shellcheck "$work/out"
}

try 'a quick run of some steps works' works
try 'its report has its parts' has_its_parts
try 'a person can read it' reads_well
try 'it names neither the machine nor the user' names_nobody
try 'steps that fail, hang or crash: the rest goes on' goes_on
try 'the report tells what failed, and a cause' tells_what_failed
try 'without a driver it says so' no_driver
try 'Ctrl-C leaves a partial report' interrupted
try 'what amdgpu shows of a card is in it' sees_a_card
try 'wrong usage is refused' refuses_nonsense
try '--help has an example' helps
tap_end

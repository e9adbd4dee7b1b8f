# SPDX-License-Identifier: MIT
#
# The report as text, of the report as JSON.

def pad($width): . + (" " * ([$width - length, 0] | max) // "");
def lpad($width): (" " * ([$width - length, 0] | max) // "") + .;
def or_dash: if . == null or . == "" then "-" else tostring end;

# Lines of at most $width characters, broken between words.
def wrapped($width):
	reduce (split(" ")[]) as $word ([""];
		if .[-1] == "" then .[-1] = $word
		elif (.[-1] | length) + 1 + ($word | length) <= $width then .[-1] += " " + $word
		else . + [$word] end) | .[];

def heading($text): "", $text, "-" * ($text | length);
def indented: "    " + .;
def paragraph($width): wrapped($width) | indented;

# 1234567 as 1.23 million, 1234 ns as 1.23 us: three digits.
def digits($divisor): . / $divisor | if . >= 100 then round elif . >= 10 then (. * 10 | round) / 10
	else (. * 100 | round) / 100 end | tostring;
def amount($unit):
	if . == null then "-"
	elif $unit == "ns" then
		if . < 1000 then "\(round) ns" elif . < 1000000 then digits(1000) + " us"
		else digits(1000000) + " ms" end
	elif . >= 1000000 then digits(1000000) + " million/s"
	elif . >= 1000 then digits(1000) + " thousand/s"
	else "\(round)/s" end;
def bytes:
	if . == null then "-"
	elif . >= 1073741824 then digits(1073741824) + " GiB"
	elif . >= 1048576 then digits(1048576) + " MiB"
	else digits(1024) + " KiB" end;
def yes_no: if . == null then "not known" elif . then "yes" else "no" end;

# Above 1 is in favour of mk; a limit is what cannot be beaten.
def times_in_words:
	if .times == null or .times == 0 then "not compared"
	elif .is_limit then "the limit; this is \(1 / .times | digits(1)) times that"
	elif .times >= 1 then "mk is \(.times | digits(1)) times \(.unit | if . == "ns" then "sooner" else "as fast" end)"
	else "mk is \(1 / .times | digits(1)) times \(.unit | if . == "ns" then "later" else "slower" end)" end;

# What a step found, in a few words.
def found:
	if .result != "passed" then .reason // ""
	elif .name == "probe" then
		(.data.placements // [] | "\(map(select(.is_coherent)) | length) of \(length) placements work")
	elif .data.tests_passed? then
		"\(.data.tests_passed) tests" +
		(if .data.tests_skipped > 0 then ", \(.data.tests_skipped) skipped" else "" end)
	elif .name == "latency" or .name == "afterwards" then "\(.data.p50_ns | amount("ns")) (median)"
	elif .name == "io" then
		([.data.rows[] | select(.bytes == 4096 and .depth == 1)][0] |
			"4 KiB in \(.chain_p50_ns | amount("ns")) (median)")
	elif .name == "throughput" then .data.slots_per_second | amount("per second")
	elif .name == "doctor" then "\(.data.findings_total // 0) findings of \(.data.checks // 0) checks"
	else "" end;

# Parts --------------------------------------------------------------------------------

def verdict:
	if .complete | not then "INCOMPLETE: it was stopped in the step '\(.interrupted_in)'."
	elif .summary.failed > 0 then "\(.summary.failed) of \(.summary.steps) steps FAILED."
	elif .device == null then "mk was not tried: no device was found."
	else "All is well: what was tried works." end;

def top:
	"mk first run: \(.device.name // "no usable Vulkan device")",
	"=" * ("mk first run: \(.device.name // "no usable Vulkan device")" | length),
	"",
	"driver     \(.device.driver | or_dash)",
	"when       \(.began), \(.seconds) seconds" + (if .quick then ", --quick" else "" end),
	"mk         \(.mk_version)" + (if .mk_commit then ", commit \(.mk_commit)" else "" end),
	(if .device_wanted then "asked for  \(.device_wanted)" else empty end),
	(if .only then "only       \(.only | join(", "))" else empty end),
	"",
	("mk keeps one GPU kernel running that watches memory which it shares with the host, so that giving the GPU work is a store and no system call.  This report says how that went on one machine." | wrapped(78)),
	(if .device.is_cpu then "", ("There was no GPU in this run: Vulkan ran on the processor, whose numbers say nothing about GPUs." | wrapped(78)) else empty end);

def results:
	heading("Result"),
	verdict,
	"\(.summary.passed) passed, \(.summary.failed) failed, \(.summary.skipped) skipped.",
	"",
	("Step" | pad(20)) + ("What it shows" | pad(54)) + ("Result" | pad(12)) + "Seconds",
	(.steps[] | (.name | pad(20)) + (.title | pad(54)) + (.result | pad(12)) +
		(.seconds | tostring | lpad(7)),
		(found | select(. != "") | wrapped(78) | (" " * 20) + .));

def headlines:
	if .headlines == [] then empty else
		heading("Headline numbers"),
		(.headlines[] |
			(.what | pad(66)) + (.unit as $unit | .value | amount($unit)),
			"    " + (.baseline | pad(62)) + (.unit as $unit | .baseline_value | amount($unit)) +
				"  (" + times_in_words + ")")
	end;

def failures:
	[.steps[] | select(.result | . != "passed" and . != "skipped" and . != "interrupted")] as $failed |
	if $failed == [] then empty else
		heading("What failed, and the likely cause"),
		# Steps that most likely have one cause stand together, in the order of their first.
		([$failed[].cause] | reduce .[] as $cause ([]; if index([$cause]) then . else . + [$cause] end))[] as $cause |
		([$failed[] | select(.cause == $cause)] |
			(.[] |
				"\(.name): \(.title): \(.result)",
				("It said: \(.reason // "nothing")" | paragraph(76)),
				(if .command then "Again:   \(.command)" | indented else empty end)),
			("Likely:  \($cause // "not known; the whole output is below")" | paragraph(76)),
			"")
	end;

def fields($pairs): $pairs[] | (.[0] | pad(22)) + (.[1] | or_dash);

def gpu:
	"",
	"GPU \(.pci_address): \(.name // "no name known")",
	(fields([
		["PCI id", "\(.vendor_id | or_dash):\(.device_id | or_dash), revision \(.revision | or_dash)"],
		["kernel driver", .driver],
		["memory", (.vram_bytes | bytes) + ", of which the host sees " + (.visible_vram_bytes | bytes)],
		["resizable BAR in force", (.all_vram_is_visible | yes_no)],
		["GTT", (.gtt_bytes | bytes)],
		["BARs", ([.bars // [] | .[] | "\(.number): \(.bytes | bytes)"] | join(", "))],
		["link", "\(.link_speed | or_dash), x\(.link_width | or_dash)"],
		["IOMMU group", (if .iommu_group then "\(.iommu_group) (\(.iommu_type | or_dash))" else "none" end)],
		["VBIOS", .vbios_version],
		["firmware", ([.firmware // {} | to_entries[] | "\(.key | rtrimstr("_fw_version")) \(.value)"] | join(", "))]
	]) | indented);

# Of amdgpu's parameters, those that decide what becomes of long dispatches and of memory.
def amdgpu:
	if . == null then "amdgpu is not loaded"
	else "amdgpu" + (if .version then " \(.version)" else "" end) + ": " +
		(.parameters // {} | [("lockup_timeout", "gpu_recovery", "reset_method", "mes", "noretry",
			"vm_fault_stop", "gttsize", "vis_vram_limit", "sched_policy") as $key |
			select(has($key)) | "\($key)=\(.[$key] | or_dash)"] | join(" "))
	end;

def machine:
	heading("Machine"),
	(.machine |
		fields([
			["kernel", "\(.kernel.release | or_dash) \(.kernel.machine | or_dash)"],
			["kernel's build", .kernel.version],
			["its command line", .kernel.command_line],
			["system", .system],
			["virtual machine", .virtual_machine],
			["processor", "\(.processor.name | or_dash), \(.processor.cores | or_dash) cores" +
				(if .processor.has_movdir64b then ", MOVDIR64B" else "" end) +
				(if .processor.has_avx512f then ", AVX-512" else "" end)],
			["memory", (.memory_bytes | bytes)],
			["IOMMU groups", .iommu_groups],
			["packages", ([.packages // {} | to_entries[] | "\(.key) \(.value)"] | join(", "))],
			["user", "root: \(.is_root | yes_no); in group render: \(.in_group_render | yes_no); video: \(.in_group_video | yes_no)"],
			["mk.ko", (if .mk then (.mk.version // "loaded, without a version") else "not loaded" end)],
			["variables", ([.variables // {} | to_entries[] | "\(.key)=\(.value)"] | join(" "))]
		]),
		(if .gpus == [] then "", "No GPU is on this machine's PCI bus." else .gpus // [] | .[] | gpu end),
		"",
		(.amdgpu | amdgpu),
		"",
		"Device nodes",
		(if (.nodes // []) == [] then "none of /dev/dri/renderD*, /dev/mk, /dev/kfd, /dev/nvidiactl, /dev/udmabuf" | indented
		else .nodes[] | "\(.path)  \(.mode) group \(.group)  \(.pci_address // "")  " +
			(if .may_be_opened then "may be opened" else "may NOT be opened" end) | indented end));

def probe:
	(.steps[] | select(.name == "probe" and .data.placements != null) |
		heading("Memory that the GPU and the host can share"),
		(.data.devices // [] | .[] | "\(.device): " + ([.type, .pci, .node] | map(values) | join(", ")) +
			(if .lack then ": lacks \(.lack)" else "" end)),
		([.data.placements[].placement | length] | max // 0) as $width |
		"    " + ("    Placement, * taken" | pad($width + 5)) + "Round trip",
		(.data.placements[] |
			(if .is_chosen then " * " else "   " end) + (.number | tostring | lpad(2)) + "  " +
				(.placement | pad($width)) + "  " +
				(if .is_coherent then (.p50_ns | amount("ns")) else "none" end),
			(.reason // empty | wrapped(70) | (" " * 9) + .)));

def kernel_log:
	heading("Kernel log of this time, about GPUs"),
	(if .kernel_log == null then "It may not be read.  With root's rights, 'dmesg' has it."
	elif .kernel_log == [] then "Nothing."
	else .kernel_log[] end);

def details:
	heading("Details"),
	(.steps[] |
		"", "## \(.name): \(.result), \(.seconds) s" +
			(if .exit_status != null then ", exit status \(.exit_status)" else "" end),
		(if .command then "$ \(.command)" else empty end),
		(.output | if length > 60 then .[:10][], "[... \(length - 50) lines; the JSON has them ...]", .[-40:][] else .[] end |
			select(. != "")));

top, results, headlines, "", failures, machine, probe, kernel_log, details

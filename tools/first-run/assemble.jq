# SPDX-License-Identifier: MIT
#
# The report as JSON, of what amd-first-run.sh has gathered.  report.schema.json has its
# form; whoever changes that raises the version.

# Names of the machine and of people are in no text.
def whole_word($name; $instead):
	if ($name | length) < 2 then .
	else gsub("(?<![A-Za-z0-9_])" + ($name | gsub("(?<c>[^A-Za-z0-9])"; "\\\(.c)")) +
		"(?![A-Za-z0-9_])"; $instead)
	end;

def everywhere($path; $instead):
	if ($path | length) < 2 then . else split($path) | join($instead) end;

def anonymous:
	everywhere($work; "WORK") | everywhere($top; ".") | everywhere($home; "~") |
	whole_word($host; "HOST") |
	if $user == "root" then . else whole_word($user; "USER") end;

def anonymous_texts:
	if type == "string" then anonymous
	elif type == "array" then map(anonymous_texts)
	elif type == "object" then map_values(anonymous_texts)
	else . end;

# Causes -----------------------------------------------------------------------------

def says($pattern): ([.reason] + .output | map(. // "") | join("\n") | test($pattern; "i"));

def closed_nodes: [$machine[0].nodes // [] | .[] | select(.may_be_opened | not) |
	select(.path | test("renderD|nvidia"))];

# Cards of AMD's without their kernel driver.
def idle_cards: [$machine[0].gpus // [] | .[] |
	select(.vendor_id == "0x1002" and .driver != "amdgpu")];

# What most likely made a step fail, and what to do; null where nothing is known.
def cause:
	if .result == "passed" or .result == "skipped" or .result == "interrupted" then null
	elif .result == "stuck" then
		"The driver waits for the GPU without end.  The kernel log says more; restart the machine before trying again."
	elif .name == "kernel-log" then
		"The kernel had something to say about a GPU during the run.  If it was reset, a dispatch ran too long or the GPU faulted: see what ran then."
	elif says("none of [0-9]+ Vulkan devices fits|no Vulkan driver|no compatible driver|ERROR_INCOMPATIBLE_DRIVER") then
		if (closed_nodes | length) > 0 then
			"The GPU's device node \(closed_nodes[0].path) may not be opened.  Add yourself to the group \(closed_nodes[0].group) and log in again."
		elif (idle_cards | length) > 0 then
			"The kernel's driver amdgpu does not drive the card at \(idle_cards[0].pci_address) (\(idle_cards[0].driver // "no driver") does).  'dmesg | grep amdgpu' says why; often its firmware is missing (firmware-amd-graphics)."
		else
			"No Vulkan driver offers a device that mk can use.  Install Mesa's Vulkan drivers (mesa-vulkan-drivers), and see whether VK_DRIVER_FILES or VK_ICD_FILENAMES names a file that is not there."
		end
	elif says("device lost|VkResult -4") then
		"The driver gave the device up: the GPU was reset, after a fault or a dispatch that took longer than the lockup timeout.  The kernel log says which."
	elif says("VkResult -13\\)") and $machine[0].amdgpu != null then
		"amdgpu takes no host pointers to memory that is a file's, as a memfd is.  With mk.ko loaded its memory is imported as DMA-buf; Documentation/radv.rst, Known limits."
	elif says("never saw|seen by both sides") then
		"Memory that the GPU and the host are to share is not coherent while a kernel runs; the probe has tried each kind.  On a CPU it means that the trial got no processor time."
	elif says("out of (host |device )?memory|cannot allocate memory|ENOMEM") then
		"There was too little memory: the GPU's, the host's, or of what may be locked (ulimit -l)."
	elif says("permission denied|EACCES|operation not permitted") then
		"Something may not be opened; see 'Device nodes' below."
	elif says("io_uring|fixed buffers") and .name == "io" then
		"io_uring is not to be had here: containers often forbid it (kernel.io_uring_disabled, seccomp)."
	elif .result == "timed out" then
		"It hangs, or this machine is very slow.  If the kernel log tells of a GPU reset at that time, the GPU hung."
	elif .result == "crashed" then
		"A crash, in mk or in the driver.  A backtrace would help: run the command under gdb."
	elif .exit_status == 127 then
		"A program of the build is missing or cannot be started."
	else null end;

# Headlines ---------------------------------------------------------------------------

def of_step($name; $steps):
	[$steps[] | select(.name == $name and .result == "passed") | .data][0];

def quotient($a; $b): if $a and $b and $b > 0 then $a / $b else null end;

# A number with what it is compared with; times is in favour of mk when above 1.
def latency_headline($d): {
	name: "round_trip", what: "publish an operation, see it completed (median)",
	value: $d.p50_ns, unit: "ns",
	baseline: "submit a dispatch and wait for it", baseline_value: $d.submit_wait_p50_ns,
	times: quotient($d.submit_wait_p50_ns; $d.p50_ns), is_limit: false
}, {
	name: "round_trip_limit", what: "the same, beside what processors can do",
	value: $d.p50_ns, unit: "ns",
	baseline: "two threads that answer each other", baseline_value: $d.ping_pong_p50_ns,
	times: quotient($d.ping_pong_p50_ns; $d.p50_ns), is_limit: true
};

def throughput_headline($d): {
	name: "throughput", what: "operations, from one thread",
	value: $d.slots_per_second, unit: "per second",
	baseline: "the obvious kernel, a lane for each slot", baseline_value: $d.naive_slots_per_second,
	times: quotient($d.slots_per_second; $d.naive_slots_per_second), is_limit: false
};

def io_headline($d):
	[$d.rows[] | select(.bytes == 4096 and .depth == 1 and .cache == "page")][0] |
	select(.) | {
		name: "read", what: "4 KiB of a file in memory, asked for by the kernel (median)",
		value: .chain_p50_ns, unit: "ns",
		baseline: "the host by io_uring", baseline_value: .[.baseline + "_p50_ns"],
		times: quotient(.[.baseline + "_p50_ns"]; .chain_p50_ns), is_limit: false
	};

def headlines($steps): [
	(of_step("latency"; $steps) | select(.) | latency_headline(.)),
	(of_step("throughput"; $steps) | select(.) | throughput_headline(.)),
	(of_step("io"; $steps) | select(.) | io_headline(.))
];

# The report ---------------------------------------------------------------------------

def in_words($steps): [$steps[].result] | {
	steps: length,
	passed: map(select(. == "passed")) | length,
	skipped: map(select(. == "skipped")) | length,
	failed: map(select(. != "passed" and . != "skipped" and . != "interrupted")) | length
};

# The device that the probe lists first, which is the one that mk takes.
def device($steps):
	([$steps[] | select(.name == "probe") | .data.placements // [] | .[0]][0]) as $first |
	if $first then {
		name: $first.device, driver: $first.driver,
		is_cpu: ($first.driver | test("llvmpipe|SwiftShader"))
	} else null end;

($steps | map(. + { cause: cause })) as $all |
{
	schema: 1,
	report: "mk first run",
	mk_version: $version,
	mk_commit: (if $commit == "" then null else $commit end),
	began: $began,
	seconds: $seconds,
	quick: $quick,
	complete: ($interrupted == ""),
	interrupted_in: (if $interrupted == "" then null else $interrupted end),
	only: (if $only == "" then null else $only | split(",") end),
	device_wanted: (if $wanted == "" then null else $wanted end),
	device: device($all),
	summary: in_words($all),
	headlines: headlines($all),
	machine: $machine[0],
	kernel_log: $kernel_log,
	steps: $all
} | anonymous_texts

#!/bin/sh
# SPDX-License-Identifier: MIT
#
# RADV on a card that Mesa's drm-shim plays: its real code for a kernel's driver, which
# has memory and takes submissions, and executes none of them.  So what is tried out has
# to fail, soon and for a reason that is told, and all else has to work.
#
#   test_radv_shim.sh BUILD_DIR
#
# The shim is the package mesa-drm-shim, which tools/setup.sh --test installs.
set -u

here=$(cd "$(dirname "$0")" && pwd)
top=${here%/*/*}
build=$1
dump=$build/selftests/isa_dump
# Of those that the shim can play: a discrete card of each family, and the newest APU.
cards='vega10 navi21 navi31 gfx1150'
oldest_mesa=24
# Many times what it takes: a command that runs into this hangs.
limit=60

# shellcheck source=selftests/tap.sh
. "$top/selftests/tap.sh"
# shellcheck source=selftests/isa/radv.sh
. "$here/radv.sh"

work=$(mktemp -d)
trap 'rm -rf "$work" "$tap_output"' EXIT
# What trials have shown is kept there.
export XDG_CACHE_HOME="$work/cache"

# Runs a command on a card.  What the shim and RADV say besides is in $work/errors.
on() {
	card=$1
	shift
	timeout "$limit" env AMDGPU_GPU_ID="$card" LD_PRELOAD="$shim" "$@" 2>"$work/errors"
	status=$?
	[ "$status" -eq 0 ] || tail -n 20 "$work/errors"
	[ "$status" -ne 124 ] || echo "'$*' took more than $limit s"
	return "$status"
}

# RADV's name of a card ends so.
named() {
	printf 'RADV %s' "$1" | tr '[:lower:]' '[:upper:]'
}

probe_ends() {
	on "$1" "$build/tools/mkbench" probe -j >"$work/probe" || return 1
	cat "$work/probe"
	python3 "$here/probe_says.py" "$(named "$1")" "$work/probe"
}

# Runs a command where lavapipe is there as well.
beside_a_cpu() (
	if [ -z "$other_icd" ]; then
		echo 'lavapipe is not installed'
		return 1
	fi
	VK_DRIVER_FILES=$VK_DRIVER_FILES:$other_icd
	VK_ICD_FILENAMES=$VK_DRIVER_FILES
	"$@"
)

is_first() {
	probe_ends "$1" && grep -q llvmpipe "$work/probe"
}

# By its name, and by whatever else the probe says that devices are called.
is_found_by_names() {
	sed -n 's/^ *"\(pci\|node\|uuid\)": "\(..*\)",*$/\2/p' "$work/probe" |
		head -n 3 >"$work/names"
	named "$1" >>"$work/names"
	echo >>"$work/names"
	while read -r name; do
		echo "asked for: $name"
		on "$1" "$build/tools/mkbench" probe -j --device "$name" >"$work/wished" || return 1
		python3 "$here/probe_says.py" "$(named "$1")" "$work/wished" only || return 1
	done <"$work/names"
}

# An engine or a context that cannot be is refused, and the text says why.
is_refused() {
	on "$1" env MK_BACKING="$2" "$build/tools/mkbench" latency --engine vulkan \
		>"$work/refusal"
	refused=$?
	cat "$work/refusal"
	[ "$refused" -ne 0 ] && [ "$refused" -lt 124 ] &&
		grep "$(named "$1")).*seen by both sides while a kernel runs" "$work/refusal"
}

# compiles CARD LANES OPTIONS...: with as many lanes, in subgroups of the card's.
compiles() {
	card=$1
	lanes=$2
	shift 2
	on "$card" "$dump" "$@" >"$work/code" || return 1
	sed -n '1,/^text:/p' "$work/code"
	grep -q "^device: .*($(named "$card"))" "$work/code" && grep -qx "lanes: $lanes" "$work/code" &&
		grep -qx 'statistic: Spilled VGPRs = 0' "$work/code"
}

compiles_all() {
	while read -r handlers; do
		compiles "$1" 64 --split "$work/${handlers##*/}.spv" || return 1
	done <"$work/handlers"
}

# As test_isa.sh has it for a chip that is not there at all.
has_all() {
	card=$1
	shift
	on "$card" "$dump" "$@" >"$work/code" && python3 "$here/check.py" "$@" "$work/code"
}

shim=$(find /usr/lib /usr/local/lib -name libamdgpu_noop_drm_shim.so 2>/dev/null | head -n 1)
if ! find_radv "$oldest_mesa"; then
	echo "1..0 # SKIP $radv_lacks"
	exit 4
fi
if [ -z "$shim" ]; then
	echo '1..0 # SKIP the package mesa-drm-shim is not installed; see tools/setup.sh --test'
	exit 4
fi
other_icd=$(find /usr/share/vulkan/icd.d -name 'lvp_icd*.json' 2>/dev/null | head -n 1)

grep -rl --include='*.glsl' '^MK_OPCODE(' "$top/examples" "$top/selftests" |
	grep -v large_opcode | sort >"$work/handlers"
while read -r handlers; do
	"$top/tools/mkcc" -o "$work/${handlers##*/}.spv" "$handlers" || exit 1
done <"$work/handlers"

try 'a card is chosen before a CPU' beside_a_cpu is_first vega10
try 'a card is found by its names' beside_a_cpu is_found_by_names vega10
for card in $cards; do
	try "$card: every placement is tried, and fails for a reason" probe_ends "$card"
	try "$card: no engine in host memory, and the text says why" is_refused "$card" memfd
	try "$card: no context in the card's memory, and the text says why" \
		is_refused "$card" device
	try "$card: the kernel compiles with each file of handlers" compiles_all "$card"
	try "$card: the kernel compiles for 32 lanes" compiles "$card" 32 --split --lanes 32
	try "$card: the kernel's code for one memory is in order" has_all "$card"
	try "$card: the kernel's code across a bus is in order" has_all "$card" --split
done
tap_end

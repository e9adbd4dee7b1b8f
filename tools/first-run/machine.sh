#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What amd-first-run.sh tells about the machine, as one JSON object on standard output.
# Only reads, and asks for no rights; what cannot be read is null.  Nothing that names a
# machine or a person is read on purpose: no serial numbers, no addresses of networks.
#
#   machine.sh
#
# The variable MK_FIRST_RUN_ROOT, for tests, goes before /sys, /proc, /dev and /etc.
#
# shellcheck disable=SC2016 # variables of jq's
set -u
export LC_ALL=C

root=${MK_FIRST_RUN_ROOT-}
sys=$root/sys

# A value a line: its place in the object, whether it is text, a number or a truth, and
# itself.  An empty one is null.
text() {
	printf '%s\tt\t%s\n' "$1" "$2"
}

number() {
	printf '%s\tn\t%s\n' "$1" "$2"
}

truth() {
	truth_key=$1
	shift
	if "$@"; then
		printf '%s\tb\ttrue\n' "$truth_key"
	else
		printf '%s\tb\tfalse\n' "$truth_key"
	fi
}

object() {
	jq -Rn '
		{ packages: {}, gpus: [], nodes: [], amdgpu: null, mk: null, variables: {} } as $empty |
		reduce (inputs | split("\t")) as $line ($empty;
			($line[2:] | join(" ")) as $value |
			setpath($line[0] | split(".") | map(tonumber? // .);
				if $value == "" then null
				elif $line[1] == "n" then $value | tonumber? // null
				elif $line[1] == "b" then $value == "true"
				else $value end))'
}

first_line() {
	head -n 1 "$1" 2>/dev/null | tr '\t' ' '
}

# What a link points to, without its folders.
target() {
	link=$(readlink "$1" 2>/dev/null) && printf '%s\n' "${link##*/}"
}

# The system --------------------------------------------------------------------------

has_flag() {
	grep -qsw "$1" "$root/proc/cpuinfo"
}

is_in_group() {
	id -nG | tr ' ' '\n' | grep -qx "$1"
}

# Of the kernel's command line only what is about this.
command_line() {
	tr ' ' '\n' <"$root/proc/cmdline" 2>/dev/null |
		grep -E '^(amdgpu\.|(amd_|intel_)?iommu|pci=|pcie_|radeon\.)' | tr '\n' ' ' | sed 's/ $//'
}

system() {
	text kernel.release "$(uname -r)"
	text kernel.version "$(uname -v)"
	text kernel.machine "$(uname -m)"
	text kernel.command_line "$(command_line)"
	text system "$(sed -n 's/^PRETTY_NAME="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' "$root/etc/os-release" 2>/dev/null)"
	text virtual_machine "$(systemd-detect-virt 2>/dev/null)"
	text processor.name "$(sed -n 's/^model name[^:]*: *//p' "$root/proc/cpuinfo" 2>/dev/null | head -n 1)"
	number processor.cores "$(nproc)"
	truth processor.has_movdir64b has_flag movdir64b
	truth processor.has_avx512f has_flag avx512f
	number memory_bytes "$(awk '/^MemTotal:/ { printf "%.0f", $2 * 1024 }' "$root/proc/meminfo" 2>/dev/null)"
	number iommu_groups "$(find "$sys/kernel/iommu_groups" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l)"
	truth is_root [ "$(id -u)" -eq 0 ]
	truth in_group_render is_in_group render
	truth in_group_video is_in_group video
}

# Names differ between distributions; what is not installed is left out.
packages() {
	set -- mesa-vulkan-drivers vulkan-radeon vulkan-swrast libdrm libdrm2 libdrm-amdgpu1 libvulkan1 \
		vulkan-loader vulkan-icd-loader firmware-amd-graphics linux-firmware linux-firmware-amdgpu \
		amd-gpu-firmware
	for package; do
		if command -v dpkg-query >/dev/null; then
			version=$(dpkg-query -W -f '${Version}\n' "$package" 2>/dev/null | head -n 1)
		elif command -v rpm >/dev/null; then
			version=$(rpm -q --qf '%{VERSION}-%{RELEASE}\n' "$package" 2>/dev/null) || version=
		elif command -v pacman >/dev/null; then
			version=$(pacman -Q "$package" 2>/dev/null | awk '{ print $2 }')
		else
			version=
		fi
		[ -z "$version" ] || text "packages.$package" "$version"
	done
}

variables() {
	env | grep -E '^(MK|RADV|ACO|AMD|MESA|VK|LP|GALLIVM|DRI|NVIDIA)_[A-Z0-9_]*=' |
		grep -v '^MK_FIRST_RUN_' |
		while IFS='=' read -r name value; do text "variables.$name" "$value"; done
}

# GPUs --------------------------------------------------------------------------------

name_of() {
	if [ -r "$1/product_name" ] && [ -n "$(first_line "$1/product_name")" ]; then
		first_line "$1/product_name"
	elif [ -z "$root" ] && command -v lspci >/dev/null; then
		lspci -s "${1##*/}" 2>/dev/null | sed 's/^[^ ]* [^:]*: //'
	fi
}

# resource: begin, end and flags of each BAR, a line each.
bars() {
	count=0
	line=0
	while [ "$line" -lt 6 ] && read -r begin end flags; do
		if [ $((end)) -gt 0 ] && [ $((flags & 0x200)) -ne 0 ]; then
			number "$2.bars.$count.number" "$line"
			number "$2.bars.$count.bytes" $((end - begin + 1))
			truth "$2.bars.$count.prefetchable" [ $((flags & 0x2000)) -ne 0 ]
			count=$((count + 1))
		fi
		line=$((line + 1))
	done <"$1/resource"
}

memory() {
	all=$(first_line "$1/mem_info_vram_total")
	visible=$(first_line "$1/mem_info_vis_vram_total")
	number "$2.vram_bytes" "$all"
	number "$2.visible_vram_bytes" "$visible"
	number "$2.gtt_bytes" "$(first_line "$1/mem_info_gtt_total")"
	# Resizable BAR in force: the host can map all of it.
	if [ -n "$all" ]; then
		truth "$2.all_vram_is_visible" [ "$all" = "$visible" ]
	else
		text "$2.all_vram_is_visible" ''
	fi
}

gpu() {
	text "$2.pci_address" "${1##*/}"
	text "$2.vendor_id" "$(first_line "$1/vendor")"
	text "$2.device_id" "$(first_line "$1/device")"
	text "$2.revision" "$(first_line "$1/revision")"
	text "$2.name" "$(name_of "$1")"
	text "$2.driver" "$(target "$1/driver")"
	text "$2.iommu_group" "$(target "$1/iommu_group")"
	text "$2.iommu_type" "$(first_line "$1/iommu_group/type")"
	text "$2.link_speed" "$(first_line "$1/current_link_speed")"
	text "$2.link_width" "$(first_line "$1/current_link_width")"
	text "$2.runtime_status" "$(first_line "$1/power/runtime_status")"
	text "$2.vbios_version" "$(first_line "$1/vbios_version")"
	memory "$1" "$2"
	bars "$1" "$2"
	for file in "$1"/fw_version/*; do
		[ ! -r "$file" ] || text "$2.firmware.${file##*/}" "$(first_line "$file")"
	done
}

# Displays (0x03) and accelerators (0x12).
gpus() {
	count=0
	for folder in "$sys"/bus/pci/devices/*; do
		case $(first_line "$folder/class") in
		0x03* | 0x12*)
			gpu "$folder" "gpus.$count"
			count=$((count + 1))
			;;
		esac
	done
}

# Modules and device nodes --------------------------------------------------------------

module() {
	[ -d "$sys/module/$1" ] || return 0
	text "$1.version" "$(first_line "$sys/module/$1/version")"
	text "$1.srcversion" "$(first_line "$sys/module/$1/srcversion")"
	for file in "$sys/module/$1"/parameters/*; do
		[ ! -r "$file" ] || text "$1.parameters.${file##*/}" "$(first_line "$file")"
	done
}

nodes() {
	count=0
	for path in "$root"/dev/dri/renderD* "$root/dev/mk" "$root/dev/kfd" "$root/dev/nvidiactl" "$root/dev/udmabuf"; do
		[ -e "$path" ] || continue
		text "nodes.$count.path" "${path#"$root"}"
		text "nodes.$count.mode" "$(stat -c %A "$path")"
		text "nodes.$count.group" "$(stat -c %G "$path")"
		truth "nodes.$count.may_be_opened" [ -r "$path" -a -w "$path" ]
		text "nodes.$count.pci_address" "$(target "$sys/class/drm/${path##*/}/device")"
		count=$((count + 1))
	done
}

{
	system
	packages
	gpus
	nodes
	module amdgpu
	module mk
	variables
} | object

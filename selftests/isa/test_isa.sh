#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The machine code that RADV makes of the resident kernel, for chips of several families
# and for both placements: check.py says what is looked at, Documentation/isa.rst why.
# Then the same of kernels with mistakes, each of which must be found.
#
#   test_isa.sh ISA_DUMP
#
# It needs RADV, of Mesa 24 or later, and no card: RADV_FORCE_FAMILY has RADV compile for
# a chip that is not there.
#
# shellcheck disable=SC2016 # edits in single quotes are sed's
set -u

here=$(cd "$(dirname "$0")" && pwd)
top=${here%/*/*}
dump=$1
chips='vega10 navi21 navi31 gfx1150 gfx1201'
# One that has a counter for loads and stores, and one with two.
chips_of_mistakes='vega10 navi21'
# Handlers bring accesses like the kernel's own, and above all registers.
chips_of_handlers='vega10 navi21 gfx1201'
oldest_mesa=24

# shellcheck source=selftests/tap.sh
. "$top/selftests/tap.sh"
# shellcheck source=selftests/isa/radv.sh
. "$here/radv.sh"

work=$(mktemp -d)
trap 'rm -rf "$work" "$tap_output"' EXIT

# RADV's code of a kernel, as $work/code; arguments after the chip go to isa_dump.
code_of() {
	family=$1
	shift
	RADV_FORCE_FAMILY=$family timeout 60 "$dump" "$@" >"$work/code" 2>"$work/errors" || {
		cat "$work/errors"
		return 1
	}
}

# Placements as isa_dump and check.py call them.
options_of() {
	[ "$1" = 'in place' ] || echo --split
}

has_all() {
	chip=$1
	option=$(options_of "$2")
	shift 2
	# shellcheck disable=SC2086 # an option or none
	code_of "$chip" $option "$@" && python3 "$here/check.py" $option --row "$work/code"
}

# Of another shader than the kernel.
is_in_order() {
	code_of "$1" "$work/$2.spv" && python3 "$here/check.py" "--$2" "$work/code"
}

# A copy of the kernel's sources, in which 'sed -i' may make mistakes.
copy_sources() {
	rm -rf "$work/source"
	mkdir -p "$work/source/kmod/include" "$work/source/tools" &&
		cp -r "$top/shaders" "$work/source" &&
		cp -r "$top/kmod/include/uapi" "$work/source/kmod/include" &&
		cp "$top/tools/mkcc" "$work/source/tools"
}

# Whether the wrong kernel is found to be wrong, and by this check.
is_found_by() {
	option=$(options_of "$3")
	[ -s "$work/wrong.spv" ] || {
		cat "$work/mkcc"
		return 1
	}
	# shellcheck disable=SC2086 # an option or none
	code_of "$2" $option "$work/wrong.spv" || return 1
	# shellcheck disable=SC2086
	python3 "$here/check.py" $option "$work/code" >"$work/verdict"
	found=$?
	cat "$work/verdict"
	[ "$found" -eq 1 ] && grep "^WRONG $1: " "$work/verdict" >"$work/found"
}

# The same of the probe without its store to what it polls.
probe_is_found() {
	sed '/inbound\[MK_PROBE_SEEN\] =/d' "$top/shaders/probe.comp" >"$work/probe.comp"
	if cmp "$work/probe.comp" "$top/shaders/probe.comp"; then
		echo 'the edit of probe.comp has changed nothing: that file has changed'
		return 1
	fi
	glslangValidator -V --target-env vulkan1.2 --quiet "-I$top/shaders" \
		-o "$work/wrong.spv" "$work/probe.comp" &&
		code_of "$1" "$work/wrong.spv" || return 1
	python3 "$here/check.py" --probe "$work/code" >"$work/verdict"
	found=$?
	cat "$work/verdict"
	[ "$found" -eq 1 ] && grep '^WRONG probes_answer_in_order: ' "$work/verdict" >"$work/found"
}

# mistake WHAT CHECK PLACEMENT FILE EDIT [HANDLERS]: EDIT is sed's, and has to change FILE.
mistake() {
	what=$1
	check=$2
	placement=$3
	file=$work/source/shaders/$4
	edit=$5
	shift 5
	copy_sources
	sed -i.before "$edit" "$file"
	rm -f "$work/wrong.spv"
	if [ -n "$edit" ] && cmp -s "$file" "$file.before"; then
		echo "the edit of ${file##*/} has changed nothing: that file has changed" >"$work/mkcc"
	else
		"$work/source/tools/mkcc" -o "$work/wrong.spv" "$@" >"$work/mkcc" 2>&1
	fi
	for chip in $chips_of_mistakes; do
		: >"$work/found"
		try "found in $chip, $placement: $what" is_found_by "$check" "$chip" "$placement"
		sed -n '1s/^WRONG /# by /p' "$work/found"
	done
}

if ! find_radv "$oldest_mesa"; then
	echo "1..0 # SKIP $radv_lacks"
	exit 4
fi

glslangValidator -V --quiet -o "$work/bindings.spv" "$here/bindings.comp" || exit 1
glslangValidator -V --target-env vulkan1.2 --quiet -o "$work/probe.spv" \
	"$top/shaders/probe.comp" || exit 1
for chip in $chips; do
	try "$chip: descriptors lie in the bindings' order" is_in_order "$chip" bindings
	try "$chip: the probe" is_in_order "$chip" probe
	for placement in 'in place' split; do
		try "$chip, $placement: the library's kernel" has_all "$chip" "$placement"
		sed -n 's/^row /# /p' "$tap_output"
	done
done
grep -rl --include='*.glsl' '^MK_OPCODE(' "$top/examples" "$top/selftests" |
	grep -v large_opcode | sort >"$work/handlers"
while read -r handlers; do
	"$top/tools/mkcc" -o "$work/kernel.spv" "$handlers" || exit 1
	for chip in $chips_of_handlers; do
		try "$chip, split: ${handlers#"$top/"}" has_all "$chip" split "$work/kernel.spv"
	done
done <"$work/handlers"

for chip in $chips_of_mistakes; do
	: >"$work/found"
	try "found in $chip: a probe that only loads from what it polls" probe_is_found "$chip"
	sed -n '1s/^WRONG /# by /p' "$work/found"
done
mistake 'words that the host stores are polled with ordinary loads of a private buffer' \
	every_load_bypasses 'in place' memory.glsl \
	's/^\(layout.*\) nonprivate\( volatile\)\{0,1\} buffer/\1 buffer/
	 $a #undef MK_LOAD_RELAXED\n#define MK_LOAD_RELAXED(word) (word)'
mistake 'a counter in the cq is added to by atomics' \
	no_atomic_across_the_bus split memory.glsl \
	'/^uint mk_counter_add/,/^}/s/if (mk_split)/if (false)/'
mistake 'a look loads a status and the words beside it one by one' \
	a_look_is_one_load split memory.glsl \
	's/^#define MK_HEADER_QUAD(slot) \(.*\)$/#define MK_HEADER_QUAD(slot) uvec4(\1.x, \1.y, \1.z, 0u)/'
mistake 'an argument is loaded beside the status, not after it' \
	words_come_after_the_status 'in place' look.glsl \
	'/mk_found_word = MK_LOAD_RELAXED(MK_STATUS_WORD/{
		s/^/{/
		s/$/mk_found_header.x = MK_PAYLOAD_WORD(mk_found_slot, MK_SLOT_ARGS + 2u);}/
	}
	s/return mk_status_is_ready(mk_found_status)/& \&\& mk_found_header.x != 77u/'
mistake 'no release between effects and completion' \
	effects_come_before_completion split execute.glsl \
	'/^void mk_end(/,/^}/s/MK_RELEASE();//'
mistake 'the entry in the cq is stored without a release' \
	effects_come_before_completion 'in place' complete.glsl \
	'/^void mk_complete(/,/^}/s/MK_STORE_RELEASE(cq/MK_STORE_RELAXED(cq/'
mistake 'a request is counted before it is published' \
	requests_come_before_their_count 'in place' io.glsl \
	'/^void mk_publish_request_in_place(/,/^}/s/MK_RELEASE();//'
mistake 'a hint is given before its request is published' \
	requests_come_before_their_count split io.glsl \
	'/^void mk_publish_request_by_hint(/,/^}/s/MK_RELEASE();//'
mistake 'a record is sent before its request is published' \
	requests_come_before_their_count split io.glsl \
	'/^void mk_send_records(/,/^}/s/MK_RELEASE();//'
mistake 'an operation keeps more than a lane has registers' \
	fits 'in place' handler.glsl '' "$here/large_opcode.glsl"
tap_end

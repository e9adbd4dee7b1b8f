/* SPDX-License-Identifier: MIT */
/*
 * A packed slot holds several operations.  Its words are copied once, its layout
 * is checked whole on the copy, and only then anything has an effect.
 *
 * The copies are in the workgroup's memory, each lane's own.  What a lane indexes as its
 * words say cannot be in registers, and NVIDIA's compiler then put all arguments of all
 * slots into the memory of the device.
 */
#define MK_LANES_LIMIT 128u
shared uint mk_packed_words[MK_SLOT_ARG_COUNT * MK_LANES_LIMIT];

#define MK_PACKED_WORD(index) mk_packed_words[(index) * mk_lanes + mk_lane]
#define MK_PACKED_BYTE(index) (MK_PACKED_WORD((index) / 4u) >> (index) % 4u * 8u & 0xffu)
#define MK_INNER_OPCODE(inner) MK_PACKED_BYTE(2u + 2u * (inner))
#define MK_INNER_OFFSET(inner) MK_PACKED_BYTE(3u + 2u * (inner))

struct mk_packed_layout {
	uint count;		/* inner operations */
	uint arg_words;		/* of all of them */
	uint first_arg;		/* words of the table before them */
};

void mk_copy_packed(mk_call call)
{
	for (uint i = 0u; i < MK_SLOT_ARG_COUNT; i++)
		MK_PACKED_WORD(i) = call.args[i];
}

bool mk_read_layout(out mk_packed_layout layout_read)
{
	uint last = 0u;

	layout_read.count = MK_PACKED_BYTE(0u);
	layout_read.arg_words = MK_PACKED_BYTE(1u);
	layout_read.first_arg = (2u + 2u * layout_read.count + 3u) / 4u;
	if (layout_read.first_arg + layout_read.arg_words > MK_SLOT_ARG_COUNT)
		return false;
	for (uint i = 0u; i < layout_read.count; i++) {
		uint offset = MK_INNER_OFFSET(i);

		if (offset < last || offset > layout_read.arg_words)
			return false;
		last = offset;
	}
	return true;
}

uint mk_inner_arg_count(mk_packed_layout from, uint inner)
{
	uint end = inner + 1u < from.count ? MK_INNER_OFFSET(inner + 1u) : from.arg_words;

	return end - MK_INNER_OFFSET(inner);
}

void mk_unpack(mk_packed_layout from, uint inner, inout mk_call call)
{
	uint begin = from.first_arg + MK_INNER_OFFSET(inner);
	uint count = mk_inner_arg_count(from, inner);

	call.opcode = MK_INNER_OPCODE(inner);
	for (uint i = 0u; i < MK_SLOT_ARG_COUNT; i++)
		call.args[i] =
			i < count ? MK_PACKED_WORD(min(begin + i, MK_SLOT_ARG_COUNT - 1u)) :
				    0u;
}

/*
 * A handler inside a packed slot keeps its state in the arguments it was given.  Then the
 * slot is as it was, but for these.
 */
void mk_pack(mk_packed_layout into, uint inner, inout mk_call call)
{
	uint begin = into.first_arg + MK_INNER_OFFSET(inner);
	uint count = mk_inner_arg_count(into, inner);

	for (uint i = 0u; i < MK_SLOT_ARG_COUNT; i++)
		if (i < count)
			MK_PACKED_WORD(min(begin + i, MK_SLOT_ARG_COUNT - 1u)) =
				call.args[i];
	for (uint i = 0u; i < MK_SLOT_ARG_COUNT; i++)
		call.args[i] = MK_PACKED_WORD(i);
}

/*
 * Run the operations of a slot: one, or those of a packed slot from where it is.
 * There is one place that calls mk_operate_counted(), since a compiler may copy
 * all of it, users' handlers included, to each place.
 */
uint mk_execute(inout mk_call call)
{
	bool packed = call.opcode == MK_OP_PACKED_SLOT;
	mk_packed_layout unpacked;
	uint inner = 0u, count = 1u;

	if (packed) {
		mk_spend(MK_LOOK_STEPS);
		mk_copy_packed(call);
		if (!mk_read_layout(unpacked))
			return mk_fault_with(MK_FAULT_PACKED);
		inner = MK_PROGRESS_WORD(call.slot, MK_STATE_INNER);
		count = unpacked.count;
	}
	for (; inner < count; inner++) {
		if (packed)
			mk_unpack(unpacked, inner, call);
		uint status = mk_operate_counted(call);
		/* An answer is for the operation that has asked. */
		mk_io_answered = 0u;
		if (status == MK_STATUS_DONE) {
			if (packed)
				MK_PROGRESS_WORD(call.slot, MK_STATE_PROGRESS) = 0u;
			continue;
		}
		if (packed && status != MK_STATUS_FAULT) {
			mk_pack(unpacked, inner, call);
			MK_PROGRESS_WORD(call.slot, MK_STATE_INNER) = inner;
		}
		return status;
	}
	return MK_STATUS_DONE;
}

/* SPDX-License-Identifier: MIT */
/*
 * A packed slot holds several operations.  Its words are copied once, its layout
 * is checked whole on the copy, and only then anything has an effect.
 */

#define MK_PACKED_BYTE(words, index) (words[(index) / 4u] >> (index) % 4u * 8u & 0xffu)
#define MK_INNER_OPCODE(words, inner) MK_PACKED_BYTE(words, 2u + 2u * (inner))
#define MK_INNER_OFFSET(words, inner) MK_PACKED_BYTE(words, 3u + 2u * (inner))

struct mk_packed_layout {
	uint count;		/* inner operations */
	uint arg_words;		/* of all of them */
	uint first_arg;		/* words of the table before them */
};

bool mk_read_layout(uint words[MK_SLOT_ARG_COUNT], out mk_packed_layout layout_read)
{
	uint last = 0u;

	layout_read.count = MK_PACKED_BYTE(words, 0u);
	layout_read.arg_words = MK_PACKED_BYTE(words, 1u);
	layout_read.first_arg = (2u + 2u * layout_read.count + 3u) / 4u;
	if (layout_read.first_arg + layout_read.arg_words > MK_SLOT_ARG_COUNT)
		return false;
	for (uint i = 0u; i < layout_read.count; i++) {
		uint offset = MK_INNER_OFFSET(words, i);

		if (offset < last || offset > layout_read.arg_words)
			return false;
		last = offset;
	}
	return true;
}

uint mk_inner_arg_count(uint words[MK_SLOT_ARG_COUNT], mk_packed_layout from, uint inner)
{
	uint end = inner + 1u < from.count ? MK_INNER_OFFSET(words, inner + 1u) :
					     from.arg_words;

	return end - MK_INNER_OFFSET(words, inner);
}

void mk_unpack(uint words[MK_SLOT_ARG_COUNT], mk_packed_layout from, uint inner,
	       inout mk_call call)
{
	uint begin = from.first_arg + MK_INNER_OFFSET(words, inner);
	uint count = mk_inner_arg_count(words, from, inner);

	call.opcode = MK_INNER_OPCODE(words, inner);
	for (uint i = 0u; i < MK_SLOT_ARG_COUNT; i++)
		call.args[i] = i < count ? words[min(begin + i, MK_SLOT_ARG_COUNT - 1u)] :
					   0u;
}

/* A handler inside a packed slot keeps its state in the arguments it was given. */
void mk_keep_args(inout uint words[MK_SLOT_ARG_COUNT], mk_packed_layout into, uint inner,
		  mk_call call)
{
	uint begin = into.first_arg + MK_INNER_OFFSET(words, inner);
	uint count = mk_inner_arg_count(words, into, inner);

	for (uint i = 0u; i < MK_SLOT_ARG_COUNT; i++)
		if (i < count)
			words[min(begin + i, MK_SLOT_ARG_COUNT - 1u)] = call.args[i];
}

/*
 * Run the operations of a slot: one, or those of a packed slot from where it is.
 * There is one place that calls mk_operate_counted(), since a compiler may copy
 * all of it, users' handlers included, to each place.
 */
uint mk_execute(inout mk_call call)
{
	bool packed = call.opcode == MK_OP_PACKED_SLOT;
	uint words[MK_SLOT_ARG_COUNT];
	mk_packed_layout unpacked;
	uint inner = 0u, count = 1u;

	if (packed) {
		mk_spend(MK_LOOK_STEPS);
		words = call.args;
		if (!mk_read_layout(words, unpacked))
			return mk_fault_with(MK_FAULT_PACKED);
		inner = MK_PROGRESS_WORD(call.slot, MK_STATE_INNER);
		count = unpacked.count;
	}
	for (; inner < count; inner++) {
		if (packed)
			mk_unpack(words, unpacked, inner, call);
		uint status = mk_operate_counted(call);
		/* An answer is for the operation that has asked. */
		mk_io_answered = 0u;
		if (status == MK_STATUS_DONE) {
			if (packed)
				MK_PROGRESS_WORD(call.slot, MK_STATE_PROGRESS) = 0u;
			continue;
		}
		if (packed && status != MK_STATUS_FAULT) {
			mk_keep_args(words, unpacked, inner, call);
			call.args = words;
			MK_PROGRESS_WORD(call.slot, MK_STATE_INNER) = inner;
		}
		return status;
	}
	return MK_STATUS_DONE;
}

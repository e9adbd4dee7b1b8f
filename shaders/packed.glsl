/* SPDX-License-Identifier: MIT */
/*
 * A packed slot holds several operations.  Its words are copied once, its layout
 * is checked whole on the copy, and only then anything has an effect.
 */

/*
 * The words of a slot, and never one by an index that is computed: a compiler keeps an
 * array that is indexed so in memory, for all who use it, and each use waits for a load.
 */
struct mk_words {
	uvec4 a, b, c;
};

mk_words mk_to_words(uint args[MK_SLOT_ARG_COUNT])
{
	return mk_words(uvec4(args[0], args[1], args[2], args[3]),
			uvec4(args[4], args[5], args[6], args[7]),
			uvec4(args[8], args[9], args[10], args[11]));
}

uint[MK_SLOT_ARG_COUNT] mk_to_args(mk_words words)
{
	uvec4 a = words.a, b = words.b, c = words.c;

	return uint[](a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w, c.x, c.y, c.z, c.w);
}

/* Moved down, so that word @first is the first; behind the last come zeros. */
mk_words mk_words_from(mk_words words, uint first)
{
	const uvec4 none = uvec4(0u);

	if ((first & 8u) != 0u)
		words = mk_words(words.c, none, none);
	if ((first & 4u) != 0u)
		words = mk_words(words.b, words.c, none);
	if ((first & 2u) != 0u)
		words = mk_words(uvec4(words.a.zw, words.b.xy),
				 uvec4(words.b.zw, words.c.xy),
				 uvec4(words.c.zw, none.xy));
	if ((first & 1u) != 0u)
		words = mk_words(uvec4(words.a.yzw, words.b.x),
				 uvec4(words.b.yzw, words.c.x), uvec4(words.c.yzw, 0u));
	return words;
}

/* Moved up, so that the first is word @first. */
mk_words mk_words_at(mk_words words, uint first)
{
	const uvec4 none = uvec4(0u);

	if ((first & 8u) != 0u)
		words = mk_words(none, none, words.a);
	if ((first & 4u) != 0u)
		words = mk_words(none, words.a, words.b);
	if ((first & 2u) != 0u)
		words = mk_words(uvec4(none.xy, words.a.xy),
				 uvec4(words.a.zw, words.b.xy),
				 uvec4(words.b.zw, words.c.xy));
	if ((first & 1u) != 0u)
		words = mk_words(uvec4(0u, words.a.xyz), uvec4(words.a.w, words.b.xyz),
				 uvec4(words.b.w, words.c.xyz));
	return words;
}

uint mk_packed_byte(mk_words words, uint index)
{
	return mk_words_from(words, index / 4u).a.x >> index % 4u * 8u & 0xffu;
}

uint mk_inner_opcode(mk_words words, uint inner)
{
	return mk_packed_byte(words, 2u + 2u * inner);
}

uint mk_inner_offset(mk_words words, uint inner)
{
	return mk_packed_byte(words, 3u + 2u * inner);
}

struct mk_packed_layout {
	uint count;	/* inner operations */
	uint arg_words; /* of all of them */
	uint first_arg; /* words of the table before them */
};

bool mk_read_layout(mk_words words, out mk_packed_layout layout_read)
{
	uint last = 0u;

	layout_read.count = mk_packed_byte(words, 0u);
	layout_read.arg_words = mk_packed_byte(words, 1u);
	layout_read.first_arg = (2u + 2u * layout_read.count + 3u) / 4u;
	if (layout_read.first_arg + layout_read.arg_words > MK_SLOT_ARG_COUNT)
		return false;
	for (uint i = 0u; i < layout_read.count; i++) {
		uint offset = mk_inner_offset(words, i);

		if (offset < last || offset > layout_read.arg_words)
			return false;
		last = offset;
	}
	return true;
}

/* The first word of an inner operation's arguments, and how many they are. */
uvec2 mk_inner_args(mk_words words, mk_packed_layout from, uint inner)
{
	uint offset = mk_inner_offset(words, inner);
	uint end = inner + 1u < from.count ? mk_inner_offset(words, inner + 1u) :
					     from.arg_words;

	return uvec2(from.first_arg + offset, end - offset);
}

void mk_unpack(mk_words words, mk_packed_layout from, uint inner, inout mk_call call)
{
	uvec2 range = mk_inner_args(words, from, inner);
	uint args[MK_SLOT_ARG_COUNT] = mk_to_args(mk_words_from(words, range.x));

	call.opcode = mk_inner_opcode(words, inner);
	for (uint i = 0u; i < MK_SLOT_ARG_COUNT; i++)
		call.args[i] = i < range.y ? args[i] : 0u;
}

/* A handler inside a packed slot keeps its state in the arguments it was given. */
void mk_keep_args(mk_words words, mk_packed_layout into, uint inner, inout mk_call call)
{
	uvec2 range = mk_inner_args(words, into, inner);
	uint kept[MK_SLOT_ARG_COUNT] =
		mk_to_args(mk_words_at(mk_to_words(call.args), range.x));

	call.args = mk_to_args(words);
	for (uint i = 0u; i < MK_SLOT_ARG_COUNT; i++)
		if (i - range.x < range.y)
			call.args[i] = kept[i];
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
	mk_words words;
	uint inner = 0u, count = 1u;

	if (packed) {
		mk_spend(MK_LOOK_STEPS);
		words = mk_to_words(call.args);
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
			MK_PROGRESS_WORD(call.slot, MK_STATE_INNER) = inner;
		}
		return status;
	}
	return MK_STATUS_DONE;
}

// SPDX-License-Identifier: MIT
#include "decode.h"

#include <string.h>

#include <state_layout.h>

struct entry decode_entry(uint32_t word)
{
	return (struct entry){
		.status = word & MK_CQ_ENTRY_STATUS_MASK,
		.fault = word >> MK_CQ_ENTRY_FAULT_SHIFT & MK_CQ_ENTRY_FAULT_MASK,
		.count = word >> MK_CQ_ENTRY_COUNT_SHIFT & MK_CQ_ENTRY_COUNT_MASK,
	};
}

static uint32_t place_of(const struct view *view, uint32_t index)
{
	/* Without a partition all offsets are 0. */
	for (uint32_t i = 0; i < MK_PRIORITY_COUNT; i++)
		if (index < view_word(view, MK_REGION_CONTROL,
				      MK_CONTROL_PRIORITY_OFFSETS + i + 1))
			return i;
	return MK_PRIORITY_NORMAL;
}

void decode_slot(const struct view *view, uint32_t index, struct slot *slot)
{
	uint64_t first = (uint64_t)index * MK_SLOT_WORDS;
	uint64_t slots = view->info->geometry.slots;
	uint32_t window_slots = view->info->geometry.window_slots;
	const struct view_memory *state = &view->memories[MK_MEMORY_STATE];

	*slot = (struct slot){
		.status = view_load(&view->ring, first + MK_SLOT_STATUS),
		.window = window_slots ? index / window_slots : 0,
		.place = place_of(view, index),
		.entry = decode_entry(
			view_word(view, MK_REGION_CQ, MK_CQ_HEADER_WORDS + index)),
		.changed = view_load(&view->changed, index / 32) >> index % 32 & 1,
		.has_state = state->count,
		.progress = view_load(state, MK_STATE_SLOT_WORD(slots, index,
								MK_STATE_PROGRESS)),
		.inner = view_load(state,
				   MK_STATE_SLOT_WORD(slots, index, MK_STATE_INNER)),
	};
	for (uint32_t i = 0; i < MK_SLOT_WORDS; i++)
		slot->words[i] = view_word(view, MK_REGION_RING, first + i);
	if (slot->status == MK_STATUS_WAIT_IO)
		slot->io_slot =
			view_load(state, MK_STATE_SLOT_WORD(slots, index, MK_STATE_IO));
}

/* Packed slots ------------------------------------------------------------------- */

static void take_args(const uint8_t *bytes, uint32_t first, uint32_t end,
		      struct inner_operation *operation)
{
	operation->arg_count = end - first;
	for (uint32_t i = first; i < end; i++) {
		const uint8_t *word = bytes + (size_t)i * sizeof(uint32_t);

		operation->args[i - first] = (uint32_t)word[0] | (uint32_t)word[1] << 8 |
					     (uint32_t)word[2] << 16 |
					     (uint32_t)word[3] << 24;
	}
}

static void put_bytes(const uint32_t args[MK_SLOT_ARG_COUNT],
		      uint8_t bytes[MK_SLOT_ARG_BYTES])
{
	for (uint32_t i = 0; i < MK_SLOT_ARG_BYTES; i++)
		bytes[i] = (uint8_t)(args[i / 4] >> i % 4 * 8);
}

void decode_packed(const uint32_t args[MK_SLOT_ARG_COUNT], struct packed *packed)
{
	uint8_t bytes[MK_SLOT_ARG_BYTES];
	uint32_t count, words, table;

	memset(packed, 0, sizeof(*packed));
	put_bytes(args, bytes);
	count = bytes[0];
	words = bytes[1];
	table = (2 + 2 * count + 3) / 4;
	if (table > MK_SLOT_ARG_COUNT || table + words > MK_SLOT_ARG_COUNT) {
		packed->malformed = "it does not fit a slot";
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		struct inner_operation *operation = &packed->operations[i];
		uint32_t first = bytes[3 + 2 * i];
		uint32_t end = i + 1 < count ? bytes[5 + 2 * i] : words;

		if (first > end || end > words) {
			packed->malformed = "offsets of arguments fall, or leave them";
			return;
		}
		operation->opcode = bytes[2 + 2 * i];
		take_args(bytes, table + first, table + end, operation);
		packed->count = i + 1;
	}
}

// SPDX-License-Identifier: MIT
/* The io queue and the debug log. */
#include "decode.h"

#include <state_layout.h>

void decode_io_slot(const struct view *view, uint32_t index, struct io_slot *slot)
{
	const struct mk_geometry *geometry = &view->info->geometry;
	uint64_t first = (uint64_t)index * MK_IO_SLOT_WORDS;

	*slot = (struct io_slot){ .is_request = index < geometry->io_request_slots };
	for (uint32_t i = 0; i < MK_IO_SLOT_WORDS; i++)
		slot->words[i] = view_word(view, MK_REGION_IO_QUEUE, first + i);
	slot->offset = slot->words[MK_IO_OFFSET_LOW] |
		       (uint64_t)slot->words[MK_IO_OFFSET_HIGH] << 32;
	slot->has_reason = slot->is_request &&
			   slot->words[MK_IO_STATUS] == MK_IO_STATUS_ERROR;
	if (slot->is_request)
		slot->user = view_word(view, MK_MEMORY_STATE,
				       MK_STATE_IO_SLOT_WORD((uint64_t)geometry->slots,
							     (uint64_t)view_windows(view),
							     (uint64_t)index,
							     MK_STATE_IO_OWNER));
}

void decode_log(const struct view *view, struct log_state *log)
{
	size_t count = view->memories[MK_REGION_DEBUG_LOG].count;
	uint32_t capacity =
		count > MK_LOG_RECORDS ?
			(uint32_t)((count - MK_LOG_RECORDS) / MK_LOG_RECORD_WORDS) :
			0;

	*log = (struct log_state){
		.cursor = view_word(view, MK_REGION_DEBUG_LOG, MK_LOG_CURSOR),
		.generation = decode_counter(view, MK_CQ_LOG_GENERATION),
		.dropped = decode_counter(view, MK_CQ_LOG_DROPPED),
	};
	log->records = log->cursor / MK_LOG_RECORD_WORDS;
	log->is_damaged = log->cursor % MK_LOG_RECORD_WORDS || log->records > capacity;
	if (log->records > capacity)
		log->records = capacity;
}

const uint32_t *decode_log_record(const struct view *view, uint32_t index)
{
	return view->memories[MK_REGION_DEBUG_LOG].words + MK_LOG_RECORDS +
	       (size_t)index * MK_LOG_RECORD_WORDS;
}

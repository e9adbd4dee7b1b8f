// SPDX-License-Identifier: MIT
/* What writing and reading a snapshot's file have in common. */
#include "snapshot_layout.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "words.h"

uint64_t mk_snapshot_load_long(const void *words, size_t word)
{
	return mk_load_word(words, word) | (uint64_t)mk_load_word(words, word + 1) << 32;
}

void mk_snapshot_store_long(void *words, size_t word, uint64_t value)
{
	mk_store_word(words, word, (uint32_t)value);
	mk_store_word(words, word + 1, (uint32_t)(value >> 32));
}

uint64_t mk_snapshot_header_checksum(const void *header)
{
	return XXH64(header, HEADER_CHECKSUM * MK_WORD_BYTES, 0);
}

uint64_t mk_snapshot_block_checksum(const void *block, const void *stored, size_t bytes)
{
	return XXH64(stored, bytes, XXH64(block, BLOCK_CHECKSUM * MK_WORD_BYTES, 0));
}

void mk_snapshot_list_words(struct mk_snapshot_info *info,
			    struct mk_snapshot_word words[MK_SNAPSHOT_WORDS_KEPT])
{
	const struct mk_snapshot_word all[MK_SNAPSHOT_WORDS_KEPT] = {
		{ HEADER_SLOTS, &info->geometry.slots },
		{ HEADER_WINDOW_SLOTS, &info->geometry.window_slots },
		{ HEADER_LOG_RECORDS, &info->geometry.log_records },
		{ HEADER_IO_SLOTS, &info->geometry.io_slots },
		{ HEADER_IO_REQUEST_SLOTS, &info->geometry.io_request_slots },
		{ HEADER_OBSERVABLE_WORDS, &info->geometry.observable_words },
		{ HEADER_CONTEXT_FLAGS, &info->geometry.flags },
		{ HEADER_PID, &info->pid },
		{ HEADER_MEMORIES, &info->memories },
		{ HEADER_SLOTS_CHANGED, &info->tear.slots_changed },
		{ HEADER_IO_SLOTS_CHANGED, &info->tear.io_slots_changed },
		{ HEADER_LOG_ADDED, &info->tear.log_records },
		{ HEADER_LOG_RESTARTS, &info->tear.log_restarts },
		{ HEADER_DISPATCHES, &info->tear.dispatches },
	};

	memcpy(words, all, sizeof(all));
}

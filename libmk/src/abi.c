// SPDX-License-Identifier: MIT
/* Sizes of regions, and fresh regions. */
#include "abi.h"

#include <errno.h>
#include <string.h>

#include "error.h"
#include "words.h"

#define CONTROL_WORDS_MAX (UINT32_MAX - MK_CONTROL_OBSERVABLES)
#define LOG_RECORDS_MAX	  (UINT32_MAX / MK_LOG_RECORD_WORDS)
#define IO_SLOTS_MAX	  (UINT32_MAX / MK_IO_SLOT_WORDS)

#define LOG_RECORD_BYTES  (MK_LOG_RECORD_WORDS * MK_WORD_BYTES)

/* Sizes */

static int64_t region_bytes(const char *region, const char *unit, uint32_t count,
			    uint32_t limit, uint64_t head_bytes, uint64_t unit_bytes)
{
	if (count > limit)
		return mk_fail(EOVERFLOW,
			       "%s: %u %ss do not fit 32-bit word indices, "
			       "expected at most %u; ask for fewer",
			       region, count, unit, limit);
	return head_bytes + count * unit_bytes;
}

int64_t mk_control_bytes(uint32_t observable_words)
{
	return region_bytes("control", "observable word", observable_words,
			    CONTROL_WORDS_MAX, MK_CONTROL_MIN_BYTES, MK_WORD_BYTES);
}

int64_t mk_ring_bytes(uint32_t slots)
{
	return region_bytes("ring", "slot", slots, MK_RING_SLOTS_MAX, 0, MK_SLOT_BYTES);
}

int64_t mk_debug_log_bytes(uint32_t records)
{
	return region_bytes("debug log", "record", records, LOG_RECORDS_MAX,
			    MK_LOG_RECORDS * MK_WORD_BYTES, LOG_RECORD_BYTES);
}

int64_t mk_io_queue_bytes(uint32_t slots)
{
	return region_bytes("io queue", "slot", slots, IO_SLOTS_MAX, 0, MK_IO_SLOT_BYTES);
}

/* Any ring that can exist leaves the words of its cq far below 2^32. */
static uint64_t cq_first_lease(uint32_t slots)
{
	uint64_t end = (uint64_t)MK_CQ_HEADER_WORDS + slots;
	uint64_t align = MK_CQ_LEASE_ALIGN_WORDS;

	return (end + align - 1) / align * align;
}

int64_t mk_cq_bytes(uint32_t slots, uint32_t window_slots)
{
	uint64_t windows;

	if (!window_slots)
		return mk_fail(
			EINVAL,
			"cq: windows of 0 slots, expected at least 1; the default is %u",
			MK_WINDOW_SLOTS_DEFAULT);
	windows = ((uint64_t)slots + window_slots - 1) / window_slots;
	return region_bytes(
		"cq", "ring slot", slots, MK_RING_SLOTS_MAX,
		(cq_first_lease(slots) + windows * MK_CQ_LEASE_WORDS) * MK_WORD_BYTES, 0);
}

uint32_t mk_cq_first_lease(uint32_t slots)
{
	return slots > MK_RING_SLOTS_MAX ? 0 : cq_first_lease(slots);
}

/* Encoders */

/*
 * Every encoder begins with a region of zeros.  The limit is judged first: what
 * exceeds it has no size to compare with.
 */
static int clear_region(const char *region, void *buffer, size_t length, uint32_t count,
			uint32_t limit, int64_t bytes)
{
	if (count > limit)
		return mk_fail(EOVERFLOW,
			       "%s: %u units asked for, the encoder takes at most %u; "
			       "ask for fewer",
			       region, count, limit);
	if (length != (uint64_t)bytes)
		return mk_fail(EINVAL,
			       "%s: the buffer has %zu bytes, expected exactly %lld; "
			       "take its size from the region's size function",
			       region, length, (long long)bytes);
	if (length)
		memset(buffer, 0, length);
	return 0;
}

static void fill_words(void *buffer, uint32_t first, uint32_t count, uint32_t value)
{
	for (uint32_t i = 0; i < count; i++)
		mk_store_word(buffer, first + i, value);
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

int mk_control_encode(void *buffer, size_t length, bool shutdown, uint32_t tenants,
		      uint32_t observable_words)
{
	int error = clear_region("control", buffer, length, observable_words,
				 MK_ENCODE_LIMIT, mk_control_bytes(observable_words));

	if (error)
		return error;
	mk_store_word(buffer, MK_CONTROL_SHUTDOWN, shutdown);
	mk_store_word(buffer, MK_CONTROL_TENANT_BASE, MK_CONTROL_TENANT_MASKS);
	fill_words(buffer, MK_CONTROL_TENANT_MASKS, min_u32(tenants, MK_TENANT_COUNT),
		   MK_TENANT_MASK_ALL);
	fill_words(buffer, MK_CONTROL_TENANT_QUOTAS,
		   min_u32(tenants, MK_TENANT_QUOTA_COUNT), MK_TENANT_QUOTA_DEFAULT);
	return 0;
}

int mk_ring_encode(void *buffer, size_t length, uint32_t slots)
{
	return clear_region("ring", buffer, length, slots, MK_ENCODE_LIMIT,
			    mk_ring_bytes(slots));
}

int mk_debug_log_encode(void *buffer, size_t length, uint32_t records)
{
	return clear_region("debug log", buffer, length, records, MK_ENCODE_LIMIT,
			    mk_debug_log_bytes(records));
}

int mk_io_queue_encode(void *buffer, size_t length, uint32_t slots)
{
	if (!slots)
		return mk_fail(EINVAL, "io queue: 0 slots asked for, expected 1 to %u",
			       MK_IO_SLOT_COUNT_DEFAULT);
	return clear_region("io queue", buffer, length, slots, MK_IO_SLOT_COUNT_DEFAULT,
			    mk_io_queue_bytes(slots));
}

void mk_priority_offsets(uint32_t slots, uint32_t offsets[MK_PRIORITY_COUNT + 1])
{
	uint32_t share = slots / MK_PRIORITY_COUNT;
	uint32_t first = 0;

	for (uint32_t priority = 0; priority < MK_PRIORITY_COUNT; priority++) {
		offsets[priority] = first;
		first += share;
		if (priority == MK_PRIORITY_NORMAL)
			first += slots % MK_PRIORITY_COUNT;
	}
	offsets[MK_PRIORITY_COUNT] = first;
}

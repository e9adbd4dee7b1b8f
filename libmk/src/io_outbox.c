// SPDX-License-Identifier: MIT
#include "io_outbox.h"

#define LOW_BITS  MK_CQ_IO_OUTBOX_LAP_SHIFT
#define LOW_MASK  ((1u << LOW_BITS) - 1)
#define HIGH_BITS (32 - LOW_BITS)
#define HIGH_MASK ((1u << HIGH_BITS) - 1)

/* The words of a request: all of an io slot's but the status. */
static const uint32_t fields[] = {
	MK_IO_OP,	   MK_IO_SOURCE,     MK_IO_DESTINATION, MK_IO_OFFSET_LOW,
	MK_IO_OFFSET_HIGH, MK_IO_BYTE_COUNT, MK_IO_TAG,
};
#define FIELDS ((uint32_t)(sizeof(fields) / sizeof(fields[0])))

static mk_word *record(const struct mk_context *context, uint32_t slot)
{
	return mk_cq_word(context, MK_CQ_IO_OUTBOX + slot * MK_CQ_IO_OUTBOX_WORDS);
}

void mk_io_outbox_store(const struct mk_context *context, uint32_t slot, uint32_t lap,
			const uint32_t words[MK_IO_SLOT_WORDS])
{
	uint32_t parts[MK_CQ_IO_OUTBOX_WORDS] = { 0 };

	for (uint32_t i = 0; i < FIELDS; i++) {
		parts[i] = words[fields[i]] & LOW_MASK;
		parts[FIELDS] |= words[fields[i]] >> LOW_BITS << i * HIGH_BITS;
	}
	for (uint32_t i = 0; i < MK_CQ_IO_OUTBOX_WORDS; i++)
		atomic_store_explicit(&record(context, slot)[i],
				      lap << LOW_BITS | parts[i], memory_order_release);
}

uint32_t mk_io_outbox_lap(const struct mk_context *context, uint32_t slot)
{
	return atomic_load_explicit(record(context, slot), memory_order_acquire) >>
	       LOW_BITS;
}

/* Whether @parts, which it receives, are a whole record. */
static bool load_record(const struct mk_context *context, uint32_t slot,
			uint32_t parts[MK_CQ_IO_OUTBOX_WORDS])
{
	uint32_t differ = 0;

	for (uint32_t i = 0; i < MK_CQ_IO_OUTBOX_WORDS; i++) {
		parts[i] = atomic_load_explicit(&record(context, slot)[i],
						memory_order_acquire);
		differ |= parts[i] ^ parts[0];
	}
	return !(differ >> LOW_BITS);
}

bool mk_io_outbox_is_new(const struct mk_context *context, uint32_t slot, uint32_t lap)
{
	uint32_t parts[MK_CQ_IO_OUTBOX_WORDS];

	return load_record(context, slot, parts) && parts[0] >> LOW_BITS != lap;
}

bool mk_io_outbox_take(const struct mk_context *context, uint32_t slot, uint32_t *lap,
		       uint32_t words[MK_IO_SLOT_WORDS])
{
	uint32_t parts[MK_CQ_IO_OUTBOX_WORDS];

	if (!load_record(context, slot, parts) || parts[0] >> LOW_BITS == *lap)
		return false;
	*lap = parts[0] >> LOW_BITS;
	words[MK_IO_STATUS] = 0;
	for (uint32_t i = 0; i < FIELDS; i++) {
		uint32_t high = parts[FIELDS] >> i * HIGH_BITS & HIGH_MASK;

		words[fields[i]] = high << LOW_BITS | (parts[i] & LOW_MASK);
	}
	return true;
}

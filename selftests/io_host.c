// SPDX-License-Identifier: MIT
#include "io_host.h"

#include <sched.h>
#include <string.h>

static _Atomic uint32_t *region(const struct live *live, uint32_t number)
{
	return mk_context_memory(live->context, number, NULL);
}

uint32_t io_request_slots(const struct live *live)
{
	return mk_context_geometry(live->context)->io_request_slots;
}

uint32_t io_slots(const struct live *live)
{
	return mk_context_geometry(live->context)->io_slots;
}

/* Words ------------------------------------------------------------------------- */

_Atomic uint32_t *io_word(const struct live *live, uint32_t slot, uint32_t word)
{
	return region(live, MK_REGION_IO_QUEUE) + slot * MK_IO_SLOT_WORDS + word;
}

uint32_t io_load(const struct live *live, uint32_t slot, uint32_t word)
{
	return atomic_load_explicit(io_word(live, slot, word), memory_order_acquire);
}

uint32_t io_status(const struct live *live, uint32_t slot)
{
	return io_load(live, slot, MK_IO_STATUS);
}

void io_store_status(const struct live *live, uint32_t slot, uint32_t status)
{
	atomic_thread_fence(memory_order_seq_cst);
	atomic_store_explicit(io_word(live, slot, MK_IO_STATUS), status,
			      memory_order_release);
	atomic_thread_fence(memory_order_seq_cst);
}

uint32_t io_cq_word(const struct live *live, uint32_t word)
{
	return atomic_load_explicit(region(live, MK_REGION_CQ) + word,
				    memory_order_acquire);
}

struct count_wanted {
	const struct live *live;
	uint32_t word;
	uint32_t count;
};

static bool count_is_wanted(void *argument)
{
	const struct count_wanted *wanted = argument;

	return io_cq_word(wanted->live, wanted->word) == wanted->count;
}

void io_expect_count(const struct live *live, uint32_t word, uint32_t count)
{
	struct count_wanted wanted = { live, word, count };

	if (!live_eventually(count_is_wanted, &wanted))
		fail_msg("word %u of the cq is %u and stays so, expected %u", word,
			 io_cq_word(live, word), count);
}

void io_expect_all_empty(const struct live *live)
{
	for (uint32_t i = 0; i < io_slots(live); i++)
		assert_int_equal(io_status(live, i), MK_STATUS_EMPTY);
}

static bool all_are_empty(void *argument)
{
	const struct live *live = argument;

	for (uint32_t i = 0; i < io_slots(live); i++)
		if (io_status(live, i) != MK_STATUS_EMPTY)
			return false;
	return true;
}

void io_await_all_empty(struct live *live)
{
	if (!live_eventually(all_are_empty, live))
		io_expect_all_empty(live);
}

/* Steps ------------------------------------------------------------------------- */

void io_wake(struct live *live)
{
	live_ok(mk_context_set_tenant(live->context, 0, MK_TENANT_MASK_ALL));
}

static bool goes_by_records(const struct live *live, uint32_t slot)
{
	return !strcmp(mk_context_backing(live->context), "device") &&
	       slot < MK_CQ_IO_OUTBOX_SLOTS;
}

static bool has_new_record(struct live *live, uint32_t slot)
{
	const uint32_t first = MK_CQ_IO_OUTBOX + slot * MK_CQ_IO_OUTBOX_WORDS;
	uint32_t lap = io_cq_word(live, first) >> MK_CQ_IO_OUTBOX_LAP_SHIFT;

	for (uint32_t i = 1; i < MK_CQ_IO_OUTBOX_WORDS; i++)
		if (io_cq_word(live, first + i) >> MK_CQ_IO_OUTBOX_LAP_SHIFT != lap)
			return false;
	if (lap == live->io_laps[slot])
		return false;
	live->io_laps[slot] = lap;
	return true;
}

void io_skip_records(struct live *live)
{
	for (uint32_t slot = 0; slot < MK_CQ_IO_OUTBOX_SLOTS; slot++)
		live->io_laps[slot] =
			io_cq_word(live,
				   MK_CQ_IO_OUTBOX + slot * MK_CQ_IO_OUTBOX_WORDS) >>
			MK_CQ_IO_OUTBOX_LAP_SHIFT;
}

/* One that was killed may have published the slot and not its record. */
static bool was_left_by_the_dead(struct live *live, uint32_t slot)
{
	uint32_t dispatches = io_cq_word(live, MK_CQ_DISPATCHES);

	if (io_cq_word(live, MK_CQ_ENGINE_STATE) != MK_ENGINE_RUNNING)
		return true;
	if (!live->io_bare[slot])
		live->io_bare_since[slot] = dispatches;
	live->io_bare[slot] = true;
	return dispatches - live->io_bare_since[slot] >= 2;
}

/* Across a bus what a slot says is all there once its record is. */
static bool is_whole(struct live *live, uint32_t slot)
{
	if (!goes_by_records(live, slot))
		return true;
	if (!has_new_record(live, slot)) {
		if (!was_left_by_the_dead(live, slot))
			return false;
		/* It may have come since. */
		has_new_record(live, slot);
	}
	live->io_bare[slot] = false;
	return true;
}

bool io_try_claim(struct live *live, uint32_t first, uint32_t *slot,
		  struct io_request *request)
{
	uint32_t count = io_request_slots(live);

	for (uint32_t i = 0; i < count; i++) {
		*slot = (first + i) % count;
		if (io_status(live, *slot) != MK_STATUS_PUBLISHED ||
		    !is_whole(live, *slot))
			continue;
		for (uint32_t word = 0; word < MK_IO_SLOT_WORDS; word++)
			request->words[word] = io_load(live, *slot, word);
		io_store_status(live, *slot, MK_STATUS_CLAIMED);
		return true;
	}
	return false;
}

uint32_t io_claim(struct live *live, struct io_request *request)
{
	uint64_t begin = live_now_ns();
	uint32_t slot;

	while (!io_try_claim(live, 0, &slot, request)) {
		assert_true(live_now_ns() - begin < LIVE_TIMEOUT_NS);
		sched_yield();
	}
	return slot;
}

void io_answer(struct live *live, uint32_t slot, uint32_t status, uint32_t reason)
{
	if (status == MK_IO_STATUS_ERROR)
		atomic_store_explicit(io_word(live, slot, MK_IO_REASON), reason,
				      memory_order_relaxed);
	io_store_status(live, slot, status);
	io_wake(live);
}

void io_ingest(struct live *live, uint32_t slot, const struct io_request *ingest)
{
	assert_int_equal(io_status(live, slot), MK_STATUS_EMPTY);
	for (uint32_t word = 0; word < MK_IO_SLOT_WORDS; word++)
		if (word != MK_IO_STATUS)
			atomic_store_explicit(io_word(live, slot, word),
					      ingest->words[word], memory_order_relaxed);
	io_store_status(live, slot, MK_STATUS_PUBLISHED);
	io_wake(live);
}

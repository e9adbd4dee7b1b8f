// SPDX-License-Identifier: MIT
#include "ioq.h"

#include <errno.h>
#include <stdlib.h>

#include "error.h"
#include "io_outbox.h"

static mk_word *slot_words(const struct mk_ioq *queue, uint32_t slot)
{
	return &queue->context
			->regions[MK_REGION_IO_QUEUE][(size_t)slot * MK_IO_SLOT_WORDS];
}

static uint32_t load_status(const struct mk_ioq *queue, uint32_t slot)
{
	return atomic_load_explicit(&slot_words(queue, slot)[MK_IO_STATUS],
				    memory_order_acquire);
}

static void store_status(const struct mk_ioq *queue, uint32_t slot, uint32_t status)
{
	atomic_store_explicit(&slot_words(queue, slot)[MK_IO_STATUS], status,
			      memory_order_release);
}

static bool has_outbox(const struct mk_ioq *queue, uint32_t slot)
{
	return queue->context->split && slot < MK_CQ_IO_OUTBOX_SLOTS;
}

static uint32_t load_count(const struct mk_ioq *queue)
{
	return mk_cq_load(queue->context, MK_CQ_IO_REQUESTS);
}

/* Hints ------------------------------------------------------------------------ */

#define HINT_NUMBERS (1u << (32 - MK_CQ_IO_HINT_SLOT_BITS))

/*
 * The next hint, or a later one in its place: then the device was faster, and what it
 * wrote over is found by the count.  @ahead receives how many hints further that is.
 */
static bool has_hint(const struct mk_ioq *queue, uint32_t *hint, uint32_t *ahead)
{
	if (!queue->context->split)
		return false;
	*hint = mk_cq_load(queue->context,
			   MK_CQ_IO_HINTS + queue->hints % MK_CQ_IO_HINT_COUNT);
	*ahead = ((*hint >> MK_CQ_IO_HINT_SLOT_BITS) - queue->hints) % HINT_NUMBERS;
	return *ahead % MK_CQ_IO_HINT_COUNT == 1 && *ahead < HINT_NUMBERS / 2;
}

/*
 * Slots of the outbox that were hinted at; a hint may come before its record, or late.  And
 * the last one that had a record: who asks for one thing after another does so there, and
 * what a device has stored takes long to load, so the hint is not waited for.
 */
static uint32_t due_slots(const struct mk_ioq *queue)
{
	return queue->context->split ? queue->due | 1u << queue->recent : 0;
}

static bool has_due_record(const struct mk_ioq *queue)
{
	for (uint32_t due = due_slots(queue); due; due &= due - 1) {
		uint32_t slot = (uint32_t)__builtin_ctz(due);

		if (!queue->state[slot].is_claimed &&
		    mk_io_outbox_is_new(queue->context, slot, queue->state[slot].lap))
			return true;
	}
	return false;
}

int mk_ioq_open(struct mk_ioq *queue, struct mk_context *context)
{
	*queue = (struct mk_ioq){
		.context = context,
		.slots = context->geometry.io_request_slots,
	};
	if (!queue->slots)
		return mk_fail(EINVAL, "the context has no io slots for requests; create "
				       "it with io_request_slots");
	queue->state = calloc(queue->slots, sizeof(*queue->state));
	if (!queue->state)
		return mk_fail(ENOMEM, "no memory for %u io requests", queue->slots);
	for (uint32_t i = 0; has_outbox(queue, i) && i < queue->slots; i++)
		queue->state[i].lap = mk_io_outbox_lap(context, i);
	/* What is there already is as good as counted. */
	queue->hints = load_count(queue);
	queue->claimed = queue->hints - queue->slots;
	queue->has_missed = true;
	return 0;
}

void mk_ioq_close(struct mk_ioq *queue)
{
	free(queue->state);
	queue->state = NULL;
}

bool mk_ioq_must_look(const struct mk_ioq *queue)
{
	uint32_t ahead = queue->claimed - load_count(queue);

	if (queue->context->split)
		return queue->has_missed;
	/*
	 * What is seen PUBLISHED may not have been counted yet, so we may be ahead; but
	 * not by more than there are slots, unless the count is wrong.
	 */
	return ahead && ahead > queue->slots;
}

bool mk_ioq_has_requests(const struct mk_ioq *queue)
{
	uint32_t hint, ahead;

	return mk_ioq_must_look(queue) || has_hint(queue, &hint, &ahead) ||
	       has_due_record(queue);
}

/* Claiming ------------------------------------------------------------------- */

#if defined(__x86_64__)
/* Exactly two loads, of which a device's memory takes a microsecond for each. */
static void copy_across_bus(const mk_word *from, uint32_t words[MK_IO_SLOT_WORDS])
{
	typedef uint32_t half __attribute__((vector_size(16)));
	half low, high;

	__asm__ volatile("movdqa %2, %0\n\tmovdqa %3, %1"
			 : "=&x"(low), "=&x"(high)
			 : "m"(*(const half *)(const void *)&from[0]),
			   "m"(*(const half *)(const void *)&from[4]));
	for (uint32_t i = 0; i < 4; i++) {
		words[i] = low[i];
		words[4 + i] = high[i];
	}
}
#endif

static void copy_words(const struct mk_ioq *queue, uint32_t slot,
		       uint32_t words[MK_IO_SLOT_WORDS])
{
	const mk_word *from = slot_words(queue, slot);

#if defined(__x86_64__)
	if (queue->context->split) {
		copy_across_bus(from, words);
		return;
	}
#endif
	for (uint32_t i = 0; i < MK_IO_SLOT_WORDS; i++)
		words[i] = atomic_load_explicit(&from[i], memory_order_relaxed);
}

static struct mk_io_request request_from(uint32_t slot,
					 const uint32_t words[MK_IO_SLOT_WORDS])
{
	return (struct mk_io_request){
		.slot = slot,
		.op = words[MK_IO_OP],
		.source = words[MK_IO_SOURCE],
		.destination = words[MK_IO_DESTINATION],
		.offset = (uint64_t)words[MK_IO_OFFSET_HIGH] << 32 |
			  words[MK_IO_OFFSET_LOW],
		.byte_count = words[MK_IO_BYTE_COUNT],
		.tag = words[MK_IO_TAG],
	};
}

static void load_request(const struct mk_ioq *queue, uint32_t slot,
			 struct mk_io_request *request)
{
	uint32_t words[MK_IO_SLOT_WORDS];

	copy_words(queue, slot, words);
	*request = request_from(slot, words);
}

static void claim(struct mk_ioq *queue, uint32_t slot)
{
	queue->state[slot].is_claimed = true;
	queue->state[slot].is_shown = false;
	queue->state[slot].is_seen = false;
	queue->claimed++;
}

void mk_ioq_show_claim(struct mk_ioq *queue, uint32_t slot)
{
	if (!queue->state[slot].is_shown)
		store_status(queue, slot, MK_STATUS_CLAIMED);
	queue->state[slot].is_shown = true;
}

/* The outbox -------------------------------------------------------------------- */

static bool claim_record(struct mk_ioq *queue, uint32_t slot,
			 struct mk_io_request *request)
{
	struct mk_ioq_slot *state = &queue->state[slot];
	uint32_t words[MK_IO_SLOT_WORDS];

	if (state->is_claimed ||
	    !mk_io_outbox_take(queue->context, slot, &state->lap, words))
		return false;
	*request = request_from(slot, words);
	queue->due &= ~(1u << slot);
	queue->recent = slot;
	claim(queue, slot);
	return true;
}

/* Whether what the device stored before a slot was seen PUBLISHED is visible now. */
static bool is_settled(struct mk_ioq *queue, uint32_t slot)
{
	struct mk_ioq_slot *state = &queue->state[slot];
	uint32_t dispatches = mk_cq_load(queue->context, MK_CQ_DISPATCHES);

	if (mk_cq_load(queue->context, MK_CQ_ENGINE_STATE) != MK_ENGINE_RUNNING)
		return true;
	if (!state->is_seen)
		state->seen_at = dispatches;
	state->is_seen = true;
	return dispatches - state->seen_at >= 2;
}

/* Slots -------------------------------------------------------------------------- */

/* The slots among @looked from @first on that are PUBLISHED, as bits. */
static uint32_t find_published(struct mk_ioq *queue, uint32_t first, uint32_t looked)
{
	uint32_t published = 0;

	for (uint32_t i = 0; i < looked; i++)
		if (!queue->state[first + i].is_claimed &&
		    load_status(queue, first + i) == MK_STATUS_PUBLISHED)
			published |= 1u << i;
	/* One fence for all of them, so that their loads overlap. */
	if (published && queue->context->write_combining)
		mk_read_fence();
	return published;
}

/* There may be something anywhere. */
static void note_missed(struct mk_ioq *queue)
{
	queue->has_missed = true;
	queue->has_unsettled = false;
	queue->found_none = 0;
}

/*
 * A whole turn without a find: what was counted before it, others have had.  Across a bus
 * any whole turn has seen all that was missed before it, and what was found meanwhile has
 * hints: it does not make another turn necessary, else that went on for ever.
 */
static void note_looked(struct mk_ioq *queue, uint32_t looked, uint32_t count)
{
	if (!queue->found_none)
		queue->count_then = count;
	queue->found_none += looked;
	if (queue->found_none < queue->slots)
		return;
	queue->claimed = queue->count_then;
	queue->found_none = 0;
	queue->has_missed = queue->has_unsettled;
	queue->has_unsettled = false;
}

static bool claim_published(struct mk_ioq *queue, uint32_t slot,
			    struct mk_io_request *request)
{
	if (!find_published(queue, slot, 1))
		return false;
	load_request(queue, slot, request);
	claim(queue, slot);
	return true;
}

/* What does not come is found in turn. */
static uint32_t claim_due(struct mk_ioq *queue, uint32_t claimed,
			  struct mk_io_request requests[MK_IOQ_LOOK_SLOTS])
{
	for (uint32_t due = due_slots(queue); due && claimed < MK_IOQ_LOOK_SLOTS;
	     due &= due - 1)
		claimed += claim_record(queue, (uint32_t)__builtin_ctz(due),
					&requests[claimed]);
	return claimed;
}

/*
 * Hints may make no sense, and go on and on.  The slot of one may be long answered, and be
 * used again: what counts is what is there.
 */
static uint32_t take_hints(struct mk_ioq *queue, uint32_t claimed,
			   struct mk_io_request requests[MK_IOQ_LOOK_SLOTS])
{
	uint32_t hint, ahead;

	for (uint32_t i = 0; i < MK_CQ_IO_HINT_COUNT && claimed < MK_IOQ_LOOK_SLOTS &&
			     has_hint(queue, &hint, &ahead);
	     i++) {
		uint32_t slot = hint & MK_CQ_IO_HINT_SLOT_NONE;

		queue->hints += ahead;
		if (ahead != 1)
			note_missed(queue);
		if (slot >= queue->slots)
			continue;
		if (has_outbox(queue, slot))
			queue->due |= 1u << slot;
		else
			claimed += claim_published(queue, slot, &requests[claimed]);
	}
	return claimed;
}

/* What the device has just stored takes long to load: hints may wait, but not for ever. */
uint32_t mk_ioq_claim_hinted(struct mk_ioq *queue,
			     struct mk_io_request requests[MK_IOQ_LOOK_SLOTS])
{
	enum { HINTS_WAIT = 8 };
	uint32_t claimed = claim_due(queue, 0, requests);

	if (claimed && ++queue->hints_waited < HINTS_WAIT)
		return claimed;
	queue->hints_waited = 0;
	return claim_due(queue, take_hints(queue, claimed, requests), requests);
}

static uint32_t slots_from(const struct mk_ioq *queue, uint32_t first)
{
	uint32_t left = queue->slots - first;

	return left < MK_IOQ_LOOK_SLOTS ? left : MK_IOQ_LOOK_SLOTS;
}

static uint32_t claim_from(struct mk_ioq *queue, uint32_t first,
			   struct mk_io_request requests[MK_IOQ_LOOK_SLOTS])
{
	uint32_t looked = slots_from(queue, first);
	uint32_t published = find_published(queue, first, looked);
	uint32_t claimed = 0;

	for (uint32_t i = 0; i < looked; i++) {
		uint32_t slot = first + i;

		if (has_outbox(queue, slot) &&
		    claim_record(queue, slot, &requests[claimed])) {
			claimed++;
			continue;
		}
		if (!(published & 1u << i))
			continue;
		if (has_outbox(queue, slot) && !is_settled(queue, slot)) {
			queue->has_unsettled = true;
			continue;
		}
		load_request(queue, slot, &requests[claimed++]);
		claim(queue, slot);
	}
	if (first < MK_CQ_IO_OUTBOX_SLOTS)
		queue->due &= ~(((1u << looked) - 1) << first);
	if (!claimed)
		return 0;
	queue->found = first;
	return claimed;
}

uint32_t mk_ioq_claim(struct mk_ioq *queue,
		      struct mk_io_request requests[MK_IOQ_LOOK_SLOTS])
{
	uint32_t looked = slots_from(queue, queue->next);
	uint32_t count = load_count(queue);
	uint32_t claimed = claim_from(queue, queue->next, requests);

	queue->next += looked;
	if (queue->next == queue->slots)
		queue->next = 0;
	if (claimed && !queue->context->split)
		queue->found_none = 0;
	else
		note_looked(queue, looked, count);
	return claimed;
}

uint32_t mk_ioq_claim_again(struct mk_ioq *queue,
			    struct mk_io_request requests[MK_IOQ_LOOK_SLOTS])
{
	uint32_t claimed;

	/* Across a bus there are hints. */
	if (queue->context->split)
		return 0;
	claimed = claim_from(queue, queue->found, requests);
	if (claimed)
		queue->found_none = 0;
	return claimed;
}

bool mk_ioq_inherit(struct mk_ioq *queue, uint32_t slot, struct mk_io_request *request)
{
	if (load_status(queue, slot) != MK_STATUS_CLAIMED)
		return false;
	if (queue->context->write_combining)
		mk_read_fence();
	load_request(queue, slot, request);
	queue->state[slot].is_claimed = queue->state[slot].is_shown = true;
	return true;
}

/* Answering ------------------------------------------------------------------- */

void mk_ioq_explain(struct mk_ioq *queue, uint32_t slot, uint32_t reason, uint32_t error,
		    uint32_t byte_count)
{
	mk_word *words = slot_words(queue, slot);

	atomic_store_explicit(&words[MK_IO_REASON], reason, memory_order_relaxed);
	atomic_store_explicit(&words[MK_IO_ERRNO], error, memory_order_relaxed);
	atomic_store_explicit(&words[MK_IO_BYTE_COUNT], byte_count, memory_order_relaxed);
}

void mk_ioq_answer(struct mk_ioq *queue, uint32_t slot, uint32_t status)
{
	queue->state[slot].is_claimed = false;
	store_status(queue, slot, status);
}

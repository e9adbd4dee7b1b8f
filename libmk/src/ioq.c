// SPDX-License-Identifier: MIT
#include "ioq.h"

#include <errno.h>
#include <stdlib.h>

#include "error.h"

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

int mk_ioq_open(struct mk_ioq *queue, struct mk_context *context)
{
	*queue = (struct mk_ioq){
		.context = context,
		.slots = context->geometry.io_request_slots,
	};
	if (!queue->slots)
		return mk_fail(EINVAL, "the context has no io slots for requests; create "
				       "it with io_request_slots");
	queue->is_claimed = calloc(queue->slots, sizeof(*queue->is_claimed));
	if (!queue->is_claimed)
		return mk_fail(ENOMEM, "no memory for %u io requests", queue->slots);
	/* What is there already is as good as counted. */
	queue->hints = load_count(queue);
	queue->claimed = queue->hints - queue->slots;
	return 0;
}

void mk_ioq_close(struct mk_ioq *queue)
{
	free(queue->is_claimed);
	queue->is_claimed = NULL;
}

bool mk_ioq_has_requests(const struct mk_ioq *queue)
{
	enum { COUNTED_LATE = 1u << 20 };
	uint32_t ahead = queue->claimed - load_count(queue);
	uint32_t hint, hints_ahead;

	/*
	 * What is seen PUBLISHED may not have been counted yet, so we may be ahead; but
	 * not by more than there are slots, unless the count is wrong, or hints have come
	 * before it.
	 */
	return has_hint(queue, &hint, &hints_ahead) ||
	       (ahead && ahead > (queue->context->split ? COUNTED_LATE : queue->slots));
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

static void load_request(const struct mk_ioq *queue, uint32_t slot,
			 struct mk_io_request *request)
{
	uint32_t words[MK_IO_SLOT_WORDS];

	copy_words(queue, slot, words);
	*request = (struct mk_io_request){
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

static void claim(struct mk_ioq *queue, uint32_t slot)
{
	store_status(queue, slot, MK_STATUS_CLAIMED);
	queue->is_claimed[slot] = true;
	queue->claimed++;
	queue->found_none = 0;
}

/* The slots among @looked from @first on that are PUBLISHED, as bits. */
static uint32_t find_published(const struct mk_ioq *queue, uint32_t first,
			       uint32_t looked)
{
	uint32_t published = 0;

	for (uint32_t i = 0; i < looked; i++)
		if (!queue->is_claimed[first + i] &&
		    load_status(queue, first + i) == MK_STATUS_PUBLISHED)
			published |= 1u << i;
	/* One fence for all of them, so that their loads overlap. */
	if (published && queue->context->write_combining)
		mk_read_fence();
	return published;
}

/* A whole turn without a find: what was counted before it, others have had. */
static void note_found_none(struct mk_ioq *queue, uint32_t looked, uint32_t count)
{
	if (!queue->found_none)
		queue->count_then = count;
	queue->found_none += looked;
	if (queue->found_none < queue->slots)
		return;
	queue->claimed = queue->count_then;
	queue->found_none = 0;
}

/* As many as there can be, also if they make no sense and go on and on. */
uint32_t mk_ioq_claim_hinted(struct mk_ioq *queue,
			     struct mk_io_request requests[MK_IOQ_LOOK_SLOTS])
{
	uint32_t claimed = 0, hint, ahead;

	for (uint32_t i = 0; i < MK_CQ_IO_HINT_COUNT && claimed < MK_IOQ_LOOK_SLOTS &&
			     has_hint(queue, &hint, &ahead);
	     i++) {
		uint32_t slot = hint & MK_CQ_IO_HINT_SLOT_NONE;

		queue->hints += ahead;
		/* It may be long answered, and the slot be used again: what counts is that. */
		if (slot >= queue->slots || !find_published(queue, slot, 1))
			continue;
		load_request(queue, slot, &requests[claimed++]);
		claim(queue, slot);
	}
	return claimed;
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
		if (!(published & 1u << i))
			continue;
		load_request(queue, first + i, &requests[claimed++]);
		claim(queue, first + i);
	}
	if (claimed)
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
	if (!claimed)
		note_found_none(queue, looked, count);
	return claimed;
}

uint32_t mk_ioq_claim_again(struct mk_ioq *queue,
			    struct mk_io_request requests[MK_IOQ_LOOK_SLOTS])
{
	/* Across a bus there are hints. */
	return queue->context->split ? 0 : claim_from(queue, queue->found, requests);
}

bool mk_ioq_inherit(struct mk_ioq *queue, uint32_t slot, struct mk_io_request *request)
{
	if (load_status(queue, slot) != MK_STATUS_CLAIMED)
		return false;
	if (queue->context->write_combining)
		mk_read_fence();
	load_request(queue, slot, request);
	queue->is_claimed[slot] = true;
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
	queue->is_claimed[slot] = false;
	store_status(queue, slot, status);
}

/* SPDX-License-Identifier: MIT */
/*
 * The inside of a context, and the host's access to its shared words.
 *
 * Every shared word has a direction (Documentation/abi.rst).  A device across a
 * bus will want inbound words, which the host writes and it polls, in its own
 * memory, and outbound words, which it writes and the host polls, in the
 * host's.  So host code never touches a mapping: it goes through the accessors
 * below, and each knows where its word is.  With one memory that is coherent
 * both ways the two sides are the same mapping.
 *
 * A shared word may change under our hands at any time, by whoever has the
 * memory: load it once, check the copy, use the copy.
 */
#ifndef MK_SRC_CONTEXT_H
#define MK_SRC_CONTEXT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <mk/context.h>

#include <state_layout.h>

#include "backing.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "shared words are little-endian, and so must the host be"
#endif

typedef _Atomic uint32_t mk_word;
typedef _Atomic uint64_t mk_word64;

struct mk_region {
	mk_word *inbound;  /* the host stores here */
	mk_word *outbound; /* the device stores here */
};

struct mk_context {
	struct mk_geometry geometry; /* checked; never read from shared memory again */
	uint32_t window_count;
	uint32_t first_lease;
	struct mk_region regions[MK_REGION_COUNT];
	mk_word *state;
	mk_word *arena;	      /* NULL: there is none */
	mk_word64 slots_done; /* the most that was told */
	struct mk_backing *backing;
};

/* -EACCES unless the context's role may do what @least may, which is to @what. */
int mk_context_check_role(const struct mk_context *context, enum mk_role least,
			  const char *what);

/* Control ------------------------------------------------------------- */

static inline bool mk_control_is_inbound(uint32_t word)
{
	return word == MK_CONTROL_SHUTDOWN ||
	       (word >= MK_CONTROL_TENANT_BASE && word < MK_CONTROL_TENANT_FAIRNESS) ||
	       (word >= MK_CONTROL_PRIORITY_OFFSETS && word < MK_CONTROL_STARVATION);
}

static inline mk_word *mk_control_word(const struct mk_context *context, uint32_t word)
{
	const struct mk_region *control = &context->regions[MK_REGION_CONTROL];

	return mk_control_is_inbound(word) ? &control->inbound[word] :
					     &control->outbound[word];
}

static inline uint32_t mk_control_load(const struct mk_context *context, uint32_t word)
{
	return atomic_load_explicit(mk_control_word(context, word), memory_order_acquire);
}

static inline void mk_control_store(struct mk_context *context, uint32_t word,
				    uint32_t value)
{
	atomic_store_explicit(mk_control_word(context, word), value,
			      memory_order_release);
}

/* Ring ------------------------------------------------------------------ */

/* The payload and PUBLISHED are inbound; every other status is outbound. */

static inline uint32_t mk_slot_status(const struct mk_context *context, uint32_t slot)
{
	return atomic_load_explicit(
		&context->regions[MK_REGION_RING].outbound[slot * MK_SLOT_WORDS],
		memory_order_acquire);
}

static inline uint32_t mk_slot_payload(const struct mk_context *context, uint32_t slot,
				       uint32_t word)
{
	return atomic_load_explicit(
		&context->regions[MK_REGION_RING].inbound[slot * MK_SLOT_WORDS + word],
		memory_order_relaxed);
}

static inline uint32_t mk_window_first(const struct mk_context *context, uint32_t window)
{
	return window * context->geometry.window_slots;
}

/* The last window of a ring may be short. */
static inline uint32_t mk_window_size(const struct mk_context *context, uint32_t window)
{
	uint32_t left = context->geometry.slots - mk_window_first(context, window);

	return left < context->geometry.window_slots ? left :
						       context->geometry.window_slots;
}

static inline bool mk_status_is_final(uint32_t status)
{
	return status == MK_STATUS_EMPTY || status == MK_STATUS_DONE ||
	       status == MK_STATUS_FAULT;
}

/* CQ -------------------------------------------------------------------- */

/* The cq is in host memory always, so it has no sides. */
static inline mk_word *mk_cq_word(const struct mk_context *context, uint32_t word)
{
	return &context->regions[MK_REGION_CQ].outbound[word];
}

static inline uint32_t mk_cq_load(const struct mk_context *context, uint32_t word)
{
	return atomic_load_explicit(mk_cq_word(context, word), memory_order_acquire);
}

static inline uint32_t mk_cq_entry(const struct mk_context *context, uint32_t slot)
{
	return mk_cq_load(context, MK_CQ_HEADER_WORDS + slot);
}

static inline uint32_t mk_entry_count(uint32_t entry)
{
	return entry >> MK_CQ_ENTRY_COUNT_SHIFT & MK_CQ_ENTRY_COUNT_MASK;
}

static inline mk_word64 *mk_cq_lease(const struct mk_context *context, uint32_t window)
{
	return (mk_word64 *)(void *)mk_cq_word(
		context, context->first_lease + window * MK_CQ_LEASE_WORDS);
}

/* State: the engines' own ------------------------------------------------ */

static inline mk_word *mk_state_word(const struct mk_context *context, uint32_t word)
{
	return context->state + word;
}

/* Where a slot keeps MK_STATE_PROGRESS, MK_STATE_INNER or MK_STATE_COMPLETIONS. */
static inline mk_word *mk_slot_state(const struct mk_context *context, uint32_t slot,
				     uint32_t word)
{
	return mk_state_word(context, MK_STATE_SLOTS + slot * MK_STATE_SLOT_WORDS + word);
}

#endif /* MK_SRC_CONTEXT_H */

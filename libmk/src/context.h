/* SPDX-License-Identifier: MIT */
/*
 * The inside of a context, and the host's access to its shared words.
 *
 * Every shared word is in one place, and which that is depends on the device
 * (Documentation/memory-ordering.rst).  A device across a bus polls its own memory, and
 * so all is there that it polls or that nobody does; what the host polls, the cq, is
 * where the host's caches have it, whoever allocated that.  So host code never touches a mapping: it goes through the accessors
 * below.  A load from the device's memory takes about a microsecond: nothing that is
 * done for each slot may need one.
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

struct mk_trace;

struct mk_context {
	struct mk_geometry geometry; /* checked; never read from shared memory again */
	uint32_t window_count;
	uint32_t first_lease;
	mk_word *regions[MK_REGION_COUNT];
	mk_word *state;
	mk_word *arena;		/* NULL: there is none */
	bool split;		/* all but the cq are where a device polls */
	bool write_combining;	/* and so are stores to them */
	struct mk_trace *trace; /* of this process; NULL: nothing is traced */
	mk_word64 slots_done;	/* the most that was told */
	_Atomic int formats; /* the owner's file of them, for debug records; -1: none */
	struct mk_backing *backing;
};

/* -EACCES unless the context's role may do what @least may, which is to @what. */
int mk_context_check_role(const struct mk_context *context, enum mk_role least,
			  const char *what);

/*
 * Stores so far, also those that a processor gathers for a device's memory, are sent
 * before those that follow.
 */
static inline void mk_write_fence(void)
{
#if defined(__x86_64__)
	__builtin_ia32_sfence();
#elif defined(__aarch64__)
	__asm__ volatile("dmb oshst" ::: "memory");
#else
	atomic_thread_fence(memory_order_seq_cst);
#endif
}

/*
 * Loads so far are done before those that follow, also where these are from a device's
 * memory: a processor may load from write-combining memory ahead of its turn, and nobody
 * tells it that what it got has changed since.
 */
static inline void mk_read_fence(void)
{
#if defined(__x86_64__)
	__builtin_ia32_lfence();
#elif defined(__aarch64__)
	__asm__ volatile("dmb oshld" ::: "memory");
#else
	atomic_thread_fence(memory_order_seq_cst);
#endif
}

/* Control ------------------------------------------------------------- */

static inline mk_word *mk_control_word(const struct mk_context *context, uint32_t word)
{
	return &context->regions[MK_REGION_CONTROL][word];
}

static inline uint32_t mk_control_load(const struct mk_context *context, uint32_t word)
{
	uint32_t value = atomic_load_explicit(mk_control_word(context, word),
					      memory_order_acquire);

	if (context->write_combining)
		mk_read_fence();
	return value;
}

static inline void mk_control_store(struct mk_context *context, uint32_t word,
				    uint32_t value)
{
	atomic_store_explicit(mk_control_word(context, word), value,
			      memory_order_release);
	if (context->write_combining)
		mk_write_fence();
}

/* Ring ------------------------------------------------------------------ */

static inline uint32_t mk_slot_payload(const struct mk_context *context, uint32_t slot,
				       uint32_t word)
{
	return atomic_load_explicit(
		&context->regions[MK_REGION_RING][slot * MK_SLOT_WORDS + word],
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

/* IO queue -------------------------------------------------------------- */

static inline mk_word *mk_io_word(const struct mk_context *context, uint32_t io_slot,
				  uint32_t word)
{
	return &context->regions[MK_REGION_IO_QUEUE]
				[(size_t)io_slot * MK_IO_SLOT_WORDS + word];
}

/* CQ -------------------------------------------------------------------- */

/* The cq is always where the host's caches have it. */
static inline mk_word *mk_cq_word(const struct mk_context *context, uint32_t word)
{
	return &context->regions[MK_REGION_CQ][word];
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

/* Of the io queue's groups of ingest slots; there are MK_CQ_INGEST_LEASE_COUNT. */
static inline mk_word64 *mk_cq_ingest_lease(const struct mk_context *context,
					    uint32_t group)
{
	return (mk_word64 *)(void *)mk_cq_word(
		context, MK_CQ_INGEST_LEASES + group * MK_CQ_LEASE_WORDS);
}

/* State: the engines' own ------------------------------------------------ */

static inline mk_word *mk_state_word(const struct mk_context *context, uint32_t word)
{
	return context->state + word;
}

/* Where a slot keeps MK_STATE_PROGRESS, _INNER, _ENTRY or _IO. */
static inline mk_word *mk_slot_state(const struct mk_context *context, uint32_t slot,
				     uint32_t array)
{
	return mk_state_word(context,
			     MK_STATE_SLOT_WORD(context->geometry.slots, slot, array));
}

/* What the device keeps of an io slot: MK_STATE_IO_OWNER or _LAP. */
static inline mk_word *mk_io_state(const struct mk_context *context, uint32_t io_slot,
				   uint32_t word)
{
	return mk_state_word(context,
			     MK_STATE_IO_SLOT_WORD(context->geometry.slots,
						   context->window_count, io_slot, word));
}

/* The entry that the device keeps of a slot: the cq's, or what that will be. */
static inline uint32_t mk_slot_entry(const struct mk_context *context, uint32_t slot)
{
	return atomic_load_explicit(mk_slot_state(context, slot, MK_STATE_ENTRY),
				    memory_order_acquire);
}

static inline mk_word *mk_slot_word(const struct mk_context *context, uint32_t slot)
{
	return &context->regions[MK_REGION_RING][(size_t)slot * MK_SLOT_WORDS];
}

/*
 * A slot's status.  In an inbox the host publishes anew with another count than that of
 * the entry which the device keeps.
 */
static inline uint32_t mk_slot_status(const struct mk_context *context, uint32_t slot)
{
	uint32_t word =
		atomic_load_explicit(mk_slot_word(context, slot), memory_order_acquire);
	uint32_t entry;

	if (!context->split)
		return word;
	entry = mk_slot_entry(context, slot);
	if ((word & ((1u << MK_INBOX_COUNT_SHIFT) - 1)) == MK_STATUS_PUBLISHED &&
	    word >> MK_INBOX_COUNT_SHIFT != mk_entry_count(entry))
		return MK_STATUS_PUBLISHED;
	return entry & MK_CQ_ENTRY_STATUS_MASK;
}

/*
 * Where the device counts what the cq shows in its line of the device's.  Where it may
 * not add there it adds beside, and the cq follows: what is beside is never behind.
 */
static inline mk_word *mk_counter_word(const struct mk_context *context, uint32_t word)
{
	return context->split ? mk_state_word(context, MK_STATE_COUNTERS + word -
							       MK_CQ_HEARTBEAT) :
				mk_cq_word(context, word);
}

/* Add to it on the host, for who stands in for the device.  Returns what it was. */
static inline uint32_t mk_counter_add(const struct mk_context *context, uint32_t word,
				      uint32_t value)
{
	if (context->split)
		atomic_fetch_add_explicit(mk_cq_word(context, word), value,
					  memory_order_relaxed);
	return atomic_fetch_add_explicit(mk_counter_word(context, word), value,
					 memory_order_relaxed);
}

#endif /* MK_SRC_CONTEXT_H */

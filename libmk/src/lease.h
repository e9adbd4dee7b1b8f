/* SPDX-License-Identifier: MIT */
/*
 * Leases: which producer may publish into which place.  A place is a window of the ring
 * or a group of the io queue's ingest slots; both are leased by the same rules.
 *
 * A lease is one 64-bit word in the cq: the producer's id in the low half and a
 * generation in the high half, or 0 when the place is free, which also says that
 * nothing is in flight in it.  With id 0 it is orphaned: nobody's, but what was
 * published there may still be in flight.  It changes only by compare-and-swap.
 *
 * A lease is never taken for lack of patience.  The backing knows who is alive: it
 * gives each producer an id, and either orphans the leases of those who die, or can
 * show that nobody has an id any more.
 *
 * Who finds no free place leaves a word for the others, and who has one heeds it.
 */
#ifndef MK_SRC_LEASE_H
#define MK_SRC_LEASE_H

#include <mk/producer.h>

#include "context.h"

/* One producer, and the places of one kind, numbered from 0. */
struct mk_leases {
	struct mk_context *context;
	mk_word64 *words; /* one for each place */
	uint32_t count;
	mk_word *wanted;   /* not 0: somebody found no free place */
	bool asked;	   /* by us */
	uint32_t given;	   /* the place that we left to others, plus 1 */
	uint64_t given_ns; /* when */
	uint32_t hint;	   /* the place to try first */
	uint64_t owner;	   /* what our leases say */
	int held_file;	   /* proves us alive */
};

/* Become a producer of @count places, who is asked for them by cq word @wanted. */
int mk_leases_open(struct mk_context *context, mk_word64 *words, uint32_t count,
		   uint32_t wanted, struct mk_leases *leases);

/* From then on what is still leased is a dead producer's. */
void mk_leases_close(struct mk_leases *leases);

/* Lease a place that is free: nothing is in flight in it. */
bool mk_leases_take_free(struct mk_leases *leases, uint32_t *place);

/*
 * Lease a place that is orphaned or whose owner is dead, which may take system calls to
 * see.  What the owner had published may still be in flight.
 */
bool mk_leases_take_dead(struct mk_leases *leases, uint32_t *place);

/* Free @place: only when nothing is in flight in it. */
void mk_leases_give_back(struct mk_leases *leases, uint32_t place);

/* The same for who asked: for a while others may take it, and we do not. */
void mk_leases_give_to_others(struct mk_leases *leases, uint32_t place);

/* Leave @place to whoever takes it, with what is in flight in it. */
void mk_leases_orphan(struct mk_leases *leases, uint32_t place);

/* Ask others for a place, and, having one, ask no more.  Who still asks says so again. */
static inline void mk_leases_ask(struct mk_leases *leases)
{
	leases->asked = true;
	atomic_store_explicit(leases->wanted, 1, memory_order_relaxed);
}

static inline void mk_leases_ask_no_more(struct mk_leases *leases)
{
	if (leases->asked)
		atomic_store_explicit(leases->wanted, 0, memory_order_relaxed);
	leases->asked = false;
}

static inline bool mk_leases_are_wanted(const struct mk_leases *leases)
{
	return atomic_load_explicit(leases->wanted, memory_order_relaxed) != 0;
}

/* For who is no producer ---------------------------------------------------- */

void mk_lease_identify(uint64_t lease, struct mk_producer_identity *identity);

/* The lease in @word if it is orphaned or its owner is dead, else 0. */
uint64_t mk_lease_of_dead(struct mk_context *context, mk_word64 *word);

/* Free what is leased by the dead, unless it has changed since; as for giving back. */
bool mk_lease_free(mk_word64 *word, uint64_t lease);

#endif /* MK_SRC_LEASE_H */

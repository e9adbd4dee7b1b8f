/* SPDX-License-Identifier: MIT */
/*
 * Leases: which producer may publish into which window of the ring.
 *
 * A lease is one 64-bit word in the cq: the producer's id in the low half and a
 * generation in the high half, or 0 when the window is free, which also says that
 * nothing is in flight in it.  With id 0 it is orphaned: nobody's, but what was
 * published there may still be in flight.  It changes only by compare-and-swap.
 *
 * A lease is never taken for lack of patience.  The backing knows who is alive: it
 * gives each producer an id, and either orphans the leases of those who die, or can
 * show that nobody has an id any more.
 */
#ifndef MK_SRC_LEASE_H
#define MK_SRC_LEASE_H

#include "context.h"

/*
 * Become a producer, whose leases say *@owner, until the descriptor that is returned is
 * closed or the process is gone.
 */
int mk_lease_register(struct mk_context *context, uint64_t *owner);

bool mk_lease_is_free(const struct mk_context *context, uint32_t window);

/* Lease @window if it is free: then nothing is in flight in it. */
bool mk_lease_take_free(struct mk_context *context, uint32_t window, uint64_t owner);

/*
 * Lease @window if it is orphaned or its owner is dead, which may take a system call to
 * see.  What the owner had published may still be in flight.
 */
bool mk_lease_take_dead(struct mk_context *context, uint32_t window, uint64_t owner);

/* Free @window: only when nothing is in flight in it. */
void mk_lease_give_back(struct mk_context *context, uint32_t window, uint64_t owner);

/* Leave @window to whoever takes it, with what is in flight in it. */
void mk_lease_orphan(struct mk_context *context, uint32_t window, uint64_t owner);

#endif /* MK_SRC_LEASE_H */

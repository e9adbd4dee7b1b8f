/* SPDX-License-Identifier: MIT */
/*
 * Leases: which producer may publish into which window of the ring.
 *
 * A lease is one 64-bit word in the cq: the producer's id in the low half and a
 * generation in the high half, or 0 when the window is free, which also says that
 * nothing is in flight in it.  With id 0 it is orphaned: nobody's, but what was
 * published there may still be in flight.  It changes only by compare-and-swap.
 *
 * Being alive is proven by a lock: a producer with id N holds a lock on byte N
 * of the cq's file, through an open file description of its own, from before its
 * first lease until after its last.  The kernel drops the lock when the process
 * dies.  So who can show that byte N is unlocked knows that every lease with a
 * generation seen before belongs to nobody.
 */
#ifndef MK_SRC_LEASE_H
#define MK_SRC_LEASE_H

#include "context.h"

/* Bytes of the cq's file that are locked: the engine's, then the producers'. */
#define MK_LOCK_ENGINE	       0u
#define MK_LOCK_FIRST_PRODUCER 1u
#define MK_LOCK_LAST_PRODUCER  0xffffu

/*
 * Lock byte @id for as long as *@fd is open.  -EBUSY when somebody else has it;
 * *@fd is then as it was.  With *@fd -1 the file is opened first.
 */
int mk_lock_take(const struct mk_context *context, uint32_t id, int *fd);

/* Whether byte @id is locked, by whatever process. */
bool mk_lock_is_taken(const struct mk_context *context, uint32_t id);

/* Drop the locks of @fd and close it.  -1 is allowed. */
void mk_lock_drop(int fd);

/* Become a producer: *@fd holds the lock, *@owner is what its leases say. */
int mk_lease_register(struct mk_context *context, int *fd, uint64_t *owner);

bool mk_lease_is_free(const struct mk_context *context, uint32_t window);

/* Lease @window if it is free: then nothing is in flight in it. */
bool mk_lease_take_free(struct mk_context *context, uint32_t window, uint64_t owner);

/*
 * Lease @window if it is orphaned or its owner is dead, which takes a system call to
 * see.  What the owner had published may still be in flight.
 */
bool mk_lease_take_dead(struct mk_context *context, uint32_t window, int fd,
			uint64_t owner);

/* Free @window: only when nothing is in flight in it. */
void mk_lease_give_back(struct mk_context *context, uint32_t window, uint64_t owner);

/* Leave @window to whoever takes it, with what is in flight in it. */
void mk_lease_orphan(struct mk_context *context, uint32_t window, uint64_t owner);

#endif /* MK_SRC_LEASE_H */

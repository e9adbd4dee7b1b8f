/* SPDX-License-Identifier: MIT */
/*
 * Leases: which producer may publish into which window of the ring.
 *
 * A lease is one 64-bit word in the cq: the producer's id in the low half and a
 * generation in the high half, or 0 when the window is free.  It changes only by
 * compare-and-swap.
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

/* Drop the locks of @fd and close it.  -1 is allowed. */
void mk_lock_drop(int fd);

/* Become a producer: *@fd holds the lock, *@owner is what its leases say. */
int mk_lease_register(struct mk_context *context, int *fd, uint64_t *owner);

/* Lease @window if it is free, or if its owner is dead. */
bool mk_lease_take(struct mk_context *context, uint32_t window, int fd, uint64_t owner);

/* The same, but only if it is free: no system call. */
bool mk_lease_take_free(struct mk_context *context, uint32_t window, uint64_t owner);

void mk_lease_give_back(struct mk_context *context, uint32_t window, uint64_t owner);

#endif /* MK_SRC_LEASE_H */

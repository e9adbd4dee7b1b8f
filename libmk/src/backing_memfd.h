/* SPDX-License-Identifier: MIT */
/*
 * Memfds, for a backing that has only some of its memories in them, and for who looks from
 * outside.
 */
#ifndef MK_SRC_BACKING_MEMFD_H
#define MK_SRC_BACKING_MEMFD_H

#include "backing.h"

/* Bytes of the cq's file that are locked: the engine's, the producers', the pump's. */
#define MK_LOCK_ENGINE	       0u
#define MK_LOCK_FIRST_PRODUCER 1u
#define MK_LOCK_LAST_PRODUCER  0xffffu
#define MK_LOCK_PUMP	       0x10000u

/* Map another process's files.  Bit n of @present: there is a file of memory n. */
int mk_memfd_attach(const int fds[MK_MEMORIES], uint32_t present,
		    struct mk_backing **backing);

#endif /* MK_SRC_BACKING_MEMFD_H */

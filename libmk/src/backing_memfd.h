/* SPDX-License-Identifier: MIT */
/* Memfds, for a backing that has only some of its memories in them. */
#ifndef MK_SRC_BACKING_MEMFD_H
#define MK_SRC_BACKING_MEMFD_H

#include "backing.h"

/* Map another process's files.  Bit n of @present: there is a file of memory n. */
int mk_memfd_attach(const int fds[MK_MEMORIES], uint32_t present,
		    struct mk_backing **backing);

#endif /* MK_SRC_BACKING_MEMFD_H */

/* SPDX-License-Identifier: MIT */
/* Contexts of mk.ko's whose memory, but for the cq, is another's. */
#ifndef MK_SRC_BACKING_KMOD_H
#define MK_SRC_BACKING_KMOD_H

#include "backing.h"

/* Make one; only the cq is mapped. */
int mk_kmod_create_external(const struct mk_geometry *geometry,
			    const size_t bytes[MK_MEMORIES], struct mk_backing **backing);

/*
 * Put a DMA-buf in the place of @memory; @fd stays the caller's.  From then on others
 * reach it by the context.
 */
int mk_kmod_import(struct mk_backing *backing, uint32_t memory, int fd);

#endif /* MK_SRC_BACKING_KMOD_H */

/* SPDX-License-Identifier: MIT */
/*
 * A memfd's memory as a DMA-buf, by the kernel's /dev/udmabuf.  A memfd is none itself: only
 * drivers of CPUs take it for one.
 */
#ifndef MK_SRC_UDMABUF_H
#define MK_SRC_UDMABUF_H

#include <stdbool.h>

/* Whether @fd is a memfd, or another file that can be sealed; a DMA-buf cannot be. */
bool mk_udmabuf_is_memfd(int fd);

/*
 * All of @memfd, open for reading and writing, as a DMA-buf: the same pages, which either
 * side may map.  It must be sealed against shrinking and not against being written to, and
 * have whole pages.  Returns a descriptor, close-on-exec and the caller's, or a negative
 * errno with a text:
 *
 * -ENODEV: this kernel has no udmabuf, or it is not loaded
 * -EACCES: this user may not open it
 * -EFBIG: the memory exceeds what udmabuf allows for one DMA-buf
 * -EINVAL: @memfd is not sealed as it must be, or has no whole pages
 * others: as from the kernel
 */
int mk_udmabuf_create(int memfd);

#endif /* MK_SRC_UDMABUF_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* DMA-bufs of a memory's pages. */
#ifndef MK_EXPORT_H
#define MK_EXPORT_H

#include <linux/types.h>

struct dma_buf;
struct mk_memory;

/**
 * mk_export_pages() - a DMA-buf of some pages of a memory
 * @memory: one with pages of our own; the DMA-buf takes a reference
 * @offset: bytes, whole pages
 * @size: bytes, whole pages, inside the memory
 * @writable: or a view that nobody can write to
 */
struct dma_buf *mk_export_pages(struct mk_memory *memory, u64 offset, u64 size,
				bool writable);

bool mk_export_is_ours(const struct dma_buf *dma_buf);

#endif /* MK_EXPORT_H */

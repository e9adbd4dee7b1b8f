/* SPDX-License-Identifier: GPL-2.0-only */
/* DMA-bufs of a memory's pages. */
#ifndef MK_EXPORT_H
#define MK_EXPORT_H

#include <linux/types.h>

struct dma_buf;
struct mk_memory;
struct vm_area_struct;

/**
 * mk_export_pages() - a DMA-buf of some pages of a memory
 * @memory: one with pages of our own; the DMA-buf takes a reference
 * @offset: bytes, whole pages
 * @size: bytes, whole pages, inside the memory
 * @writable: or a view that nobody can write to
 */
struct dma_buf *mk_export_pages(struct mk_memory *memory, u64 offset, u64 size,
				bool writable);

/**
 * mk_export_keep_read_only() - make sure that a mapping never becomes writable
 * @vma: to be mapped; of our own file, open for reading only, or of another driver's
 *	that imported us, whose file may be open for writing
 *
 * Return: 0, or -EACCES when it is writable.
 */
int mk_export_keep_read_only(struct vm_area_struct *vma);

bool mk_export_is_ours(const struct dma_buf *dma_buf);

#endif /* MK_EXPORT_H */

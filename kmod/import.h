/* SPDX-License-Identifier: GPL-2.0-only */
/* Foreign DMA-bufs in the place of a memory. */
#ifndef MK_IMPORT_H
#define MK_IMPORT_H

#include <linux/types.h>

struct dma_buf;
struct mk_memory;

/**
 * mk_import() - a memory out of a process's DMA-buf
 * @fd: the caller's
 * @bytes: of the memory
 * @map: whether the kernel is to reach its words, if that moves nothing
 *
 * Return: the memory, or an ERR_PTR() as in struct mk_ioctl_import.
 */
struct mk_memory *mk_import(int fd, u64 bytes, bool map);

/**
 * mk_import_export() - hand an imported memory on
 * @memory: one that mk_import() made
 * @writable: the foreign DMA-buf itself; else a view of it that only processes can
 *	map, and only for reading
 */
struct dma_buf *mk_import_export(struct mk_memory *memory, bool writable);

#endif /* MK_IMPORT_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One memory of a context: pages of our own, or a foreign DMA-buf in their place.
 *
 * It lives as long as anything refers to it: its context, a DMA-buf of it, what is
 * armed on one of its words.  It never changes after it was made but for the words
 * inside, which are shared with processes and devices that owe us nothing.
 */
#ifndef MK_MEMORY_H
#define MK_MEMORY_H

#include <linux/iosys-map.h>
#include <linux/kref.h>
#include <linux/types.h>

struct dma_buf;
struct mk_account;
struct page;

/**
 * struct mk_memory - pages, or a foreign DMA-buf
 * @references: mk_memory_get(), mk_memory_put()
 * @account: charged for the pages; NULL for a foreign DMA-buf
 * @page_count: of the memory; a foreign DMA-buf may be larger
 * @pages: each single page, also inside of larger folios; NULL for a foreign DMA-buf
 * @foreign: the DMA-buf, or NULL
 * @mapping: of the foreign DMA-buf in the kernel; null where there is none
 */
struct mk_memory {
	struct kref references;
	struct mk_account *account;
	unsigned long page_count;
	struct page **pages;
	struct dma_buf *foreign;
	struct iosys_map mapping;
};

/**
 * mk_memory_create() - zeroed pages, charged to the caller's cgroup and to a user
 * @account: the user's
 * @bytes: at least one
 *
 * Return: the memory, or an ERR_PTR(): -EDQUOT, -ENOMEM, or -EINTR when killed.
 */
struct mk_memory *mk_memory_create(struct mk_account *account, u64 bytes);

/**
 * mk_memory_adopt() - take a foreign DMA-buf as memory
 * @foreign: a reference that goes over to the memory, unless that cannot be made
 * @bytes: of the memory; the DMA-buf has as many
 * @map: whether the kernel is to reach its words, if that moves nothing
 *
 * Return: the memory, or ERR_PTR(-ENOMEM).
 */
struct mk_memory *mk_memory_adopt(struct dma_buf *foreign, u64 bytes, bool map);

struct mk_memory *mk_memory_get(struct mk_memory *memory);

/* May sleep. */
void mk_memory_put(struct mk_memory *memory);

/* Whether mk_memory_load() and mk_memory_store() work. */
bool mk_memory_is_reachable(const struct mk_memory *memory);

/*
 * Words, by index, of a memory that is reachable.  A load acquires, a store
 * releases; both are single accesses, from any context.
 */
u32 mk_memory_load(const struct mk_memory *memory, u32 word);
void mk_memory_store(struct mk_memory *memory, u32 word, u32 value);

/* A u64 at @offset bytes, a multiple of 8, in pages of our own. */
u64 *mk_memory_u64(const struct mk_memory *memory, u64 offset);

#endif /* MK_MEMORY_H */

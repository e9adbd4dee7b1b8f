// SPDX-License-Identifier: GPL-2.0-only
#include "memory.h"

#include <linux/dma-buf.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "account.h"
#include "compat.h"

/*
 * Running out of memory, or of the cgroup's, is an error for the caller: nobody is to
 * be killed for it.
 */
#define POLITE_GFP (__GFP_ACCOUNT | __GFP_NOWARN | __GFP_RETRY_MAYFAIL)
#define SINGLE_GFP (GFP_USER | __GFP_ZERO | POLITE_GFP)
/* Large folios are taken where they lie ready, never by reclaim. */
#define LARGE_GFP ((SINGLE_GFP | __GFP_COMP) & ~__GFP_RECLAIM)

static struct page *alloc_run(unsigned long wanted, unsigned int *order)
{
	struct page *page = NULL;

	while (*order && 1UL << *order > wanted)
		--*order;
	while (*order) {
		page = alloc_pages(LARGE_GFP, *order);
		if (page)
			return page;
		/* What was not there now will not be there for the next one. */
		--*order;
	}
	return alloc_pages(SINGLE_GFP, 0);
}

static void free_pages_of(struct mk_memory *memory)
{
	unsigned long i = 0;

	while (i < memory->page_count && memory->pages[i]) {
		struct page *page = memory->pages[i];

		i += compound_nr(page);
		/* Whoever pinned it for I/O keeps it for as long. */
		put_page(page);
	}
}

static int alloc_pages_for(struct mk_memory *memory)
{
	unsigned int order = PMD_SHIFT - PAGE_SHIFT;
	unsigned long i = 0;

	while (i < memory->page_count) {
		struct page *page;
		unsigned long k;

		if (fatal_signal_pending(current))
			return -EINTR;
		page = alloc_run(memory->page_count - i, &order);
		if (!page)
			return -ENOMEM;
		for (k = 0; k < 1UL << order; k++)
			memory->pages[i++] = page + k;
		cond_resched();
	}
	return 0;
}

static struct mk_memory *new_memory(u64 bytes)
{
	struct mk_memory *memory = kzalloc(sizeof(*memory), GFP_KERNEL_ACCOUNT);

	if (!memory)
		return NULL;
	kref_init(&memory->references);
	memory->page_count = PAGE_ALIGN(bytes) >> PAGE_SHIFT;
	return memory;
}

struct mk_memory *mk_memory_create(struct mk_account *account, u64 bytes)
{
	struct mk_memory *memory = new_memory(bytes);
	int error;

	if (!memory)
		return ERR_PTR(-ENOMEM);
	error = mk_account_charge(account, memory->page_count);
	if (error) {
		kfree(memory);
		return ERR_PTR(error);
	}
	memory->account = account;
	memory->pages = kvcalloc(memory->page_count, sizeof(*memory->pages),
				 GFP_KERNEL | POLITE_GFP);
	error = memory->pages ? alloc_pages_for(memory) : -ENOMEM;
	if (error) {
		mk_memory_put(memory);
		return ERR_PTR(error);
	}
	return memory;
}

/*
 * An exporter that can pin may move a buffer that is not pinned, and mapping such a
 * one for as long as we need would take it out of the place where its device is fast.
 */
static bool maps_without_moving(const struct dma_buf *foreign)
{
	return foreign->ops->vmap && !foreign->ops->pin;
}

struct mk_memory *mk_memory_adopt(struct dma_buf *foreign, u64 bytes, bool map)
{
	struct mk_memory *memory = new_memory(bytes);

	if (!memory)
		return ERR_PTR(-ENOMEM);
	memory->foreign = foreign;
	/* Mapped now and not when the owner dies: then it must not fail any more. */
	if (!map || !maps_without_moving(foreign) ||
	    dma_buf_vmap_unlocked(foreign, &memory->mapping))
		iosys_map_clear(&memory->mapping);
	return memory;
}

struct mk_memory *mk_memory_get(struct mk_memory *memory)
{
	kref_get(&memory->references);
	return memory;
}

static void release_memory(struct kref *references)
{
	struct mk_memory *memory = container_of(references, struct mk_memory, references);

	if (!iosys_map_is_null(&memory->mapping))
		dma_buf_vunmap_unlocked(memory->foreign, &memory->mapping);
	if (memory->foreign)
		dma_buf_put(memory->foreign);
	if (memory->pages)
		free_pages_of(memory);
	kvfree(memory->pages);
	if (memory->account)
		mk_account_uncharge(memory->account, memory->page_count);
	kfree(memory);
}

void mk_memory_put(struct mk_memory *memory)
{
	kref_put(&memory->references, release_memory);
}

bool mk_memory_is_reachable(const struct mk_memory *memory)
{
	return memory->pages || !iosys_map_is_null(&memory->mapping);
}

/* 64-bit kernels have all memory mapped. */
static void *address_of(const struct mk_memory *memory, u64 offset)
{
	return page_address(memory->pages[offset >> PAGE_SHIFT]) + offset_in_page(offset);
}

static u32 *word_address(const struct mk_memory *memory, u64 offset)
{
	return memory->pages ? address_of(memory, offset) :
			       memory->mapping.vaddr + offset;
}

u32 mk_memory_load(const struct mk_memory *memory, u32 word)
{
	u64 offset = (u64)word * sizeof(u32);

	if (memory->mapping.is_iomem)
		return readl(memory->mapping.vaddr_iomem + offset);
	/* Who is told that a word is there may look at what was stored before it. */
	return smp_load_acquire(word_address(memory, offset));
}

void mk_memory_store(struct mk_memory *memory, u32 word, u32 value)
{
	u64 offset = (u64)word * sizeof(u32);

	if (memory->mapping.is_iomem)
		writel(value, memory->mapping.vaddr_iomem + offset);
	else
		/* As every store to a shared word is, of the host's and the device's. */
		smp_store_release(word_address(memory, offset), value);
}

u64 *mk_memory_u64(const struct mk_memory *memory, u64 offset)
{
	return address_of(memory, offset);
}

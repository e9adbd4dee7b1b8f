// SPDX-License-Identifier: GPL-2.0-only
/*
 * A writable and a read-only DMA-buf of the same pages are two objects: what a file
 * may be mapped as is decided by its mode, and a file has one.
 */
#include "export.h"

#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "account.h"
#include "compat.h"
#include "memory.h"

struct mk_export {
	struct mk_memory *memory;
	struct page **pages; /* the memory's, from the first that is exported */
	unsigned long page_count;
	bool writable;
};

/*
 * Inserts all pages up to the end of the page table rather than the one asked for: a
 * fault costs more than the rest of the table.
 */
static vm_fault_t export_fault(struct vm_fault *fault)
{
	struct vm_area_struct *vma = fault->vma;
	struct mk_export *export = vma->vm_private_data;
	unsigned long count;
	int error;

	if (fault->pgoff >= export->page_count)
		return VM_FAULT_SIGBUS;
	count = min3(export->page_count - fault->pgoff,
		     (vma->vm_end - fault->address) >> PAGE_SHIFT,
		     PTRS_PER_PTE - pte_index(fault->address));
	error = vm_insert_pages(vma, fault->address, &export->pages[fault->pgoff],
				&count);
	/* Another fault was there first, at our page or further on. */
	if (!error || error == -EBUSY)
		return VM_FAULT_NOPAGE;
	return vmf_error(error);
}

static const struct vm_operations_struct export_vm_ops = { .fault = export_fault };

int mk_export_keep_read_only(struct vm_area_struct *vma)
{
	if (vma->vm_flags & VM_WRITE)
		return -EACCES;
	vm_flags_clear(vma, VM_MAYWRITE);
	return 0;
}

static int export_mmap(struct dma_buf *dma_buf, struct vm_area_struct *vma)
{
	struct mk_export *export = dma_buf->priv;

	/* A private copy would be of no use to anybody here. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (!export->writable && mk_export_keep_read_only(vma))
		return -EACCES;
	/* Real pages, so that O_DIRECT and others can pin them; never past the end. */
	vm_flags_set(vma, VM_MIXEDMAP | VM_DONTEXPAND);
	vma->vm_ops = &export_vm_ops;
	vma->vm_private_data = export;
	return 0;
}

/*
 * A device may map the same pages for several processes, and all use them while the
 * host does: at no time would they be the device's alone, so nothing is synced.
 */
#define MAP_ATTRIBUTES DMA_ATTR_SKIP_CPU_SYNC

static struct sg_table *export_map(struct dma_buf_attachment *attachment,
				   enum dma_data_direction direction)
{
	struct mk_export *export = attachment->dmabuf->priv;
	struct sg_table *table;
	int error;

	if (!export->writable && direction != DMA_TO_DEVICE)
		return ERR_PTR(-EACCES);
	table = kzalloc(sizeof(*table), GFP_KERNEL);
	if (!table)
		return ERR_PTR(-ENOMEM);
	error = sg_alloc_table_from_pages_segment(table, export->pages,
						  export->page_count, 0,
						  export->page_count << PAGE_SHIFT,
						  dma_get_max_seg_size(attachment->dev),
						  GFP_KERNEL);
	if (error)
		goto free_table;
	error = dma_map_sgtable(attachment->dev, table, direction, MAP_ATTRIBUTES);
	if (error)
		goto free_entries;
	return table;

free_entries:
	sg_free_table(table);
free_table:
	kfree(table);
	return ERR_PTR(error);
}

static void export_unmap(struct dma_buf_attachment *attachment, struct sg_table *table,
			 enum dma_data_direction direction)
{
	dma_unmap_sgtable(attachment->dev, table, direction, MAP_ATTRIBUTES);
	sg_free_table(table);
	kfree(table);
}

static int export_vmap(struct dma_buf *dma_buf, struct iosys_map *map)
{
	struct mk_export *export = dma_buf->priv;
	void *address;

	if (!export->writable)
		return -EACCES;
	address = vmap(export->pages, export->page_count, VM_MAP, PAGE_KERNEL);
	if (!address)
		return -ENOMEM;
	iosys_map_set_vaddr(map, address);
	return 0;
}

static void export_vunmap(struct dma_buf *dma_buf, struct iosys_map *map)
{
	vunmap(map->vaddr);
}

static void export_release(struct dma_buf *dma_buf)
{
	struct mk_export *export = dma_buf->priv;

	mk_memory_put(export->memory);
	kfree(export);
	atomic_long_dec(&mk_totals.exports);
}

static const struct dma_buf_ops export_ops = {
	.map_dma_buf = export_map,
	.unmap_dma_buf = export_unmap,
	.release = export_release,
	.mmap = export_mmap,
	.vmap = export_vmap,
	.vunmap = export_vunmap,
};

bool mk_export_is_ours(const struct dma_buf *dma_buf)
{
	return dma_buf->ops == &export_ops;
}

struct dma_buf *mk_export_pages(struct mk_memory *memory, u64 offset, u64 size,
				bool writable)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct mk_export *export;
	struct dma_buf *dma_buf;

	export = kzalloc(sizeof(*export), GFP_KERNEL_ACCOUNT);
	if (!export)
		return ERR_PTR(-ENOMEM);
	export->memory = memory;
	export->pages = &memory->pages[offset >> PAGE_SHIFT];
	export->page_count = size >> PAGE_SHIFT;
	export->writable = writable;

	info.ops = &export_ops;
	info.size = size;
	info.flags = writable ? O_RDWR : O_RDONLY;
	info.priv = export;
	dma_buf = dma_buf_export(&info);
	if (IS_ERR(dma_buf)) {
		kfree(export);
		return dma_buf;
	}
	mk_memory_get(memory);
	atomic_long_inc(&mk_totals.exports);
	return dma_buf;
}

MK_IMPORT_DMA_BUF_NAMESPACE;

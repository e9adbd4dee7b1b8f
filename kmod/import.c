// SPDX-License-Identifier: GPL-2.0-only
#include "import.h"

#include <linux/dma-buf.h>
#include <linux/fs.h>
#include <linux/mm.h>

#include "account.h"
#include "export.h"
#include "memory.h"

static int view_mmap(struct dma_buf *dma_buf, struct vm_area_struct *vma)
{
	struct mk_memory *memory = dma_buf->priv;

	/* A private mapping could be written, and not every exporter copies its pages. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (mk_export_keep_read_only(vma))
		return -EACCES;
	return dma_buf_mmap(memory->foreign, vma, vma->vm_pgoff);
}

/* A device would have to be mapped by the exporter, who knows no read-only mapping. */
static struct sg_table *view_map(struct dma_buf_attachment *attachment,
				 enum dma_data_direction direction)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static void view_unmap(struct dma_buf_attachment *attachment, struct sg_table *table,
		       enum dma_data_direction direction)
{
}

static void view_release(struct dma_buf *dma_buf)
{
	mk_memory_put(dma_buf->priv);
	atomic_long_dec(&mk_totals.exports);
}

static const struct dma_buf_ops view_ops = {
	.map_dma_buf = view_map,
	.unmap_dma_buf = view_unmap,
	.release = view_release,
	.mmap = view_mmap,
};

static struct dma_buf *export_view(struct mk_memory *memory)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf *dma_buf;

	info.ops = &view_ops;
	info.size = (size_t)memory->page_count << PAGE_SHIFT;
	info.flags = O_RDONLY;
	info.priv = memory;
	dma_buf = dma_buf_export(&info);
	if (IS_ERR(dma_buf))
		return dma_buf;
	mk_memory_get(memory);
	atomic_long_inc(&mk_totals.exports);
	return dma_buf;
}

struct dma_buf *mk_import_export(struct mk_memory *memory, bool writable)
{
	if (!writable)
		return export_view(memory);
	get_dma_buf(memory->foreign);
	return memory->foreign;
}

static int check_foreign(const struct dma_buf *foreign, u64 bytes)
{
	/* A context that held a DMA-buf of its own would never go away. */
	if (mk_export_is_ours(foreign) || foreign->ops == &view_ops)
		return -EINVAL;
	if (!(foreign->file->f_mode & FMODE_WRITE))
		return -EACCES;
	if (foreign->size < PAGE_ALIGN(bytes))
		return -EMSGSIZE;
	return 0;
}

struct mk_memory *mk_import(int fd, u64 bytes, bool map)
{
	struct dma_buf *foreign = dma_buf_get(fd);
	struct mk_memory *memory;
	int error;

	if (IS_ERR(foreign))
		return ERR_PTR(-EBADF);
	error = check_foreign(foreign, bytes);
	if (error) {
		dma_buf_put(foreign);
		return ERR_PTR(error);
	}
	memory = mk_memory_adopt(foreign, bytes, map);
	if (IS_ERR(memory))
		dma_buf_put(foreign);
	return memory;
}

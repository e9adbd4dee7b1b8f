/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names that kernels since 6.1 have changed.  A copy of the module inside a kernel
 * tree does without this file.
 */
#ifndef MK_COMPAT_H
#define MK_COMPAT_H

#include <linux/dma-buf.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define dma_buf_vmap_unlocked	dma_buf_vmap
#define dma_buf_vunmap_unlocked dma_buf_vunmap
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define MK_IMPORT_DMA_BUF_NAMESPACE MODULE_IMPORT_NS(DMA_BUF)

static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#else
#define MK_IMPORT_DMA_BUF_NAMESPACE MODULE_IMPORT_NS("DMA_BUF")
#endif

#endif /* MK_COMPAT_H */

/* SPDX-License-Identifier: MIT */
/*
 * Memory of the kernel's amdgpu driver, by libdrm_amdgpu: what Vulkan's memory types do
 * not offer.  It has not run on an AMD GPU yet: a fake of the library's is what it was
 * tried with.
 */
#ifndef MK_SRC_AMDGPU_MEMORY_H
#define MK_SRC_AMDGPU_MEMORY_H

#include <stddef.h>

#include "device_choice.h"

enum mk_amdgpu_heap {
	MK_AMDGPU_HEAP_GTT,  /* the host's memory, which its caches see */
	MK_AMDGPU_HEAP_VRAM, /* the device's, which the host maps write-combining */
};

/*
 * Take @bytes, whole pages, which no cache of the device's keeps.  Returns a DMA-buf, which
 * alone has the memory and is close-on-exec, or a negative errno, with a text that says
 * which step refused:
 *
 * -ENODEV: the device has no DRM node, or that is another driver's
 * -EACCES: the node is not for this user
 * -ENOSPC: of the VRAM that the host sees not enough is free
 * -ENOTSUP: the kernel gives no such memory; the library was built without libdrm_amdgpu
 * -ENOMEM and others: as from the kernel
 */
int mk_amdgpu_allocate(const struct mk_device_identity *device, enum mk_amdgpu_heap heap,
		       size_t bytes);

#endif /* MK_SRC_AMDGPU_MEMORY_H */

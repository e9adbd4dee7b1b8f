/* SPDX-License-Identifier: MIT */
/* A memory of a context as a buffer of a Vulkan device: the host's, or its own. */
#ifndef MK_SRC_VK_BUFFER_H
#define MK_SRC_VK_BUFFER_H

#include <mk/engine.h>

#include "backing.h"
#include "vk_device.h"

struct mk_vk_buffer {
	VkBuffer buffer;
	VkDeviceMemory memory;
	void *address;	     /* where the host sees memory of the device's; else NULL */
	size_t mapped_bytes; /* there, by us; 0: by the driver */
	bool is_exportable;
};

/* Import memory @number as a storage buffer; @import is not MK_IMPORT_AUTO. */
int mk_vk_buffer_import(const struct mk_vk_device *device, struct mk_backing *backing,
			uint32_t number, enum mk_import import,
			struct mk_vk_buffer *buffer);

/*
 * Take @bytes of the device's memory of type @type, which is host-visible and coherent,
 * zero it and map it.
 */
int mk_vk_buffer_allocate(const struct mk_vk_device *device, size_t bytes, uint32_t type,
			  struct mk_vk_buffer *buffer);

/*
 * A descriptor of such memory, of the device's export_type, which is the caller's to
 * close; and what another process makes of that on the same device, with the same @bytes
 * and @type.  There @fd stays the caller's.
 */
int mk_vk_buffer_export(const struct mk_vk_device *device,
			const struct mk_vk_buffer *buffer);
int mk_vk_buffer_attach(const struct mk_vk_device *device, int fd, size_t bytes,
			uint32_t type, struct mk_vk_buffer *buffer);

/* Import a DMA-buf of @bytes, which stays the caller's, and map that itself. */
int mk_vk_buffer_attach_dma_buf(const struct mk_vk_device *device, int fd, size_t bytes,
				struct mk_vk_buffer *buffer);

/* A zeroed buffer is allowed. */
void mk_vk_buffer_destroy(const struct mk_vk_device *device, struct mk_vk_buffer *buffer);

#endif /* MK_SRC_VK_BUFFER_H */

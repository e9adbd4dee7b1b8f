/* SPDX-License-Identifier: MIT */
/* Memory of a placement's types, as a buffer that the device and the host have. */
#ifndef MK_SRC_PLACEMENT_MEMORY_H
#define MK_SRC_PLACEMENT_MEMORY_H

#include "placement.h"
#include "vk_buffer.h"

/*
 * Take @bytes, whole pages, of memory of @type, which is not MK_HOST_MEMORY, zeroed and
 * mapped.  *@descriptor receives the DMA-buf that it came from, which is the caller's to
 * hand on and to close, or -1: then mk_vk_buffer_export() makes one.
 */
int mk_placement_allocate(const struct mk_vk_device *device, int32_t type, size_t bytes,
			  struct mk_vk_buffer *buffer, int *descriptor);

/* The same of what another process took; @fd stays the caller's. */
int mk_placement_attach(const struct mk_vk_device *device, int32_t type, int fd,
			size_t bytes, struct mk_vk_buffer *buffer);

/* Whether others get such memory as DMA-bufs. */
bool mk_placement_is_dma_buf(const struct mk_vk_device *device, int32_t type);

#endif /* MK_SRC_PLACEMENT_MEMORY_H */

/* SPDX-License-Identifier: MIT */
/*
 * Memory that a Vulkan driver allocates, in which all of a context lies but for its cq, or
 * the cq too, as the placement says.  The other backing, the host's, has the cq then or a
 * bell, and knows who lives and how to sleep.
 */
#ifndef MK_SRC_BACKING_DEVICE_H
#define MK_SRC_BACKING_DEVICE_H

#include "backing.h"
#include "placement.h"
#include "vk_buffer.h"

/* The device and the placement; NULL when @backing is none of these. */
const struct mk_vk_device *mk_device_backing_device(const struct mk_backing *backing);
const struct mk_placement *mk_device_backing_placement(const struct mk_backing *backing);

/* The buffer of a memory in the device's; NULL when it has to be imported. */
const struct mk_vk_buffer *mk_device_backing_buffer(const struct mk_backing *backing,
						    uint32_t memory);

/*
 * The same memory as a buffer of @device, which is the same device opened again after it
 * was lost.  Where the host sees it does not change.  -ENOTSUP: an import would not be the
 * same memory.
 */
int mk_device_backing_attach(const struct mk_backing *backing,
			     const struct mk_vk_device *device, uint32_t memory,
			     struct mk_vk_buffer *buffer);

#endif /* MK_SRC_BACKING_DEVICE_H */

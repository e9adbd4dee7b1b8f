/* SPDX-License-Identifier: MIT */
/* What a Vulkan device is, what it can do and what it lacks, before it is opened. */
#ifndef MK_SRC_VK_INSPECT_H
#define MK_SRC_VK_INSPECT_H

#include "vk_device.h"

/* Fills in all of @device but what an open one has. */
void mk_vk_inspect(VkPhysicalDevice physical, struct mk_vk_device *device);

#endif /* MK_SRC_VK_INSPECT_H */

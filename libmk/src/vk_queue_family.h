/* SPDX-License-Identifier: MIT */
/* Which queue a device runs dispatches on, and with which priority among programs. */
#ifndef MK_SRC_VK_QUEUE_FAMILY_H
#define MK_SRC_VK_QUEUE_FAMILY_H

#include "vk_device.h"

/*
 * A family for compute alone where there is one: its queues run beside those that draw.
 * False: there is none with compute.
 */
bool mk_vk_queue_family_choose(VkPhysicalDevice physical, uint32_t *family);

/*
 * Create @device's VkDevice as @info says, with the priority that the environment variable
 * MK_QUEUE_PRIORITY asks for, or "high" without: those below it are tried in turn where it
 * is not permitted, which is no error.  The device knows which it was.
 */
int mk_vk_queue_create_device(struct mk_vk_device *device, VkDeviceCreateInfo info);

/* For people: "compute only, high priority". */
void mk_vk_device_describe_queue(const struct mk_vk_device *device, char *text,
				 size_t bytes);

#endif /* MK_SRC_VK_QUEUE_FAMILY_H */

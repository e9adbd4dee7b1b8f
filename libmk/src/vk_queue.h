/* SPDX-License-Identifier: MIT */
/*
 * Command buffers that go to a device's queue and come back in order, one or two under
 * way.  For one thread at a time.
 */
#ifndef MK_SRC_VK_QUEUE_H
#define MK_SRC_VK_QUEUE_H

#include "vk_device.h"

/* One runs while the next waits behind it, so that the device is never idle. */
#define MK_VK_QUEUE_DEPTH 2

struct mk_vk_queue {
	const struct mk_vk_device *device;
	VkCommandPool pool;
	VkCommandBuffer commands[MK_VK_QUEUE_DEPTH];
	VkFence fences[MK_VK_QUEUE_DEPTH];
	uint32_t submitted; /* so far */
	uint32_t waited;    /* of these, known to have ended */
};

/* @device must live as long as the queue. */
int mk_vk_queue_open(const struct mk_vk_device *device, struct mk_vk_queue *queue);

/* Only while nothing is under way.  A zeroed queue is allowed. */
void mk_vk_queue_close(struct mk_vk_queue *queue);

/* Begin to record the next one, while less than MK_VK_QUEUE_DEPTH are under way. */
int mk_vk_queue_begin(struct mk_vk_queue *queue, VkCommandBuffer *commands);

/* Submit what was recorded. */
int mk_vk_queue_submit(struct mk_vk_queue *queue);

/* Wait for the oldest to end; -ETIMEDOUT without a text, other errors with one. */
int mk_vk_queue_wait(struct mk_vk_queue *queue, uint64_t timeout_ns);

#endif /* MK_SRC_VK_QUEUE_H */

// SPDX-License-Identifier: MIT
#include "vk_queue.h"

#include <errno.h>
#include <string.h>

int mk_vk_queue_open(const struct mk_vk_device *device, struct mk_vk_queue *queue)
{
	const VkCommandPoolCreateInfo pool_info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
		.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
		.queueFamilyIndex = device->queue_family,
	};
	VkCommandBufferAllocateInfo commands_info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
		.commandBufferCount = MK_VK_QUEUE_DEPTH,
	};
	const VkFenceCreateInfo fence_info = {
		.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
	};
	VkResult result;

	*queue = (struct mk_vk_queue){ .device = device };
	result = vkCreateCommandPool(device->device, &pool_info, NULL, &queue->pool);
	commands_info.commandPool = queue->pool;
	if (!result)
		result = vkAllocateCommandBuffers(device->device, &commands_info,
						  queue->commands);
	for (uint32_t i = 0; i < MK_VK_QUEUE_DEPTH && !result; i++)
		result = vkCreateFence(device->device, &fence_info, NULL,
				       &queue->fences[i]);
	if (!result)
		return 0;
	mk_vk_queue_close(queue);
	return mk_vk_fail(result, "cannot create command buffers");
}

void mk_vk_queue_close(struct mk_vk_queue *queue)
{
	VkDevice device;

	if (!queue->device)
		return;
	device = queue->device->device;
	/* Its fences are signalled; the driver may still be tidying up. */
	vkDeviceWaitIdle(device);
	for (uint32_t i = 0; i < MK_VK_QUEUE_DEPTH; i++)
		vkDestroyFence(device, queue->fences[i], NULL);
	vkDestroyCommandPool(device, queue->pool, NULL);
	memset(queue, 0, sizeof(*queue));
}

int mk_vk_queue_begin(struct mk_vk_queue *queue, VkCommandBuffer *commands)
{
	const VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
	};
	VkResult result;

	*commands = queue->commands[queue->submitted % MK_VK_QUEUE_DEPTH];
	result = vkBeginCommandBuffer(*commands, &begin);
	return result ? mk_vk_fail(result, "cannot record a dispatch") : 0;
}

int mk_vk_queue_submit(struct mk_vk_queue *queue)
{
	uint32_t index = queue->submitted % MK_VK_QUEUE_DEPTH;
	const VkSubmitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.commandBufferCount = 1,
		.pCommandBuffers = &queue->commands[index],
	};
	VkResult result = vkEndCommandBuffer(queue->commands[index]);

	if (result)
		return mk_vk_fail(result, "cannot record a dispatch");
	result = vkResetFences(queue->device->device, 1, &queue->fences[index]);
	if (!result)
		result = vkQueueSubmit(queue->device->queue, 1, &info,
				       queue->fences[index]);
	if (result)
		return mk_vk_fail(result, "cannot submit a dispatch");
	queue->submitted++;
	return 0;
}

int mk_vk_queue_wait(struct mk_vk_queue *queue, uint64_t timeout_ns)
{
	uint32_t index = queue->waited % MK_VK_QUEUE_DEPTH;
	VkResult result = vkWaitForFences(queue->device->device, 1, &queue->fences[index],
					  VK_TRUE, timeout_ns);

	if (result == VK_TIMEOUT)
		return -ETIMEDOUT;
	if (result)
		return mk_vk_fail(result, "cannot wait for a dispatch");
	queue->waited++;
	return 0;
}

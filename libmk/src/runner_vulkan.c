// SPDX-License-Identifier: MIT
/* Runs dispatches of the resident kernel on a Vulkan device. */
#include "engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "error.h"
#include "vk_kernel.h"

struct mk_runner {
	struct mk_context *context;
	struct mk_vk_device device;
	struct mk_vk_kernel kernel;
	VkCommandPool pool;
	VkCommandBuffer commands[MK_DISPATCHES_QUEUED];
	VkFence fences[MK_DISPATCHES_QUEUED];
	uint32_t workgroups;
	uint32_t submitted; /* dispatches so far */
	uint32_t waited;    /* of these, known to have ended */
};

static int create_commands(struct mk_runner *runner)
{
	VkDevice device = runner->device.device;
	const VkCommandPoolCreateInfo pool_info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
		.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
		.queueFamilyIndex = runner->device.queue_family,
	};
	VkCommandBufferAllocateInfo commands_info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
		.commandBufferCount = MK_DISPATCHES_QUEUED,
	};
	const VkFenceCreateInfo fence_info = {
		.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
	};
	VkResult result;

	result = vkCreateCommandPool(device, &pool_info, NULL, &runner->pool);
	commands_info.commandPool = runner->pool;
	if (!result)
		result = vkAllocateCommandBuffers(device, &commands_info,
						  runner->commands);
	for (uint32_t i = 0; i < MK_DISPATCHES_QUEUED && !result; i++)
		result = vkCreateFence(device, &fence_info, NULL, &runner->fences[i]);
	return result ? mk_vk_fail(result, "cannot create command buffers") : 0;
}

static void vulkan_close(struct mk_runner *runner)
{
	VkDevice device = runner->device.device;

	if (device) {
		/* Its fences are signalled; the queue may still be tidying up. */
		vkDeviceWaitIdle(device);
		for (uint32_t i = 0; i < MK_DISPATCHES_QUEUED; i++)
			vkDestroyFence(device, runner->fences[i], NULL);
		vkDestroyCommandPool(device, runner->pool, NULL);
		mk_vk_kernel_close(&runner->device, &runner->kernel);
	}
	mk_vk_device_close(&runner->device);
	free(runner);
}

static int choose_workgroups(struct mk_runner *runner, uint32_t wanted)
{
	runner->workgroups = wanted ? wanted : mk_default_workers();
	if (runner->workgroups > runner->device.workgroup_limit)
		return mk_fail(EINVAL, "%u workgroups exceed the %u of %s; ask for fewer",
			       runner->workgroups, runner->device.workgroup_limit,
			       runner->device.name);
	return 0;
}

static void fill_info(const struct mk_runner *runner, enum mk_import import,
		      struct mk_engine_info *info)
{
	snprintf(info->device, sizeof(info->device), "%s", runner->device.name);
	snprintf(info->driver, sizeof(info->driver), "%s", runner->device.driver);
	snprintf(info->placement, sizeof(info->placement), "shared by %s, imported as %s",
		 runner->context->backing->ops->name,
		 import == MK_IMPORT_DMA_BUF ? "DMA-buf" : "host pointer");
	info->workgroups = runner->workgroups;
}

static int vulkan_open(struct mk_context *context,
		       const struct mk_engine_options *options,
		       struct mk_engine_info *info, struct mk_runner **result)
{
	struct mk_runner *runner = calloc(1, sizeof(*runner));
	enum mk_import import = options->import;
	int ret;

	if (!runner)
		return mk_fail(ENOMEM, "no memory for a Vulkan engine");
	runner->context = context;
	ret = mk_vk_device_open(options->device, &runner->device);
	if (!ret)
		ret = choose_workgroups(runner, options->workgroups);
	if (!ret)
		ret = mk_vk_kernel_open(&runner->device, context, options, &import,
					&runner->kernel);
	if (!ret)
		ret = create_commands(runner);
	if (ret) {
		vulkan_close(runner);
		return ret;
	}
	fill_info(runner, import, info);
	*result = runner;
	return 0;
}

static int vulkan_submit(struct mk_runner *runner, const struct mk_dispatch *dispatch)
{
	uint32_t index = runner->submitted % MK_DISPATCHES_QUEUED;
	const VkSubmitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.commandBufferCount = 1,
		.pCommandBuffers = &runner->commands[index],
	};
	VkResult result;
	int ret;

	ret = mk_vk_kernel_record(&runner->kernel, runner->context,
				  runner->commands[index], runner->workgroups, dispatch);
	if (ret)
		return ret;
	result = vkResetFences(runner->device.device, 1, &runner->fences[index]);
	if (!result)
		result = vkQueueSubmit(runner->device.queue, 1, &info,
				       runner->fences[index]);
	if (result)
		return mk_vk_fail(result, "cannot submit a dispatch");
	runner->submitted++;
	return 0;
}

static int vulkan_wait(struct mk_runner *runner, uint64_t timeout_ns)
{
	uint32_t index = runner->waited % MK_DISPATCHES_QUEUED;
	VkResult result = vkWaitForFences(runner->device.device, 1,
					  &runner->fences[index], VK_TRUE, timeout_ns);

	if (result == VK_TIMEOUT)
		return -ETIMEDOUT;
	if (result)
		return mk_vk_fail(result, "cannot wait for a dispatch");
	runner->waited++;
	return 0;
}

static uint32_t vulkan_step_limit(const struct mk_runner *runner)
{
	return runner->device.step_limit;
}

const struct mk_runner_ops mk_vulkan_runner = {
	.open = vulkan_open,
	.submit = vulkan_submit,
	.wait = vulkan_wait,
	.close = vulkan_close,
	.step_limit = vulkan_step_limit,
};

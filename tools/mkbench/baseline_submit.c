// SPDX-License-Identifier: MIT
/*
 * The classic way: vkQueueSubmit of a recorded, empty dispatch, and waiting for its
 * fence: asleep, or by asking for its status again and again.  On a VkDevice of its
 * own, while no engine runs: a queue that holds a resident kernel takes nothing else.
 */
#include "baselines.h"
#include "bench.h"
#include "empty.spv.h"
#include "sampling.h"
#include "vulkan.h"

#define SUBMIT_SAMPLES	      5000
#define WARM_UP_SUBMITS	      100
#define SUBMITS_BETWEEN_LOOKS 64
#define POLLS_BETWEEN_LOOKS   4096

struct submitter {
	uint32_t samples;
	struct vulkan_device device;
	struct vulkan_kernel kernel;
	VkCommandBuffer commands;
	VkFence fence;
	VkResult (*wait)(const struct submitter *submitter);
};

static VkResult sleep_until_done(const struct submitter *submitter)
{
	return vkWaitForFences(submitter->device.device, 1, &submitter->fence, VK_TRUE,
			       PATIENCE_NS);
}

static VkResult poll_until_done(const struct submitter *submitter)
{
	uint64_t begin = 0;

	for (uint32_t polls = 1;; polls++) {
		VkResult result =
			vkGetFenceStatus(submitter->device.device, submitter->fence);

		if (result != VK_NOT_READY)
			return result;
		if (polls % POLLS_BETWEEN_LOOKS)
			continue;
		if (!begin)
			begin = now_ns();
		if (now_ns() - begin > PATIENCE_NS)
			return VK_TIMEOUT;
	}
}

static int submit_and_wait(void *argument, uint64_t *elapsed_ns)
{
	const struct submitter *submitter = argument;
	uint64_t start = now_ns();
	int error =
		vulkan_submit(&submitter->device, submitter->commands, submitter->fence);
	VkResult result;

	if (error)
		return error;
	result = submitter->wait(submitter);
	*elapsed_ns = now_ns() - start;
	if (result)
		return vulkan_failed("waiting for a fence", result);
	/* Outside of the sample: an application can rotate its fences. */
	result = vkResetFences(submitter->device.device, 1, &submitter->fence);
	return result ? vulkan_failed("vkResetFences", result) : 0;
}

static int measure(struct submitter *submitter,
		   VkResult (*wait)(const struct submitter *submitter), const char *name,
		   struct distribution *result)
{
	const struct sampling sampling = {
		.name = name,
		.samples = submitter->samples,
		.warm_up = WARM_UP_SUBMITS,
		.between_looks = SUBMITS_BETWEEN_LOOKS,
		.limit_ns = STAGE_LIMIT_NS,
		.take = submit_and_wait,
		.argument = submitter,
	};

	submitter->wait = wait;
	return take_samples(&sampling, result);
}

static int open_submitter(struct submitter *submitter, const char *device)
{
	int error = vulkan_open(device, &submitter->device);

	if (!error)
		error = vulkan_make_kernel(&submitter->device, empty_spirv,
					   sizeof(empty_spirv), VK_NULL_HANDLE, NULL,
					   &submitter->kernel);
	if (!error)
		error = vulkan_record(&submitter->device, &submitter->kernel,
				      VK_NULL_HANDLE, 1, &submitter->commands);
	if (!error)
		error = vulkan_make_fence(&submitter->device, &submitter->fence);
	return error;
}

static void close_submitter(struct submitter *submitter)
{
	if (submitter->device.device) {
		vkDestroyFence(submitter->device.device, submitter->fence, NULL);
		vulkan_free_kernel(&submitter->device, &submitter->kernel);
	}
	vulkan_close(&submitter->device);
}

int measure_submits(const char *device, uint32_t samples, struct distribution *waited,
		    struct distribution *polled)
{
	struct submitter submitter = {
		.samples = samples < SUBMIT_SAMPLES ? samples : SUBMIT_SAMPLES,
	};
	int error = open_submitter(&submitter, device);

	if (!error)
		error = measure(&submitter, sleep_until_done, "submit + wait", waited);
	if (!error)
		error = measure(&submitter, poll_until_done, "submit + poll", polled);
	close_submitter(&submitter);
	return error;
}

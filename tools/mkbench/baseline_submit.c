// SPDX-License-Identifier: MIT
/*
 * The classic way: vkQueueSubmit of a recorded, empty dispatch, and
 * vkWaitForFences.  On a VkDevice of its own, while no engine runs: a queue that
 * holds a resident kernel takes nothing else.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vulkan/vulkan.h>

#include "bench.h"
#include "empty.spv.h"
#include "progress.h"

#define SUBMIT_SAMPLES	      5000
#define WARM_UP_SUBMITS	      100
#define SUBMITS_BETWEEN_LOOKS 64

struct submitter {
	VkInstance instance;
	VkPhysicalDevice physical;
	uint32_t queue_family;
	VkDevice device;
	VkQueue queue;
	VkShaderModule shader;
	VkPipelineLayout layout;
	VkPipeline pipeline;
	VkCommandPool pool;
	VkCommandBuffer commands;
	VkFence fence;
};

static int vulkan_failed(const char *call, VkResult result)
{
	fprintf(stderr, "mkbench: baseline: %s returned VkResult %d\n", call, result);
	return -EIO;
}

static bool find_compute_queue(VkPhysicalDevice physical, uint32_t *family)
{
	VkQueueFamilyProperties families[16];
	uint32_t count = 16;

	vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families);
	for (*family = 0; *family < count; (*family)++)
		if (families[*family].queueFlags & VK_QUEUE_COMPUTE_BIT)
			return true;
	return false;
}

static int open_instance(struct submitter *submitter)
{
	const VkApplicationInfo application = {
		.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
		.pApplicationName = "mkbench",
		.apiVersion = VK_API_VERSION_1_1,
	};
	const VkInstanceCreateInfo create = {
		.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
		.pApplicationInfo = &application,
	};
	VkResult result = vkCreateInstance(&create, NULL, &submitter->instance);

	return result ? vulkan_failed("vkCreateInstance", result) : 0;
}

static int choose_device(struct submitter *submitter, const char *wanted)
{
	VkPhysicalDevice devices[16];
	uint32_t count = 16;
	VkResult result;

	result = vkEnumeratePhysicalDevices(submitter->instance, &count, devices);
	if (result && result != VK_INCOMPLETE)
		return vulkan_failed("vkEnumeratePhysicalDevices", result);
	for (uint32_t i = 0; i < count; i++) {
		VkPhysicalDeviceProperties properties;

		vkGetPhysicalDeviceProperties(devices[i], &properties);
		if (wanted && !strstr(properties.deviceName, wanted))
			continue;
		if (!find_compute_queue(devices[i], &submitter->queue_family))
			continue;
		submitter->physical = devices[i];
		return 0;
	}
	fprintf(stderr,
		"mkbench: baseline: had %u Vulkan devices, expected one named like "
		"\"%s\" with a compute queue; vulkaninfo --summary lists them\n",
		count, wanted ? wanted : "");
	return -ENODEV;
}

static int open_device(struct submitter *submitter)
{
	const float priority = 1;
	const VkDeviceQueueCreateInfo queue = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
		.queueFamilyIndex = submitter->queue_family,
		.queueCount = 1,
		.pQueuePriorities = &priority,
	};
	const VkDeviceCreateInfo create = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.queueCreateInfoCount = 1,
		.pQueueCreateInfos = &queue,
	};
	VkResult result =
		vkCreateDevice(submitter->physical, &create, NULL, &submitter->device);

	if (result)
		return vulkan_failed("vkCreateDevice", result);
	vkGetDeviceQueue(submitter->device, submitter->queue_family, 0,
			 &submitter->queue);
	return 0;
}

static int make_pipeline(struct submitter *submitter)
{
	const VkShaderModuleCreateInfo shader = {
		.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
		.codeSize = sizeof(empty_spirv),
		.pCode = empty_spirv,
	};
	const VkPipelineLayoutCreateInfo layout = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
	};
	VkComputePipelineCreateInfo pipeline = {
		.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
		.stage = {
			.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
			.stage = VK_SHADER_STAGE_COMPUTE_BIT,
			.pName = "main",
		},
	};
	VkResult result;

	result = vkCreateShaderModule(submitter->device, &shader, NULL,
				      &submitter->shader);
	if (result)
		return vulkan_failed("vkCreateShaderModule", result);
	result = vkCreatePipelineLayout(submitter->device, &layout, NULL,
					&submitter->layout);
	if (result)
		return vulkan_failed("vkCreatePipelineLayout", result);
	pipeline.stage.module = submitter->shader;
	pipeline.layout = submitter->layout;
	result = vkCreateComputePipelines(submitter->device, VK_NULL_HANDLE, 1, &pipeline,
					  NULL, &submitter->pipeline);
	return result ? vulkan_failed("vkCreateComputePipelines", result) : 0;
}

static int record_dispatch(struct submitter *submitter)
{
	const VkCommandPoolCreateInfo pool = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
		.queueFamilyIndex = submitter->queue_family,
	};
	VkCommandBufferAllocateInfo allocate = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
		.commandBufferCount = 1,
	};
	const VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
	};
	const VkFenceCreateInfo fence = {
		.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
	};
	VkResult result;

	result = vkCreateCommandPool(submitter->device, &pool, NULL, &submitter->pool);
	if (result)
		return vulkan_failed("vkCreateCommandPool", result);
	allocate.commandPool = submitter->pool;
	result = vkAllocateCommandBuffers(submitter->device, &allocate,
					  &submitter->commands);
	if (result)
		return vulkan_failed("vkAllocateCommandBuffers", result);
	result = vkBeginCommandBuffer(submitter->commands, &begin);
	if (result)
		return vulkan_failed("vkBeginCommandBuffer", result);
	vkCmdBindPipeline(submitter->commands, VK_PIPELINE_BIND_POINT_COMPUTE,
			  submitter->pipeline);
	vkCmdDispatch(submitter->commands, 1, 1, 1);
	result = vkEndCommandBuffer(submitter->commands);
	if (result)
		return vulkan_failed("vkEndCommandBuffer", result);
	result = vkCreateFence(submitter->device, &fence, NULL, &submitter->fence);
	return result ? vulkan_failed("vkCreateFence", result) : 0;
}

static int submit_and_wait(struct submitter *submitter, uint64_t *elapsed_ns)
{
	const VkSubmitInfo submit = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.commandBufferCount = 1,
		.pCommandBuffers = &submitter->commands,
	};
	uint64_t start = now_ns();
	VkResult result;

	result = vkQueueSubmit(submitter->queue, 1, &submit, submitter->fence);
	if (result)
		return vulkan_failed("vkQueueSubmit", result);
	result = vkWaitForFences(submitter->device, 1, &submitter->fence, VK_TRUE,
				 PATIENCE_NS);
	*elapsed_ns = now_ns() - start;
	if (result)
		return vulkan_failed("vkWaitForFences", result);
	/* Outside of the sample: an application can rotate its fences. */
	result = vkResetFences(submitter->device, 1, &submitter->fence);
	return result ? vulkan_failed("vkResetFences", result) : 0;
}

static int sample_submits(struct submitter *submitter, struct sampler *sampler)
{
	uint64_t elapsed_ns, begin = now_ns();
	int error;

	for (uint32_t i = 0; i < WARM_UP_SUBMITS + SUBMIT_SAMPLES; i++) {
		error = submit_and_wait(submitter, &elapsed_ns);
		if (error)
			return error;
		if (i >= WARM_UP_SUBMITS)
			sampler_add(sampler, elapsed_ns);
		if (i % SUBMITS_BETWEEN_LOOKS)
			continue;
		progress_show("submit + wait", (double)i / SUBMIT_SAMPLES);
		if (interrupted())
			return -EINTR;
		if (now_ns() - begin > STAGE_LIMIT_NS && sampler->count)
			return 0;
	}
	return 0;
}

static int open_submitter(struct submitter *submitter, const char *device)
{
	int error = open_instance(submitter);

	if (!error)
		error = choose_device(submitter, device);
	if (!error)
		error = open_device(submitter);
	if (!error)
		error = make_pipeline(submitter);
	if (!error)
		error = record_dispatch(submitter);
	return error;
}

static void close_submitter(struct submitter *submitter)
{
	if (submitter->device) {
		vkDestroyFence(submitter->device, submitter->fence, NULL);
		vkDestroyCommandPool(submitter->device, submitter->pool, NULL);
		vkDestroyPipeline(submitter->device, submitter->pipeline, NULL);
		vkDestroyPipelineLayout(submitter->device, submitter->layout, NULL);
		vkDestroyShaderModule(submitter->device, submitter->shader, NULL);
		vkDestroyDevice(submitter->device, NULL);
	}
	if (submitter->instance)
		vkDestroyInstance(submitter->instance, NULL);
}

int measure_submit_wait(const char *device, struct distribution *result)
{
	struct submitter submitter = { 0 };
	struct sampler sampler;
	int error;

	if (sampler_init(&sampler, SUBMIT_SAMPLES))
		return complain("memory for the samples", -ENOMEM);
	error = open_submitter(&submitter, device);
	if (!error)
		error = sample_submits(&submitter, &sampler);
	progress_end();
	close_submitter(&submitter);
	sampler_finish(&sampler, result);
	return error;
}

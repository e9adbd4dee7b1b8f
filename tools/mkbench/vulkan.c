// SPDX-License-Identifier: MIT
#include "vulkan.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/complain.h"

int vulkan_failed(const char *call, VkResult result)
{
	fprintf(stderr, "mkbench: baseline: %s returned VkResult %d\n", call, result);
	return -EIO;
}

/* Device ------------------------------------------------------------------ */

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

static int open_instance(struct vulkan_device *device)
{
	const VkApplicationInfo application = {
		.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
		.pApplicationName = "mkbench",
		.apiVersion = VK_API_VERSION_1_2,
	};
	const VkInstanceCreateInfo create = {
		.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
		.pApplicationInfo = &application,
	};
	VkResult result = vkCreateInstance(&create, NULL, &device->instance);

	return result ? vulkan_failed("vkCreateInstance", result) : 0;
}

static bool has_uuid(const VkPhysicalDeviceVulkan11Properties *device, const char *uuid)
{
	char text[40], *end = text;

	for (uint32_t i = 0; i < VK_UUID_SIZE; i++)
		end += sprintf(end, "%s%02x", i >= 4 && i <= 10 && i % 2 == 0 ? "-" : "",
			       device->deviceUUID[i]);
	return !strcmp(text, uuid);
}

/* Takes over what libmk does not tell of a device, when it is the one. */
static bool fits(struct vulkan_device *device, const char *uuid)
{
	VkPhysicalDeviceVulkan11Properties known = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES,
	};
	VkPhysicalDeviceProperties2 properties = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
		.pNext = &known,
	};

	vkGetPhysicalDeviceProperties2(device->physical, &properties);
	if (!has_uuid(&known, uuid))
		return false;
	device->subgroup_size = known.subgroupSize;
	return find_compute_queue(device->physical, &device->queue_family);
}

static int choose_device(struct vulkan_device *device, const char *wanted)
{
	VkPhysicalDevice devices[32];
	struct mk_device_info info;
	uint32_t count = 32;
	VkResult result;
	int error = mk_device_find(wanted, &info);

	if (error)
		return complain("baseline", error);
	device->type = (enum mk_device_type)info.type;
	result = vkEnumeratePhysicalDevices(device->instance, &count, devices);
	if (result && result != VK_INCOMPLETE)
		return vulkan_failed("vkEnumeratePhysicalDevices", result);
	for (uint32_t i = 0; i < count; i++) {
		device->physical = devices[i];
		if (fits(device, info.uuid))
			return 0;
	}
	return complain_of(-ENODEV, "baseline: %s is not there any more", info.name);
}

static int open_device(struct vulkan_device *device)
{
	const float priority = 1;
	const VkDeviceQueueCreateInfo queue = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
		.queueFamilyIndex = device->queue_family,
		.queueCount = 1,
		.pQueuePriorities = &priority,
	};
	const VkDeviceCreateInfo create = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.queueCreateInfoCount = 1,
		.pQueueCreateInfos = &queue,
	};
	const VkCommandPoolCreateInfo pool = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
		.queueFamilyIndex = device->queue_family,
	};
	VkResult result =
		vkCreateDevice(device->physical, &create, NULL, &device->device);

	if (result)
		return vulkan_failed("vkCreateDevice", result);
	vkGetDeviceQueue(device->device, device->queue_family, 0, &device->queue);
	result = vkCreateCommandPool(device->device, &pool, NULL, &device->pool);
	return result ? vulkan_failed("vkCreateCommandPool", result) : 0;
}

int vulkan_open(const char *wanted, struct vulkan_device *device)
{
	int error;

	memset(device, 0, sizeof(*device));
	error = open_instance(device);
	if (!error)
		error = choose_device(device, wanted);
	if (!error)
		error = open_device(device);
	return error;
}

void vulkan_close(struct vulkan_device *device)
{
	if (device->device) {
		vkDestroyCommandPool(device->device, device->pool, NULL);
		vkDestroyDevice(device->device, NULL);
	}
	if (device->instance)
		vkDestroyInstance(device->instance, NULL);
}

/* Kernels ----------------------------------------------------------------- */

int vulkan_make_kernel(const struct vulkan_device *device, const uint32_t *spirv,
		       size_t bytes, VkDescriptorSetLayout set,
		       const VkSpecializationInfo *constants,
		       struct vulkan_kernel *kernel)
{
	const VkShaderModuleCreateInfo shader = {
		.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
		.codeSize = bytes,
		.pCode = spirv,
	};
	const VkPipelineLayoutCreateInfo layout = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
		.setLayoutCount = set ? 1 : 0,
		.pSetLayouts = &set,
	};
	VkComputePipelineCreateInfo pipeline = {
		.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
		.stage = {
			.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
			.stage = VK_SHADER_STAGE_COMPUTE_BIT,
			.pName = "main",
			.pSpecializationInfo = constants,
		},
	};
	VkResult result;

	memset(kernel, 0, sizeof(*kernel));
	result = vkCreateShaderModule(device->device, &shader, NULL, &kernel->shader);
	if (result)
		return vulkan_failed("vkCreateShaderModule", result);
	result = vkCreatePipelineLayout(device->device, &layout, NULL, &kernel->layout);
	if (result)
		return vulkan_failed("vkCreatePipelineLayout", result);
	pipeline.stage.module = kernel->shader;
	pipeline.layout = kernel->layout;
	result = vkCreateComputePipelines(device->device, VK_NULL_HANDLE, 1, &pipeline,
					  NULL, &kernel->pipeline);
	return result ? vulkan_failed("vkCreateComputePipelines", result) : 0;
}

void vulkan_free_kernel(const struct vulkan_device *device, struct vulkan_kernel *kernel)
{
	vkDestroyPipeline(device->device, kernel->pipeline, NULL);
	vkDestroyPipelineLayout(device->device, kernel->layout, NULL);
	vkDestroyShaderModule(device->device, kernel->shader, NULL);
}

/* Commands ---------------------------------------------------------------- */

int vulkan_record(const struct vulkan_device *device, const struct vulkan_kernel *kernel,
		  VkDescriptorSet set, uint32_t workgroups, VkCommandBuffer *commands)
{
	const VkCommandBufferAllocateInfo allocate = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.commandPool = device->pool,
		.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
		.commandBufferCount = 1,
	};
	const VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
	};
	VkResult result;

	result = vkAllocateCommandBuffers(device->device, &allocate, commands);
	if (result)
		return vulkan_failed("vkAllocateCommandBuffers", result);
	result = vkBeginCommandBuffer(*commands, &begin);
	if (result)
		return vulkan_failed("vkBeginCommandBuffer", result);
	vkCmdBindPipeline(*commands, VK_PIPELINE_BIND_POINT_COMPUTE, kernel->pipeline);
	if (set)
		vkCmdBindDescriptorSets(*commands, VK_PIPELINE_BIND_POINT_COMPUTE,
					kernel->layout, 0, 1, &set, 0, NULL);
	vkCmdDispatch(*commands, workgroups, 1, 1);
	result = vkEndCommandBuffer(*commands);
	return result ? vulkan_failed("vkEndCommandBuffer", result) : 0;
}

int vulkan_make_fence(const struct vulkan_device *device, VkFence *fence)
{
	const VkFenceCreateInfo create = {
		.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
	};
	VkResult result = vkCreateFence(device->device, &create, NULL, fence);

	return result ? vulkan_failed("vkCreateFence", result) : 0;
}

int vulkan_submit(const struct vulkan_device *device, VkCommandBuffer commands,
		  VkFence fence)
{
	const VkSubmitInfo submit = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.commandBufferCount = 1,
		.pCommandBuffers = &commands,
	};
	VkResult result = vkQueueSubmit(device->queue, 1, &submit, fence);

	return result ? vulkan_failed("vkQueueSubmit", result) : 0;
}

/* SPDX-License-Identifier: MIT */
/* As much of Vulkan as the baselines share; errors are negative, and were told. */
#ifndef MKBENCH_VULKAN_H
#define MKBENCH_VULKAN_H

#include <stddef.h>
#include <stdint.h>

#include <mk/probe.h>
#include <vulkan/vulkan.h>

struct vulkan_device {
	VkInstance instance;
	VkPhysicalDevice physical;
	enum mk_device_type type;
	uint32_t subgroup_size;
	uint32_t queue_family;
	VkDevice device;
	VkQueue queue;
	VkCommandPool pool;
};

struct vulkan_kernel {
	VkShaderModule shader;
	VkPipelineLayout layout;
	VkPipeline pipeline;
};

/* vulkan_failed() - say which call failed; returns -EIO */
int vulkan_failed(const char *call, VkResult result);

/*
 * vulkan_open() - a VkDevice of its own, with a queue and a command pool
 * @wanted: which device, as mk_device_find() takes it
 *
 * vulkan_close() is due whatever the outcome.
 */
int vulkan_open(const char *wanted, struct vulkan_device *device);
void vulkan_close(struct vulkan_device *device);

/*
 * vulkan_make_kernel() - a compute pipeline
 * @set: layout of descriptor set 0, or VK_NULL_HANDLE
 * @constants: specialization, or NULL
 *
 * vulkan_free_kernel() is due whatever the outcome.
 */
int vulkan_make_kernel(const struct vulkan_device *device, const uint32_t *spirv,
		       size_t bytes, VkDescriptorSetLayout set,
		       const VkSpecializationInfo *constants,
		       struct vulkan_kernel *kernel);
void vulkan_free_kernel(const struct vulkan_device *device, struct vulkan_kernel *kernel);

/* vulkan_record() - a command buffer of one dispatch; @set may be VK_NULL_HANDLE */
int vulkan_record(const struct vulkan_device *device, const struct vulkan_kernel *kernel,
		  VkDescriptorSet set, uint32_t workgroups, VkCommandBuffer *commands);

int vulkan_make_fence(const struct vulkan_device *device, VkFence *fence);
int vulkan_submit(const struct vulkan_device *device, VkCommandBuffer commands,
		  VkFence fence);

#endif /* MKBENCH_VULKAN_H */

/* SPDX-License-Identifier: MIT */
/* A compute shader with storage buffers bound to it, number by number. */
#ifndef MK_SRC_VK_PIPELINE_H
#define MK_SRC_VK_PIPELINE_H

#include "vk_buffer.h"
#include "vk_device.h"

struct mk_vk_program {
	const uint32_t *spirv;
	size_t spirv_bytes;
	const VkSpecializationInfo *constants;
	uint32_t parameter_bytes; /* push constants */
	uint32_t buffer_count;
	uint32_t subgroup_size; /* where the device fixes it; 0: as the driver likes */
};

struct mk_vk_pipeline {
	VkDescriptorSetLayout set_layout;
	VkPipelineLayout layout;
	VkPipeline pipeline;
	VkDescriptorPool descriptor_pool;
	VkDescriptorSet descriptor_set;
	uint32_t parameter_bytes;
};

/* @buffers are @program->buffer_count, and stay the caller's. */
int mk_vk_pipeline_open(const struct mk_vk_device *device,
			const struct mk_vk_program *program,
			const struct mk_vk_buffer *buffers,
			struct mk_vk_pipeline *pipeline);

/* A zeroed pipeline is allowed. */
void mk_vk_pipeline_close(const struct mk_vk_device *device,
			  struct mk_vk_pipeline *pipeline);

/* Record a dispatch with @parameters. */
void mk_vk_pipeline_dispatch(const struct mk_vk_pipeline *pipeline,
			     VkCommandBuffer commands, const void *parameters,
			     uint32_t workgroups);

#endif /* MK_SRC_VK_PIPELINE_H */

// SPDX-License-Identifier: MIT
#include "vk_pipeline.h"

#include <string.h>

enum { BUFFERS_LIMIT = 16 };

static int create_layouts(const struct mk_vk_device *device,
			  const struct mk_vk_program *program,
			  struct mk_vk_pipeline *pipeline)
{
	VkDescriptorSetLayoutBinding bindings[BUFFERS_LIMIT];
	const VkDescriptorSetLayoutCreateInfo set_info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
		.bindingCount = program->buffer_count,
		.pBindings = bindings,
	};
	const VkPushConstantRange range = {
		.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
		.size = program->parameter_bytes,
	};
	const VkPipelineLayoutCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
		.setLayoutCount = 1,
		.pSetLayouts = &pipeline->set_layout,
		.pushConstantRangeCount = 1,
		.pPushConstantRanges = &range,
	};
	VkResult result;

	for (uint32_t i = 0; i < program->buffer_count; i++)
		bindings[i] = (VkDescriptorSetLayoutBinding){
			.binding = i,
			.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
			.descriptorCount = 1,
			.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
		};
	result = vkCreateDescriptorSetLayout(device->device, &set_info, NULL,
					     &pipeline->set_layout);
	if (!result)
		result = vkCreatePipelineLayout(device->device, &info, NULL,
						&pipeline->layout);
	return result ? mk_vk_fail(result, "cannot create a shader's layout") : 0;
}

static int create_pipeline(const struct mk_vk_device *device,
			   const struct mk_vk_program *program,
			   struct mk_vk_pipeline *pipeline)
{
	const VkShaderModuleCreateInfo module_info = {
		.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
		.codeSize = program->spirv_bytes,
		.pCode = program->spirv,
	};
	const VkPipelineRobustnessCreateInfoEXT unchecked = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_ROBUSTNESS_CREATE_INFO_EXT,
		.storageBuffers = VK_PIPELINE_ROBUSTNESS_BUFFER_BEHAVIOR_DISABLED_EXT,
		.uniformBuffers = VK_PIPELINE_ROBUSTNESS_BUFFER_BEHAVIOR_DISABLED_EXT,
		.vertexInputs = VK_PIPELINE_ROBUSTNESS_BUFFER_BEHAVIOR_DISABLED_EXT,
		.images = VK_PIPELINE_ROBUSTNESS_IMAGE_BEHAVIOR_DISABLED_EXT,
	};
	const VkPipelineShaderStageRequiredSubgroupSizeCreateInfo subgroup = {
		.sType =
			VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO,
		.requiredSubgroupSize = program->subgroup_size,
	};
	VkComputePipelineCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
		.pNext = device->can_leave_out_checks ? &unchecked : NULL,
		.stage = {
			.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
			.pNext = program->subgroup_size ? &subgroup : NULL,
			.stage = VK_SHADER_STAGE_COMPUTE_BIT,
			.pName = "main",
			.pSpecializationInfo = program->constants,
		},
		.layout = pipeline->layout,
	};
	VkResult result;

	result = vkCreateShaderModule(device->device, &module_info, NULL,
				      &info.stage.module);
	if (result)
		return mk_vk_fail(result, "cannot load a shader's SPIR-V");
	result = vkCreateComputePipelines(device->device, VK_NULL_HANDLE, 1, &info, NULL,
					  &pipeline->pipeline);
	vkDestroyShaderModule(device->device, info.stage.module, NULL);
	return result ? mk_vk_fail(result, "cannot compile a shader") : 0;
}

static int create_descriptors(const struct mk_vk_device *device,
			      const struct mk_vk_program *program,
			      const struct mk_vk_buffer *buffers,
			      struct mk_vk_pipeline *pipeline)
{
	const VkDescriptorPoolSize size = { VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
					    program->buffer_count };
	const VkDescriptorPoolCreateInfo pool_info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
		.maxSets = 1,
		.poolSizeCount = 1,
		.pPoolSizes = &size,
	};
	VkDescriptorSetAllocateInfo set_info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
		.descriptorSetCount = 1,
		.pSetLayouts = &pipeline->set_layout,
	};
	VkResult result;

	result = vkCreateDescriptorPool(device->device, &pool_info, NULL,
					&pipeline->descriptor_pool);
	set_info.descriptorPool = pipeline->descriptor_pool;
	if (!result)
		result = vkAllocateDescriptorSets(device->device, &set_info,
						  &pipeline->descriptor_set);
	if (result)
		return mk_vk_fail(result, "cannot create a shader's descriptors");
	for (uint32_t i = 0; i < program->buffer_count; i++) {
		const VkDescriptorBufferInfo buffer = {
			.buffer = buffers[i].buffer,
			.range = VK_WHOLE_SIZE,
		};
		const VkWriteDescriptorSet write = {
			.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
			.dstSet = pipeline->descriptor_set,
			.dstBinding = i,
			.descriptorCount = 1,
			.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
			.pBufferInfo = &buffer,
		};

		vkUpdateDescriptorSets(device->device, 1, &write, 0, NULL);
	}
	return 0;
}

int mk_vk_pipeline_open(const struct mk_vk_device *device,
			const struct mk_vk_program *program,
			const struct mk_vk_buffer *buffers,
			struct mk_vk_pipeline *pipeline)
{
	int ret;

	memset(pipeline, 0, sizeof(*pipeline));
	pipeline->parameter_bytes = program->parameter_bytes;
	ret = create_layouts(device, program, pipeline);
	if (!ret)
		ret = create_pipeline(device, program, pipeline);
	if (!ret)
		ret = create_descriptors(device, program, buffers, pipeline);
	if (ret)
		mk_vk_pipeline_close(device, pipeline);
	return ret;
}

void mk_vk_pipeline_close(const struct mk_vk_device *device,
			  struct mk_vk_pipeline *pipeline)
{
	vkDestroyDescriptorPool(device->device, pipeline->descriptor_pool, NULL);
	vkDestroyPipeline(device->device, pipeline->pipeline, NULL);
	vkDestroyPipelineLayout(device->device, pipeline->layout, NULL);
	vkDestroyDescriptorSetLayout(device->device, pipeline->set_layout, NULL);
	memset(pipeline, 0, sizeof(*pipeline));
}

void mk_vk_pipeline_dispatch(const struct mk_vk_pipeline *pipeline,
			     VkCommandBuffer commands, const void *parameters,
			     uint32_t workgroups)
{
	vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline->pipeline);
	vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE,
				pipeline->layout, 0, 1, &pipeline->descriptor_set, 0,
				NULL);
	vkCmdPushConstants(commands, pipeline->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
			   pipeline->parameter_bytes, parameters);
	vkCmdDispatch(commands, workgroups, 1, 1);
}

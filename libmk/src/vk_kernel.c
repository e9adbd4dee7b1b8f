// SPDX-License-Identifier: MIT
#include "vk_kernel.h"

#include <stddef.h>
#include <string.h>

#include <state_layout.h>

#include "error.h"
#include "kernel_spirv.h"

/* As Parameters in shaders/memory.glsl. */
struct kernel_parameters {
	uint32_t steps;
	uint32_t idle_looks;
	uint32_t flags;
	uint32_t slot_count;
	uint32_t window_slots;
	uint32_t window_count;
	uint32_t log_records;
	uint32_t observable_words;
	uint32_t arena_words;
	uint32_t context_flags;
};

/* Memory ----------------------------------------------------------------------- */

/* A binding must have a buffer; without an arena the kernel never looks. */
static uint32_t bound_memory(const struct mk_context *context, uint32_t binding)
{
	return binding == MK_ARENA && !context->arena ? MK_MEMORY_STATE : binding;
}

static void destroy_buffers(const struct mk_vk_device *device,
			    struct mk_vk_kernel *kernel)
{
	for (uint32_t i = 0; i < MK_VK_BINDINGS; i++)
		mk_vk_buffer_destroy(device, &kernel->buffers[i]);
}

static int import_all(const struct mk_vk_device *device, const struct mk_context *context,
		      enum mk_import import, struct mk_vk_kernel *kernel)
{
	int ret = 0;

	for (uint32_t i = 0; i < MK_VK_BINDINGS && !ret; i++)
		ret = mk_vk_buffer_import(device, context->backing,
					  bound_memory(context, i), import,
					  &kernel->buffers[i]);
	if (ret)
		destroy_buffers(device, kernel);
	return ret;
}

static int import_context(const struct mk_vk_device *device,
			  const struct mk_context *context, enum mk_import *import,
			  struct mk_vk_kernel *kernel)
{
	if (*import != MK_IMPORT_AUTO)
		return import_all(device, context, *import, kernel);
	*import = MK_IMPORT_DMA_BUF;
	if (device->imports_dma_bufs && !import_all(device, context, *import, kernel))
		return 0;
	*import = MK_IMPORT_HOST_POINTER;
	return import_all(device, context, *import, kernel);
}

/* Pipeline ---------------------------------------------------------------------- */

static int create_layouts(const struct mk_vk_device *device, struct mk_vk_kernel *kernel)
{
	VkDescriptorSetLayoutBinding bindings[MK_VK_BINDINGS];
	const VkDescriptorSetLayoutCreateInfo set_info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
		.bindingCount = MK_VK_BINDINGS,
		.pBindings = bindings,
	};
	const VkPushConstantRange range = {
		.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
		.size = sizeof(struct kernel_parameters),
	};
	const VkPipelineLayoutCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
		.setLayoutCount = 1,
		.pSetLayouts = &kernel->set_layout,
		.pushConstantRangeCount = 1,
		.pPushConstantRanges = &range,
	};
	VkResult result;

	for (uint32_t i = 0; i < MK_VK_BINDINGS; i++)
		bindings[i] = (VkDescriptorSetLayoutBinding){
			.binding = i,
			.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
			.descriptorCount = 1,
			.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
		};
	result = vkCreateDescriptorSetLayout(device->device, &set_info, NULL,
					     &kernel->set_layout);
	if (!result)
		result = vkCreatePipelineLayout(device->device, &info, NULL,
						&kernel->pipeline_layout);
	return result ? mk_vk_fail(result, "cannot create the kernel's layout") : 0;
}

/* As the constants of shaders/kernel.comp and memory.glsl. */
struct kernel_constants {
	uint32_t lanes;
	VkBool32 split;
};

static const VkSpecializationMapEntry constant_entries[] = {
	{ 0, offsetof(struct kernel_constants, lanes), sizeof(uint32_t) },
	{ 1, offsetof(struct kernel_constants, split), sizeof(VkBool32) },
};

static int create_pipeline(const struct mk_vk_device *device,
			   const struct mk_context *context,
			   const struct mk_engine_options *options,
			   struct mk_vk_kernel *kernel)
{
	const struct kernel_constants constants = {
		.lanes = options->lanes ? options->lanes : device->subgroup_size,
		.split = context->split,
	};
	const VkSpecializationInfo specialization = {
		.mapEntryCount = sizeof(constant_entries) / sizeof(constant_entries[0]),
		.pMapEntries = constant_entries,
		.dataSize = sizeof(constants),
		.pData = &constants,
	};
	const VkShaderModuleCreateInfo module_info = {
		.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
		.codeSize = options->spirv ? options->spirv_bytes :
					     sizeof(mk_kernel_spirv),
		.pCode = options->spirv ? options->spirv : mk_kernel_spirv,
	};
	VkComputePipelineCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
		.stage = {
			.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
			.stage = VK_SHADER_STAGE_COMPUTE_BIT,
			.pName = "main",
			.pSpecializationInfo = &specialization,
		},
		.layout = kernel->pipeline_layout,
	};
	VkResult result;

	result = vkCreateShaderModule(device->device, &module_info, NULL,
				      &info.stage.module);
	if (result)
		return mk_vk_fail(result, "cannot load the kernel's SPIR-V");
	result = vkCreateComputePipelines(device->device, VK_NULL_HANDLE, 1, &info, NULL,
					  &kernel->pipeline);
	vkDestroyShaderModule(device->device, info.stage.module, NULL);
	return result ? mk_vk_fail(result, "cannot compile the kernel") : 0;
}

static int create_descriptors(const struct mk_vk_device *device,
			      struct mk_vk_kernel *kernel)
{
	const VkDescriptorPoolSize size = { VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
					    MK_VK_BINDINGS };
	const VkDescriptorPoolCreateInfo pool_info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
		.maxSets = 1,
		.poolSizeCount = 1,
		.pPoolSizes = &size,
	};
	VkDescriptorSetAllocateInfo set_info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
		.descriptorSetCount = 1,
		.pSetLayouts = &kernel->set_layout,
	};
	VkResult result;

	result = vkCreateDescriptorPool(device->device, &pool_info, NULL,
					&kernel->descriptor_pool);
	set_info.descriptorPool = kernel->descriptor_pool;
	if (!result)
		result = vkAllocateDescriptorSets(device->device, &set_info,
						  &kernel->descriptor_set);
	if (result)
		return mk_vk_fail(result, "cannot create the kernel's descriptors");
	for (uint32_t i = 0; i < MK_VK_BINDINGS; i++) {
		const VkDescriptorBufferInfo buffer = {
			.buffer = kernel->buffers[i].buffer,
			.range = VK_WHOLE_SIZE,
		};
		const VkWriteDescriptorSet write = {
			.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
			.dstSet = kernel->descriptor_set,
			.dstBinding = i,
			.descriptorCount = 1,
			.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
			.pBufferInfo = &buffer,
		};

		vkUpdateDescriptorSets(device->device, 1, &write, 0, NULL);
	}
	return 0;
}

int mk_vk_kernel_open(const struct mk_vk_device *device, const struct mk_context *context,
		      const struct mk_engine_options *options, enum mk_import *import,
		      struct mk_vk_kernel *kernel)
{
	int ret;

	memset(kernel, 0, sizeof(*kernel));
	ret = import_context(device, context, import, kernel);
	if (!ret)
		ret = create_layouts(device, kernel);
	if (!ret)
		ret = create_pipeline(device, context, options, kernel);
	if (!ret)
		ret = create_descriptors(device, kernel);
	if (ret)
		mk_vk_kernel_close(device, kernel);
	return ret;
}

void mk_vk_kernel_close(const struct mk_vk_device *device, struct mk_vk_kernel *kernel)
{
	vkDestroyDescriptorPool(device->device, kernel->descriptor_pool, NULL);
	vkDestroyPipeline(device->device, kernel->pipeline, NULL);
	vkDestroyPipelineLayout(device->device, kernel->pipeline_layout, NULL);
	vkDestroyDescriptorSetLayout(device->device, kernel->set_layout, NULL);
	destroy_buffers(device, kernel);
	memset(kernel, 0, sizeof(*kernel));
}

/* Recording --------------------------------------------------------------------- */

static void barrier(VkCommandBuffer commands, VkPipelineStageFlags from,
		    VkAccessFlags from_access, VkPipelineStageFlags to,
		    VkAccessFlags to_access)
{
	const VkMemoryBarrier memory = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
		.srcAccessMask = from_access,
		.dstAccessMask = to_access,
	};

	vkCmdPipelineBarrier(commands, from, to, 0, 1, &memory, 0, NULL, 0, NULL);
}

int mk_vk_kernel_record(const struct mk_vk_kernel *kernel,
			const struct mk_context *context, VkCommandBuffer commands,
			uint32_t workgroups, const struct mk_dispatch *dispatch)
{
	const VkAccessFlags shader = VK_ACCESS_SHADER_READ_BIT |
				     VK_ACCESS_SHADER_WRITE_BIT;
	const VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
	};
	const struct mk_geometry *geometry = &context->geometry;
	const struct kernel_parameters parameters = {
		.steps = dispatch->steps,
		.idle_looks = dispatch->idle_looks,
		.flags = dispatch->flags,
		.slot_count = geometry->slots,
		.window_slots = geometry->window_slots,
		.window_count = context->window_count,
		.log_records = geometry->log_records,
		.observable_words = geometry->observable_words,
		.arena_words = (uint32_t)(geometry->arena_bytes / sizeof(uint32_t)),
		.context_flags = geometry->flags,
	};
	VkResult result = vkBeginCommandBuffer(commands, &begin);

	if (result)
		return mk_vk_fail(result, "cannot record a dispatch");
	/* The dispatch before must be over, also for the words that are cleared. */
	barrier(commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, shader,
		VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_WRITE_BIT);
	vkCmdFillBuffer(commands, kernel->buffers[MK_MEMORY_STATE].buffer, 0,
			MK_STATE_DISPATCH_WORDS * sizeof(uint32_t), 0);
	barrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_WRITE_BIT,
		VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, shader);
	vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, kernel->pipeline);
	vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE,
				kernel->pipeline_layout, 0, 1, &kernel->descriptor_set, 0,
				NULL);
	vkCmdPushConstants(commands, kernel->pipeline_layout, VK_SHADER_STAGE_COMPUTE_BIT,
			   0, sizeof(parameters), &parameters);
	vkCmdDispatch(commands, workgroups, 1, 1);
	barrier(commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
		VK_ACCESS_SHADER_WRITE_BIT, VK_PIPELINE_STAGE_HOST_BIT,
		VK_ACCESS_HOST_READ_BIT);
	result = vkEndCommandBuffer(commands);
	return result ? mk_vk_fail(result, "cannot record a dispatch") : 0;
}

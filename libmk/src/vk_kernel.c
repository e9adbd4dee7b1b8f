// SPDX-License-Identifier: MIT
#include "vk_kernel.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <state_layout.h>

#include "backing_device.h"
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
	uint32_t io_request_slots;
	uint32_t io_slots;
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
		if (kernel->is_imported[i])
			mk_vk_buffer_destroy(device, &kernel->buffers[i]);
	memset(kernel->buffers, 0, sizeof(kernel->buffers));
	memset(kernel->is_imported, 0, sizeof(kernel->is_imported));
}

static int import_all(const struct mk_vk_device *device, const struct mk_context *context,
		      enum mk_import import, struct mk_vk_kernel *kernel)
{
	int ret = 0;

	for (uint32_t i = 0; i < MK_VK_BINDINGS && !ret; i++) {
		uint32_t memory = bound_memory(context, i);
		const struct mk_vk_buffer *own =
			mk_device_backing_buffer(context->backing, memory);

		if (own && device == mk_device_backing_device(context->backing)) {
			kernel->buffers[i] = *own;
			continue;
		}
		ret = own ? mk_device_backing_attach(context->backing, device, memory,
						     &kernel->buffers[i]) :
			    mk_vk_buffer_import(device, context->backing, memory, import,
						&kernel->buffers[i]);
		kernel->is_imported[i] = !ret;
	}
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
	const uint32_t lanes = options->lanes ? options->lanes : device->subgroup_size;
	const struct kernel_constants constants = {
		.lanes = lanes,
		.split = context->split,
	};
	const VkSpecializationInfo specialization = {
		.mapEntryCount = sizeof(constant_entries) / sizeof(constant_entries[0]),
		.pMapEntries = constant_entries,
		.dataSize = sizeof(constants),
		.pData = &constants,
	};
	const struct mk_vk_program program = {
		.spirv = options->spirv ? options->spirv : mk_kernel_spirv,
		.spirv_bytes = options->spirv ? options->spirv_bytes :
						sizeof(mk_kernel_spirv),
		.constants = &specialization,
		.parameter_bytes = sizeof(struct kernel_parameters),
		.buffer_count = MK_VK_BINDINGS,
		.subgroup_size = device->fixes_subgroups ? device->subgroup_size : 0,
	};

	/* A worker is a whole workgroup, which the kernel takes for granted. */
	if (lanes > device->subgroup_size)
		return mk_fail(
			EINVAL,
			"had %u lanes, expected at most the %u of a subgroup of %s",
			lanes, device->subgroup_size, device->identity.name);

	return mk_vk_pipeline_open(device, &program, kernel->buffers, &kernel->pipeline);
}

int mk_vk_kernel_open(const struct mk_vk_device *device, const struct mk_context *context,
		      const struct mk_engine_options *options, enum mk_import *import,
		      struct mk_vk_kernel *kernel)
{
	int ret;

	memset(kernel, 0, sizeof(*kernel));
	ret = import_context(device, context, import, kernel);
	if (!ret)
		ret = create_pipeline(device, context, options, kernel);
	if (ret)
		mk_vk_kernel_close(device, kernel);
	return ret;
}

void mk_vk_kernel_close(const struct mk_vk_device *device, struct mk_vk_kernel *kernel)
{
	mk_vk_pipeline_close(device, &kernel->pipeline);
	destroy_buffers(device, kernel);
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

void mk_vk_kernel_record(const struct mk_vk_kernel *kernel,
			 const struct mk_context *context, VkCommandBuffer commands,
			 uint32_t workgroups, const struct mk_dispatch *dispatch)
{
	const VkAccessFlags shader = VK_ACCESS_SHADER_READ_BIT |
				     VK_ACCESS_SHADER_WRITE_BIT;
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
		.io_request_slots = geometry->io_request_slots,
		.io_slots = geometry->io_slots,
	};

	/* The dispatch before must be over, also for the words that are cleared. */
	barrier(commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, shader,
		VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_WRITE_BIT);
	vkCmdFillBuffer(commands, kernel->buffers[MK_MEMORY_STATE].buffer, 0,
			MK_STATE_DISPATCH_WORDS * sizeof(uint32_t), 0);
	barrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_WRITE_BIT,
		VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, shader);
	mk_vk_pipeline_dispatch(&kernel->pipeline, commands, &parameters, workgroups);
	barrier(commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
		VK_ACCESS_SHADER_WRITE_BIT, VK_PIPELINE_STAGE_HOST_BIT,
		VK_ACCESS_HOST_READ_BIT);
}

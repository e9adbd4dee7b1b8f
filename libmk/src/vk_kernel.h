/* SPDX-License-Identifier: MIT */
/* The resident kernel as a pipeline, with a context's memory bound to it. */
#ifndef MK_SRC_VK_KERNEL_H
#define MK_SRC_VK_KERNEL_H

#include "engine.h"
#include "vk_buffer.h"
#include "vk_device.h"
#include "vk_pipeline.h"

/* The bindings of shaders/memory.glsl: the regions, the state, the arena. */
#define MK_VK_BINDINGS MK_MEMORIES

struct mk_vk_kernel {
	struct mk_vk_buffer buffers[MK_VK_BINDINGS];
	bool is_imported[MK_VK_BINDINGS]; /* else the buffer is the backing's */
	struct mk_vk_pipeline pipeline;
};

/*
 * Import those memories of @context that are not the device's already, and compile the
 * kernel.  MK_IMPORT_AUTO becomes what was used.
 */
int mk_vk_kernel_open(const struct mk_vk_device *device, const struct mk_context *context,
		      const struct mk_engine_options *options, enum mk_import *import,
		      struct mk_vk_kernel *kernel);

/* A zeroed kernel is allowed. */
void mk_vk_kernel_close(const struct mk_vk_device *device, struct mk_vk_kernel *kernel);

/* Record one dispatch of @workgroups workgroups into @commands. */
void mk_vk_kernel_record(const struct mk_vk_kernel *kernel,
			 const struct mk_context *context, VkCommandBuffer commands,
			 uint32_t workgroups, const struct mk_dispatch *dispatch);

#endif /* MK_SRC_VK_KERNEL_H */

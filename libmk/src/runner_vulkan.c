// SPDX-License-Identifier: MIT
/* Runs dispatches of the resident kernel on a Vulkan device. */
#include "engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backing_device.h"
#include "error.h"
#include "line_store.h"
#include "placement.h"
#include "vk_kernel.h"
#include "vk_queue.h"

struct mk_runner {
	struct mk_context *context;
	struct mk_vk_device own;	   /* when the memory is no device's */
	const struct mk_vk_device *device; /* that, or the one that has the memory */
	struct mk_vk_kernel kernel;
	struct mk_vk_queue queue;
	uint32_t workgroups;
};

static void vulkan_close(struct mk_runner *runner)
{
	mk_vk_queue_close(&runner->queue);
	if (runner->device)
		mk_vk_kernel_close(runner->device, &runner->kernel);
	mk_vk_device_close(&runner->own);
	free(runner);
}

/* The device that has the memory must be the one that was asked for. */
static int use_device_of_memory(struct mk_runner *runner, const char *name)
{
	struct mk_device_wish wish;

	runner->device = mk_device_backing_device(runner->context->backing);
	mk_device_wish_read(name, &wish);
	if (!mk_device_is_wished(&runner->device->identity, &wish))
		return mk_fail(ENODEV,
			       "the context lies in the memory of %s, so that runs it, "
			       "and not \"%s\"; create the context for that device",
			       runner->device->identity.name, name);
	return 0;
}

/*
 * The first device that sees the host's memory.  One that is a CPU has no other; of
 * the others a trial tells.
 */
static int open_device(struct mk_runner *runner, const char *name, enum mk_import import)
{
	struct mk_device_wish wish;
	char reason[512] = "";
	int ret;

	mk_device_wish_or_environment(name, &wish);
	for (uint32_t rank = 0;; rank++) {
		struct mk_placement placement;

		ret = mk_vk_device_open(&wish, rank, &runner->own);
		if (ret)
			break;
		ret = runner->own.is_cpu ? 0 :
					   mk_placement_choose(&runner->own, false,
							       import, &placement);
		if (!ret) {
			runner->device = &runner->own;
			return 0;
		}
		if (!rank)
			snprintf(reason, sizeof(reason), "%s", mk_error_text());
		mk_vk_device_close(&runner->own);
	}
	if (!*reason)
		return ret;
	return mk_fail(-ret, "%s; create the context with MK_BACKING_DEVICE", reason);
}

/*
 * A CPU's workers take cores away from producers.  A GPU has room for one on each
 * multiprocessor; with two blocks of the ring for each they answer as soon as with one,
 * and get less into the way of what producers store.
 */
static uint32_t default_workgroups(const struct mk_runner *runner)
{
	enum { MULTIPROCESSORS_GUESS = 32 };
	const struct mk_vk_device *device = runner->device;
	uint32_t count = device->multiprocessors ? device->multiprocessors :
						   MULTIPROCESSORS_GUESS;
	uint32_t blocks =
		(runner->context->geometry.slots - 1) / device->subgroup_size + 1;

	if (device->is_cpu)
		return mk_default_workers();
	return count < (blocks + 1) / 2 ? count : (blocks + 1) / 2;
}

static int choose_workgroups(struct mk_runner *runner, uint32_t wanted)
{
	runner->workgroups = wanted ? wanted : default_workgroups(runner);
	if (runner->workgroups > runner->device->workgroup_limit)
		return mk_fail(EINVAL, "%u workgroups exceed the %u of %s; ask for fewer",
			       runner->workgroups, runner->device->workgroup_limit,
			       runner->device->identity.name);
	return 0;
}

static void describe_placement(const struct mk_runner *runner, enum mk_import import,
			       char *text, size_t bytes)
{
	const struct mk_placement *placement =
		mk_device_backing_placement(runner->context->backing);

	size_t used;

	if (!placement) {
		snprintf(text, bytes, "shared by %s, imported as %s",
			 runner->context->backing->ops->name,
			 import == MK_IMPORT_DMA_BUF ? "DMA-buf" : "host pointer");
		return;
	}
	mk_placement_describe(runner->device, placement, text, bytes);
	used = strlen(text);
	if (runner->context->write_combining)
		snprintf(text + used, bytes - used, ", slots stored by %s",
			 mk_line_store_name());
}

static void fill_info(const struct mk_runner *runner, enum mk_import import,
		      struct mk_engine_info *info)
{
	snprintf(info->device, sizeof(info->device), "%s", runner->device->identity.name);
	snprintf(info->driver, sizeof(info->driver), "%s",
		 runner->device->identity.driver);
	mk_uuid_print(runner->device->identity.uuid, info->device_uuid);
	describe_placement(runner, import, info->placement, sizeof(info->placement));
	info->workgroups = runner->workgroups;
}

static int open_parts(struct mk_runner *runner, const struct mk_engine_options *options,
		      enum mk_import *import)
{
	const struct mk_placement *placement =
		mk_device_backing_placement(runner->context->backing);
	int ret;

	if (runner->context->split && !placement)
		return mk_fail(ENOTSUP,
			       "the context lies in a device's memory and was attached "
			       "through mk.ko; its engine runs in the process that "
			       "created it");
	ret = placement ? use_device_of_memory(runner, options->device) :
			  open_device(runner, options->device, options->import);
	/* How the cq reaches the device was found out with the rest. */
	*import = placement ? placement->import : options->import;
	if (!ret)
		ret = choose_workgroups(runner, options->workgroups);
	if (!ret)
		ret = mk_vk_kernel_open(runner->device, runner->context, options, import,
					&runner->kernel);
	return ret ? ret : mk_vk_queue_open(runner->device, &runner->queue);
}

static int vulkan_open(struct mk_context *context,
		       const struct mk_engine_options *options,
		       struct mk_engine_info *info, struct mk_runner **result)
{
	struct mk_runner *runner = calloc(1, sizeof(*runner));
	enum mk_import import;
	int ret;

	if (!runner)
		return mk_fail(ENOMEM, "no memory for a Vulkan engine");
	runner->context = context;
	ret = open_parts(runner, options, &import);
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
	VkCommandBuffer commands;
	int ret = mk_vk_queue_begin(&runner->queue, &commands);

	if (ret)
		return ret;
	mk_vk_kernel_record(&runner->kernel, runner->context, commands,
			    runner->workgroups, dispatch);
	return mk_vk_queue_submit(&runner->queue);
}

static int vulkan_wait(struct mk_runner *runner, uint64_t timeout_ns)
{
	return mk_vk_queue_wait(&runner->queue, timeout_ns);
}

static uint32_t vulkan_step_limit(const struct mk_runner *runner)
{
	return runner->device->step_limit;
}

const struct mk_runner_ops mk_vulkan_runner = {
	.open = vulkan_open,
	.submit = vulkan_submit,
	.wait = vulkan_wait,
	.close = vulkan_close,
	.step_limit = vulkan_step_limit,
};

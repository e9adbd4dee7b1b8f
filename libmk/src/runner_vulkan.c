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
#include "lockup.h"
#include "placement.h"
#include "vk_kernel.h"
#include "vk_loss.h"
#include "vk_queue.h"
#include "vk_queue_family.h"

struct mk_runner {
	struct mk_context *context;
	/* As they were given, with copies of what they point to. */
	struct mk_engine_options options;
	char *wanted_device;
	uint32_t *spirv;
	struct mk_vk_device own; /* when the memory is no device's, or was lost */
	const struct mk_vk_device *device; /* that, or the one that has the memory */
	struct mk_vk_device known; /* what is known of that, also when it is closed */
	enum mk_import import;	   /* that is in use */
	struct mk_vk_kernel kernel;
	struct mk_vk_queue queue;
	struct mk_vk_loss_watch loss_watch;
	struct mk_lockup lockup; /* when the device's driver loses patience */
	uint32_t workgroups;
};

static void close_device(struct mk_runner *runner)
{
	mk_vk_queue_close(&runner->queue);
	if (runner->device)
		mk_vk_kernel_close(runner->device, &runner->kernel);
	mk_vk_device_close(&runner->own);
	runner->device = NULL;
}

static void vulkan_close(struct mk_runner *runner)
{
	close_device(runner);
	mk_vk_loss_watch_close(&runner->loss_watch);
	free(runner->wanted_device);
	free(runner->spirv);
	free(runner);
}

/* The caller's may be gone when the device has to be opened again. */
static int copy_options(struct mk_runner *runner, const struct mk_engine_options *options)
{
	runner->options = *options;
	if (options->device) {
		runner->wanted_device = strdup(options->device);
		if (!runner->wanted_device)
			return mk_fail(ENOMEM, "no memory for a Vulkan engine");
		runner->options.device = runner->wanted_device;
	}
	if (options->spirv) {
		runner->spirv = malloc(options->spirv_bytes);
		if (!runner->spirv)
			return mk_fail(ENOMEM, "no memory for a kernel of %zu bytes",
				       options->spirv_bytes);
		memcpy(runner->spirv, options->spirv, options->spirv_bytes);
		runner->options.spirv = runner->spirv;
	}
	return 0;
}

/*
 * The device that has the memory must be the one that was asked for.  An engine before may
 * have lost it: then the memory is there still, and the device has to be opened again.
 */
static int use_device_of_memory(struct mk_runner *runner, const char *name)
{
	const struct mk_vk_device *device =
		mk_device_backing_device(runner->context->backing);
	struct mk_device_wish wish;
	int ret;

	mk_device_wish_read(name, &wish);
	if (!mk_device_is_wished(&device->identity, &wish))
		return mk_fail(ENODEV,
			       "the context lies in the memory of %s, so that runs it, "
			       "and not \"%s\"; create the context for that device",
			       device->identity.name, name);
	runner->device = device;
	if (vkDeviceWaitIdle(device->device) != VK_ERROR_DEVICE_LOST)
		return 0;
	runner->device = NULL;
	ret = mk_vk_device_reopen(device, &runner->own);
	if (!ret)
		runner->device = &runner->own;
	return ret;
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

static void describe_placement(const struct mk_runner *runner, char *text, size_t bytes)
{
	const struct mk_placement *placement =
		mk_device_backing_placement(runner->context->backing);

	size_t used;

	if (!placement) {
		snprintf(text, bytes, "shared by %s, imported as %s",
			 runner->context->backing->ops->name,
			 runner->import == MK_IMPORT_DMA_BUF ? "DMA-buf" :
							       "host pointer");
		return;
	}
	mk_placement_describe(runner->device, placement, text, bytes);
	used = strlen(text);
	if (runner->context->write_combining)
		snprintf(text + used, bytes - used, ", slots stored by %s",
			 mk_line_store_name());
}

static void fill_info(const struct mk_runner *runner, struct mk_engine_info *info)
{
	snprintf(info->device, sizeof(info->device), "%s", runner->device->identity.name);
	snprintf(info->driver, sizeof(info->driver), "%s",
		 runner->device->identity.driver);
	mk_uuid_print(runner->device->identity.uuid, info->device_uuid);
	describe_placement(runner, info->placement, sizeof(info->placement));
	mk_vk_device_describe_queue(runner->device, info->queue, sizeof(info->queue));
	info->workgroups = runner->workgroups;
}

/* What is on the device that was chosen. */
static int open_kernel(struct mk_runner *runner)
{
	int ret = mk_vk_kernel_open(runner->device, runner->context, &runner->options,
				    &runner->import, &runner->kernel);

	return ret ? ret : mk_vk_queue_open(runner->device, &runner->queue);
}

static void remember_device(struct mk_runner *runner)
{
	runner->known = *runner->device;
	mk_vk_loss_watch_open(&runner->known, &runner->loss_watch);
	mk_lockup_find(&runner->known, &runner->lockup);
}

static int open_parts(struct mk_runner *runner)
{
	const struct mk_engine_options *options = &runner->options;
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
	runner->import = placement ? placement->import : options->import;
	if (!ret)
		ret = choose_workgroups(runner, options->workgroups);
	if (!ret)
		ret = open_kernel(runner);
	if (!ret)
		remember_device(runner);
	return ret;
}

static int vulkan_open(struct mk_context *context,
		       const struct mk_engine_options *options,
		       struct mk_engine_info *info, struct mk_runner **result)
{
	struct mk_runner *runner = calloc(1, sizeof(*runner));
	int ret;

	if (!runner)
		return mk_fail(ENOMEM, "no memory for a Vulkan engine");
	runner->context = context;
	ret = copy_options(runner, options);
	if (!ret)
		ret = open_parts(runner);
	if (ret) {
		vulkan_close(runner);
		return ret;
	}
	fill_info(runner, info);
	*result = runner;
	return 0;
}

/* After a loss ------------------------------------------------------------------- */

static void vulkan_explain_loss(struct mk_runner *runner, struct mk_loss *loss)
{
	mk_vk_loss_explain(&runner->loss_watch, runner->device, loss);
	if (!runner->context->backing->is_volatile)
		loss->memory_survived = true;
}

static int vulkan_reopen(struct mk_runner *runner)
{
	int ret;

	close_device(runner);
	/* The one that it was: what lies in memory of its own is there, and nowhere else. */
	ret = mk_vk_device_reopen(&runner->known, &runner->own);
	if (ret)
		return ret;
	runner->device = &runner->own;
	ret = open_kernel(runner);
	if (ret)
		close_device(runner);
	return ret;
}

/* Dispatches ----------------------------------------------------------------------- */

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

static struct mk_dispatch_limits vulkan_limits(const struct mk_runner *runner)
{
	return (struct mk_dispatch_limits){
		.steps = runner->device->step_limit,
		.target_ns = mk_lockup_target_ns(&runner->lockup, MK_DISPATCH_TARGET_NS),
		.timeout_ns =
			mk_lockup_timeout_ns(&runner->lockup, MK_DISPATCH_TIMEOUT_NS),
	};
}

const struct mk_runner_ops mk_vulkan_runner = {
	.open = vulkan_open,
	.submit = vulkan_submit,
	.wait = vulkan_wait,
	.close = vulkan_close,
	.limits = vulkan_limits,
	.explain_loss = vulkan_explain_loss,
	.reopen = vulkan_reopen,
};

// SPDX-License-Identifier: MIT
/*
 * Has a driver compile a resident kernel, as libmk has it done, and prints what the driver
 * says of the machine code: statistics, and the code itself.
 *
 *   isa_dump [--split] [--lanes N] [KERNEL.spv]
 *
 * It starts an engine, and ends when that has compiled its kernel.  Nothing is run, so a
 * driver without a device will do: RADV with RADV_FORCE_FAMILY, or under Mesa's drm-shim.
 * The library's objects are linked in, and some functions that they call are wrapped
 * (-Wl,--wrap): two of Vulkan's, to ask for what is printed here, and what looks for
 * memory and puts it into descriptors, since such a driver has none and code does not
 * depend on it.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vulkan/vulkan.h>

#include <common/handlers.h>
#include <mk/mk.h>

#include "context.h"
#include "error.h"
#include "placement.h"
#include "vk_buffer.h"

enum { EXECUTABLES_LIMIT = 4, STATISTICS_LIMIT = 64, TEXTS_LIMIT = 8 };

/* For the functions that are called from inside of the engine's start. */
static struct {
	struct mk_context *context;
	bool split;
	VkPhysicalDevice physical;
} asked;

/* What the driver says ------------------------------------------------------------ */

#define DEVICE_FUNCTION(device, name) ((PFN_##name)vkGetDeviceProcAddr((device), #name))

static void print_value(const VkPipelineExecutableStatisticKHR *statistic)
{
	switch (statistic->format) {
	case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_UINT64_KHR:
		printf("statistic: %s = %" PRIu64 "\n", statistic->name,
		       statistic->value.u64);
		break;
	case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_INT64_KHR:
		printf("statistic: %s = %" PRId64 "\n", statistic->name,
		       statistic->value.i64);
		break;
	case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_FLOAT64_KHR:
		printf("statistic: %s = %f\n", statistic->name, statistic->value.f64);
		break;
	default:
		printf("statistic: %s = %u\n", statistic->name, statistic->value.b32);
	}
}

static VkResult print_statistics(VkDevice device, const VkPipelineExecutableInfoKHR *info)
{
	VkPipelineExecutableStatisticKHR statistics[STATISTICS_LIMIT];
	uint32_t count = STATISTICS_LIMIT;
	VkResult result;

	for (uint32_t i = 0; i < count; i++)
		statistics[i] = (VkPipelineExecutableStatisticKHR){
			.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR,
		};
	result = DEVICE_FUNCTION(device, vkGetPipelineExecutableStatisticsKHR)(
		device, info, &count, statistics);
	for (uint32_t i = 0; !result && i < count; i++)
		print_value(&statistics[i]);
	return result;
}

/* Texts are asked for twice: how long they are, and what they say. */
static VkResult print_texts(VkDevice device, const VkPipelineExecutableInfoKHR *info)
{
	PFN_vkGetPipelineExecutableInternalRepresentationsKHR get = DEVICE_FUNCTION(
		device, vkGetPipelineExecutableInternalRepresentationsKHR);
	VkPipelineExecutableInternalRepresentationKHR texts[TEXTS_LIMIT];
	uint32_t count = TEXTS_LIMIT;
	VkResult result;

	for (uint32_t i = 0; i < count; i++)
		texts[i] = (VkPipelineExecutableInternalRepresentationKHR){
			.sType =
				VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INTERNAL_REPRESENTATION_KHR,
		};
	result = get(device, info, &count, texts);
	for (uint32_t i = 0; !result && i < count; i++) {
		texts[i].pData = calloc(1, texts[i].dataSize + 1);
		if (!texts[i].pData)
			result = VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	if (!result)
		result = get(device, info, &count, texts);
	for (uint32_t i = 0; !result && i < count; i++)
		if (texts[i].isText)
			printf("text: %s\n%s\n", texts[i].name, (char *)texts[i].pData);
	for (uint32_t i = 0; i < count; i++)
		free(texts[i].pData);
	return result;
}

static VkResult print_pipeline(VkDevice device, VkPipeline pipeline)
{
	const VkPipelineInfoKHR info = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR,
		.pipeline = pipeline,
	};
	VkPipelineExecutablePropertiesKHR properties[EXECUTABLES_LIMIT];
	uint32_t count = EXECUTABLES_LIMIT;
	VkResult result;

	for (uint32_t i = 0; i < count; i++)
		properties[i] = (VkPipelineExecutablePropertiesKHR){
			.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR,
		};
	result = DEVICE_FUNCTION(device, vkGetPipelineExecutablePropertiesKHR)(
		device, &info, &count, properties);
	for (uint32_t i = 0; !result && i < count; i++) {
		const VkPipelineExecutableInfoKHR executable = {
			.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR,
			.pipeline = pipeline,
			.executableIndex = i,
		};

		printf("executable: %s\nsubgroup: %u\n", properties[i].name,
		       properties[i].subgroupSize);
		result = print_statistics(device, &executable);
		if (!result)
			result = print_texts(device, &executable);
	}
	return result;
}

static VkResult print_device(const VkSpecializationInfo *constants)
{
	VkPhysicalDeviceDriverProperties driver = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
	};
	VkPhysicalDeviceProperties2 properties = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
		.pNext = &driver,
	};
	uint32_t lanes;

	/* The first constant of shaders/kernel.comp. */
	if (!constants || constants->dataSize < sizeof(lanes))
		return VK_ERROR_UNKNOWN;
	memcpy(&lanes, constants->pData, sizeof(lanes));
	vkGetPhysicalDeviceProperties2(asked.physical, &properties);
	printf("device: %s\ndriver: %s %s\nlanes: %u\n", properties.properties.deviceName,
	       driver.driverName, driver.driverInfo, lanes);
	return VK_SUCCESS;
}

/* Wrapped ------------------------------------------------------------------------ */

VkResult __real_vkCreateDevice(VkPhysicalDevice physical, const VkDeviceCreateInfo *info,
			       const VkAllocationCallbacks *allocator, VkDevice *device);
VkResult __wrap_vkCreateDevice(VkPhysicalDevice physical, const VkDeviceCreateInfo *info,
			       const VkAllocationCallbacks *allocator, VkDevice *device);
VkResult __real_vkCreateComputePipelines(VkDevice device, VkPipelineCache cache,
					 uint32_t count,
					 const VkComputePipelineCreateInfo *infos,
					 const VkAllocationCallbacks *allocator,
					 VkPipeline *pipelines);
VkResult __wrap_vkCreateComputePipelines(VkDevice device, VkPipelineCache cache,
					 uint32_t count,
					 const VkComputePipelineCreateInfo *infos,
					 const VkAllocationCallbacks *allocator,
					 VkPipeline *pipelines);
void __wrap_vkUpdateDescriptorSets(VkDevice device, uint32_t writes,
				   const VkWriteDescriptorSet *write, uint32_t copies,
				   const VkCopyDescriptorSet *copy);
int __wrap_mk_placement_choose(const struct mk_vk_device *device, bool in_device,
			       enum mk_import import, struct mk_placement *placement);
int __wrap_mk_vk_buffer_import(const struct mk_vk_device *device,
			       struct mk_backing *backing, uint32_t number,
			       enum mk_import import, struct mk_vk_buffer *buffer);

/* With what the driver tells of pipelines switched on. */
VkResult __wrap_vkCreateDevice(VkPhysicalDevice physical, const VkDeviceCreateInfo *info,
			       const VkAllocationCallbacks *allocator, VkDevice *device)
{
	VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR executables = {
		.sType =
			VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR,
		.pNext = (void *)info->pNext,
		.pipelineExecutableInfo = VK_TRUE,
	};
	const uint32_t count = info->enabledExtensionCount;
	const char **names = calloc(count + 1, sizeof(*names));
	VkDeviceCreateInfo more = *info;
	VkResult result;

	if (!names)
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	for (uint32_t i = 0; i < count; i++)
		names[i] = info->ppEnabledExtensionNames[i];
	names[count] = VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME;
	more.pNext = &executables;
	more.enabledExtensionCount = count + 1;
	more.ppEnabledExtensionNames = names;
	result = __real_vkCreateDevice(physical, &more, allocator, device);
	free(names);
	asked.physical = physical;
	return result;
}

/* All that is wanted of the engine: the program ends here, unless the driver refuses. */
VkResult __wrap_vkCreateComputePipelines(VkDevice device, VkPipelineCache cache,
					 uint32_t count,
					 const VkComputePipelineCreateInfo *infos,
					 const VkAllocationCallbacks *allocator,
					 VkPipeline *pipelines)
{
	VkComputePipelineCreateInfo info = *infos;
	VkResult result;

	if (count != 1)
		return VK_ERROR_UNKNOWN;
	info.flags |= VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR |
		      VK_PIPELINE_CREATE_CAPTURE_INTERNAL_REPRESENTATIONS_BIT_KHR;
	result = __real_vkCreateComputePipelines(device, cache, 1, &info, allocator,
						 pipelines);
	if (!result)
		result = print_device(info.stage.pSpecializationInfo);
	if (!result)
		result = print_pipeline(device, *pipelines);
	if (result)
		return result;
	if (fflush(stdout)) {
		perror("isa_dump");
		_exit(EXIT_FAILURE);
	}
	_exit(EXIT_SUCCESS);
}

void __wrap_vkUpdateDescriptorSets(VkDevice device, uint32_t writes,
				   const VkWriteDescriptorSet *write, uint32_t copies,
				   const VkCopyDescriptorSet *copy)
{
	(void)device;
	(void)writes;
	(void)write;
	(void)copies;
	(void)copy;
}

/* From here on the context is as if it lay in a device's memory, where that is asked for. */
int __wrap_mk_placement_choose(const struct mk_vk_device *device, bool in_device,
			       enum mk_import import, struct mk_placement *placement)
{
	(void)device;
	(void)in_device;
	*placement = (struct mk_placement){ MK_HOST_MEMORY, import, MK_HOST_MEMORY };
	asked.context->split = asked.split;
	return 0;
}

/* A buffer without memory, which therefore must not get into descriptors. */
int __wrap_mk_vk_buffer_import(const struct mk_vk_device *device,
			       struct mk_backing *backing, uint32_t number,
			       enum mk_import import, struct mk_vk_buffer *buffer)
{
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.size = backing->memories[number].mapped_bytes,
		.usage = MK_VK_BUFFER_USAGE,
	};
	VkResult result;

	(void)import;
	memset(buffer, 0, sizeof(*buffer));
	result = vkCreateBuffer(device->device, &info, NULL, &buffer->buffer);
	return result ? mk_vk_fail(result, "cannot create a Vulkan buffer") : 0;
}

/* The engine --------------------------------------------------------------------- */

static int start_engine(const struct mk_engine_options *options)
{
	const struct mk_geometry geometry = {
		.size = sizeof(geometry),
		.arena_bytes = 1 << 20,
		.backing = MK_BACKING_MEMFD,
	};
	struct mk_engine *engine;
	int ret = mk_context_create(&geometry, &asked.context);

	if (ret)
		return ret;
	ret = mk_engine_start(asked.context, options, &engine);
	return ret ? ret : mk_fail(EPROTO, "an engine runs without a kernel");
}

static int usage(void)
{
	fprintf(stderr, "Usage: isa_dump [--split] [--lanes N] [KERNEL.spv]\n");
	return 64;
}

int main(int count, char **arguments)
{
	static const struct option known[] = {
		{ "split", no_argument, NULL, 's' },
		{ "lanes", required_argument, NULL, 'l' },
		{ NULL, 0, NULL, 0 },
	};
	struct mk_engine_options options = {
		.size = sizeof(options),
		.kind = MK_ENGINE_KIND_VULKAN,
	};
	struct handlers handlers;
	int option;

	while ((option = getopt_long(count, arguments, "", known, NULL)) != -1) {
		if (option == 's')
			asked.split = true;
		else if (option == 'l')
			options.lanes = (uint32_t)strtoul(optarg, NULL, 10);
		else
			return usage();
	}
	if (count - optind > 1)
		return usage();
	if (handlers_load(arguments[optind], &options, &handlers))
		return EXIT_FAILURE;
	start_engine(&options);
	fprintf(stderr, "isa_dump: %s\n", mk_error_text());
	return EXIT_FAILURE;
}

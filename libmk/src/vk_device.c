// SPDX-License-Identifier: MIT
#include "vk_device.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "thread.h"
#include "vk_inspect.h"
#include "vk_queue_family.h"

/* Errors --------------------------------------------------------------------- */

static const char *result_name(VkResult result)
{
	switch (result) {
	case VK_ERROR_OUT_OF_HOST_MEMORY:
		return "out of host memory";
	case VK_ERROR_OUT_OF_DEVICE_MEMORY:
		return "out of device memory";
	case VK_ERROR_INITIALIZATION_FAILED:
		return "initialization failed";
	case VK_ERROR_DEVICE_LOST:
		return "device lost";
	case VK_ERROR_INCOMPATIBLE_DRIVER:
		return "no compatible driver";
	case VK_ERROR_INVALID_EXTERNAL_HANDLE:
		return "the driver cannot import this memory";
	default:
		return "error";
	}
}

int mk_vk_fail(VkResult result, const char *what)
{
	int error = EIO;

	if (result == VK_ERROR_OUT_OF_HOST_MEMORY ||
	    result == VK_ERROR_OUT_OF_DEVICE_MEMORY)
		error = ENOMEM;
	return mk_fail(error, "%s: %s (VkResult %d)", what, result_name(result), result);
}

/* Instance -------------------------------------------------------------------- */

/*
 * One for the process, which keeps it: a driver that is unloaded and loaded again some
 * thirty times may not load any more (NVIDIA's 580).  A child of a fork has no use for
 * its parent's, whose threads it lacks.
 */
static pthread_mutex_t instance_lock = PTHREAD_MUTEX_INITIALIZER;
static VkInstance kept_instance;
static pid_t instance_owner;

static VkResult create_instance(VkInstance *instance)
{
	const VkApplicationInfo application = {
		.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
		.pApplicationName = "mk",
		.apiVersion = VK_API_VERSION_1_2,
	};
	const VkInstanceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
		.pApplicationInfo = &application,
	};

	return vkCreateInstance(&info, NULL, instance);
}

static int open_instance(VkInstance *instance)
{
	VkResult result = VK_SUCCESS;

	pthread_mutex_lock(&instance_lock);
	if (!kept_instance || instance_owner != getpid()) {
		kept_instance = VK_NULL_HANDLE;
		result = create_instance(&kept_instance);
		instance_owner = getpid();
	}
	*instance = kept_instance;
	pthread_mutex_unlock(&instance_lock);
	if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
		return mk_fail(ENODEV, "no Vulkan driver is installed; install "
				       "mesa-vulkan-drivers");
	return result ? mk_vk_fail(result, "cannot create a Vulkan instance") : 0;
}

/* Choice ---------------------------------------------------------------------- */

/* The instance's devices, as the loader has them; returns how many, or -errno. */
static int inspect_all(VkInstance instance, struct mk_vk_device **devices)
{
	VkPhysicalDevice physical[MK_DEVICES_LIMIT];
	uint32_t count = MK_DEVICES_LIMIT;
	VkResult result = vkEnumeratePhysicalDevices(instance, &count, physical);

	if (result && result != VK_INCOMPLETE)
		return mk_vk_fail(result, "cannot list Vulkan devices");
	*devices = calloc(count ? count : 1, sizeof(**devices));
	if (!*devices)
		return mk_fail(ENOMEM, "no memory for %u Vulkan devices", count);
	for (uint32_t i = 0; i < count; i++)
		mk_vk_inspect(physical[i], &(*devices)[i]);
	return (int)count;
}

int mk_vk_devices_list(struct mk_vk_device **devices)
{
	VkInstance instance;
	sigset_t before;
	int ret;

	/* A driver's threads leave signals to the program, too. */
	mk_signals_block(&before);
	ret = open_instance(&instance);
	if (!ret)
		ret = inspect_all(instance, devices);
	mk_signals_restore(&before);
	return ret;
}

static int choose(const struct mk_device_wish *wish, uint32_t rank,
		  struct mk_vk_device *device)
{
	const struct mk_device_identity *identities[MK_DEVICES_LIMIT] = { NULL };
	struct mk_vk_device *devices = NULL;
	int count = mk_vk_devices_list(&devices);
	uint32_t index;
	int ret;

	if (count < 0)
		return count;
	for (int i = 0; i < count; i++)
		identities[i] = &devices[i].identity;
	ret = mk_devices_choose(identities, (uint32_t)count, wish, rank, &index);
	if (!ret)
		*device = devices[index];
	free(devices);
	return ret;
}

/* Device ---------------------------------------------------------------------- */

static int open_device(struct mk_vk_device *device)
{
	const float priority = 1;
	VkDeviceQueueCreateInfo queue = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
		.queueFamilyIndex = device->queue_family,
		.queueCount = 1,
		.pQueuePriorities = &priority,
	};
	VkPhysicalDeviceCoherentMemoryFeaturesAMD coherent = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COHERENT_MEMORY_FEATURES_AMD,
		.deviceCoherentMemory = VK_TRUE,
	};
	VkPhysicalDeviceFaultFeaturesEXT fault = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FAULT_FEATURES_EXT,
		.deviceFault = VK_TRUE,
	};
	VkPhysicalDevicePipelineRobustnessFeaturesEXT robustness = {
		.sType =
			VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_ROBUSTNESS_FEATURES_EXT,
		.pipelineRobustness = VK_TRUE,
	};
	VkPhysicalDeviceSubgroupSizeControlFeatures subgroups = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES,
		.subgroupSizeControl = VK_TRUE,
	};
	VkPhysicalDeviceVulkan12Features features = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
		.vulkanMemoryModel = VK_TRUE,
		.vulkanMemoryModelDeviceScope = VK_TRUE,
		.pNext = device->has_device_coherent ? &coherent : NULL,
	};
	const char *extensions[MK_VK_EXTENSIONS_LIMIT];
	VkDeviceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.pNext = &features,
		.queueCreateInfoCount = 1,
		.pQueueCreateInfos = &queue,
		.ppEnabledExtensionNames = extensions,
	};
	int ret;

	if (device->imports_host_pointers)
		extensions[info.enabledExtensionCount++] =
			VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME;
	if (device->has_descriptors)
		extensions[info.enabledExtensionCount++] =
			VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME;
	if (device->imports_dma_bufs)
		extensions[info.enabledExtensionCount++] =
			VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME;
	if (device->has_device_coherent)
		extensions[info.enabledExtensionCount++] =
			VK_AMD_DEVICE_COHERENT_MEMORY_EXTENSION_NAME;
	if (device->tells_faults) {
		extensions[info.enabledExtensionCount++] =
			VK_EXT_DEVICE_FAULT_EXTENSION_NAME;
		fault.pNext = features.pNext;
		features.pNext = &fault;
	}
	if (device->can_leave_out_checks) {
		extensions[info.enabledExtensionCount++] =
			VK_EXT_PIPELINE_ROBUSTNESS_EXTENSION_NAME;
		robustness.pNext = features.pNext;
		features.pNext = &robustness;
	}
	if (device->fixes_subgroups) {
		extensions[info.enabledExtensionCount++] =
			VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME;
		subgroups.pNext = features.pNext;
		features.pNext = &subgroups;
	}
	ret = mk_vk_queue_create_device(device, info);
	if (ret)
		return ret;
	vkGetDeviceQueue(device->device, device->queue_family, 0, &device->queue);
	return 0;
}

int mk_vk_device_open(const struct mk_device_wish *wish, uint32_t rank,
		      struct mk_vk_device *device)
{
	sigset_t before;
	int ret;

	memset(device, 0, sizeof(*device));
	ret = choose(wish, rank, device);
	if (ret)
		return ret;
	mk_signals_block(&before);
	ret = open_device(device);
	mk_signals_restore(&before);
	if (ret)
		mk_vk_device_close(device);
	return ret;
}

int mk_vk_device_reopen(const struct mk_vk_device *lost, struct mk_vk_device *device)
{
	sigset_t before;
	int ret;

	*device = *lost;
	device->device = VK_NULL_HANDLE;
	device->queue = VK_NULL_HANDLE;
	mk_signals_block(&before);
	ret = open_device(device);
	mk_signals_restore(&before);
	if (ret)
		mk_vk_device_close(device);
	return ret;
}

void mk_vk_device_close(struct mk_vk_device *device)
{
	if (device->device)
		vkDestroyDevice(device->device, NULL);
	memset(device, 0, sizeof(*device));
}

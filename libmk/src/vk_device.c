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

static bool has_extension(const VkExtensionProperties *extensions, uint32_t count,
			  const char *name)
{
	for (uint32_t i = 0; i < count; i++)
		if (!strcmp(extensions[i].extensionName, name))
			return true;
	return false;
}

static bool can_export(const struct mk_vk_device *device,
		       VkExternalMemoryHandleTypeFlagBits type)
{
	const VkPhysicalDeviceExternalBufferInfo info = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO,
		.usage = MK_VK_BUFFER_USAGE,
		.handleType = type,
	};
	VkExternalBufferProperties properties = {
		.sType = VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES,
	};
	const VkExternalMemoryFeatureFlags wanted =
		VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT |
		VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT;

	vkGetPhysicalDeviceExternalBufferProperties(device->physical, &info, &properties);
	return (properties.externalMemoryProperties.externalMemoryFeatures & wanted) ==
	       wanted;
}

/* A DMA-buf is the kernel's, for mk.ko too; else what is the driver's own. */
static VkExternalMemoryHandleTypeFlagBits
find_export_type(const struct mk_vk_device *device)
{
	if (device->imports_dma_bufs &&
	    can_export(device, VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT))
		return VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT;
	if (device->has_descriptors &&
	    can_export(device, VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT))
		return VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT;
	return 0;
}

static void find_extensions(struct mk_vk_device *device)
{
	VkExtensionProperties *extensions;
	uint32_t count = 0;

	vkEnumerateDeviceExtensionProperties(device->physical, NULL, &count, NULL);
	extensions = calloc(count ? count : 1, sizeof(*extensions));
	if (!extensions)
		return;
	vkEnumerateDeviceExtensionProperties(device->physical, NULL, &count, extensions);
	device->imports_host_pointers = has_extension(
		extensions, count, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
	device->has_descriptors = has_extension(extensions, count,
						VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME);
	device->imports_dma_bufs =
		device->has_descriptors &&
		has_extension(extensions, count,
			      VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME);
	device->has_multiprocessor_counts =
		has_extension(extensions, count, VK_NV_SHADER_SM_BUILTINS_EXTENSION_NAME);
	free(extensions);
	device->export_type = find_export_type(device);
}

/* Each runs one subgroup at least beside the others'. */
static void find_multiprocessors(struct mk_vk_device *device)
{
	VkPhysicalDeviceShaderSMBuiltinsPropertiesNV builtins = {
		.sType =
			VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SM_BUILTINS_PROPERTIES_NV,
	};
	VkPhysicalDeviceProperties2 properties = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
		.pNext = &builtins,
	};

	if (!device->has_multiprocessor_counts)
		return;
	vkGetPhysicalDeviceProperties2(device->physical, &properties);
	device->multiprocessors = builtins.shaderSMCount;
}

static bool find_queue_family(struct mk_vk_device *device)
{
	VkQueueFamilyProperties families[16];
	uint32_t count = 16;

	vkGetPhysicalDeviceQueueFamilyProperties(device->physical, &count, families);
	for (uint32_t i = 0; i < count; i++) {
		if (families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) {
			device->queue_family = i;
			return true;
		}
	}
	return false;
}

static bool has_memory_model(VkPhysicalDevice physical)
{
	VkPhysicalDeviceVulkanMemoryModelFeatures model = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES,
	};
	VkPhysicalDeviceFeatures2 features = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
		.pNext = &model,
	};

	vkGetPhysicalDeviceFeatures2(physical, &features);
	return model.vulkanMemoryModel && model.vulkanMemoryModelDeviceScope;
}

/*
 * llvmpipe of Mesa 22.3 lets an invocation fall through its loops, silently, after
 * 65535 iterations in all; that of 25.0 does not.  What lies between was not tried,
 * so it is held to the limit too.  The margin is for loops that are not counted one
 * by one.
 */
static uint32_t find_step_limit(const VkPhysicalDeviceDriverProperties *driver)
{
	unsigned int major, minor;

	if (driver->driverID != VK_DRIVER_ID_MESA_LLVMPIPE)
		return UINT32_MAX;
	if (sscanf(driver->driverInfo, "Mesa %u.%u", &major, &minor) == 2 && major >= 25)
		return UINT32_MAX;
	return 60000;
}

/* What the resident kernel asks of subgroups. */
static bool has_subgroup_operations(const VkPhysicalDeviceSubgroupProperties *subgroup)
{
	const VkSubgroupFeatureFlags wanted =
		VK_SUBGROUP_FEATURE_BASIC_BIT | VK_SUBGROUP_FEATURE_VOTE_BIT |
		VK_SUBGROUP_FEATURE_BALLOT_BIT | VK_SUBGROUP_FEATURE_ARITHMETIC_BIT;

	return subgroup->supportedStages & VK_SHADER_STAGE_COMPUTE_BIT &&
	       (subgroup->supportedOperations & wanted) == wanted;
}

/* Take over what is known of a device; NULL when it fits, else what it lacks. */
static const char *inspect(struct mk_vk_device *device, const char *wanted)
{
	VkPhysicalDeviceExternalMemoryHostPropertiesEXT host = {
		.sType =
			VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT,
	};
	VkPhysicalDeviceSubgroupProperties subgroup = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES,
		.pNext = &host,
	};
	VkPhysicalDeviceIDProperties id = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES,
		.pNext = &subgroup,
	};
	VkPhysicalDeviceDriverProperties driver = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
		.pNext = &id,
	};
	VkPhysicalDeviceProperties2 properties = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
		.pNext = &driver,
	};
	const VkPhysicalDeviceLimits *limits = &properties.properties.limits;

	vkGetPhysicalDeviceProperties2(device->physical, &properties);
	snprintf(device->name, sizeof(device->name), "%s",
		 properties.properties.deviceName);
	if (wanted && !strstr(device->name, wanted))
		return "has another name";
	if (properties.properties.apiVersion < VK_API_VERSION_1_2)
		return "has no Vulkan 1.2";
	if (!has_memory_model(device->physical))
		return "lacks vulkanMemoryModelDeviceScope";
	if (!has_subgroup_operations(&subgroup))
		return "lacks subgroup votes, ballots or arithmetic";
	if (!find_queue_family(device))
		return "has no compute queue";
	find_extensions(device);
	if (!device->imports_host_pointers && !device->imports_dma_bufs)
		return "can import neither host pointers nor DMA-bufs";

	find_multiprocessors(device);
	snprintf(device->driver, sizeof(device->driver), "%.100s %.150s",
		 driver.driverName, driver.driverInfo);
	memcpy(device->device_uuid, id.deviceUUID, sizeof(device->device_uuid));
	memcpy(device->driver_uuid, id.driverUUID, sizeof(device->driver_uuid));
	device->driver_version = properties.properties.driverVersion;
	device->is_cpu = properties.properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
	device->host_pointer_alignment = host.minImportedHostPointerAlignment;
	device->storage_buffer_limit = limits->maxStorageBufferRange;
	device->workgroup_limit = limits->maxComputeWorkGroupCount[0];
	device->subgroup_size = subgroup.subgroupSize;
	device->step_limit = find_step_limit(&driver);
	device->exports_any_type = driver.driverID == VK_DRIVER_ID_NVIDIA_PROPRIETARY;
	return NULL;
}

/* The lower, the rather. */
static int preference(VkPhysicalDevice physical)
{
	VkPhysicalDeviceProperties properties;

	vkGetPhysicalDeviceProperties(physical, &properties);
	switch (properties.deviceType) {
	case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
		return 0;
	case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
		return 1;
	case VK_PHYSICAL_DEVICE_TYPE_CPU:
		return 3;
	default:
		return 2;
	}
}

static int compare_devices(const void *a, const void *b)
{
	return preference(*(const VkPhysicalDevice *)a) -
	       preference(*(const VkPhysicalDevice *)b);
}

static int choose(VkInstance instance, const char *wanted, uint32_t rank,
		  struct mk_vk_device *device)
{
	VkPhysicalDevice devices[16];
	char reasons[400] = "";
	uint32_t count = 16;
	VkResult result;
	size_t used = 0;

	result = vkEnumeratePhysicalDevices(instance, &count, devices);
	if (result && result != VK_INCOMPLETE)
		return mk_vk_fail(result, "cannot list Vulkan devices");
	qsort(devices, count, sizeof(devices[0]), compare_devices);
	for (uint32_t i = 0; i < count; i++) {
		const char *lack;

		*device = (struct mk_vk_device){ .physical = devices[i] };
		lack = inspect(device, wanted);
		if (!lack && !rank--)
			return 0;
		if (lack && used < sizeof(reasons))
			used += (size_t)snprintf(reasons + used, sizeof(reasons) - used,
						 "; %s %s", device->name, lack);
	}
	return mk_fail(ENODEV,
		       "none of %u Vulkan devices fits%s; install "
		       "mesa-vulkan-drivers for lavapipe",
		       count, reasons);
}

/* Device ---------------------------------------------------------------------- */

bool mk_vk_has_extension(VkPhysicalDevice physical, const char *name)
{
	VkExtensionProperties *extensions;
	uint32_t count = 0;
	bool found = false;

	vkEnumerateDeviceExtensionProperties(physical, NULL, &count, NULL);
	extensions = calloc(count ? count : 1, sizeof(*extensions));
	if (!extensions)
		return false;
	vkEnumerateDeviceExtensionProperties(physical, NULL, &count, extensions);
	for (uint32_t i = 0; i < count && !found; i++)
		found = !strcmp(extensions[i].extensionName, name);
	free(extensions);
	return found;
}

static int open_device(struct mk_vk_device *device)
{
	const float priority = 1;
	VkDeviceQueueCreateInfo queue = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
		.queueCount = 1,
		.pQueuePriorities = &priority,
	};
	VkPhysicalDeviceFaultFeaturesEXT fault = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FAULT_FEATURES_EXT,
		.deviceFault = VK_TRUE,
	};
	VkPhysicalDeviceVulkanMemoryModelFeatures model = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES,
		.vulkanMemoryModel = VK_TRUE,
		.vulkanMemoryModelDeviceScope = VK_TRUE,
	};
	const char *extensions[MK_VK_EXTENSIONS_LIMIT];
	VkDeviceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.pNext = &model,
		.queueCreateInfoCount = 1,
		.pQueueCreateInfos = &queue,
		.ppEnabledExtensionNames = extensions,
	};
	int ret;

	mk_vk_queue_family_choose(device->physical, &device->queue_family);
	queue.queueFamilyIndex = device->queue_family;
	if (device->imports_host_pointers)
		extensions[info.enabledExtensionCount++] =
			VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME;
	if (device->has_descriptors)
		extensions[info.enabledExtensionCount++] =
			VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME;
	if (device->imports_dma_bufs)
		extensions[info.enabledExtensionCount++] =
			VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME;
	device->tells_faults =
		mk_vk_has_extension(device->physical, VK_EXT_DEVICE_FAULT_EXTENSION_NAME);
	if (device->tells_faults) {
		extensions[info.enabledExtensionCount++] =
			VK_EXT_DEVICE_FAULT_EXTENSION_NAME;
		model.pNext = &fault;
	}
	ret = mk_vk_queue_create_device(device, info);
	if (ret)
		return ret;
	vkGetDeviceQueue(device->device, device->queue_family, 0, &device->queue);
	return 0;
}

int mk_vk_device_open(const char *name, uint32_t rank, struct mk_vk_device *device)
{
	VkInstance instance;
	sigset_t before;
	int ret;

	memset(device, 0, sizeof(*device));
	/* A driver's threads leave signals to the program, too. */
	mk_signals_block(&before);
	ret = open_instance(&instance);
	if (!ret)
		ret = choose(instance, name, rank, device);
	if (!ret)
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

// SPDX-License-Identifier: MIT
#include "vk_inspect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "drm_node.h"
#include "vk_queue_family.h"

/* Fill in one structure of a driver's, which says what it is. */
static void get_features(VkPhysicalDevice physical, void *structure)
{
	VkPhysicalDeviceFeatures2 features = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
		.pNext = structure,
	};

	vkGetPhysicalDeviceFeatures2(physical, &features);
}

static void get_properties(VkPhysicalDevice physical, void *structure)
{
	VkPhysicalDeviceProperties2 properties = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
		.pNext = structure,
	};

	vkGetPhysicalDeviceProperties2(physical, &properties);
}

/* Extensions ------------------------------------------------------------------ */

/* Extensions that tell which device it is. */
struct identifiers {
	bool have_pci;
	bool have_drm;
};

static bool has_extension(const VkExtensionProperties *extensions, uint32_t count,
			  const char *name)
{
	for (uint32_t i = 0; i < count; i++)
		if (!strcmp(extensions[i].extensionName, name))
			return true;
	return false;
}

/* By its name of today or of before. */
static const char *find_priority(const VkExtensionProperties *extensions, uint32_t count)
{
	static const char *const names[] = { VK_KHR_GLOBAL_PRIORITY_EXTENSION_NAME,
					     VK_EXT_GLOBAL_PRIORITY_EXTENSION_NAME };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (has_extension(extensions, count, names[i]))
			return names[i];
	return NULL;
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

static bool has_coherent_memory(VkPhysicalDevice physical)
{
	VkPhysicalDeviceCoherentMemoryFeaturesAMD coherent = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COHERENT_MEMORY_FEATURES_AMD,
	};

	get_features(physical, &coherent);
	return coherent.deviceCoherentMemory;
}

static bool has_pipeline_robustness(VkPhysicalDevice physical)
{
	VkPhysicalDevicePipelineRobustnessFeaturesEXT robustness = {
		.sType =
			VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_ROBUSTNESS_FEATURES_EXT,
	};

	get_features(physical, &robustness);
	return robustness.pipelineRobustness;
}

static bool has_fixed_subgroups(VkPhysicalDevice physical)
{
	VkPhysicalDeviceSubgroupSizeControlFeatures control = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES,
	};
	VkPhysicalDeviceSubgroupSizeControlProperties sizes = {
		.sType =
			VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES,
	};

	get_features(physical, &control);
	get_properties(physical, &sizes);
	return control.subgroupSizeControl &&
	       sizes.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT;
}

static void find_extensions(struct mk_vk_device *device, struct identifiers *identifiers)
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
	device->has_device_coherent =
		has_extension(extensions, count,
			      VK_AMD_DEVICE_COHERENT_MEMORY_EXTENSION_NAME) &&
		has_coherent_memory(device->physical);
	device->can_leave_out_checks =
		has_extension(extensions, count,
			      VK_EXT_PIPELINE_ROBUSTNESS_EXTENSION_NAME) &&
		has_pipeline_robustness(device->physical);
	device->fixes_subgroups =
		has_extension(extensions, count,
			      VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME) &&
		has_fixed_subgroups(device->physical);
	device->tells_faults =
		has_extension(extensions, count, VK_EXT_DEVICE_FAULT_EXTENSION_NAME);
	device->priority_extension = find_priority(extensions, count);
	identifiers->have_pci =
		has_extension(extensions, count, VK_EXT_PCI_BUS_INFO_EXTENSION_NAME);
	identifiers->have_drm = has_extension(extensions, count,
					      VK_EXT_PHYSICAL_DEVICE_DRM_EXTENSION_NAME);
	free(extensions);
	device->export_type = find_export_type(device);
}

/* What it can do ---------------------------------------------------------------- */

/* Each runs one subgroup at least beside the others'. */
static void find_multiprocessors(struct mk_vk_device *device)
{
	VkPhysicalDeviceShaderSMBuiltinsPropertiesNV builtins = {
		.sType =
			VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SM_BUILTINS_PROPERTIES_NV,
	};

	if (!device->has_multiprocessor_counts)
		return;
	get_properties(device->physical, &builtins);
	device->multiprocessors = builtins.shaderSMCount;
}

static bool has_memory_model(VkPhysicalDevice physical)
{
	VkPhysicalDeviceVulkanMemoryModelFeatures model = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES,
	};

	get_features(physical, &model);
	return model.vulkanMemoryModel && model.vulkanMemoryModelDeviceScope;
}

/*
 * llvmpipe of Mesa 22.3 lets an invocation fall through its loops, silently, after
 * 65535 iterations in all; that of 25.0 does not.  What lies between was not tried,
 * so it is held to the limit too.  The margin is for loops that are not counted one
 * by one: those of handlers that are not called take a pass as well.
 */
static uint32_t find_step_limit(const VkPhysicalDeviceDriverProperties *driver)
{
	unsigned int major, minor;

	if (driver->driverID != VK_DRIVER_ID_MESA_LLVMPIPE)
		return UINT32_MAX;
	if (sscanf(driver->driverInfo, "Mesa %u.%u", &major, &minor) == 2 && major >= 25)
		return UINT32_MAX;
	return 50000;
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

/* Which it is ------------------------------------------------------------------- */

static enum mk_device_type type_of(VkPhysicalDeviceType type)
{
	switch (type) {
	case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
		return MK_DEVICE_DISCRETE;
	case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
		return MK_DEVICE_INTEGRATED;
	case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
		return MK_DEVICE_VIRTUAL;
	case VK_PHYSICAL_DEVICE_TYPE_CPU:
		return MK_DEVICE_CPU;
	default:
		return MK_DEVICE_OTHER;
	}
}

static void find_pci(VkPhysicalDevice physical, struct mk_device_identity *identity)
{
	VkPhysicalDevicePCIBusInfoPropertiesEXT pci = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PCI_BUS_INFO_PROPERTIES_EXT,
	};

	get_properties(physical, &pci);
	identity->has_pci = true;
	identity->pci = (struct mk_pci_address){
		.domain = pci.pciDomain,
		.bus = pci.pciBus,
		.device = pci.pciDevice,
		.function = pci.pciFunction,
	};
}

static void find_nodes(VkPhysicalDevice physical, struct mk_device_identity *identity)
{
	VkPhysicalDeviceDrmPropertiesEXT drm = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRM_PROPERTIES_EXT,
	};

	get_properties(physical, &drm);
	if (drm.hasPrimary)
		identity->primary = makedev((unsigned int)drm.primaryMajor,
					    (unsigned int)drm.primaryMinor);
	if (drm.hasRender)
		identity->render = makedev((unsigned int)drm.renderMajor,
					   (unsigned int)drm.renderMinor);
	mk_drm_complete(identity);
}

static void find_identity(struct mk_vk_device *device,
			  const struct identifiers *identifiers,
			  const VkPhysicalDeviceProperties *properties,
			  const VkPhysicalDeviceDriverProperties *driver)
{
	struct mk_device_identity *identity = &device->identity;

	snprintf(identity->name, sizeof(identity->name), "%s", properties->deviceName);
	snprintf(identity->driver, sizeof(identity->driver), "%.100s %.150s",
		 driver->driverName, driver->driverInfo);
	identity->type = type_of(properties->deviceType);
	identity->is_radv = driver->driverID == VK_DRIVER_ID_MESA_RADV;
	if (identifiers->have_pci)
		find_pci(device->physical, identity);
	if (identifiers->have_drm)
		find_nodes(device->physical, identity);
}

/* All of it ----------------------------------------------------------------------- */

static void add_lack(struct mk_device_identity *identity, bool is_there, const char *what)
{
	size_t used = strlen(identity->lack);

	if (!is_there)
		snprintf(identity->lack + used, sizeof(identity->lack) - used, "%s%s",
			 used ? ", " : "", what);
}

/* Properties of what is newer stay as they are, which is zero. */
static void find_lacks(struct mk_vk_device *device, uint32_t api_version,
		       const VkPhysicalDeviceSubgroupProperties *subgroup)
{
	struct mk_device_identity *identity = &device->identity;

	add_lack(identity, api_version >= VK_API_VERSION_1_2, "Vulkan 1.2");
	add_lack(identity, has_memory_model(device->physical),
		 "vulkanMemoryModelDeviceScope");
	add_lack(identity, has_subgroup_operations(subgroup),
		 "subgroup votes, ballots or arithmetic");
	add_lack(identity,
		 mk_vk_queue_family_choose(device->physical, &device->queue_family),
		 "a compute queue");
	add_lack(identity, device->imports_host_pointers || device->imports_dma_bufs,
		 "import of host pointers or DMA-bufs");
}

void mk_vk_inspect(VkPhysicalDevice physical, struct mk_vk_device *device)
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
	struct identifiers identifiers = { .have_pci = false };

	*device = (struct mk_vk_device){ .physical = physical };
	vkGetPhysicalDeviceProperties2(physical, &properties);
	find_extensions(device, &identifiers);
	find_identity(device, &identifiers, &properties.properties, &driver);
	find_lacks(device, properties.properties.apiVersion, &subgroup);
	find_multiprocessors(device);
	memcpy(device->identity.uuid, id.deviceUUID, sizeof(device->identity.uuid));
	memcpy(device->driver_uuid, id.driverUUID, sizeof(device->driver_uuid));
	device->driver_version = properties.properties.driverVersion;
	device->is_cpu = device->identity.type == MK_DEVICE_CPU;
	device->host_pointer_alignment = host.minImportedHostPointerAlignment;
	device->storage_buffer_limit = limits->maxStorageBufferRange;
	device->workgroup_limit = limits->maxComputeWorkGroupCount[0];
	device->subgroup_size = subgroup.subgroupSize;
	device->step_limit = find_step_limit(&driver);
	device->exports_any_type = driver.driverID == VK_DRIVER_ID_NVIDIA_PROPRIETARY;
}

// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "fake_amdgpu.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <amdgpu_drm.h>
#include <vulkan/vulkan.h>
#include <xf86drm.h>

/* A node that everybody may open, and that does nothing: /dev/null. */
#define NODE_MAJOR 1
#define NODE_MINOR 3

struct amdgpu_device {
	int fd;
};

struct amdgpu_bo {
	int fd;
	uint64_t bytes;
	uint64_t flags;
	uint32_t domain;
};

struct fake_amdgpu fake_amdgpu;

void fake_amdgpu_reset(void)
{
	const struct amdgpu_heap_info heap = {
		.heap_size = UINT64_C(8) << 30,
		.heap_usage = UINT64_C(1) << 30,
		.max_allocation = UINT64_C(6) << 30,
	};

	fake_amdgpu.fails = FAKE_NONE;
	fake_amdgpu.refuses_flags = false;
	fake_amdgpu.gives_other_domain = false;
	fake_amdgpu.has_device_coherent = false;
	fake_amdgpu.is_gpu = false;
	fake_amdgpu.driver = "amdgpu";
	fake_amdgpu.node = "/dev/null";
	fake_amdgpu.vram = heap;
	fake_amdgpu.visible_vram = heap;
}

int fake_count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	while (directory && readdir(directory))
		count++;
	if (directory)
		closedir(directory);
	return count;
}

__attribute__((constructor)) static void begin(void)
{
	fake_amdgpu_reset();
}

static bool fails(enum fake_call call)
{
	return fake_amdgpu.fails == call;
}

/* libdrm ----------------------------------------------------------------------------- */

int drmGetDeviceFromDevId(dev_t dev_id, uint32_t flags, drmDevicePtr *device)
{
	struct {
		drmDevice device;
		drmPciBusInfo pci;
		char *nodes[DRM_NODE_MAX];
		char node[64];
	} * fake;

	(void)flags;
	if (dev_id != makedev(NODE_MAJOR, NODE_MINOR))
		return -ENODEV;
	fake = calloc(1, sizeof(*fake));
	if (!fake)
		return -ENOMEM;
	snprintf(fake->node, sizeof(fake->node), "%s", fake_amdgpu.node);
	fake->nodes[DRM_NODE_RENDER] = fake->node;
	fake->pci = (drmPciBusInfo){ .bus = 3 };
	fake->device.nodes = fake->nodes;
	fake->device.available_nodes = 1 << DRM_NODE_RENDER;
	fake->device.bustype = DRM_BUS_PCI;
	fake->device.businfo.pci = &fake->pci;
	*device = &fake->device;
	return 0;
}

void drmFreeDevice(drmDevicePtr *device)
{
	free(*device);
	*device = NULL;
}

int drmGetNodeTypeFromFd(int fd)
{
	(void)fd;
	return fails(FAKE_GET_NODE_TYPE) ? -1 : DRM_NODE_RENDER;
}

drmVersionPtr drmGetVersion(int fd)
{
	drmVersionPtr version;

	(void)fd;
	if (fails(FAKE_GET_VERSION))
		return NULL;
	version = calloc(1, sizeof(*version));
	if (!version)
		return NULL;
	version->name = strdup(fake_amdgpu.driver);
	version->name_len = (int)strlen(fake_amdgpu.driver);
	fake_amdgpu.versions++;
	return version;
}

void drmFreeVersion(drmVersionPtr version)
{
	fake_amdgpu.versions--;
	free(version->name);
	free(version);
}

/* Memory ------------------------------------------------------------------------------- */

/* A DMA-buf where the kernel makes them of memfds, for mk.ko; else the memfd itself. */
static int make_dma_buf(int memfd, uint64_t bytes)
{
	struct udmabuf_create create = {
		.memfd = (uint32_t)memfd,
		.flags = UDMABUF_FLAGS_CLOEXEC,
		.size = bytes,
	};
	int maker = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	int fd = -1;

	if (maker >= 0 && !fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		fd = ioctl(maker, UDMABUF_CREATE, &create);
	if (maker >= 0)
		close(maker);
	return fd < 0 ? fcntl(memfd, F_DUPFD_CLOEXEC, 0) : fd;
}

/* libdrm_amdgpu ------------------------------------------------------------------------ */

int amdgpu_device_initialize(int fd, uint32_t *major_version, uint32_t *minor_version,
			     amdgpu_device_handle *handle)
{
	if (fails(FAKE_INITIALIZE))
		return fake_amdgpu.error;
	*handle = malloc(sizeof(**handle));
	if (!*handle)
		return -ENOMEM;
	/* As the library does, which keeps one of its own. */
	(*handle)->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	*major_version = 3;
	*minor_version = 61;
	fake_amdgpu.devices++;
	return 0;
}

int amdgpu_device_deinitialize(amdgpu_device_handle handle)
{
	close(handle->fd);
	free(handle);
	fake_amdgpu.devices--;
	return 0;
}

int amdgpu_query_heap_info(amdgpu_device_handle handle, uint32_t heap, uint32_t flags,
			   struct amdgpu_heap_info *info)
{
	(void)handle;
	if (heap != AMDGPU_GEM_DOMAIN_VRAM)
		return -EINVAL;
	if (fails(flags ? FAKE_QUERY_VISIBLE_HEAP : FAKE_QUERY_HEAP))
		return fake_amdgpu.error;
	*info = flags ? fake_amdgpu.visible_vram : fake_amdgpu.vram;
	return 0;
}

int amdgpu_bo_alloc(amdgpu_device_handle handle, struct amdgpu_bo_alloc_request *request,
		    amdgpu_bo_handle *buffer)
{
	const uint64_t known = AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED |
			       AMDGPU_GEM_CREATE_CPU_GTT_USWC |
			       AMDGPU_GEM_CREATE_VRAM_CLEARED;

	(void)handle;
	fake_amdgpu.flags = request->flags;
	fake_amdgpu.domain = request->preferred_heap;
	if (fails(FAKE_ALLOC))
		return fake_amdgpu.error;
	if (fake_amdgpu.refuses_flags && request->flags & ~known)
		return -EINVAL;
	*buffer = malloc(sizeof(**buffer));
	if (!*buffer)
		return -ENOMEM;
	**buffer = (struct amdgpu_bo){
		.fd = memfd_create("fake amdgpu", MFD_CLOEXEC | MFD_ALLOW_SEALING),
		.bytes = request->alloc_size,
		.flags = request->flags,
		.domain = request->preferred_heap,
	};
	/* The kernel does so, and says nothing. */
	if (fake_amdgpu.gives_other_domain) {
		(*buffer)->domain |= AMDGPU_GEM_DOMAIN_GTT;
		(*buffer)->flags &= ~(uint64_t)AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED;
	}
	fake_amdgpu.buffers++;
	return ftruncate((*buffer)->fd, (off_t)request->alloc_size) ? -errno : 0;
}

int amdgpu_bo_query_info(amdgpu_bo_handle buffer, struct amdgpu_bo_info *info)
{
	if (fails(FAKE_QUERY_INFO))
		return fake_amdgpu.error;
	*info = (struct amdgpu_bo_info){
		.alloc_size = buffer->bytes,
		.preferred_heap = buffer->domain,
		.alloc_flags = buffer->flags,
	};
	return 0;
}

int amdgpu_bo_export(amdgpu_bo_handle buffer, enum amdgpu_bo_handle_type type,
		     uint32_t *shared)
{
	int fd;

	if (fails(FAKE_EXPORT))
		return fake_amdgpu.error;
	if (type != amdgpu_bo_handle_type_dma_buf_fd)
		return -EINVAL;
	fd = fails(FAKE_IMPORT) ? open("/", O_PATH | O_CLOEXEC) :
				  make_dma_buf(buffer->fd, buffer->bytes);
	if (fd < 0)
		return -errno;
	*shared = (uint32_t)fd;
	return 0;
}

int amdgpu_bo_free(amdgpu_bo_handle buffer)
{
	close(buffer->fd);
	free(buffer);
	fake_amdgpu.buffers--;
	return 0;
}

/* Vulkan ------------------------------------------------------------------------------- */

static void *find_real(const char *name)
{
	void *real = dlsym(RTLD_NEXT, name);

	if (!real)
		abort();
	return real;
}

#define REAL(CALL) ((PFN_##CALL)find_real(#CALL))

static void add_extension(const char *name, uint32_t room, uint32_t *count,
			  VkExtensionProperties *properties)
{
	if (properties && *count < room)
		snprintf(properties[*count].extensionName,
			 sizeof(properties[*count].extensionName), "%s", name);
	++*count;
}

VkResult vkEnumerateDeviceExtensionProperties(VkPhysicalDevice physical,
					      const char *layer, uint32_t *count,
					      VkExtensionProperties *properties)
{
	uint32_t room = *count;
	VkResult result = REAL(vkEnumerateDeviceExtensionProperties)(physical, layer,
								     count, properties);

	add_extension(VK_EXT_PHYSICAL_DEVICE_DRM_EXTENSION_NAME, room, count, properties);
	if (fake_amdgpu.has_device_coherent)
		add_extension(VK_AMD_DEVICE_COHERENT_MEMORY_EXTENSION_NAME, room, count,
			      properties);
	return result;
}

void vkGetPhysicalDeviceMemoryProperties(VkPhysicalDevice physical,
					 VkPhysicalDeviceMemoryProperties *properties)
{
	REAL(vkGetPhysicalDeviceMemoryProperties)(physical, properties);
	if (fake_amdgpu.has_device_coherent)
		properties->memoryTypes[0].propertyFlags |=
			VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD |
			VK_MEMORY_PROPERTY_DEVICE_UNCACHED_BIT_AMD;
}

#define COHERENT VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COHERENT_MEMORY_FEATURES_AMD

void vkGetPhysicalDeviceFeatures2(VkPhysicalDevice physical,
				  VkPhysicalDeviceFeatures2 *features)
{
	REAL(vkGetPhysicalDeviceFeatures2)(physical, features);
	for (VkBaseOutStructure *next = features->pNext; next; next = next->pNext)
		if (next->sType == COHERENT)
			((VkPhysicalDeviceCoherentMemoryFeaturesAMD *)next)
				->deviceCoherentMemory = fake_amdgpu.has_device_coherent;
}

/* Leaves out what the driver lacks, and remembers that it was asked for. */
VkResult vkCreateDevice(VkPhysicalDevice physical, const VkDeviceCreateInfo *info,
			const VkAllocationCallbacks *allocator, VkDevice *device)
{
	VkDeviceCreateInfo changed = *info;
	VkBaseOutStructure *last = (VkBaseOutStructure *)&changed;
	const char *names[16];

	changed.ppEnabledExtensionNames = names;
	changed.enabledExtensionCount = 0;
	for (uint32_t i = 0; i < info->enabledExtensionCount && i < 16; i++)
		if (strcmp(info->ppEnabledExtensionNames[i],
			   VK_AMD_DEVICE_COHERENT_MEMORY_EXTENSION_NAME))
			names[changed.enabledExtensionCount++] =
				info->ppEnabledExtensionNames[i];
	while (last->pNext && last->pNext->sType != COHERENT)
		last = last->pNext;
	fake_amdgpu.asked_for_coherent = last->pNext &&
					 changed.enabledExtensionCount <
						 info->enabledExtensionCount;
	if (last->pNext)
		last->pNext = last->pNext->pNext;
	return REAL(vkCreateDevice)(physical, &changed, allocator, device);
}

static void change(VkBaseOutStructure *structure)
{
	VkPhysicalDeviceDriverProperties *driver = (void *)structure;
	VkPhysicalDeviceIDProperties *id = (void *)structure;
	VkPhysicalDeviceDrmPropertiesEXT *drm = (void *)structure;

	switch ((int)structure->sType) {
	case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES:
		driver->driverID = VK_DRIVER_ID_MESA_RADV;
		break;
	case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES:
		memcpy(id->deviceUUID, "fake amdgpu", sizeof("fake amdgpu"));
		break;
	case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRM_PROPERTIES_EXT:
		drm->hasRender = VK_TRUE;
		drm->renderMajor = NODE_MAJOR;
		drm->renderMinor = NODE_MINOR;
		break;
	}
}

void vkGetPhysicalDeviceProperties2(VkPhysicalDevice physical,
				    VkPhysicalDeviceProperties2 *properties)
{
	REAL(vkGetPhysicalDeviceProperties2)(physical, properties);
	if (fake_amdgpu.is_gpu)
		properties->properties.deviceType = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
	for (VkBaseOutStructure *next = properties->pNext; next; next = next->pNext)
		change(next);
}

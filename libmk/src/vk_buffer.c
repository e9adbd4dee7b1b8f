// SPDX-License-Identifier: MIT
#include "vk_buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "error.h"
#include "udmabuf.h"

static const char cannot_import[] = "cannot import memory into Vulkan";

static int create_buffer(const struct mk_vk_device *device, VkDeviceSize bytes,
			 VkExternalMemoryHandleTypeFlags type,
			 struct mk_vk_buffer *buffer)
{
	const VkExternalMemoryBufferCreateInfo external = {
		.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
		.handleTypes = type,
	};
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.pNext = type ? &external : NULL,
		.size = bytes,
		.usage = MK_VK_BUFFER_USAGE,
	};
	VkResult result = vkCreateBuffer(device->device, &info, NULL, &buffer->buffer);

	return result ? mk_vk_fail(result, "cannot create a Vulkan buffer") : 0;
}

/* Host-visible and coherent, among the types that the import and buffer allow. */
static int find_memory_type(const struct mk_vk_device *device, uint32_t allowed,
			    uint32_t *index)
{
	const VkMemoryPropertyFlags wanted = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
					     VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
	VkPhysicalDeviceMemoryProperties properties;

	vkGetPhysicalDeviceMemoryProperties(device->physical, &properties);
	for (uint32_t i = 0; i < properties.memoryTypeCount; i++) {
		if (allowed >> i & 1 &&
		    (properties.memoryTypes[i].propertyFlags & wanted) == wanted) {
			*index = i;
			return 0;
		}
	}
	return mk_fail(EIO,
		       "%s has no coherent memory type for imported memory (types 0x%x)",
		       device->identity.name, allowed);
}

/* @origin is the structure that says what memory it is, or NULL. */
static int bind_memory(const struct mk_vk_device *device, uint32_t type,
		       VkDeviceSize bytes, const void *origin, const char *failure,
		       struct mk_vk_buffer *buffer)
{
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.pNext = origin,
		.allocationSize = bytes,
		.memoryTypeIndex = type,
	};
	VkResult result = vkAllocateMemory(device->device, &info, NULL, &buffer->memory);

	if (result)
		return mk_vk_fail(result, failure);
	result = vkBindBufferMemory(device->device, buffer->buffer, buffer->memory, 0);
	return result ? mk_vk_fail(result, "cannot bind memory to a buffer") : 0;
}

/* The driver takes a descriptor that it imports: it gets a copy, and @fd stays. */
static int bind_descriptor(const struct mk_vk_device *device, uint32_t memory_type,
			   VkDeviceSize bytes, VkExternalMemoryHandleTypeFlagBits type,
			   int fd, struct mk_vk_buffer *buffer)
{
	const VkImportMemoryFdInfoKHR import = {
		.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR,
		.handleType = type,
		.fd = mk_duplicate(fd),
	};
	int ret;

	if (import.fd < 0)
		return import.fd;
	ret = bind_memory(device, memory_type, bytes, &import, cannot_import, buffer);
	if (!buffer->memory)
		close(import.fd);
	return ret;
}

/* For memory that has to be of one of @import_types. */
static int create_for_import(const struct mk_vk_device *device, VkDeviceSize bytes,
			     VkExternalMemoryHandleTypeFlagBits type,
			     uint32_t import_types, struct mk_vk_buffer *buffer,
			     uint32_t *memory_type)
{
	VkMemoryRequirements requirements;
	int ret = create_buffer(device, bytes, type, buffer);

	if (ret)
		return ret;
	vkGetBufferMemoryRequirements(device->device, buffer->buffer, &requirements);
	if (requirements.size > bytes)
		return mk_fail(EIO, "%s wants %llu bytes for a buffer of %llu",
			       device->identity.name,
			       (unsigned long long)requirements.size,
			       (unsigned long long)bytes);
	return find_memory_type(device, import_types & requirements.memoryTypeBits,
				memory_type);
}

static int import_host_pointer(const struct mk_vk_device *device,
			       const struct mk_memory *memory,
			       struct mk_vk_buffer *buffer)
{
	const VkExternalMemoryHandleTypeFlagBits type =
		VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;
	const VkImportMemoryHostPointerInfoEXT import = {
		.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT,
		.handleType = type,
		.pHostPointer = memory->address,
	};
	VkMemoryHostPointerPropertiesEXT properties = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT,
	};
	PFN_vkGetMemoryHostPointerPropertiesEXT get_properties =
		(PFN_vkGetMemoryHostPointerPropertiesEXT)vkGetDeviceProcAddr(
			device->device, "vkGetMemoryHostPointerPropertiesEXT");
	uint32_t memory_type;
	VkResult result;
	int ret;

	if (!device->imports_host_pointers || !get_properties)
		return mk_fail(ENOTSUP,
			       "%s cannot import host pointers; use another import",
			       device->identity.name);
	if (memory->mapped_bytes % device->host_pointer_alignment)
		return mk_fail(ENOTSUP,
			       "%s imports host memory in units of %llu bytes, a page "
			       "is smaller",
			       device->identity.name,
			       (unsigned long long)device->host_pointer_alignment);
	result = get_properties(device->device, type, memory->address, &properties);
	if (result)
		return mk_vk_fail(result, "cannot import a host pointer");
	ret = create_for_import(device, memory->mapped_bytes, type,
				properties.memoryTypeBits, buffer, &memory_type);
	return ret ? ret :
		     bind_memory(device, memory_type, memory->mapped_bytes, &import,
				 cannot_import, buffer);
}

static int import_descriptor(const struct mk_vk_device *device, size_t bytes, int fd,
			     struct mk_vk_buffer *buffer)
{
	const VkExternalMemoryHandleTypeFlagBits type =
		VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT;
	VkMemoryFdPropertiesKHR properties = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_FD_PROPERTIES_KHR,
	};
	PFN_vkGetMemoryFdPropertiesKHR get_properties =
		(PFN_vkGetMemoryFdPropertiesKHR)vkGetDeviceProcAddr(
			device->device, "vkGetMemoryFdPropertiesKHR");
	uint32_t memory_type;
	VkResult result;
	int ret;

	if (!device->imports_dma_bufs || !get_properties)
		return mk_fail(ENOTSUP, "%s cannot import DMA-bufs; use another import",
			       device->identity.name);
	result = get_properties(device->device, type, fd, &properties);
	if (result)
		return mk_vk_fail(result, "cannot import a DMA-buf");
	ret = create_for_import(device, bytes, type, properties.memoryTypeBits, buffer,
				&memory_type);
	return ret ? ret : bind_descriptor(device, memory_type, bytes, type, fd, buffer);
}

/* A CPU's driver maps whatever has memory; to a GPU's a memfd is none. */
static int export_dma_buf(const struct mk_vk_device *device, struct mk_backing *backing,
			  uint32_t number)
{
	int fd = backing->ops->export(backing, number, true);
	int dma_buf;

	if (fd < 0 || device->is_cpu || !mk_udmabuf_is_memfd(fd))
		return fd;
	dma_buf = mk_udmabuf_create(fd);
	close(fd);
	return dma_buf;
}

static int import_dma_buf(const struct mk_vk_device *device, struct mk_backing *backing,
			  uint32_t number, struct mk_vk_buffer *buffer)
{
	int fd = export_dma_buf(device, backing, number);
	int ret;

	if (fd < 0)
		return fd;
	ret = import_descriptor(device, backing->memories[number].mapped_bytes, fd,
				buffer);
	close(fd);
	return ret;
}

static int check_bytes(const struct mk_vk_device *device, size_t bytes)
{
	if (bytes <= device->storage_buffer_limit)
		return 0;
	return mk_fail(EFBIG,
		       "%zu bytes exceed the %llu of one buffer on %s; create the "
		       "context with less",
		       bytes, (unsigned long long)device->storage_buffer_limit,
		       device->identity.name);
}

int mk_vk_buffer_import(const struct mk_vk_device *device, struct mk_backing *backing,
			uint32_t number, enum mk_import import,
			struct mk_vk_buffer *buffer)
{
	const struct mk_memory *memory = &backing->memories[number];
	int ret;

	memset(buffer, 0, sizeof(*buffer));
	ret = check_bytes(device, memory->mapped_bytes);
	if (ret)
		return ret;
	ret = import == MK_IMPORT_DMA_BUF ?
		      import_dma_buf(device, backing, number, buffer) :
		      import_host_pointer(device, memory, buffer);
	if (ret)
		mk_vk_buffer_destroy(device, buffer);
	return ret;
}

/* The device's own memory ------------------------------------------------------ */

static int map_buffer(const struct mk_vk_device *device, struct mk_vk_buffer *buffer)
{
	VkResult result = vkMapMemory(device->device, buffer->memory, 0, VK_WHOLE_SIZE, 0,
				      &buffer->address);

	return result ? mk_vk_fail(result, "cannot map a device's memory") : 0;
}

/* @bytes of memory of @type take *@allocated, if a buffer can have that. */
static int create_for_type(const struct mk_vk_device *device, size_t bytes, uint32_t type,
			   VkExternalMemoryHandleTypeFlags external,
			   struct mk_vk_buffer *buffer, VkDeviceSize *allocated)
{
	VkMemoryRequirements requirements;
	int ret = create_buffer(device, bytes, external, buffer);

	if (ret)
		return ret;
	vkGetBufferMemoryRequirements(device->device, buffer->buffer, &requirements);
	*allocated = requirements.size;
	if (requirements.memoryTypeBits >> type & 1)
		return 0;
	vkDestroyBuffer(device->device, buffer->buffer, NULL);
	buffer->buffer = VK_NULL_HANDLE;
	return mk_fail(ENOTSUP, "%s cannot have a buffer in memory of type %u",
		       device->identity.name, type);
}

/* The same for memory that is exported or imported, if it can be. */
static int create_own(const struct mk_vk_device *device, size_t bytes, uint32_t type,
		      struct mk_vk_buffer *buffer, VkDeviceSize *allocated)
{
	int ret = create_for_type(device, bytes, type, device->export_type, buffer,
				  allocated);

	buffer->is_exportable = device->export_type && !ret;
	if (ret != -ENOTSUP || !device->export_type)
		return ret;
	buffer->is_exportable = device->exports_any_type;
	return create_for_type(device, bytes, type, 0, buffer, allocated);
}

static int allocate_and_map(const struct mk_vk_device *device, size_t bytes,
			    uint32_t type, struct mk_vk_buffer *buffer)
{
	const VkExportMemoryAllocateInfo export = {
		.sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
		.handleTypes = device->export_type,
	};
	VkDeviceSize allocated;
	int ret = create_own(device, bytes, type, buffer, &allocated);

	if (!ret)
		ret = bind_memory(device, type, allocated,
				  buffer->is_exportable ? &export : NULL,
				  "cannot allocate a device's memory", buffer);
	if (!ret)
		ret = map_buffer(device, buffer);
	if (ret)
		return ret;
	memset(buffer->address, 0, bytes);
	return 0;
}

int mk_vk_buffer_allocate(const struct mk_vk_device *device, size_t bytes, uint32_t type,
			  struct mk_vk_buffer *buffer)
{
	int ret;

	memset(buffer, 0, sizeof(*buffer));
	ret = check_bytes(device, bytes);
	if (!ret)
		ret = allocate_and_map(device, bytes, type, buffer);
	if (ret)
		mk_vk_buffer_destroy(device, buffer);
	return ret;
}

int mk_vk_buffer_export(const struct mk_vk_device *device,
			const struct mk_vk_buffer *buffer)
{
	const VkMemoryGetFdInfoKHR info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR,
		.memory = buffer->memory,
		.handleType = device->export_type,
	};
	PFN_vkGetMemoryFdKHR get_descriptor = (PFN_vkGetMemoryFdKHR)vkGetDeviceProcAddr(
		device->device, "vkGetMemoryFdKHR");
	VkResult result;
	int fd;

	if (!buffer->is_exportable || !get_descriptor)
		return mk_fail(
			ENOTSUP,
			"the driver of %s exports no memory; create the context in "
			"host memory for other processes, if the device sees that",
			device->identity.name);
	result = get_descriptor(device->device, &info, &fd);
	if (result)
		return mk_vk_fail(result, "cannot export a device's memory");
	/* Not every driver does. */
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

static int attach_and_map(const struct mk_vk_device *device, int fd, size_t bytes,
			  uint32_t type, struct mk_vk_buffer *buffer)
{
	VkDeviceSize allocated;
	int ret = create_own(device, bytes, type, buffer, &allocated);

	if (!ret)
		ret = bind_descriptor(device, type, allocated, device->export_type, fd,
				      buffer);
	return ret ? ret : map_buffer(device, buffer);
}

int mk_vk_buffer_attach(const struct mk_vk_device *device, int fd, size_t bytes,
			uint32_t type, struct mk_vk_buffer *buffer)
{
	int ret;

	memset(buffer, 0, sizeof(*buffer));
	ret = check_bytes(device, bytes);
	if (!ret)
		ret = attach_and_map(device, fd, bytes, type, buffer);
	if (ret)
		mk_vk_buffer_destroy(device, buffer);
	return ret;
}

static int map_dma_buf(int fd, size_t bytes, struct mk_vk_buffer *buffer)
{
	void *address = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (address == MAP_FAILED)
		return mk_fail(errno, "cannot map %zu bytes of a device's DMA-buf: %s",
			       bytes, strerror(errno));
	buffer->address = address;
	buffer->mapped_bytes = bytes;
	return 0;
}

int mk_vk_buffer_attach_dma_buf(const struct mk_vk_device *device, int fd, size_t bytes,
				struct mk_vk_buffer *buffer)
{
	int ret;

	memset(buffer, 0, sizeof(*buffer));
	ret = check_bytes(device, bytes);
	if (!ret)
		ret = import_descriptor(device, bytes, fd, buffer);
	if (!ret)
		ret = map_dma_buf(fd, bytes, buffer);
	if (ret)
		mk_vk_buffer_destroy(device, buffer);
	return ret;
}

void mk_vk_buffer_destroy(const struct mk_vk_device *device, struct mk_vk_buffer *buffer)
{
	if (buffer->mapped_bytes)
		munmap(buffer->address, buffer->mapped_bytes);
	vkDestroyBuffer(device->device, buffer->buffer, NULL);
	vkFreeMemory(device->device, buffer->memory, NULL);
	memset(buffer, 0, sizeof(*buffer));
}

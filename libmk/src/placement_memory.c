// SPDX-License-Identifier: MIT
#include "placement_memory.h"

#include <string.h>
#include <unistd.h>

#include "amdgpu_memory.h"

static bool is_amdgpu(int32_t type)
{
	return type == MK_AMDGPU_GTT || type == MK_AMDGPU_VRAM;
}

static int allocate_amdgpu(const struct mk_vk_device *device, int32_t type, size_t bytes,
			   struct mk_vk_buffer *buffer, int *descriptor)
{
	enum mk_amdgpu_heap heap = type == MK_AMDGPU_VRAM ? MK_AMDGPU_HEAP_VRAM :
							    MK_AMDGPU_HEAP_GTT;
	int fd = mk_amdgpu_allocate(&device->identity, heap, bytes);
	int ret;

	if (fd < 0)
		return fd;
	ret = mk_vk_buffer_attach_dma_buf(device, fd, bytes, buffer);
	if (ret) {
		close(fd);
		return ret;
	}
	memset(buffer->address, 0, bytes);
	*descriptor = fd;
	return 0;
}

int mk_placement_allocate(const struct mk_vk_device *device, int32_t type, size_t bytes,
			  struct mk_vk_buffer *buffer, int *descriptor)
{
	*descriptor = -1;
	return is_amdgpu(type) ?
		       allocate_amdgpu(device, type, bytes, buffer, descriptor) :
		       mk_vk_buffer_allocate(device, bytes, (uint32_t)type, buffer);
}

int mk_placement_attach(const struct mk_vk_device *device, int32_t type, int fd,
			size_t bytes, struct mk_vk_buffer *buffer)
{
	return is_amdgpu(type) ?
		       mk_vk_buffer_attach_dma_buf(device, fd, bytes, buffer) :
		       mk_vk_buffer_attach(device, fd, bytes, (uint32_t)type, buffer);
}

bool mk_placement_is_dma_buf(const struct mk_vk_device *device, int32_t type)
{
	return is_amdgpu(type) ||
	       device->export_type == VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT;
}

// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "exporters.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-heap.h>
#include <linux/types.h>
#include <linux/udmabuf.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common.h"

/* <drm/drm.h> is not everywhere, and this is all that is needed of it. */
struct drm_version {
	int major, minor, patch;
	size_t name_bytes;
	char *name;
	size_t date_bytes;
	char *date;
	size_t text_bytes;
	char *text;
};

struct drm_create_dumb {
	__u32 height, width, bits_per_pixel, flags;
	__u32 handle, pitch;
	__u64 size;
};

struct drm_prime_handle {
	__u32 handle;
	__u32 flags;
	__s32 fd;
};

struct drm_map_dumb {
	__u32 handle;
	__u32 pad;
	__u64 offset;
};

struct drm_gem_close {
	__u32 handle;
	__u32 pad;
};

#define DRM_VERSION	       _IOWR('d', 0x00, struct drm_version)
#define DRM_GEM_CLOSE	       _IOW('d', 0x09, struct drm_gem_close)
#define DRM_PRIME_HANDLE_TO_FD _IOWR('d', 0x2d, struct drm_prime_handle)
#define DRM_PRIME_FD_TO_HANDLE _IOWR('d', 0x2e, struct drm_prime_handle)
#define DRM_CREATE_DUMB	       _IOWR('d', 0xb2, struct drm_create_dumb)
#define DRM_MAP_DUMB	       _IOWR('d', 0xb3, struct drm_map_dumb)

static bool is_vgem(int card)
{
	char name[16] = "";
	struct drm_version version = { .name = name, .name_bytes = sizeof(name) - 1 };

	return !ioctl(card, DRM_VERSION, &version) && !strcmp(name, "vgem");
}

int vgem_open(void)
{
	char path[32];

	for (int i = 0; i < 16; i++) {
		int card;

		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		card = open(path, O_RDWR | O_CLOEXEC);
		if (card >= 0 && is_vgem(card))
			return card;
		if (card >= 0)
			close(card);
	}
	errno = ENODEV;
	return -1;
}

static int vgem_export(size_t bytes, bool writable)
{
	int card = vgem_open();
	struct drm_create_dumb buffer = {
		.height = 1,
		.width = bytes / 4,
		.bits_per_pixel = 32,
	};
	struct drm_prime_handle handle = {
		.flags = O_CLOEXEC | (writable ? O_RDWR : O_RDONLY),
		.fd = -1,
	};

	if (card < 0)
		return -1;
	if (!ioctl(card, DRM_CREATE_DUMB, &buffer)) {
		handle.handle = buffer.handle;
		if (ioctl(card, DRM_PRIME_HANDLE_TO_FD, &handle))
			handle.fd = -1;
	}
	close(card);
	return handle.fd;
}

static int handle_of(int card, int dma_buf, __u32 *handle)
{
	struct drm_prime_handle prime = { .fd = dma_buf };
	int error = errno_of(ioctl(card, DRM_PRIME_FD_TO_HANDLE, &prime));

	*handle = prime.handle;
	return error;
}

int vgem_import_by(int card, int dma_buf)
{
	struct drm_gem_close gem = { .handle = 0 };
	int error = handle_of(card, dma_buf, &gem.handle);

	if (!error)
		ioctl(card, DRM_GEM_CLOSE, &gem);
	return error;
}

int vgem_import_and_keep(int card, int dma_buf)
{
	__u32 handle;

	return handle_of(card, dma_buf, &handle);
}

int vgem_import(int dma_buf)
{
	int card = vgem_open(), error;

	if (card < 0)
		return ENODEV;
	error = vgem_import_by(card, dma_buf);
	close(card);
	return error;
}

static bool maps_to_write(int file, size_t bytes, off_t offset)
{
	int rights = PROT_READ | PROT_WRITE;
	void *mapping = mmap(NULL, bytes, rights, MAP_SHARED, file, offset);

	if (mapping == MAP_FAILED)
		return false;
	munmap(mapping, bytes);
	return true;
}

bool vgem_makes_writable(int card, int dma_buf, size_t bytes)
{
	struct drm_prime_handle out = { .flags = O_CLOEXEC | O_RDWR };
	struct drm_map_dumb map = { .handle = 0 };
	struct drm_gem_close gem = { .handle = 0 };
	bool does = false;

	if (handle_of(card, dma_buf, &gem.handle))
		return false;
	out.handle = map.handle = gem.handle;
	if (!ioctl(card, DRM_PRIME_HANDLE_TO_FD, &out)) {
		does = maps_to_write(out.fd, bytes, 0);
		close(out.fd);
	}
	if (!ioctl(card, DRM_MAP_DUMB, &map))
		does |= maps_to_write(card, bytes, map.offset);
	ioctl(card, DRM_GEM_CLOSE, &gem);
	return does;
}

static int udmabuf_export(size_t bytes, bool writable)
{
	struct udmabuf_create create = { .flags = UDMABUF_FLAGS_CLOEXEC, .size = bytes };
	int device, memory, dma_buf = -1;

	if (!writable)
		return -1;
	device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	if (device < 0)
		return -1;
	memory = memfd_create("udmabuf", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	create.memfd = memory;
	if (memory >= 0 && !ftruncate(memory, bytes) &&
	    !fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK))
		dma_buf = ioctl(device, UDMABUF_CREATE, &create);
	close(memory);
	close(device);
	return dma_buf;
}

static int system_heap_export(size_t bytes, bool writable)
{
	struct dma_heap_allocation_data data = {
		.len = bytes,
		.fd_flags = O_CLOEXEC | (writable ? O_RDWR : O_RDONLY),
	};
	int heap = open("/dev/dma_heap/system", O_RDONLY | O_CLOEXEC);
	int error;

	if (heap < 0)
		return -1;
	error = ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data);
	close(heap);
	return error ? -1 : (int)data.fd;
}

const struct exporter vgem = {
	.name = "vgem",
	.export = vgem_export,
	.can_be_read_only = true,
	.is_always_reachable = true,
};

const struct exporter udmabuf = {
	.name = "udmabuf",
	.export = udmabuf_export,
};

const struct exporter system_heap = {
	.name = "the system heap",
	.export = system_heap_export,
	.can_be_read_only = true,
	.is_always_reachable = true,
};

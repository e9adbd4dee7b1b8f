// SPDX-License-Identifier: MIT
#include "amdgpu_memory.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "error.h"

#ifdef MK_HAS_AMDGPU

#include <amdgpu.h>
#include <amdgpu_drm.h>
#include <xf86drm.h>

#include "drm_node.h"

/* Of the kernel's interface; older headers lack them. */
#ifndef AMDGPU_GEM_CREATE_COHERENT
#define AMDGPU_GEM_CREATE_COHERENT (1 << 13)
#endif
#ifndef AMDGPU_GEM_CREATE_UNCACHED
#define AMDGPU_GEM_CREATE_UNCACHED (1 << 14)
#endif

/*
 * RADV maps what it imports with the default type of access (radv_amdgpu_bo.c,
 * radv_amdgpu_winsys_bo_from_fd), so it is the object's own flags from which the kernel
 * takes MTYPE_UC (gmc_v9_0.c to gmc_v12_0.c, *_get_vm_pte).  Kernels from before "Allow
 * more flags to be set on gem create" (August of 2025) refuse them in the ioctl, with
 * EINVAL; then RADV's device-coherent types of memory are what is left.
 */
#define NOT_CACHED (AMDGPU_GEM_CREATE_COHERENT | AMDGPU_GEM_CREATE_UNCACHED)

struct heap {
	const char *name;
	uint32_t domain;
	uint64_t flags;
};

static const struct heap heaps[] = {
	/* Without AMDGPU_GEM_CREATE_CPU_GTT_USWC the host's own caches keep it. */
	[MK_AMDGPU_HEAP_GTT] = { "GTT", AMDGPU_GEM_DOMAIN_GTT, NOT_CACHED },
	[MK_AMDGPU_HEAP_VRAM] = { "VRAM", AMDGPU_GEM_DOMAIN_VRAM,
				  NOT_CACHED | AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED |
					  AMDGPU_GEM_CREATE_VRAM_CLEARED },
};

/* @ret is what libdrm returned, and should be a negative errno. */
static int refused(int ret, const char *call, const struct heap *heap)
{
	int error = ret < 0 ? -ret : EIO;

	return mk_fail(error, "%s refused for %s: %s", call, heap->name, strerror(error));
}

/* The device ---------------------------------------------------------------------- */

static int check_driver(int fd, const struct mk_device_identity *device)
{
	drmVersionPtr version = drmGetVersion(fd);
	int ret = 0;

	if (!version)
		return mk_fail(ENODEV, "%s does not say which driver it has",
			       device->node);
	if (version->name_len != (int)strlen("amdgpu") ||
	    strncmp(version->name, "amdgpu", strlen("amdgpu")))
		ret = mk_fail(ENODEV, "%s is driven by %.*s, and not by amdgpu",
			      device->node, version->name_len, version->name);
	drmFreeVersion(version);
	return ret;
}

static int open_device(int fd, const struct heap *heap, amdgpu_device_handle *handle)
{
	uint32_t major_version, minor_version;
	int ret = amdgpu_device_initialize(fd, &major_version, &minor_version, handle);

	return ret ? refused(ret, "amdgpu_device_initialize", heap) : 0;
}

/* Heaps --------------------------------------------------------------------------- */

static bool is_sane(const struct amdgpu_heap_info *heap)
{
	return heap->heap_size && heap->heap_usage <= heap->heap_size &&
	       heap->max_allocation <= heap->heap_size;
}

/*
 * The part of the VRAM that the host sees is small without Resizable BAR, and all
 * programs have it together: half of what is free stays theirs.
 */
static int check_room(const struct amdgpu_heap_info *all,
		      const struct amdgpu_heap_info *seen, uint64_t bytes)
{
	uint64_t free_bytes;

	if (!is_sane(all) || !is_sane(seen) || seen->heap_size > all->heap_size)
		return mk_fail(ENOTSUP,
			       "amdgpu says that the host sees %" PRIu64
			       " bytes of %" PRIu64 " of VRAM, with %" PRIu64
			       " and %" PRIu64 " in use, which cannot be",
			       (uint64_t)seen->heap_size, (uint64_t)all->heap_size,
			       (uint64_t)seen->heap_usage, (uint64_t)all->heap_usage);
	free_bytes = seen->heap_size - seen->heap_usage;
	if (bytes <= free_bytes / 2 && bytes <= seen->max_allocation)
		return 0;
	return mk_fail(ENOSPC,
		       "of %" PRIu64 " MiB of VRAM the host sees %" PRIu64
		       ", and %" PRIu64 " KiB of these are free, less than twice %" PRIu64
		       " KiB; see to Resizable BAR in the firmware's setup",
		       (uint64_t)all->heap_size >> 20, (uint64_t)seen->heap_size >> 20,
		       free_bytes >> 10, bytes >> 10);
}

static int check_heap(amdgpu_device_handle handle, const struct heap *heap,
		      uint64_t bytes)
{
	struct amdgpu_heap_info all, seen;
	int ret;

	if (heap->domain != AMDGPU_GEM_DOMAIN_VRAM)
		return 0;
	ret = amdgpu_query_heap_info(handle, heap->domain, 0, &all);
	if (!ret)
		ret = amdgpu_query_heap_info(handle, heap->domain,
					     AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED,
					     &seen);
	return ret ? refused(ret, "amdgpu_query_heap_info", heap) :
		     check_room(&all, &seen, bytes);
}

/* Buffer objects -------------------------------------------------------------------- */

static int take_buffer(amdgpu_device_handle handle, const struct heap *heap,
		       uint64_t bytes, amdgpu_bo_handle *buffer)
{
	struct amdgpu_bo_alloc_request request = {
		.alloc_size = bytes,
		.phys_alignment = (uint64_t)sysconf(_SC_PAGESIZE),
		.preferred_heap = heap->domain,
		.flags = heap->flags,
	};
	int ret = amdgpu_bo_alloc(handle, &request, buffer);

	if (ret == -EINVAL)
		return mk_fail(
			ENOTSUP,
			"amdgpu_bo_alloc refused for %s: this kernel gives programs "
			"no memory that the device does not cache",
			heap->name);
	return ret ? refused(ret, "amdgpu_bo_alloc", heap) : 0;
}

/* What lacks room the kernel makes elsewhere, and leaves flags out for that. */
static int check_buffer(amdgpu_bo_handle buffer, const struct heap *heap)
{
	struct amdgpu_bo_info info;
	int ret = amdgpu_bo_query_info(buffer, &info);

	if (ret)
		return refused(ret, "amdgpu_bo_query_info", heap);
	if (info.preferred_heap == heap->domain &&
	    !((heap->flags & ~(uint64_t)AMDGPU_GEM_CREATE_VRAM_CLEARED) &
	      ~info.alloc_flags))
		return 0;
	return mk_fail(ENOMEM,
		       "amdgpu gave memory of domain 0x%x with flags 0x%" PRIx64
		       " for %s, 0x%x with 0x%" PRIx64,
		       info.preferred_heap, (uint64_t)info.alloc_flags, heap->name,
		       heap->domain, heap->flags);
}

static int export_buffer(amdgpu_bo_handle buffer, const struct heap *heap)
{
	uint32_t shared = 0;
	int ret = amdgpu_bo_export(buffer, amdgpu_bo_handle_type_dma_buf_fd, &shared);

	return ret ? refused(ret, "amdgpu_bo_export", heap) : (int)shared;
}

/* The DMA-buf has the memory from then on; handles of it are not needed any more. */
static int allocate(amdgpu_device_handle handle, const struct heap *heap, uint64_t bytes)
{
	amdgpu_bo_handle buffer;
	int ret = check_heap(handle, heap, bytes);

	if (!ret)
		ret = take_buffer(handle, heap, bytes, &buffer);
	if (ret)
		return ret;
	ret = check_buffer(buffer, heap);
	if (!ret)
		ret = export_buffer(buffer, heap);
	amdgpu_bo_free(buffer);
	return ret;
}

int mk_amdgpu_allocate(const struct mk_device_identity *device, enum mk_amdgpu_heap heap,
		       size_t bytes)
{
	amdgpu_device_handle handle;
	int fd = mk_drm_open(device);
	int ret;

	if (fd < 0)
		return fd;
	ret = check_driver(fd, device);
	if (!ret)
		ret = open_device(fd, &heaps[heap], &handle);
	if (!ret) {
		ret = allocate(handle, &heaps[heap], bytes);
		amdgpu_device_deinitialize(handle);
	}
	close(fd);
	return ret;
}

#else /* MK_HAS_AMDGPU */

int mk_amdgpu_allocate(const struct mk_device_identity *device, enum mk_amdgpu_heap heap,
		       size_t bytes)
{
	(void)device;
	(void)heap;
	(void)bytes;
	return mk_fail(ENOTSUP, "this libmk was built without libdrm_amdgpu");
}

#endif

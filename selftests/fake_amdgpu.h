/* SPDX-License-Identifier: MIT */
/*
 * Plays libdrm and libdrm_amdgpu, and makes every Vulkan device one of RADV's, so that a
 * CPU's driver runs what is for AMD GPUs: buffer objects are memfds, or DMA-bufs of these.
 * What it does is as the headers say; whether the hardware does that is another matter.
 */
#ifndef MK_SELFTESTS_FAKE_AMDGPU_H
#define MK_SELFTESTS_FAKE_AMDGPU_H

#include <stdbool.h>
#include <stdint.h>

#include <amdgpu.h>

enum fake_call {
	FAKE_NONE,
	FAKE_GET_VERSION,
	FAKE_GET_NODE_TYPE,
	FAKE_INITIALIZE,
	FAKE_QUERY_HEAP,
	FAKE_QUERY_VISIBLE_HEAP,
	FAKE_ALLOC,
	FAKE_QUERY_INFO,
	FAKE_EXPORT,
	FAKE_IMPORT, /* in Vulkan: the exported descriptor is nothing to be imported */
	FAKE_CALLS,
};

struct fake_amdgpu {
	/* What a test sets. */
	enum fake_call fails;
	int error;		  /* what that returns, a negative errno */
	bool refuses_flags;	  /* as kernels do that know no uncached memory */
	bool gives_other_domain;  /* without room in the VRAM that the host sees */
	bool has_device_coherent; /* the first type of memory is said to be that */
	bool is_gpu;		  /* what a CPU is, is said to be a discrete GPU */
	const char *driver;
	const char *node;
	struct amdgpu_heap_info vram;
	struct amdgpu_heap_info visible_vram;
	/* What it counts: what is there and has to be gone in the end. */
	int devices;
	int buffers;
	int versions;
	bool asked_for_coherent; /* by who opened the last Vulkan device */
	uint64_t flags;		 /* of the last buffer object */
	uint32_t domain;
};

extern struct fake_amdgpu fake_amdgpu;

/* As it is in the beginning; what it counts stays. */
void fake_amdgpu_reset(void);

/* Descriptors that this process has open, for who looks whether one was left. */
int fake_count_descriptors(void);

#endif /* MK_SELFTESTS_FAKE_AMDGPU_H */

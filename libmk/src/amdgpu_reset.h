/* SPDX-License-Identifier: MIT */
/*
 * Whether amdgpu has reset its device, and what that did: the driver tells each context
 * of its own what has happened since that was made.
 */
#ifndef MK_SRC_AMDGPU_RESET_H
#define MK_SRC_AMDGPU_RESET_H

#include <stdbool.h>
#include <stdint.h>

#include "device_choice.h"

struct mk_amdgpu_reset {
	int fd; /* of its DRM node; -1: nothing is known */
	uint32_t context;
};

struct mk_amdgpu_status {
	bool was_reset;
	bool is_under_way; /* the reset has not ended yet */
	bool vram_lost;
};

/* Begin to watch a device; of one that is not amdgpu's nothing is known. */
void mk_amdgpu_reset_open(const struct mk_device_identity *identity,
			  struct mk_amdgpu_reset *reset);
void mk_amdgpu_reset_close(struct mk_amdgpu_reset *reset);

/* What has happened since; false: nothing is known. */
bool mk_amdgpu_reset_ask(const struct mk_amdgpu_reset *reset,
			 struct mk_amdgpu_status *status);

#endif /* MK_SRC_AMDGPU_RESET_H */

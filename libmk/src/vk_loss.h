/* SPDX-License-Identifier: MIT */
/* Why a device was lost, as far as its drivers tell. */
#ifndef MK_SRC_VK_LOSS_H
#define MK_SRC_VK_LOSS_H

#include "amdgpu_reset.h"
#include "engine.h"
#include "vk_device.h"

/* Watches from before the loss on. */
struct mk_vk_loss_watch {
	bool is_open;
	struct mk_amdgpu_reset amdgpu;
};

void mk_vk_loss_watch_open(const struct mk_vk_device *device,
			   struct mk_vk_loss_watch *watch);
/* A watch that was not opened has to be zeroed. */
void mk_vk_loss_watch_close(struct mk_vk_loss_watch *watch);

/*
 * What is known of the loss of @device, which is still open.  The memory of its own is said
 * to have survived only if the driver says so.
 */
void mk_vk_loss_explain(struct mk_vk_loss_watch *watch, const struct mk_vk_device *device,
			struct mk_loss *loss);

#endif /* MK_SRC_VK_LOSS_H */

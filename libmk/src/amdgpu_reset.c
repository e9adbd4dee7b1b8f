// SPDX-License-Identifier: MIT
#include "amdgpu_reset.h"

#include <string.h>
#include <unistd.h>

#include <amdgpu_drm.h>
#include <xf86drm.h>

#include "drm_node.h"

static bool is_amdgpu(int fd)
{
	drmVersionPtr version = drmGetVersion(fd);
	bool is = version && !strcmp(version->name, "amdgpu");

	drmFreeVersion(version);
	return is;
}

void mk_amdgpu_reset_open(const struct mk_device_identity *identity,
			  struct mk_amdgpu_reset *reset)
{
	union drm_amdgpu_ctx context = { .in = { .op = AMDGPU_CTX_OP_ALLOC_CTX } };

	*reset = (struct mk_amdgpu_reset){ .fd = mk_drm_open(identity) };
	if (reset->fd < 0)
		return;
	if (is_amdgpu(reset->fd) &&
	    !drmIoctl(reset->fd, DRM_IOCTL_AMDGPU_CTX, &context)) {
		reset->context = context.out.alloc.ctx_id;
		return;
	}
	close(reset->fd);
	reset->fd = -1;
}

void mk_amdgpu_reset_close(struct mk_amdgpu_reset *reset)
{
	/* The context goes with the file. */
	if (reset->fd >= 0)
		close(reset->fd);
	reset->fd = -1;
}

bool mk_amdgpu_reset_ask(const struct mk_amdgpu_reset *reset,
			 struct mk_amdgpu_status *status)
{
	union drm_amdgpu_ctx context = {
		.in = { .op = AMDGPU_CTX_OP_QUERY_STATE2, .ctx_id = reset->context },
	};
	uint64_t flags;

	if (reset->fd < 0 || drmIoctl(reset->fd, DRM_IOCTL_AMDGPU_CTX, &context))
		return false;
	flags = context.out.state.flags;
	*status = (struct mk_amdgpu_status){
		.was_reset = flags & AMDGPU_CTX_QUERY2_FLAGS_RESET,
		.is_under_way = flags & AMDGPU_CTX_QUERY2_FLAGS_RESET_IN_PROGRESS,
		.vram_lost = flags & AMDGPU_CTX_QUERY2_FLAGS_VRAMLOST,
	};
	return true;
}

/* SPDX-License-Identifier: MIT */
/*
 * How long a kernel driver lets a job run before it resets the device: what bounds a
 * dispatch, and how long to wait for one that hangs.
 */
#ifndef MK_SRC_LOCKUP_H
#define MK_SRC_LOCKUP_H

#include <stdint.h>

struct mk_vk_device;

struct mk_lockup {
	uint32_t least_ms; /* a job is let run for so long at least; 0: for ever */
	uint32_t most_ms;  /* and so long at most; 0: for ever */
};

/*
 * What amdgpu's module parameter lockup_timeout says of compute jobs: "", one number of
 * milliseconds for all queues, or a list of GFX, compute, SDMA and video.  0 is the
 * driver's own choice, less than 0 is for ever.  What is nothing of that counts as the
 * driver's own choice; -EINVAL says so, without a text.
 */
int mk_lockup_parse(const char *text, struct mk_lockup *lockup);

/* Of the driver of @device: nothing is known of others than amdgpu. */
void mk_lockup_find(const struct mk_vk_device *device, struct mk_lockup *lockup);

/* How long a dispatch should take: @wanted_ns, or well below what is let run. */
uint64_t mk_lockup_target_ns(const struct mk_lockup *lockup, uint64_t wanted_ns);

/*
 * How long to wait for a dispatch: @wanted_ns, or until the driver must have reset a
 * device that hangs, which is the end of the dispatch.
 */
uint64_t mk_lockup_timeout_ns(const struct mk_lockup *lockup, uint64_t wanted_ns);

#endif /* MK_SRC_LOCKUP_H */

/* SPDX-License-Identifier: MIT */
/*
 * The inside of an engine: what engine.c, which drives dispatches, asks of what
 * runs them.
 */
#ifndef MK_SRC_ENGINE_H
#define MK_SRC_ENGINE_H

#include <mk/engine.h>

#include "context.h"

/* What one dispatch may do. */
struct mk_dispatch {
	uint32_t steps;	     /* loop iterations of a worker */
	uint32_t idle_looks; /* looks without work after which a worker is idle */
	uint32_t flags;	     /* MK_DISPATCH_* */
};

struct mk_runner;

/* Called by one thread only, except for open and close. */
struct mk_runner_ops {
	/* Fills the device, driver, placement and workgroups of @info. */
	int (*open)(struct mk_context *context, const struct mk_engine_options *options,
		    struct mk_engine_info *info, struct mk_runner **runner);
	/* Queue a dispatch behind those under way, at most MK_DISPATCHES_QUEUED. */
	int (*submit)(struct mk_runner *runner, const struct mk_dispatch *dispatch);
	/* Wait for the oldest to end; -ETIMEDOUT, or another error when it is lost. */
	int (*wait)(struct mk_runner *runner, uint64_t timeout_ns);
	/* Only while none is under way. */
	void (*close)(struct mk_runner *runner);
	/* The most steps that one dispatch may have on this device. */
	uint32_t (*step_limit)(const struct mk_runner *runner);
};

/* One runs while the next waits behind it, so that the device is never idle. */
#define MK_DISPATCHES_QUEUED 2u

extern const struct mk_runner_ops mk_cpu_runner;
extern const struct mk_runner_ops mk_vulkan_runner;

/* One less than the cores, for the producer; at least 1. */
uint32_t mk_default_workers(void);

#endif /* MK_SRC_ENGINE_H */

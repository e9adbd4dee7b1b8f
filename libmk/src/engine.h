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

/* What a device asks of dispatches. */
struct mk_dispatch_limits {
	uint32_t steps;	    /* the most that one may have */
	uint64_t target_ns; /* about as long should one take: rarely changed, yet soon left */
	uint64_t timeout_ns; /* after this the device is given up */
};

#define MK_DISPATCH_TARGET_NS 50000000u
/* One ends by itself long before. */
#define MK_DISPATCH_TIMEOUT_NS 10000000000u

/* What is known of a device that was lost. */
struct mk_loss {
	char cause[256];      /* by the driver, for people; empty: it does not say */
	bool memory_survived; /* what the context has in the device's memory */
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
	struct mk_dispatch_limits (*limits)(const struct mk_runner *runner);
	/*
	 * After an error of submit or wait, when no dispatch is under way any more: say
	 * why, where that is known; and open the same device again, as open did.  What
	 * this fails with may pass, but for -ENOTSUP.  NULL where there is no device that
	 * could be lost.
	 */
	void (*explain_loss)(struct mk_runner *runner, struct mk_loss *loss);
	int (*reopen)(struct mk_runner *runner);
};

/* One runs while the next waits behind it, so that the device is never idle. */
#define MK_DISPATCHES_QUEUED 2u

extern const struct mk_runner_ops mk_cpu_runner;
extern const struct mk_runner_ops mk_vulkan_runner;

/* One less than the cores, for the producer; at least 1. */
uint32_t mk_default_workers(void);

#endif /* MK_SRC_ENGINE_H */

/* SPDX-License-Identifier: MIT */
/*
 * Which slots could make progress: what the reference executor works on, and
 * what keeps an engine from parking.
 */
#ifndef MK_SRC_RUNNABLE_H
#define MK_SRC_RUNNABLE_H

#include "context.h"

/* Whether @status is one of a slot that waits for the device. */
static inline bool mk_status_is_ready(uint32_t status)
{
	return status == MK_STATUS_PUBLISHED || status == MK_STATUS_YIELD ||
	       status == MK_STATUS_REQUEUE;
}

/* Whether a slot of @tenant may run: unknown tenants may, to be faulted. */
static inline bool mk_tenant_may_run(const struct mk_context *context, uint32_t tenant)
{
	return tenant >= MK_TENANT_COUNT ||
	       mk_control_load(context, MK_CONTROL_TENANT_MASKS + tenant);
}

/* Whether any slot of the ring could make progress now. */
bool mk_ring_has_runnable(const struct mk_context *context);

#endif /* MK_SRC_RUNNABLE_H */

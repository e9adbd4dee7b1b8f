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

/*
 * Whether a slot of @status is a fence that may have to wait, and for how many slots
 * before it.  One of io waits before it asks, and not again when it is answered.
 */
static inline bool mk_is_fence(uint32_t opcode, uint32_t status, const uint32_t *args,
			       uint32_t *items)
{
	bool is_io = opcode == MK_OP_IO_FENCE && status == MK_STATUS_PUBLISHED;

	*items = args[is_io ? 4 : 0];
	return is_io || opcode == MK_OP_BATCH_FENCE;
}

/* Whether the host has answered a request. */
bool mk_io_is_answered(const struct mk_context *context, uint32_t request);

/* Whether a slot is WAIT_IO, for this request. */
bool mk_slot_waits_for(const struct mk_context *context, uint32_t slot, uint32_t request);

/* Whether there is something in an ingest slot, or its handler is to go on. */
bool mk_ingest_is_ready(const struct mk_context *context, uint32_t io_slot);

/* Whether any slot of the ring or any ingest could make progress now. */
bool mk_context_has_runnable(const struct mk_context *context);

#endif /* MK_SRC_RUNNABLE_H */

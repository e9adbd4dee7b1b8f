// SPDX-License-Identifier: MIT
#include "runnable.h"

/*
 * A fence that waits is woken by what it waits for, so it is not work itself.
 * @unfinished is how many slots there are up to the last before it that has not
 * ended: 0 when all have.
 */
static bool fence_is_waiting(const struct mk_context *context, uint32_t slot,
			     uint32_t unfinished)
{
	uint32_t items = mk_slot_payload(context, slot, MK_SLOT_ARGS);

	return items <= slot && unfinished > slot - items;
}

static bool is_runnable(const struct mk_context *context, uint32_t slot, uint32_t status,
			uint32_t unfinished)
{
	uint32_t tenant;

	if (!mk_status_is_ready(status))
		return false;
	tenant = mk_slot_payload(context, slot, MK_SLOT_TENANT);
	if (!mk_tenant_may_run(context, tenant))
		return false;
	return tenant >= MK_TENANT_COUNT ||
	       mk_slot_payload(context, slot, MK_SLOT_OPCODE) != MK_OP_BATCH_FENCE ||
	       !fence_is_waiting(context, slot, unfinished);
}

bool mk_ring_has_runnable(const struct mk_context *context)
{
	uint32_t unfinished = 0;

	for (uint32_t slot = 0; slot < context->geometry.slots; slot++) {
		uint32_t status = mk_slot_status(context, slot);

		if (is_runnable(context, slot, status, unfinished))
			return true;
		if (!mk_status_is_final(status))
			unfinished = slot + 1;
	}
	return false;
}

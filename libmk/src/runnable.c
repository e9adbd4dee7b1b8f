// SPDX-License-Identifier: MIT
#include "runnable.h"

/* A fence that waits is woken by what it waits for, so it is not work itself. */
static bool fence_is_waiting(const struct mk_context *context, uint32_t slot)
{
	uint32_t items = mk_slot_payload(context, slot, MK_SLOT_ARGS);

	if (items > slot)
		return false;
	for (uint32_t i = slot - items; i < slot; i++)
		if (!mk_status_is_final(mk_slot_status(context, i)))
			return true;
	return false;
}

static bool is_runnable(const struct mk_context *context, uint32_t slot)
{
	uint32_t tenant;

	if (!mk_status_is_ready(mk_slot_status(context, slot)))
		return false;
	tenant = mk_slot_payload(context, slot, MK_SLOT_TENANT);
	if (!mk_tenant_may_run(context, tenant))
		return false;
	return tenant >= MK_TENANT_COUNT ||
	       mk_slot_payload(context, slot, MK_SLOT_OPCODE) != MK_OP_BATCH_FENCE ||
	       !fence_is_waiting(context, slot);
}

bool mk_ring_has_runnable(const struct mk_context *context)
{
	for (uint32_t slot = 0; slot < context->geometry.slots; slot++)
		if (is_runnable(context, slot))
			return true;
	return false;
}

// SPDX-License-Identifier: MIT
#include "runnable.h"

/* IO queue ----------------------------------------------------------------- */

static uint32_t load_io_status(const struct mk_context *context, uint32_t io_slot)
{
	return atomic_load_explicit(mk_io_word(context, io_slot, MK_IO_STATUS),
				    memory_order_acquire);
}

bool mk_io_is_answered(const struct mk_context *context, uint32_t request)
{
	uint32_t status = load_io_status(context, request);

	return status == MK_IO_STATUS_OK || status == MK_IO_STATUS_ERROR;
}

static uint32_t awaited_request(const struct mk_context *context, uint32_t slot)
{
	return atomic_load_explicit(mk_slot_state(context, slot, MK_STATE_IO),
				    memory_order_relaxed) -
	       1;
}

bool mk_slot_waits_for(const struct mk_context *context, uint32_t slot, uint32_t request)
{
	return mk_slot_status(context, slot) == MK_STATUS_WAIT_IO &&
	       awaited_request(context, slot) == request;
}

/* CLAIMED is also what a killed engine was working on, until that is settled. */
bool mk_ingest_is_ready(const struct mk_context *context, uint32_t io_slot)
{
	uint32_t status = load_io_status(context, io_slot);

	return status == MK_STATUS_PUBLISHED ||
	       (status == MK_STATUS_CLAIMED &&
		atomic_load_explicit(mk_io_state(context, io_slot, MK_STATE_IO_OWNER),
				     memory_order_acquire));
}

static bool has_ready_ingest(const struct mk_context *context)
{
	for (uint32_t i = context->geometry.io_request_slots;
	     i < context->geometry.io_slots; i++)
		if (mk_ingest_is_ready(context, i))
			return true;
	return false;
}

/* Ring --------------------------------------------------------------------- */

static bool is_ready(const struct mk_context *context, uint32_t slot, uint32_t status)
{
	uint32_t request;

	if (status != MK_STATUS_WAIT_IO)
		return mk_status_is_ready(status);
	request = awaited_request(context, slot);
	return request < context->geometry.io_request_slots &&
	       mk_io_is_answered(context, request);
}

/*
 * A fence that waits is woken by what it waits for, so it is not work itself.
 * @unfinished is how many slots there are up to the last before it that has not
 * ended: 0 when all have.
 */
static bool is_waiting_fence(const struct mk_context *context, uint32_t slot,
			     uint32_t status, uint32_t unfinished)
{
	uint32_t args[MK_SLOT_ARG_COUNT], items;

	for (uint32_t i = 0; i < MK_SLOT_ARG_COUNT; i++)
		args[i] = mk_slot_payload(context, slot, MK_SLOT_ARGS + i);
	return mk_is_fence(mk_slot_payload(context, slot, MK_SLOT_OPCODE), status, args,
			   &items) &&
	       items <= slot && unfinished > slot - items;
}

static bool is_runnable(const struct mk_context *context, uint32_t slot, uint32_t status,
			uint32_t unfinished)
{
	uint32_t tenant;

	if (!is_ready(context, slot, status))
		return false;
	tenant = mk_slot_payload(context, slot, MK_SLOT_TENANT);
	if (!mk_tenant_may_run(context, tenant))
		return false;
	return tenant >= MK_TENANT_COUNT ||
	       !is_waiting_fence(context, slot, status, unfinished);
}

static bool ring_has_runnable(const struct mk_context *context)
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

bool mk_context_has_runnable(const struct mk_context *context)
{
	return ring_has_runnable(context) || has_ready_ingest(context);
}

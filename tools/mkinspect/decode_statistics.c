// SPDX-License-Identifier: MIT
/* What is counted over all slots: by tenant and by status. */
#include "decode.h"

static uint32_t slot_word(const struct view *view, uint32_t slot, uint32_t word)
{
	return view_load(&view->ring, (uint64_t)slot * MK_SLOT_WORDS + word);
}

void decode_tenants(const struct view *view, struct tenant tenants[MK_TENANT_COUNT + 1])
{
	for (uint32_t i = 0; i <= MK_TENANT_COUNT; i++)
		tenants[i] = (struct tenant){ 0 };
	for (uint32_t i = 0; i < MK_TENANT_COUNT; i++) {
		tenants[i].mask =
			view_word(view, MK_REGION_CONTROL, MK_CONTROL_TENANT_MASKS + i);
		tenants[i].quota =
			view_word(view, MK_REGION_CONTROL, MK_CONTROL_TENANT_QUOTAS + i);
		tenants[i].fairness = view_word(view, MK_REGION_CONTROL,
						MK_CONTROL_TENANT_FAIRNESS + i);
	}
	for (uint32_t slot = 0; slot < view_slots(view); slot++) {
		uint32_t status = slot_word(view, slot, MK_SLOT_STATUS);
		uint32_t tenant = slot_word(view, slot, MK_SLOT_TENANT);

		if (status > MK_STATUS_FAULT || status == MK_STATUS_EMPTY)
			continue;
		tenants[tenant < MK_TENANT_COUNT ? tenant : MK_TENANT_COUNT]
			.slots[status]++;
	}
}

static bool is_masked(const struct view *view, uint32_t tenant)
{
	return tenant < MK_TENANT_COUNT &&
	       !view_word(view, MK_REGION_CONTROL, MK_CONTROL_TENANT_MASKS + tenant);
}

static void count_slots(const struct view *view, struct statistics *statistics)
{
	statistics->slots = view_slots(view);
	for (uint32_t slot = 0; slot < statistics->slots; slot++) {
		uint32_t status = slot_word(view, slot, MK_SLOT_STATUS);

		if (status > MK_STATUS_FAULT) {
			statistics->unknown++;
			continue;
		}
		statistics->by_status[status]++;
		statistics->in_flight += status_is_in_flight(status);
		statistics->masked +=
			status == MK_STATUS_PUBLISHED &&
			is_masked(view, slot_word(view, slot, MK_SLOT_TENANT));
	}
}

static void count_io_slots(const struct view *view, struct statistics *statistics)
{
	for (uint32_t i = 0; i < view_io_slots(view); i++) {
		struct io_slot slot;
		uint32_t status;

		decode_io_slot(view, i, &slot);
		status = slot.words[MK_IO_STATUS];
		if (!slot.is_request) {
			statistics->ingests_in_flight += status == MK_STATUS_PUBLISHED ||
							 status == MK_STATUS_CLAIMED;
			continue;
		}
		statistics->io_requests_published += status == MK_STATUS_PUBLISHED;
		statistics->io_requests_claimed += status == MK_STATUS_CLAIMED;
		statistics->io_requests_answered += status == MK_STATUS_DONE ||
						    status == MK_IO_STATUS_OK ||
						    status == MK_IO_STATUS_ERROR;
	}
}

void decode_statistics(const struct view *view, struct statistics *statistics)
{
	*statistics = (struct statistics){ .windows = view_windows(view) };
	count_slots(view, statistics);
	count_io_slots(view, statistics);
	for (uint32_t i = 0; i < statistics->windows; i++) {
		struct lease lease = decode_lease(view, i);

		statistics->windows_leased += lease.id || lease.generation;
	}
}

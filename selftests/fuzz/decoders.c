// SPDX-License-Identifier: MIT
#include "decoders.h"

#include <stdlib.h>

#include "names.h"

/* What is beyond these looks is as what is before. */
#define ELEMENTS_LIMIT 4096u

static uint32_t limit(uint32_t count)
{
	return count < ELEMENTS_LIMIT ? count : ELEMENTS_LIMIT;
}

static void decode_ring(const struct view *view)
{
	for (uint32_t i = 0; i < limit(view_slots(view)); i++) {
		struct packed packed;
		struct slot slot;

		decode_slot(view, i, &slot);
		name_status(slot.status);
		name_opcode(slot.words[MK_SLOT_OPCODE]);
		decode_packed(slot.words + MK_SLOT_ARGS, &packed);
		/* Whoever prints these trusts the counts. */
		if (packed.count > PACKED_LIMIT)
			abort();
		for (uint32_t j = 0; j < packed.count; j++)
			if (packed.operations[j].arg_count > MK_SLOT_ARG_COUNT)
				abort();
	}
}

static void decode_others(const struct view *view)
{
	struct producer producers[64];
	struct tenant tenants[MK_TENANT_COUNT + 1];
	struct statistics statistics;
	struct log_state log;
	uint32_t sum = 0;

	for (uint32_t i = 0; i < limit(view_io_slots(view)); i++) {
		struct io_slot slot;

		decode_io_slot(view, i, &slot);
	}
	decode_log(view, &log);
	for (uint32_t i = 0; i < log.records; i++)
		sum += decode_log_record(view, i)[MK_LOG_RECORD_WORDS - 1];
	decode_slots_done(view);
	decode_producers(view, producers, sum % 64);
	decode_tenants(view, tenants);
	decode_statistics(view, &statistics);
	if (statistics.in_flight > statistics.slots)
		abort();
}

void decode_all(const struct view *view)
{
	for (uint32_t i = 0; i < MK_CONTROL_OBSERVABLES + 2; i++) {
		struct control_word control;

		decode_control_word(i, &control);
		if (!control.name)
			abort();
	}
	view_observables(view);
	decode_ring(view);
	decode_others(view);
}

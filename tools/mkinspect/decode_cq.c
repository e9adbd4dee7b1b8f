// SPDX-License-Identifier: MIT
/* Counters, leases, and who has them. */
#include "decode.h"

#include <mk/abi.h>

#include <state_layout.h>

uint32_t decode_counter(const struct view *view, uint32_t word)
{
	if (view->info->is_split && view->memories[MK_MEMORY_STATE].count)
		return view_word(view, MK_MEMORY_STATE,
				 MK_STATE_COUNTERS + word - MK_CQ_HEARTBEAT);
	return view_word(view, MK_REGION_CQ, word);
}

uint64_t decode_slots_done(const struct view *view)
{
	return decode_counter(view, MK_CQ_SLOTS_DONE_LOW) |
	       (uint64_t)decode_counter(view, MK_CQ_SLOTS_DONE_HIGH) << 32;
}

static struct lease lease_at(const struct view *view, uint64_t word)
{
	return (struct lease){
		.id = view_word(view, MK_REGION_CQ, word),
		.generation = view_word(view, MK_REGION_CQ, word + 1),
	};
}

struct lease decode_lease(const struct view *view, uint32_t window)
{
	return lease_at(view, (uint64_t)mk_cq_first_lease(view->info->geometry.slots) +
				      (uint64_t)window * MK_CQ_LEASE_WORDS);
}

struct lease decode_ingest_lease(const struct view *view, uint32_t group)
{
	return lease_at(view, MK_CQ_INGEST_LEASES + group * MK_CQ_LEASE_WORDS);
}

/* Producers ----------------------------------------------------------------------- */

struct producer_list {
	struct producer *producers;
	size_t capacity;
	size_t count;
};

/* NULL: it is free, or there is no room for one more. */
static struct producer *find_or_add(struct producer_list *list, struct lease lease)
{
	size_t known = list->count < list->capacity ? list->count : list->capacity;

	if (!lease.id && !lease.generation)
		return NULL;
	for (size_t i = 0; i < known; i++)
		if (list->producers[i].lease.id == lease.id &&
		    list->producers[i].lease.generation == lease.generation)
			return &list->producers[i];
	list->count++;
	if (list->count > list->capacity)
		return NULL;
	list->producers[known] = (struct producer){ .lease = lease };
	return &list->producers[known];
}

static uint32_t in_flight(const struct view *view, uint32_t window)
{
	uint64_t size = view->info->geometry.window_slots;
	uint64_t end = (window + 1) * size;
	uint32_t count = 0;

	if (end > view_slots(view))
		end = view_slots(view);
	for (uint64_t slot = window * size; slot < end; slot++)
		count += status_is_in_flight(
			view_load(&view->ring, slot * MK_SLOT_WORDS + MK_SLOT_STATUS));
	return count;
}

size_t decode_producers(const struct view *view, struct producer *producers,
			size_t capacity)
{
	struct producer_list list = { .producers = producers, .capacity = capacity };

	for (uint32_t i = 0; i < view_windows(view); i++) {
		struct producer *producer = find_or_add(&list, decode_lease(view, i));

		if (!producer)
			continue;
		producer->windows++;
		producer->slots_in_flight += in_flight(view, i);
	}
	for (uint32_t i = 0; i < MK_CQ_INGEST_LEASE_COUNT; i++) {
		struct producer *producer =
			find_or_add(&list, decode_ingest_lease(view, i));

		if (producer)
			producer->ingest_groups++;
	}
	return list.count;
}

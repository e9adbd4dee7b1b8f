// SPDX-License-Identifier: MIT
#include "ring_map.h"

struct ring_map ring_map_of(const struct view *view, uint32_t cells)
{
	uint32_t slots = view->info->geometry.slots;
	struct ring_map map = { 0 };

	if (!slots || !cells)
		return map;
	map.slots_per_cell = (slots - 1) / cells + 1;
	map.cells = (slots - 1) / map.slots_per_cell + 1;
	return map;
}

/* How much a status tells: what is rare, or stands still, more than what is usual. */
static uint32_t rank(uint32_t status)
{
	static const uint32_t ranks[] = {
		[MK_STATUS_EMPTY] = 0,	 [MK_STATUS_DONE] = 1,	[MK_STATUS_PUBLISHED] = 2,
		[MK_STATUS_REQUEUE] = 3, [MK_STATUS_YIELD] = 4, [MK_STATUS_WAIT_IO] = 5,
		[MK_STATUS_CLAIMED] = 6, [MK_STATUS_FAULT] = 7,
	};

	return status <= MK_STATUS_FAULT ? ranks[status] : MK_STATUS_FAULT + 1;
}

static uint64_t end_of(const struct view *view, const struct ring_map *map, uint32_t cell)
{
	uint64_t end = ((uint64_t)cell + 1) * map->slots_per_cell;

	return end < view->info->geometry.slots ? end : view->info->geometry.slots;
}

uint32_t ring_map_status(const struct view *view, const struct ring_map *map,
			 uint32_t cell)
{
	uint64_t end = end_of(view, map, cell);
	uint32_t most = MK_STATUS_EMPTY;

	for (uint64_t i = (uint64_t)cell * map->slots_per_cell; i < end; i++) {
		uint32_t status =
			view_load(&view->ring, i * MK_SLOT_WORDS + MK_SLOT_STATUS);

		if (rank(status) > rank(most))
			most = status;
	}
	return most;
}

uint32_t ring_map_completions(const struct view *before, const struct view *now,
			      const struct ring_map *map, uint32_t cell)
{
	uint64_t end = end_of(now, map, cell);
	uint32_t count = 0;

	for (uint64_t i = (uint64_t)cell * map->slots_per_cell; i < end; i++)
		count += view_word(before, MK_REGION_CQ, MK_CQ_HEADER_WORDS + i) !=
			 view_word(now, MK_REGION_CQ, MK_CQ_HEADER_WORDS + i);
	return count;
}

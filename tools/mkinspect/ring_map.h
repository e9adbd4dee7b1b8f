/* SPDX-License-Identifier: MIT */
/* The ring in few cells, each of which stands for some slots that follow each other. */
#ifndef MKINSPECT_RING_MAP_H
#define MKINSPECT_RING_MAP_H

#include "decode.h"

struct ring_map {
	uint32_t cells;
	uint32_t slots_per_cell;
};

/* At most @cells of them; none when there are no slots, or no cells. */
struct ring_map ring_map_of(const struct view *view, uint32_t cells);

/*
 * What a cell shows: the status that tells most of those that its slots have, as FAULT
 * before CLAIMED before DONE; beyond MK_STATUS_FAULT for one that the format lacks.
 */
uint32_t ring_map_status(const struct view *view, const struct ring_map *map,
			 uint32_t cell);

/*
 * The same of the cq alone, where the ring is too costly to look at: how many of a cell's
 * slots have completed since @before.
 */
uint32_t ring_map_completions(const struct view *before, const struct view *now,
			      const struct ring_map *map, uint32_t cell);

#endif /* MKINSPECT_RING_MAP_H */

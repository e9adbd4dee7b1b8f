// SPDX-License-Identifier: MIT
#include "view.h"

void view_of_snapshot(const struct mk_snapshot *snapshot, struct view *view)
{
	*view = (struct view){ .info = mk_snapshot_info(snapshot) };
	for (uint32_t i = 0; i < VIEW_MEMORIES; i++)
		view->memories[i].words =
			mk_snapshot_words(snapshot, i, &view->memories[i].count);
	view->ring.words = mk_snapshot_ring(snapshot, &view->ring.count);
	view->changed.words = mk_snapshot_changed(snapshot, &view->changed.count);
}

static uint32_t lesser(size_t there, uint32_t said)
{
	return there < said ? (uint32_t)there : said;
}

uint32_t view_slots(const struct view *view)
{
	return lesser(view->ring.count / MK_SLOT_WORDS, view->info->geometry.slots);
}

uint32_t view_io_slots(const struct view *view)
{
	return lesser(view->memories[MK_REGION_IO_QUEUE].count / MK_IO_SLOT_WORDS,
		      view->info->geometry.io_slots);
}

uint32_t view_windows(const struct view *view)
{
	const struct mk_geometry *geometry = &view->info->geometry;

	if (!geometry->slots || !geometry->window_slots)
		return 0;
	return (geometry->slots - 1) / geometry->window_slots + 1;
}

uint32_t view_observables(const struct view *view)
{
	size_t count = view->memories[MK_REGION_CONTROL].count;

	return count < MK_CONTROL_OBSERVABLES ?
		       0 :
		       lesser(count - MK_CONTROL_OBSERVABLES,
			      view->info->geometry.observable_words);
}

/* SPDX-License-Identifier: MIT */
/*
 * What decoders look at: words that were copied, and so do not change, and what they are
 * said to be.  The words may be anybody's: nothing in them is believed, and what lies
 * outside reads as 0.
 */
#ifndef MKINSPECT_VIEW_H
#define MKINSPECT_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mk/snapshot.h>

#define VIEW_ARENA    MK_MEMORY_ARENA(0)
#define VIEW_MEMORIES MK_MEMORY_ARENA(1)

struct view_memory {
	const uint32_t *words;
	size_t count;
};

struct view {
	const struct mk_snapshot_info *info;
	struct view_memory memories[VIEW_MEMORIES];
	struct view_memory ring;    /* with every slot's status */
	struct view_memory changed; /* a bit for each slot that changed while copied */
};

/* The view is good as long as the snapshot lives. */
void view_of_snapshot(const struct mk_snapshot *snapshot, struct view *view);

static inline uint32_t view_load(const struct view_memory *memory, uint64_t word)
{
	return word < memory->count ? memory->words[word] : 0;
}

static inline uint32_t view_word(const struct view *view, uint32_t memory, uint64_t word)
{
	return view_load(&view->memories[memory], word);
}

/* Slots of the ring that are there, and of the io queue. */
uint32_t view_slots(const struct view *view);
uint32_t view_io_slots(const struct view *view);
uint32_t view_windows(const struct view *view);
/* Observable words. */
uint32_t view_observables(const struct view *view);

#endif /* MKINSPECT_VIEW_H */

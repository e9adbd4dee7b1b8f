// SPDX-License-Identifier: MIT
/* Snapshots: taken from a context, and looked at. */
#include "snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <state_layout.h>

#include "context.h"
#include "deadline.h"
#include "error.h"
#include "options.h"

#define ALL_MEMORIES (MK_SNAPSHOT_DEFAULT | MK_SNAPSHOT_MEMORY(MK_ARENA))

struct mk_snapshot *mk_snapshot_new(void)
{
	struct mk_snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (!snapshot)
		mk_fail(ENOMEM, "no memory for a snapshot");
	return snapshot;
}

void mk_snapshot_free(struct mk_snapshot *snapshot)
{
	if (!snapshot)
		return;
	if (snapshot->ring != snapshot->words[MK_REGION_RING])
		free(snapshot->ring);
	for (uint32_t i = 0; i < MK_MEMORIES; i++)
		free(snapshot->words[i]);
	free(snapshot->changed);
	free(snapshot);
}

size_t mk_snapshot_changed_words(const struct mk_snapshot *snapshot)
{
	return ((size_t)snapshot->info.geometry.slots + 31) / 32;
}

/* Statuses that an inbox has not got ------------------------------------------ */

/* As mk_slot_status(), from words that do not change any more. */
static uint32_t slot_status(uint32_t word, uint32_t entry)
{
	if ((word & ((1u << MK_INBOX_COUNT_SHIFT) - 1)) == MK_STATUS_PUBLISHED &&
	    word >> MK_INBOX_COUNT_SHIFT != mk_entry_count(entry))
		return MK_STATUS_PUBLISHED;
	return entry & MK_CQ_ENTRY_STATUS_MASK;
}

int mk_snapshot_finish(struct mk_snapshot *snapshot)
{
	const uint32_t *ring = snapshot->words[MK_REGION_RING];
	const uint32_t *state = snapshot->words[MK_MEMORY_STATE];
	uint32_t slots = snapshot->info.geometry.slots;
	size_t bytes = snapshot->counts[MK_REGION_RING] * sizeof(*ring);

	snapshot->ring = snapshot->words[MK_REGION_RING];
	if (!snapshot->info.is_split || !ring || !state)
		return 0;
	snapshot->ring = malloc(bytes);
	if (!snapshot->ring)
		return mk_fail(ENOMEM, "no memory for a ring of %u slots", slots);
	memcpy(snapshot->ring, ring, bytes);
	for (uint32_t slot = 0; slot < slots; slot++) {
		size_t word = (size_t)slot * MK_SLOT_WORDS + MK_SLOT_STATUS;

		snapshot->ring[word] = slot_status(
			ring[word],
			state[MK_STATE_SLOT_WORD((size_t)slots, slot, MK_STATE_ENTRY)]);
	}
	return 0;
}

/* Copying --------------------------------------------------------------------- */

/*
 * Loads from a device's memory are slow one by one, so that is left to memcpy(), which
 * takes as much at a time as the processor can.  In the host's memory each word is loaded
 * once and in order: of a slot that was published, its status before all else.
 */
static void copy_memory(const struct mk_context *context, uint32_t memory,
			uint32_t *words, size_t count)
{
	const void *address = context->backing->memories[memory].address;
	const mk_word *from = address;

	if (context->split && memory != MK_REGION_CQ) {
		memcpy(words, address, count * sizeof(*words));
		mk_read_fence();
		return;
	}
	for (size_t i = 0; i < count; i++)
		words[i] = atomic_load_explicit(&from[i], memory_order_acquire);
}

static int allocate(const struct mk_context *context, struct mk_snapshot *snapshot)
{
	for (uint32_t i = 0; i < MK_MEMORIES; i++) {
		const struct mk_memory *memory = &context->backing->memories[i];

		if (!(snapshot->info.memories >> i & 1))
			continue;
		snapshot->counts[i] = memory->bytes / sizeof(uint32_t);
		if (!snapshot->counts[i]) {
			snapshot->info.memories &= ~MK_SNAPSHOT_MEMORY(i);
			continue;
		}
		snapshot->words[i] = malloc(snapshot->counts[i] * sizeof(uint32_t));
		if (!snapshot->words[i])
			return mk_fail(ENOMEM, "no memory for a copy of %s, %zu bytes",
				       mk_memory_name(i), memory->bytes);
	}
	snapshot->changed = calloc(mk_snapshot_changed_words(snapshot), sizeof(uint32_t));
	return snapshot->changed ? 0 : mk_fail(ENOMEM, "no memory for a snapshot");
}

/* What has changed ------------------------------------------------------------- */

static void mark(struct mk_snapshot *snapshot, uint32_t slot)
{
	uint32_t *bits = &snapshot->changed[slot / 32];

	if (!(*bits >> slot % 32 & 1))
		snapshot->info.tear.slots_changed++;
	*bits |= 1u << slot % 32;
}

/*
 * A slot whose status is the same, and whose entry counts the same completions, was not
 * used anew.  One in a device's memory is told by its entry alone: looking at each again
 * would take too long.
 */
static void compare_slots(const struct mk_context *context, const uint32_t *entries,
			  struct mk_snapshot *snapshot)
{
	const uint32_t *ring = snapshot->words[MK_REGION_RING];

	for (uint32_t slot = 0; slot < context->geometry.slots; slot++) {
		size_t word = (size_t)slot * MK_SLOT_WORDS + MK_SLOT_STATUS;

		if (mk_cq_entry(context, slot) != entries[slot] ||
		    (ring && !context->split &&
		     atomic_load_explicit(&context->regions[MK_REGION_RING][word],
					  memory_order_acquire) != ring[word]))
			mark(snapshot, slot);
	}
}

static void compare_io_slots(const struct mk_context *context,
			     struct mk_snapshot *snapshot)
{
	const uint32_t *queue = snapshot->words[MK_REGION_IO_QUEUE];

	if (!queue || context->split)
		return;
	for (uint32_t slot = 0; slot < context->geometry.io_slots; slot++)
		snapshot->info.tear.io_slots_changed +=
			atomic_load_explicit(mk_io_word(context, slot, MK_IO_STATUS),
					     memory_order_acquire) !=
			queue[(size_t)slot * MK_IO_SLOT_WORDS + MK_IO_STATUS];
}

static uint32_t log_cursor(const struct mk_context *context)
{
	return atomic_load_explicit(&context->regions[MK_REGION_DEBUG_LOG][MK_LOG_CURSOR],
				    memory_order_acquire);
}

static void copy_all(const struct mk_context *context, struct mk_snapshot *snapshot)
{
	struct mk_snapshot_tear *tear = &snapshot->info.tear;
	struct mk_counters before, after;
	uint32_t cursor;

	mk_context_counters(context, &before);
	cursor = log_cursor(context);
	/* The cq first and, of what it was compared with, last: between lies all else. */
	copy_memory(context, MK_REGION_CQ, snapshot->words[MK_REGION_CQ],
		    snapshot->counts[MK_REGION_CQ]);
	for (uint32_t i = 0; i < MK_MEMORIES; i++)
		if (snapshot->words[i] && i != MK_REGION_CQ)
			copy_memory(context, i, snapshot->words[i], snapshot->counts[i]);
	compare_slots(context, snapshot->words[MK_REGION_CQ] + MK_CQ_HEADER_WORDS,
		      snapshot);
	compare_io_slots(context, snapshot);
	mk_context_counters(context, &after);
	tear->slots_done = after.slots_done - before.slots_done;
	tear->log_restarts = after.log_generation - before.log_generation;
	tear->dispatches = after.dispatches - before.dispatches;
	if (!tear->log_restarts && snapshot->words[MK_REGION_DEBUG_LOG])
		tear->log_records = (log_cursor(context) - cursor) / MK_LOG_RECORD_WORDS;
}

static uint64_t real_time_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int check_options(const struct mk_snapshot_options *options)
{
	if (options->memories & ~ALL_MEMORIES)
		return mk_fail(EINVAL, "unknown memories 0x%x of a snapshot; known: 0x%x",
			       options->memories, ALL_MEMORIES);
	if ((unsigned int)options->reason > MK_SNAPSHOT_SIGNAL)
		return mk_fail(EINVAL,
			       "reason %d of a snapshot; use one of enum "
			       "mk_snapshot_reason",
			       (int)options->reason);
	return 0;
}

int mk_snapshot_take(const struct mk_context *context,
		     const struct mk_snapshot_options *wanted,
		     struct mk_snapshot **result)
{
	struct mk_snapshot_options options;
	struct mk_snapshot *snapshot;
	int ret = mk_options_copy("struct mk_snapshot_options", &options, sizeof(options),
				  wanted);

	if (!ret)
		ret = check_options(&options);
	if (ret)
		return ret;
	snapshot = mk_snapshot_new();
	if (!snapshot)
		return -ENOMEM;
	snapshot->info = (struct mk_snapshot_info){
		.geometry = context->geometry,
		.id = context->backing->id,
		.taken_ns = real_time_ns(),
		.monotonic_ns = mk_now_ns(),
		.pid = (uint32_t)getpid(),
		.memories = (options.memories ? options.memories : MK_SNAPSHOT_DEFAULT) |
			    MK_SNAPSHOT_MEMORY(MK_REGION_CONTROL) |
			    MK_SNAPSHOT_MEMORY(MK_REGION_CQ),
		.reason = options.reason,
		.is_split = context->split,
	};
	ret = allocate(context, snapshot);
	if (!ret) {
		copy_all(context, snapshot);
		snapshot->info.copy_ns = mk_now_ns() - snapshot->info.monotonic_ns;
		ret = mk_snapshot_finish(snapshot);
	}
	if (ret)
		mk_snapshot_free(snapshot);
	else
		*result = snapshot;
	return ret;
}

/* Looking ---------------------------------------------------------------------- */

const struct mk_snapshot_info *mk_snapshot_info(const struct mk_snapshot *snapshot)
{
	return &snapshot->info;
}

const uint32_t *mk_snapshot_words(const struct mk_snapshot *snapshot, uint32_t memory,
				  size_t *count)
{
	bool is_known = memory < MK_MEMORIES;

	*count = is_known ? snapshot->counts[memory] : 0;
	return is_known ? snapshot->words[memory] : NULL;
}

const uint32_t *mk_snapshot_ring(const struct mk_snapshot *snapshot, size_t *count)
{
	*count = snapshot->counts[MK_REGION_RING];
	return snapshot->ring;
}

const uint32_t *mk_snapshot_changed(const struct mk_snapshot *snapshot, size_t *count)
{
	*count = mk_snapshot_changed_words(snapshot);
	return snapshot->changed;
}

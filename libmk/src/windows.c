// SPDX-License-Identifier: MIT
#include "windows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

/* The count of a slot that this producer has not published in yet: as its entry says. */
#define NOT_USED UINT32_MAX

static uint32_t completions(const struct mk_context *context, uint32_t slot)
{
	return mk_entry_count(mk_cq_entry(context, slot));
}

/*
 * Slots are used in turn, so those that the last pass has used have completed once
 * more than the others.  The device will look at the first of the others next.
 */
static uint32_t next_slot(const struct mk_context *context, uint32_t window)
{
	uint32_t size = mk_window_size(context, window);
	uint32_t first = mk_window_first(context, window);
	uint32_t of_first = completions(context, first);

	for (uint32_t i = 1; i < size; i++)
		if (completions(context, first + i) != of_first)
			return i;
	return 0;
}

/*
 * How often a slot will have completed when what a dead producer published in it has
 * ended.  In an inbox that stands there.  Else: an entry counts one at most until somebody
 * publishes again, and that would be us, so what was read between two looks that agree
 * belongs to their count.
 */
static uint32_t count_to_inherit(const struct mk_context *context, uint32_t slot)
{
	uint32_t count, claims;
	bool has_ended;

	if (context->split)
		return atomic_load_explicit(mk_slot_word(context, slot),
					    memory_order_relaxed) >>
		       MK_INBOX_COUNT_SHIFT;
	do {
		count = completions(context, slot);
		has_ended = mk_status_is_final(mk_slot_status(context, slot));
		claims = mk_entry_count(mk_slot_entry(context, slot));
		atomic_thread_fence(memory_order_acquire);
	} while (count != completions(context, slot));
	/* Between its status and its entry a slot is claimed once more than counted. */
	return has_ended && claims == count ? count :
					      (count + 1) & MK_CQ_ENTRY_COUNT_MASK;
}

uint32_t mk_window_in_flight(const struct mk_context *context, uint32_t window)
{
	uint32_t size = mk_window_size(context, window);
	uint32_t first = mk_window_first(context, window);
	uint32_t in_flight = 0;

	for (uint32_t i = 0; i < size; i++)
		in_flight += count_to_inherit(context, first + i) !=
			     completions(context, first + i);
	return in_flight;
}

static bool slot_is_free(const struct mk_windows *windows,
			 const struct mk_held_window *held, uint32_t index)
{
	uint32_t first = mk_window_first(windows->context, held->window);

	return held->counts[index] == NOT_USED ||
	       held->counts[index] == completions(windows->context, first + index);
}

static bool has_in_flight(const struct mk_windows *windows,
			  const struct mk_held_window *held)
{
	for (uint32_t i = held->used_begin; i < held->used_end; i++)
		if (!slot_is_free(windows, held, i))
			return true;
	return false;
}

/* Nothing in it is left to happen, or to be asked for. */
static bool is_settled(const struct mk_windows *windows,
		       const struct mk_held_window *held)
{
	return !held->tickets && !has_in_flight(windows, held);
}

static int allocate(struct mk_windows *windows)
{
	uint32_t size = windows->context->geometry.window_slots;

	windows->held = calloc(windows->max, sizeof(*windows->held));
	windows->counts = calloc((size_t)windows->max * size, sizeof(*windows->counts));
	if (!windows->held || !windows->counts)
		return mk_fail(ENOMEM, "no memory for %u windows", windows->max);
	for (uint32_t i = 0; i < windows->max; i++)
		windows->held[i].counts = &windows->counts[(size_t)i * size];
	return 0;
}

static void release(struct mk_windows *windows)
{
	free(windows->held);
	free(windows->counts);
}

int mk_windows_open(struct mk_context *context, uint32_t max, struct mk_windows *windows)
{
	int ret;

	if (!max)
		max = context->window_count / 2;
	if (max > context->window_count)
		max = context->window_count;
	if (!max)
		max = 1;
	*windows = (struct mk_windows){ .context = context, .max = max };
	ret = allocate(windows);
	if (ret) {
		release(windows);
		return ret;
	}
	ret = mk_leases_open(context, mk_cq_lease(context, 0), context->window_count,
			     MK_CQ_HINT_WANTED, &windows->leases);
	if (ret)
		release(windows);
	return ret;
}

void mk_windows_close(struct mk_windows *windows)
{
	for (uint32_t i = 0; i < windows->count; i++) {
		struct mk_held_window *held = &windows->held[i];

		if (has_in_flight(windows, held))
			mk_leases_orphan(&windows->leases, held->window);
		else
			mk_leases_give_back(&windows->leases, held->window);
	}
	mk_leases_close(&windows->leases);
	release(windows);
}

/* Leasing ---------------------------------------------------------------- */

static void hold(struct mk_windows *windows, uint32_t window, bool inherited)
{
	struct mk_held_window *held = &windows->held[windows->count];
	uint32_t size = mk_window_size(windows->context, window);
	uint32_t first = mk_window_first(windows->context, window);

	windows->current = windows->count++;
	held->window = window;
	held->tickets = 0;
	held->used_begin = inherited ? 0 : size;
	held->used_end = inherited ? size : 0;
	/* Of a lease that was free nothing is in flight. */
	memset(held->counts, 0xff, size * sizeof(*held->counts));
	for (uint32_t i = 0; inherited && i < size; i++)
		held->counts[i] = count_to_inherit(windows->context, first + i);
	/* Who goes on in the window that it had last knows where. */
	held->next = window == windows->last_window && windows->last_next < size ?
			     windows->last_next :
			     next_slot(windows->context, window);
}

static bool lease_one(struct mk_windows *windows, bool from_dead)
{
	uint32_t window;

	if (windows->count == windows->max)
		return false;
	if (!(from_dead ? mk_leases_take_dead(&windows->leases, &window) :
			  mk_leases_take_free(&windows->leases, &window)))
		return false;
	hold(windows, window, from_dead);
	return true;
}

/* Forget a window that is to be given back. */
static uint32_t let_go(struct mk_windows *windows, uint32_t index)
{
	struct mk_held_window gone = windows->held[index];

	windows->last_window = gone.window;
	windows->last_next = gone.next;
	windows->count--;
	/* In order, so that going round them uses the oldest again first. */
	memmove(&windows->held[index], &windows->held[index + 1],
		(windows->count - index) * sizeof(*windows->held));
	/* Each place keeps room for counts. */
	windows->held[windows->count] = gone;
	if (windows->current > index)
		windows->current--;
	if (windows->current >= windows->count)
		windows->current = 0;
	return gone.window;
}

/*
 * True when we may go on: a window went back, or nobody asks any more, or none will
 * go back soon, because tickets for it were not waited for or something lingers.
 */
static bool give_way(struct mk_windows *windows)
{
	enum { PATIENCE = 256 };
	bool may_settle = false;

	if (!mk_leases_are_wanted(&windows->leases) || ++windows->refusals > PATIENCE)
		return true;
	for (uint32_t i = 0; i < windows->count; i++) {
		struct mk_held_window *held = &windows->held[i];

		if (is_settled(windows, held)) {
			mk_leases_give_to_others(&windows->leases, let_go(windows, i));
			return true;
		}
		may_settle |= !held->tickets;
	}
	return !may_settle;
}

/* Slots ------------------------------------------------------------------ */

/*
 * How many slots of a window from @from on are free, at most @count.  Learns the counts
 * of those that were not used yet.  What was stored before their entries is visible: the
 * next words of a slot come after the device has read the last ones.
 */
static uint32_t free_run(const struct mk_windows *windows, struct mk_held_window *held,
			 uint32_t from, uint32_t count)
{
	uint32_t first = mk_window_first(windows->context, held->window) + from;
	const mk_word *entries = mk_cq_word(windows->context, MK_CQ_HEADER_WORDS + first);
	uint32_t *counts = &held->counts[from];
	uint32_t i;

	for (i = 0; i < count; i++) {
		uint32_t completed = mk_entry_count(
			atomic_load_explicit(&entries[i], memory_order_acquire));

		if (counts[i] == NOT_USED)
			counts[i] = completed;
		else if (counts[i] != completed)
			break;
	}
	return i;
}

/* Find a run of @count free slots, at the next slot or anywhere in the window. */
static bool find_run(struct mk_windows *windows, struct mk_held_window *held,
		     uint32_t count, bool anywhere)
{
	uint32_t size = mk_window_size(windows->context, held->window);
	uint32_t at = held->next;
	uint32_t looked = 0;

	while (looked <= size && count <= size) {
		uint32_t run;

		if (at + count > size) {
			looked += size - at;
			at = 0;
		}
		run = free_run(windows, held, at, count);
		if (run == count) {
			held->next = at;
			return true;
		}
		if (!anywhere)
			return false;
		at += run + 1;
		looked += run + 1;
	}
	return false;
}

/* Where the last pass went on is what is likeliest to be free. */
static bool find_quickly(struct mk_windows *windows, uint32_t count)
{
	return windows->count &&
	       find_run(windows, &windows->held[windows->current], count, false);
}

static bool find_anywhere(struct mk_windows *windows, uint32_t count)
{
	for (uint32_t i = 0; i < windows->count; i++) {
		if (find_run(windows, &windows->held[windows->current], count, true))
			return true;
		windows->current = (windows->current + 1) % windows->count;
	}
	return false;
}

/*
 * The device has written the slots ahead of us last.  Begin to fetch one before it is
 * needed, and far enough ahead not to take it away from under the device's looks.
 */
static void prefetch_ahead(const struct mk_windows *windows,
			   const struct mk_held_window *held)
{
	enum { SLOTS_AHEAD = 8 };
	const mk_word *ring = windows->context->regions[MK_REGION_RING];
	uint32_t size = mk_window_size(windows->context, held->window);
	uint32_t slot = mk_window_first(windows->context, held->window) +
			(held->next + SLOTS_AHEAD) % size;

	if (!windows->context->split)
		__builtin_prefetch((const void *)&ring[slot * MK_SLOT_WORDS], 1);
}

/*
 * When @count slots do not fit behind the last ones used, a pass over the current
 * window is over: the place to go on to another, and to let others in.
 */
static void end_pass_without(struct mk_windows *windows, uint32_t count)
{
	struct mk_held_window *held = &windows->held[windows->current];

	if (!windows->count ||
	    held->next + count <= mk_window_size(windows->context, held->window))
		return;
	held->next = 0;
	windows->giving_way = mk_leases_are_wanted(&windows->leases);
	windows->refusals = 0;
	windows->current = (windows->current + 1) % windows->count;
}

/* How many slots are free from the run of @least on that was found, up to @most. */
static uint32_t extend_run(const struct mk_windows *windows, uint32_t least,
			   uint32_t most)
{
	struct mk_held_window *held = &windows->held[windows->current];
	uint32_t left = mk_window_size(windows->context, held->window) - held->next;

	if (most > left)
		most = left;
	return most > least ?
		       least + free_run(windows, held, held->next + least, most - least) :
		       least;
}

/* Another pass over a window that holds results which nobody has fetched yet. */
static bool would_outdate_tickets(const struct mk_windows *windows)
{
	const struct mk_held_window *held = &windows->held[windows->current];

	return windows->count && held->tickets && !held->next;
}

uint32_t mk_windows_find_slots(struct mk_windows *windows, uint32_t least, uint32_t most,
			       bool thorough, uint32_t *slot)
{
	const struct mk_held_window *held;

	end_pass_without(windows, least);
	if (windows->giving_way && windows->count && !give_way(windows))
		return 0;
	windows->giving_way = false;

	if (would_outdate_tickets(windows))
		lease_one(windows, false);
	if (!find_quickly(windows, least) &&
	    !(lease_one(windows, false) && find_quickly(windows, least)) &&
	    !(thorough && find_anywhere(windows, least)) &&
	    !(thorough && lease_one(windows, true) && find_anywhere(windows, least))) {
		if (!windows->count)
			mk_leases_ask(&windows->leases);
		return 0;
	}
	held = &windows->held[windows->current];
	*slot = mk_window_first(windows->context, held->window) + held->next;
	return extend_run(windows, least, most);
}

const uint32_t *mk_windows_counts(const struct mk_windows *windows)
{
	const struct mk_held_window *held = &windows->held[windows->current];

	return &held->counts[held->next];
}

void mk_windows_use_slots(struct mk_windows *windows, uint32_t count)
{
	struct mk_held_window *held = &windows->held[windows->current];
	uint32_t *counts = &held->counts[held->next];

	for (uint32_t i = 0; i < count; i++)
		counts[i] = (counts[i] + 1) & MK_CQ_ENTRY_COUNT_MASK;
	if (held->used_begin > held->next)
		held->used_begin = held->next;
	held->next += count;
	if (held->used_end < held->next)
		held->used_end = held->next;
	mk_leases_ask_no_more(&windows->leases);
	prefetch_ahead(windows, held);
	end_pass_without(windows, 1);
}

static struct mk_held_window *held_window_of(struct mk_windows *windows, uint32_t slot)
{
	uint32_t window = slot / windows->context->geometry.window_slots;

	for (uint32_t i = 0; i < windows->count; i++)
		if (windows->held[i].window == window)
			return &windows->held[i];
	return NULL;
}

struct mk_ticket mk_windows_promise(struct mk_windows *windows, uint32_t slot)
{
	struct mk_held_window *held = held_window_of(windows, slot);
	uint32_t first = mk_window_first(windows->context, held->window);

	held->tickets++;
	return (struct mk_ticket){ .slot = slot, .count = held->counts[slot - first] };
}

void mk_windows_settle(struct mk_windows *windows, uint32_t slot)
{
	struct mk_held_window *held = held_window_of(windows, slot);

	if (!held)
		return;
	if (held->tickets)
		held->tickets--;
	if (!is_settled(windows, held))
		return;
	for (uint32_t i = windows->count; i-- > 0;)
		if (is_settled(windows, &windows->held[i]))
			mk_leases_give_back(&windows->leases, let_go(windows, i));
}

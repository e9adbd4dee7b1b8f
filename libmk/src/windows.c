// SPDX-License-Identifier: MIT
#include "windows.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deadline.h"
#include "error.h"
#include "lease.h"

struct survey {
	uint32_t completions; /* of all slots */
	uint32_t next;	      /* the slot to use next */
};

/*
 * Slots are used in turn, so those that the last pass has used have completed once
 * more than the others.  The device will look at the first of the others next.
 */
static struct survey survey_window(const struct mk_windows *windows, uint32_t window)
{
	uint32_t size = mk_window_size(windows->context, window);
	uint32_t first = mk_window_first(windows->context, window);
	struct survey survey = { 0 };
	uint32_t of_first = 0;

	for (uint32_t i = 0; i < size; i++) {
		uint32_t count = mk_entry_count(mk_cq_entry(windows->context, first + i));

		survey.completions += count;
		if (!i)
			of_first = count;
		else if (!survey.next && count != of_first)
			survey.next = i;
	}
	return survey;
}

static bool slot_is_free(const struct mk_windows *windows, uint32_t slot)
{
	return mk_status_is_final(mk_slot_status(windows->context, slot));
}

/* From now on completions are counted. */
static void count_from_here(const struct mk_windows *windows, struct mk_held_window *held)
{
	held->base = survey_window(windows, held->window).completions;
	held->published = 0;
	held->inherited = false;
}

/*
 * How much a dead producer left in flight is not known, so until all of it has ended
 * the slots themselves must be asked.
 */
static bool has_inheritance(const struct mk_windows *windows, struct mk_held_window *held)
{
	uint32_t size = mk_window_size(windows->context, held->window);
	uint32_t first = mk_window_first(windows->context, held->window);

	if (!held->inherited)
		return false;
	for (uint32_t i = 0; i < size; i++)
		if (!slot_is_free(windows, first + i))
			return true;
	count_from_here(windows, held);
	return false;
}

/* Counts have 24 bits each, so their sum is right in its lowest 24. */
static bool has_in_flight(const struct mk_windows *windows, struct mk_held_window *held)
{
	uint32_t completed;

	if (has_inheritance(windows, held))
		return true;
	completed = survey_window(windows, held->window).completions - held->base;
	return ((held->published - completed) & MK_CQ_ENTRY_COUNT_MASK) != 0;
}

/* Nothing in it is left to happen, or to be asked for. */
static bool is_settled(const struct mk_windows *windows, struct mk_held_window *held)
{
	return !held->tickets && !has_in_flight(windows, held);
}

int mk_windows_open(struct mk_context *context, uint32_t max, struct mk_windows *windows)
{
	if (!max)
		max = context->window_count / 2;
	if (max > context->window_count)
		max = context->window_count;
	if (!max)
		max = 1;
	*windows = (struct mk_windows){ .context = context, .max = max };
	windows->held = calloc(max, sizeof(*windows->held));
	if (!windows->held)
		return mk_fail(ENOMEM, "no memory for %u windows", max);
	windows->held_file = mk_lease_register(context, &windows->owner);
	if (windows->held_file < 0) {
		free(windows->held);
		return windows->held_file;
	}
	/* Begin where nobody else does, as far as that can be guessed. */
	windows->hint = atomic_fetch_add(mk_cq_word(context, MK_CQ_HINT_WINDOW), 1) %
			context->window_count;
	return 0;
}

void mk_windows_close(struct mk_windows *windows)
{
	for (uint32_t i = 0; i < windows->count; i++) {
		struct mk_held_window *held = &windows->held[i];

		if (has_in_flight(windows, held))
			mk_lease_orphan(windows->context, held->window, windows->owner);
		else
			mk_lease_give_back(windows->context, held->window,
					   windows->owner);
	}
	/* From then on the leases would be a dead producer's, so this comes last. */
	close(windows->held_file);
	free(windows->held);
}

/* Leasing ---------------------------------------------------------------- */

static void hold(struct mk_windows *windows, uint32_t window, bool inherited)
{
	struct survey survey = survey_window(windows, window);

	windows->current = windows->count++;
	windows->hint = window;
	windows->held[windows->current] = (struct mk_held_window){
		.window = window,
		.next = survey.next,
		.base = survey.completions,
		.inherited = inherited,
	};
}

/* Who asked may be asleep between two looks, so leave it the window for a while. */
static bool is_others_turn(struct mk_windows *windows, uint32_t window)
{
	enum { OTHERS_TURN_NS = 2000000 };

	if (windows->given != window + 1)
		return false;
	if (mk_lease_is_free(windows->context, window) &&
	    mk_now_ns() - windows->given_ns < OTHERS_TURN_NS)
		return true;
	windows->given = 0;
	return false;
}

static bool lease_one(struct mk_windows *windows, bool from_dead)
{
	struct mk_context *context = windows->context;
	uint32_t total = context->window_count;

	if (windows->count == windows->max)
		return false;
	for (uint32_t i = 0; i < total; i++) {
		uint32_t window = (windows->hint + i) % total;

		if (is_others_turn(windows, window))
			continue;
		if (from_dead ? mk_lease_take_dead(context, window, windows->owner) :
				mk_lease_take_free(context, window, windows->owner)) {
			hold(windows, window, from_dead);
			return true;
		}
	}
	return false;
}

static void give_back(struct mk_windows *windows, uint32_t index)
{
	mk_lease_give_back(windows->context, windows->held[index].window, windows->owner);
	windows->count--;
	/* In order, so that going round them uses the oldest again first. */
	memmove(&windows->held[index], &windows->held[index + 1],
		(windows->count - index) * sizeof(*windows->held));
	if (windows->current > index)
		windows->current--;
	if (windows->current >= windows->count)
		windows->current = 0;
}

/* Giving way: who found no window leaves a word, who has one heeds it. --- */

static mk_word *wanted_word(const struct mk_windows *windows)
{
	return mk_cq_word(windows->context, MK_CQ_HINT_WANTED);
}

static void ask_others(struct mk_windows *windows)
{
	windows->asked = true;
	atomic_store_explicit(wanted_word(windows), 1, memory_order_relaxed);
}

/* Others who still ask will say so again. */
static void ask_no_more(struct mk_windows *windows)
{
	if (windows->asked)
		atomic_store_explicit(wanted_word(windows), 0, memory_order_relaxed);
	windows->asked = false;
}

static bool others_ask(const struct mk_windows *windows)
{
	return atomic_load_explicit(wanted_word(windows), memory_order_relaxed) != 0;
}

/*
 * True when we may go on: a window went back, or nobody asks any more, or none will
 * go back soon, because tickets for it were not waited for or something lingers.
 */
static bool give_way(struct mk_windows *windows)
{
	enum { PATIENCE = 256 };
	bool may_settle = false;

	if (!others_ask(windows) || ++windows->refusals > PATIENCE)
		return true;
	for (uint32_t i = 0; i < windows->count; i++) {
		struct mk_held_window *held = &windows->held[i];

		if (is_settled(windows, held)) {
			windows->given = held->window + 1;
			windows->given_ns = mk_now_ns();
			atomic_store_explicit(wanted_word(windows), 0,
					      memory_order_relaxed);
			give_back(windows, i);
			sched_yield();
			return true;
		}
		may_settle |= !held->tickets && !held->inherited;
	}
	return !may_settle;
}

/* Slots ------------------------------------------------------------------ */

/* How many slots from @from on are free, at most @count. */
static uint32_t free_run(const struct mk_windows *windows, uint32_t from, uint32_t count)
{
	uint32_t i = 0;

	while (i < count && slot_is_free(windows, from + i))
		i++;
	return i;
}

/* Find a run of @count free slots, at the next slot or anywhere in the window. */
static bool find_run(struct mk_windows *windows, struct mk_held_window *held,
		     uint32_t count, bool anywhere)
{
	uint32_t size = mk_window_size(windows->context, held->window);
	uint32_t first = mk_window_first(windows->context, held->window);
	uint32_t at = held->next;
	uint32_t looked = 0;

	while (looked <= size && count <= size) {
		uint32_t run;

		if (at + count > size) {
			looked += size - at;
			at = 0;
		}
		run = free_run(windows, first + at, count);
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
	const struct mk_region *ring = &windows->context->regions[MK_REGION_RING];
	uint32_t size = mk_window_size(windows->context, held->window);
	uint32_t slot = mk_window_first(windows->context, held->window) +
			(held->next + SLOTS_AHEAD) % size;

	__builtin_prefetch((const void *)&ring->inbound[slot * MK_SLOT_WORDS], 1);
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
	windows->giving_way = others_ask(windows);
	windows->refusals = 0;
	windows->current = (windows->current + 1) % windows->count;
}

static uint32_t use_run(struct mk_windows *windows, uint32_t count)
{
	struct mk_held_window *held = &windows->held[windows->current];
	uint32_t slot = mk_window_first(windows->context, held->window) + held->next;

	held->published += count;
	held->next += count;
	prefetch_ahead(windows, held);
	end_pass_without(windows, 1);
	return slot;
}

/* Another pass over a window that holds results which nobody has fetched yet. */
static bool would_outdate_tickets(const struct mk_windows *windows)
{
	const struct mk_held_window *held = &windows->held[windows->current];

	return windows->count && held->tickets && !held->next;
}

bool mk_windows_take_slots(struct mk_windows *windows, uint32_t count, bool thorough,
			   uint32_t *slot)
{
	end_pass_without(windows, count);
	if (windows->giving_way && windows->count && !give_way(windows))
		return false;
	windows->giving_way = false;

	if (would_outdate_tickets(windows))
		lease_one(windows, false);
	if (find_quickly(windows, count) ||
	    (lease_one(windows, false) && find_quickly(windows, count)) ||
	    (thorough && find_anywhere(windows, count)) ||
	    (thorough && lease_one(windows, true) && find_anywhere(windows, count))) {
		ask_no_more(windows);
		*slot = use_run(windows, count);
		return true;
	}
	if (!windows->count)
		ask_others(windows);
	return false;
}

static struct mk_held_window *held_window_of(struct mk_windows *windows, uint32_t slot)
{
	uint32_t window = slot / windows->context->geometry.window_slots;

	for (uint32_t i = 0; i < windows->count; i++)
		if (windows->held[i].window == window)
			return &windows->held[i];
	return NULL;
}

void mk_windows_promise(struct mk_windows *windows, uint32_t slot)
{
	held_window_of(windows, slot)->tickets++;
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
			give_back(windows, i);
}

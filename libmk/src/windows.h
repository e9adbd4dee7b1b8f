/* SPDX-License-Identifier: MIT */
/*
 * The windows that one producer holds, and where in them it publishes next.
 *
 * Slots of a window are used in turn, since that is where the device looks
 * first.  A slot is free when its entry in the cq has counted what was published in it
 * last: that is all that a producer looks at, since the slot itself may be across a
 * bus.  The device stores the slot's status before the entry.
 */
#ifndef MK_SRC_WINDOWS_H
#define MK_SRC_WINDOWS_H

#include <mk/producer.h>

#include "context.h"
#include "lease.h"

struct mk_held_window {
	uint32_t window;
	uint32_t next;	     /* the slot in it to use next */
	uint32_t tickets;    /* handed out and not waited for */
	uint32_t used_begin; /* all slots that were published in lie between these */
	uint32_t used_end;
	uint32_t *counts; /* completions of each slot when nothing is in flight */
};

struct mk_windows {
	struct mk_context *context;
	struct mk_leases leases;
	uint32_t max;
	uint32_t count;
	uint32_t current;     /* index into held */
	uint32_t last_window; /* that went back, and */
	uint32_t last_next;   /* the slot that was to be used next in it */
	bool giving_way;      /* publish nothing until a window went back */
	uint32_t refusals;    /* how often nothing was published for that */
	struct mk_held_window *held;
	uint32_t *counts; /* of all of these */
};

/* How many slots of a window nobody publishes into have not ended. */
uint32_t mk_window_in_flight(const struct mk_context *context, uint32_t window);

/* @max windows at a time; 0 is half of the ring's. */
int mk_windows_open(struct mk_context *context, uint32_t max, struct mk_windows *windows);
void mk_windows_close(struct mk_windows *windows);

/*
 * Find @least consecutive free slots in one window, and up to @most if they follow,
 * leasing a window if need be.  A quick look touches @least slots; a @thorough one all
 * that are held, and it takes windows from the dead, which costs system calls.  Returns
 * how many, or 0.
 *
 * The first of them that are then published are used: between the two calls lies the
 * store that the device waits for, and what can wait comes after it.
 */
uint32_t mk_windows_find_slots(struct mk_windows *windows, uint32_t least, uint32_t most,
			       bool thorough, uint32_t *slot);
void mk_windows_use_slots(struct mk_windows *windows, uint32_t count);

/* How often each of the slots that were found has completed so far. */
const uint32_t *mk_windows_counts(const struct mk_windows *windows);

/* Hand out a ticket for @slot: its window stays until it was waited for. */
struct mk_ticket mk_windows_promise(struct mk_windows *windows, uint32_t slot);

/* A ticket for @slot was waited for: give back what has nothing left to wait for. */
void mk_windows_settle(struct mk_windows *windows, uint32_t slot);

#endif /* MK_SRC_WINDOWS_H */

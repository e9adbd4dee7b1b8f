/* SPDX-License-Identifier: MIT */
/*
 * The resident kernel's own memory, shared by the GLSL and the reference
 * executor.  It is no part of the wire format: only engines read and write it,
 * and a context keeps it so that one engine can take over from another.
 *
 * Offsets are in words.
 */
#ifndef MK_STATE_LAYOUT_H
#define MK_STATE_LAYOUT_H

/* Zeroed before each dispatch. */
#define MK_STATE_REGISTERED	0u /* workers that came, and the frozen bit */
#define MK_STATE_IDLE_WORKERS	1u /* workers that found nothing for long */
#define MK_STATE_LEAVE		2u /* non-zero: this dispatch is over */
#define MK_STATE_WORKERS	3u /* workers, once the register is closed */
#define MK_STATE_LEFT		4u /* workers that have left */
#define MK_STATE_IO_SHOWING	5u /* non-zero: somebody shows the io counters */
#define MK_STATE_DISPATCH_WORDS 16u

/* Kept. */
#define MK_STATE_LOG_RESERVED 16u /* debug records given out */
#define MK_STATE_EXECUTIONS   17u /* times a slot was worked on; wraps */
#define MK_STATE_LIVE_WORKERS 18u /* workers of the last dispatch */
#define MK_STATE_STEPS	      19u /* steps that worker 0 has spent; wraps */
#define MK_STATE_IO_TAKEN     20u /* io request slots that are not free */
#define MK_STATE_IO_CURSOR    21u /* where to look for a free one; wraps */
#define MK_STATE_IO_HINTS     22u /* hints given so far; wraps */
#define MK_STATE_CUT_LOOPS    23u /* times a worker's loops were ended by the driver */

/*
 * What the cq shows in its line of the device's, gathered here by a device that
 * may not add to the cq itself.  One worker copies it there.
 */
#define MK_STATE_COUNTERS      24u
#define MK_STATE_COUNTER_WORDS 8u

/* 32 to 47 are no engine's; a test uses one. */
#define MK_STATE_SLOTS 48u

/*
 * Four arrays with a word for each slot, so that neighbours' words lie side by
 * side: what word @array of slot @slot is, in a ring of @slots.
 *
 * The entry is what the slot's entry in the cq will be, with a status that is not
 * final while the slot is in mid-air.  It is stored at the claim, and with the cq's when
 * the slot ends: before that in one memory, in any order across a bus.  Who finds the
 * two apart knows that an engine has died in the middle of it.
 *
 * The io word means something in status WAIT_IO only: the request slot that the slot
 * waits for, plus 1.
 */
#define MK_STATE_SLOT_WORD(slots, slot, array) \
	(MK_STATE_SLOTS + (array) * (slots) + (slot))
#define MK_STATE_SLOT_ARRAYS 4u
#define MK_STATE_PROGRESS    0u /* steps done of the operation */
#define MK_STATE_INNER	     1u /* inner operations done of a packed slot */
#define MK_STATE_ENTRY	     2u
#define MK_STATE_IO	     3u

/*
 * Then three words a window: the slot in it that is expected next; and, for the
 * worker of the same number, the slot at which its looks in order go on, and the io
 * slot.  These are kept because a dispatch may end before a worker has seen all of
 * its slots.
 */
#define MK_STATE_WINDOW_WORD(slots, window, word)          \
	(MK_STATE_SLOTS + MK_STATE_SLOT_ARRAYS * (slots) + \
	 (window)*MK_STATE_WINDOW_WORDS + (word))
#define MK_STATE_WINDOW_WORDS 3u
#define MK_STATE_EXPECTED     0u
#define MK_STATE_IN_ORDER     1u
#define MK_STATE_IO_IN_ORDER  2u

/*
 * Then two words for each slot of the io queue.  The owner of a request slot: who has it,
 * as the ring's slot plus 1; it becomes free after EMPTY was stored in the queue.  Of an
 * ingest slot that is CLAIMED: whether its handler is suspended, and the slot's words
 * are the handler's arguments.  The lap: how often a request slot was published through
 * the outbox.
 */
#define MK_STATE_IO_SLOT_WORD(slots, windows, io_slot, word)                           \
	(MK_STATE_WINDOW_WORD(slots, windows, 0u) + (io_slot)*MK_STATE_IO_SLOT_WORDS + \
	 (word))
#define MK_STATE_IO_SLOT_WORDS 2u
#define MK_STATE_IO_OWNER      0u
#define MK_STATE_IO_LAP	       1u

#define MK_REGISTERED_FROZEN   0x80000000u

/* Loop iterations that one look at a slot may spend before it yields. */
#define MK_SLICE_STEPS 2048u
/* What it may spend besides, on unpacking a packed slot: kept in reserve. */
#define MK_LOOK_STEPS 512u

/* Flags of one dispatch. */
#define MK_DISPATCH_RESTART_LOG	 1u /* empty the debug log first */
#define MK_DISPATCH_COUNTS_LOOPS 2u /* the device ends loops after so many passes */
#define MK_DISPATCH_NEVER	 (1u << 31) /* no dispatch has it: see mk_await_look() */

#endif /* MK_STATE_LAYOUT_H */

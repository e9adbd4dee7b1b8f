/* SPDX-License-Identifier: MIT */
/*
 * One slot of the ring, used again and again, and engines that may die.
 *
 *   -DINBOX   the ring is in the memory of a device across a bus, where only the host
 *             stores to it; without it, one memory serves both sides
 *
 * Models
 *   libmk/src/line_store.c   mk_slots_store(): in parts and whole
 *   libmk/src/windows.c      slot_is_free(), mk_windows_use_slots()
 *   libmk/src/wait.c         mk_ticket_look()
 *   shaders/memory.glsl      mk_status_from(), mk_load_status()
 *   shaders/execute.glsl     mk_execute_quickly_in_place(), mk_execute_whole(),
 *                            mk_execute_quickly_from_inbox(), mk_suspend()
 *   shaders/complete.glsl    mk_entry_of_use(), mk_claim(), mk_complete()
 *   libmk/src/exec_cpu.c     work_on(), complete(), suspend(): as the GLSL;
 *                            recover_slot(), interrupt()
 *
 * Claims, whenever stores land and whenever an engine dies
 *   - what is executed is what was published, whole
 *   - each publish is executed once; or at most once when an engine died in it, of which
 *     the producer is told (INTERRUPTED)
 *   - each publish completes once: a producer never takes one completion for another,
 *     also when the count wraps
 *   - who sees a completion sees the operation's effect
 *   - a wait for a ticket ends, and then the slot can be used again
 *
 * Bugs to seed
 *   BUG_STATUS_BEFORE_PAYLOAD  BUG_NO_FENCE_IN_PUBLISH  BUG_PAYLOAD_LOADED_FIRST
 *   BUG_NO_RELEASE_OF_EFFECT   BUG_EFFECT_BEFORE_CLAIM  BUG_SUSPENDED_COUNTS_AGAIN
 *   BUG_RECOVERY_GOES_BY_STATUS
 *   without INBOX: BUG_ENTRY_BEFORE_STATUS
 *   with INBOX:    BUG_DEVICE_STORES_STATUS  BUG_PUBLISHED_WITHOUT_COUNT
 *                  BUG_RECOVERY_GOES_BY_KEPT
 */
#include "slot.pml"

#define PUBLISHES 5
#define DEATHS	  2

/* The slot; the host stores there. */
WORD(first)
WORD(opcode)
WORD(args)
bool whole; /* all three land as one */

/* The device's. */
SECOND_WRITER(first_by_device)
WORD(kept)   /* MK_STATE_ENTRY */
WORD(entry)  /* in the cq */
WORD(effect) /* an observable */

/* What is in no memory: what the claims are about. */
byte use;      /* how often the slot was published */
bool is_nop;   /* that use of it has no effect */
byte executed; /* else: how often it had it */
byte deaths;
bool killed;

/* Memory ------------------------------------------------------------------- */

active proctype memory()
{
end:
	do
	LAND_IF(!whole, first_pending, first)
	LAND_IF(!whole, opcode_pending, opcode)
	LAND_IF(!whole, args_pending, args)
	:: d_step {
		whole -> whole = false;
		first = first_pending; first_pending = NONE;
		opcode = opcode_pending; opcode_pending = NONE;
		args = args_pending; args_pending = NONE
	   }
	LAND_AS(first_by_device, first)
	LAND(kept)
	LAND(entry)
	LAND(effect)
	od
}

/* The producer --------------------------------------------------------------- */

inline host_fence()
{
	HAS_LANDED(first) && HAS_LANDED(opcode) && HAS_LANDED(args)
}

inline store_payload()
{
	STORE(opcode, use);
	STORE(args, use)
}

inline store_in_parts(word)
{
#ifdef BUG_STATUS_BEFORE_PAYLOAD
	STORE(first, word);
	host_fence();
	store_payload()
#else
	store_payload();
#ifndef BUG_NO_FENCE_IN_PUBLISH
	host_fence();
#endif
	STORE(first, word)
#endif
}

inline store_whole(word)
{
	d_step {
		store_payload();
		STORE(first, word);
		whole = true
	}
}

inline publish()
{
#ifndef INBOX
	store_in_parts(PUBLISHED)
#else
#ifdef BUG_PUBLISHED_WITHOUT_COUNT
#define INBOX_WORD ENTRY(0, PUBLISHED)
#else
#define INBOX_WORD ENTRY(count, PUBLISHED)
#endif
	if
	:: store_in_parts(INBOX_WORD)
	:: store_whole(INBOX_WORD)
	fi
#endif
}

/* Both a ticket's wait and the search for a free slot. */
inline wait_for_completion()
{
	COUNT_OF(entry) == count;
	d_step {
		if
		:: STATUS_OF(entry) == DONE ->
			assert(is_nop || executed == 1 && effect == use)
		:: STATUS_OF(entry) == FAULT ->
			assert(executed <= 1 && deaths > 0)
		:: else ->
			assert(use == 0)
		fi
	}
}

active proctype producer()
{
	byte count; /* completions of the slot when nothing is in flight */

	do
	:: wait_for_completion();
		if
		:: use == PUBLISHES -> break
		:: else
		fi;
		d_step {
			use++;
			executed = 0;
			count = NEXT(count)
		}
		if
		:: is_nop = true
		:: is_nop = false
		fi;
		publish()
	od
}

/* The device ------------------------------------------------------------------ */

#define IS_READY(status) ((status) == PUBLISHED || (status) == YIELD)

inline release()
{
	first_by_device == NONE && HAS_LANDED(kept) && HAS_LANDED(entry) &&
		HAS_LANDED(effect)
}

/* A device sees its own stores at once: that is what own_kept is for. */
inline keep_entry(value)
{
	d_step {
		own_kept = value;
		STORE(kept, own_kept)
	}
}

inline store_status(value)
{
#if !defined(INBOX) || defined(BUG_DEVICE_STORES_STATUS)
	release();
	first_by_device = value
#else
	skip
#endif
}

inline show_entry()
{
#ifndef INBOX
	release();
#endif
	STORE(entry, own_kept)
}

/* mk_entry_of_use() */
inline begin_use()
{
	if
	:: status == PUBLISHED ->
#ifdef INBOX
		own_count = COUNT_OF(word)
#else
		own_count = NEXT(COUNT_OF(own_kept))
#endif
	:: else ->
#ifdef BUG_SUSPENDED_COUNTS_AGAIN
		own_count = NEXT(COUNT_OF(own_kept))
#else
		own_count = COUNT_OF(own_kept)
#endif
	fi;
	/* No store stays pending for so long that the count goes round meanwhile. */
	own_count % 2 == 1 || HAS_LANDED(kept)
}

inline claim()
{
	keep_entry(ENTRY(own_count, CLAIMED));
	store_status(CLAIMED)
}

/* Effects come before, by a release. */
inline complete(status)
{
	keep_entry(ENTRY(own_count, status));
#ifdef BUG_ENTRY_BEFORE_STATUS
	show_entry();
	store_status(status)
#else
	store_status(status);
	show_entry()
#endif
}

inline suspend()
{
	release();
	keep_entry(ENTRY(own_count, YIELD));
	store_status(YIELD)
}

inline check_payload()
{
	assert(own_opcode == use && own_args == use)
}

inline execute()
{
	check_payload();
	if
	:: is_nop
	:: !is_nop ->
#ifndef BUG_EFFECT_BEFORE_CLAIM
		release();
#endif
		d_step {
			STORE(effect, own_args);
			executed++;
			assert(executed == 1)
		}
#ifndef BUG_NO_RELEASE_OF_EFFECT
		release()
#endif
	fi
}

/* One look at the slot has its status, and across a bus the opcode with it. */
inline look()
{
	atomic {
#ifdef BUG_PAYLOAD_LOADED_FIRST
		own_args = args;
	}
	atomic {
#endif
		IS_READY(STATUS(first, own_kept)) ->
		word = first;
		status = STATUS(first, own_kept);
#ifdef INBOX
		own_opcode = opcode
#endif
	}
#ifndef INBOX
	own_opcode = opcode;
#endif
#ifndef BUG_PAYLOAD_LOADED_FIRST
	own_args = args
#endif
}

inline work()
{
	look();
	begin_use();
#ifdef BUG_EFFECT_BEFORE_CLAIM
	execute();
	claim();
	complete(DONE)
#else
	if
#ifdef INBOX
	/* What has no effect is not claimed. */
	:: is_nop -> check_payload(); complete(DONE)
#endif
	:: claim(); execute(); complete(DONE)
	:: claim(); suspend()
	fi
#endif
}

/* What a dead engine has left of the slot. */
inline recover()
{
	d_step {
		own_kept = kept;
		status = STATUS(first, kept);
		is_shown = COUNT_OF(kept) == COUNT_OF(entry);
		has_ended = !is_shown && (STATUS_OF(kept) == DONE || STATUS_OF(kept) == FAULT);
#ifdef BUG_RECOVERY_GOES_BY_STATUS
		has_ended = false;
#endif
#if !defined(INBOX) || defined(BUG_RECOVERY_GOES_BY_KEPT)
		is_shown = false;
#endif
	}
	if
	:: status == PUBLISHED || is_shown ->
		keep_entry(entry)
	:: status != PUBLISHED && has_ended ->
		store_status(STATUS_OF(own_kept));
		show_entry()
	:: status == CLAIMED && !is_shown && !has_ended ->
		own_count = NEXT(COUNT_OF(entry));
		keep_entry(ENTRY(own_count, CLAIMED));
		complete(FAULT)
	:: else
	fi;
	release()
}

active proctype device()
{
	byte own_kept, own_count, own_opcode, own_args, word, status;
	bool has_ended, is_shown;

	do
	:: {
		recover();
end:
		do
		:: work()
		od
	   } unless {
		atomic {
			killed -> killed = false;
			LAND_OR_LOSE_AS(first_by_device, first);
			LAND_OR_LOSE(kept);
			LAND_OR_LOSE(entry);
			LAND_OR_LOSE(effect)
		}
	   }
	od
}

active proctype killer()
{
end:
	do
	:: atomic { deaths < DEATHS && !killed -> deaths++; killed = true }
	od
}

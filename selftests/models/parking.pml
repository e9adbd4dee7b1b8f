/* SPDX-License-Identifier: MIT */
/*
 * An engine that parks, producers that publish and wake it, and somebody who ends it.
 *
 *   -DINBOX          the ring is in the memory of a device across a bus: what is stored
 *                    there is sent on a link, and the last look is a dispatch's
 *   -DPRODUCER_DIES  producers may die before they have woken the engine; only then is
 *                    its sleep bounded
 *   -DBELL           the cq is in memory of a driver's, where futexes cannot be: the engine
 *                    sleeps on a bell beside it
 *
 * Models
 *   libmk/src/park.c      mk_park_announce(), mk_park_sleep(), mk_park_wake(),
 *                         mk_park_withdraw()
 *   libmk/src/engine.c    run(), park(), sleep_until_woken(), has_reason_to_run(), look(),
 *                         mk_engine_stop()
 *   libmk/src/control.c   mk_context_shutdown()
 *   libmk/src/runnable.c  mk_context_has_runnable()
 *   libmk/src/producer.c  publish_words()
 *   libmk/src/backing_memfd.c memfd_sleep(), memfd_wake()
 *   libmk/src/bell.c      mk_bell_sleep(), mk_bell_ring()
 *
 * Claims
 *   - no slot stays published while the engine sleeps, and no stop and no SHUTDOWN is
 *     slept through, although only a wake ends the sleep
 *   - with PRODUCER_DIES the same, by the bound (claim ends, with weak fairness)
 *
 * Bugs to seed
 *   BUG_NO_FENCE_IN_ANNOUNCE   BUG_NO_FENCE_IN_WAKE    BUG_LOOK_BEFORE_ANNOUNCE
 *   BUG_SLEEP_WITHOUT_COMPARE  BUG_WAKE_WITHOUT_STORE  BUG_STOP_WITHOUT_WAKE
 *   BUG_STOP_NOT_LOOKED_AT
 *   with INBOX:         BUG_LINK_OVERTAKES  BUG_LOOK_CUT_SHORT
 *   with PRODUCER_DIES: BUG_UNBOUNDED_SLEEP
 *   with BELL:          BUG_BELL_LOADED_LAST  BUG_BELL_BEFORE_WORD  BUG_NO_BELL
 */
#include "posted.pml"

#define PRODUCERS 2
#ifdef PRODUCER_DIES
#define PUBLISHES(producer) 1
#else
#define PUBLISHES(producer) (2 - (producer))
#endif

/* Who stores. */
#define ENDER	PRODUCERS
#define ENGINE	(PRODUCERS + 1)
#define PARTIES (PRODUCERS + 2)

/* The word in the cq. */
#define AWAKE  0
#define PARKED 1
byte park_word;
SECOND_WRITERS(park_word_by, PARTIES)

#ifdef BELL
/* Added to by locked instructions, so it is never pending. */
byte bell;
#endif

/* A slot of each producer's: 1 is PUBLISHED, and the device makes it 0. */
WORDS(slot, PRODUCERS)
WORD(stop)
WORD(shutdown)

bool is_asleep; /* the engine, in the kernel */
bool has_ended; /* it */

/* What is in no memory. */
byte executed[PRODUCERS];
byte finished; /* producers */

/* Memory -------------------------------------------------------------------------- */

#ifdef INBOX
/*
 * What has left a processor is posted and arrives in that order.  A load by the host,
 * as of SHUTDOWN, is behind what was posted, and so is the doorbell of a dispatch, which
 * is a posted store itself.  Either would do.
 */
#define SHUTDOWN 2 /* the others are slots */
#define DOORBELL 3
chan link = [PRODUCERS + 2] of { byte };
bool has_rung;

#define SEND(pending, what)                                                               \
	:: d_step { pending != NONE && nfull(link) -> link!what; pending = NONE }
#define LAND_SLOT(i)  SEND(slot_pending[i], i)
#define LAND_SHUTDOWN SEND(shutdown_pending, SHUTDOWN)

active proctype device_memory()
{
end:
	do
	:: d_step { link?[0] -> link?0; slot[0] = 1 }
	:: d_step { link?[1] -> link?1; slot[1] = 1 }
	:: d_step { link?[SHUTDOWN] -> link?SHUTDOWN; shutdown = 1 }
	:: d_step { link?[DOORBELL] -> link?DOORBELL; has_rung = true }
	od
}
#else
#define LAND_SLOT(i)  LAND_AT(slot, i)
#define LAND_SHUTDOWN LAND(shutdown)
#endif

active proctype memory()
{
end:
	do
	LAND_SLOT(0)
	LAND_SLOT(1)
	LAND_SHUTDOWN
	LAND(stop)
	LAND_AS(park_word_by[0], park_word)
	LAND_AS(park_word_by[1], park_word)
	LAND_AS(park_word_by[ENDER], park_word)
	LAND_AS(park_word_by[ENGINE], park_word)
	od
}

/* Who gives work -------------------------------------------------------------------- */

inline full_fence()
{
	park_word_by[me] == NONE && (me == ENDER || HAS_LANDED_AT(slot, me)) &&
		(me != ENDER || HAS_LANDED(stop) && HAS_LANDED(shutdown))
}

inline wake()
{
#ifndef BUG_NO_FENCE_IN_WAKE
	full_fence();
#endif
	if
	:: park_word == PARKED ->
#ifndef BUG_WAKE_WITHOUT_STORE
		park_word_by[me] = AWAKE;
#endif
#ifdef BELL
#ifndef BUG_BELL_BEFORE_WORD
		park_word_by[me] == NONE; /* it is a release */
#endif
#ifndef BUG_NO_BELL
		bell++;
#endif
#endif
		if
		:: full_fence(); is_asleep = false /* a system call is a fence */
#ifdef PRODUCER_DIES
		:: me != ENDER
#endif
		fi
	:: else
	fi
}

proctype producer(byte me)
{
	byte published;

	do
	:: published < PUBLISHES(me) ->
		STORE_AT(slot, me, 1);
		published++;
		if
		:: wake()
#ifdef PRODUCER_DIES
		:: true
#endif
		fi;
		/* One who has died waits here no less: for its slot. */
		executed[me] == published || has_ended
	:: else -> break
	od;
	finished++
}

/* Comes in between, or when nothing else is left that would wake the engine. */
proctype ender(byte me)
{
	if
	:: true -> finished == PRODUCERS
#ifndef PRODUCER_DIES
	:: true
#endif
	fi;
	if
	:: STORE(stop, 1)
	:: STORE(shutdown, 1)
	fi;
#ifndef BUG_STOP_WITHOUT_WAKE
	wake();
#endif
	has_ended
}

/* The engine -------------------------------------------------------------------------- */

inline execute(i)
{
	d_step {
		slot[i] = 0;
		executed[i]++
	}
}

#ifdef INBOX
#ifdef BUG_LINK_OVERTAKES
#define LOAD_IS_BEHIND_STORES true
#else
#define LOAD_IS_BEHIND_STORES empty(link)
#endif

/* A dispatch that ends when it has looked at every slot. */
inline look()
{
#ifdef BUG_LINK_OVERTAKES
	has_rung = true;
#else
	link!DOORBELL;
#endif
	has_rung;
	has_rung = false;
	i = 0;
	do
	:: i < PRODUCERS ->
		if
		:: slot[i] == 1 -> execute(i); has_reason = true
		:: else
		fi;
		i++
#ifdef BUG_LOOK_CUT_SHORT
	:: i < PRODUCERS -> break
#endif
	:: else -> break
	od
}
#else
#define LOAD_IS_BEHIND_STORES true
inline look()
{
	i = 0;
	do
	:: i < PRODUCERS && !has_reason -> has_reason = slot[i]; i++
	:: else -> break
	od
}
#endif

inline look_for_reason()
{
#ifndef BUG_STOP_NOT_LOOKED_AT
	has_reason = stop;
	LOAD_IS_BEHIND_STORES;
	has_reason = has_reason || shutdown;
#else
	has_reason = false;
#endif
	if
	:: !has_reason -> look()
	:: else
	fi
}

inline announce()
{
	park_word_by[ENGINE] = PARKED;
#ifndef BUG_NO_FENCE_IN_ANNOUNCE
	park_word_by[ENGINE] == NONE
#endif
}

/* A system call.  The kernel compares and goes to sleep as one step. */
inline sleep()
{
	park_word_by[ENGINE] == NONE;
#ifdef BELL
#ifdef BUG_BELL_LOADED_LAST
	is_parked = park_word == PARKED;
	count = bell;
#else
	count = bell;
	is_parked = park_word == PARKED;
#endif
	is_asleep = is_parked && bell == count;
#elif defined(BUG_SLEEP_WITHOUT_COMPARE)
	is_asleep = true;
#else
	is_asleep = park_word == PARKED;
#endif
	if
	:: !is_asleep
#if defined(PRODUCER_DIES) && !defined(BUG_UNBOUNDED_SLEEP)
	:: is_asleep -> is_asleep = false
#endif
	fi
}

inline park()
{
#ifdef BUG_LOOK_BEFORE_ANNOUNCE
	look_for_reason();
	announce();
#else
	announce();
	look_for_reason();
#endif
	do
	:: has_reason -> break
	:: else ->
		sleep();
		if
		:: park_word != PARKED -> has_reason = true
		:: else -> look_for_reason()
		fi
	od;
	park_word_by[ENGINE] = AWAKE
}

#define MUST_END (stop || shutdown)

proctype engine()
{
	byte i;
	bool has_reason;
#ifdef BELL
	byte count;
	bool is_parked;
#endif

	do
	:: MUST_END -> break
	:: !MUST_END && slot[0] == 1 -> execute(0)
	:: !MUST_END && slot[1] == 1 -> execute(1)
	/* Idle for long. */
	:: !MUST_END && slot[0] == 0 && slot[1] == 0 -> park()
	od;
	has_ended = true
}

init {
	atomic {
		run producer(0);
		run producer(1);
		run ender(ENDER);
		run engine()
	}
}

#ifdef PRODUCER_DIES
ltl ends { <> has_ended }
#endif

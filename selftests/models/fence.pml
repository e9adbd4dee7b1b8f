/* SPDX-License-Identifier: MIT */
/*
 * Batches of two operations and a BATCH_FENCE, in three slots that are used again and
 * again.  The operations are executed by one worker and the fences by another.  A slot
 * here is its first word: that the others come with it is shown in ring.pml.
 *
 *   -DINBOX   the ring is in the memory of a device across a bus, as in ring.pml
 *
 * Models
 *   libmk/src/producer.c      mk_producer_publish_batch()
 *   libmk/src/line_store.c    mk_slots_store(): the fence in front of a run
 *   shaders/operations.glsl   mk_fence_is_ready(), mk_batch_fence()
 *   shaders/execute.glsl      mk_must_wait(), mk_end()
 *   shaders/complete.glsl     mk_claim(), mk_complete()
 *   libmk/src/exec_operations.c mk_fence_is_ready(): as the GLSL
 *
 * Claims
 *   - who sees that the fence has completed sees the effects of the operations before it,
 *     and the epoch
 *   - a fence ends, also when slots before it are used again while it waits
 *
 * Not claimed, and false (-DCLAIM_ENTRIES): that who sees that the fence has completed
 * sees the completions of the operations before it.  The fence goes by their statuses,
 * and each worker shows its own entries.
 *
 * Bugs to seed
 *   BUG_NO_FENCE_IN_BATCH  BUG_PROGRESS_STAYS
 *   with INBOX: BUG_STATUS_WITHOUT_COUNT  BUG_NO_RELEASE_OF_EFFECT
 */
#include "slot.pml"

#define BATCHES 3

/* Slots. */
#define A     0 /* operations */
#define B     1
#define FENCE 2
#define SLOTS 3

/* Of each slot, as in ring.pml. */
WORDS(first, SLOTS)
SECOND_WRITERS(first_by_device, SLOTS)
WORDS(kept, SLOTS)
WORDS(entry, SLOTS)
/* Observables: the batch of which the slot was executed last; the fence's is EPOCH. */
WORDS(effect, SLOTS)

byte batch; /* that was published last */

#define LAND_SLOT(i)                                                                      \
	LAND_AT(first, i)                                                                 \
	LAND_AS(first_by_device[i], first[i])                                             \
	LAND_AT(kept, i)                                                                  \
	LAND_AT(entry, i)                                                                 \
	LAND_AT(effect, i)

active proctype memory()
{
end:
	do
	LAND_SLOT(A)
	LAND_SLOT(B)
	LAND_SLOT(FENCE)
	od
}

/* The producer -------------------------------------------------------------------- */

inline host_fence()
{
	HAS_LANDED_AT(first, A) && HAS_LANDED_AT(first, B) && HAS_LANDED_AT(first, FENCE)
}

inline publish(slot)
{
	d_step {
		count[slot] = NEXT(count[slot]);
#ifdef INBOX
		STORE_AT(first, slot, ENTRY(count[slot], PUBLISHED))
#else
		STORE_AT(first, slot, PUBLISHED)
#endif
	}
}

#define HAS_COMPLETED(slot) (COUNT_OF(entry[slot]) == count[slot])

inline publish_batch()
{
	HAS_COMPLETED(A) && HAS_COMPLETED(B) && HAS_COMPLETED(FENCE);
	batch++;
	publish(A);
	publish(B);
#ifndef BUG_NO_FENCE_IN_BATCH
	host_fence();
#endif
	publish(FENCE)
}

/* The slot of an operation may be free again while the fence still waits. */
inline publish_one()
{
	HAS_COMPLETED(A);
	host_fence();
	publish(A)
}

inline wait_for_fence()
{
	HAS_COMPLETED(FENCE);
	assert(effect[A] == batch && effect[B] == batch && effect[FENCE] == batch);
#ifdef CLAIM_ENTRIES
	assert(is_used_again || HAS_COMPLETED(A) && HAS_COMPLETED(B))
#endif
}

active proctype producer()
{
	byte count[SLOTS];
	bool is_used_again;

	do
	:: batch < BATCHES ->
		publish_batch();
		if
		:: publish_one(); is_used_again = true
		:: is_used_again = false
		fi;
		wait_for_fence()
	:: else -> break
	od;
	HAS_COMPLETED(A)
}

/* The device ------------------------------------------------------------------------ */

#ifdef BUG_STATUS_WITHOUT_COUNT
#undef STATUS
#define STATUS(first, kept) STATUS_OF(kept)
#endif

/* Of one slot's stores: a worker has stored no others that have not landed. */
inline release(slot)
{
	first_by_device[slot] == NONE && HAS_LANDED_AT(kept, slot) &&
		HAS_LANDED_AT(effect, slot)
}

inline keep_entry(slot, value)
{
	d_step {
		own_kept[slot] = value;
		STORE_AT(kept, slot, own_kept[slot])
	}
}

inline store_status(slot, value)
{
#ifndef INBOX
	release(slot);
	first_by_device[slot] = value
#else
	skip
#endif
}

inline execute(slot)
{
#ifdef INBOX
	own_count = COUNT_OF(first[slot]);
#else
	own_count = NEXT(COUNT_OF(own_kept[slot]));
#endif
	keep_entry(slot, ENTRY(own_count, CLAIMED));
	store_status(slot, CLAIMED);
	release(slot);
	STORE_AT(effect, slot, batch);
#ifndef BUG_NO_RELEASE_OF_EFFECT
	release(slot);
#endif
	keep_entry(slot, ENTRY(own_count, DONE));
	store_status(slot, DONE);
#ifndef INBOX
	release(slot);
#endif
	STORE_AT(entry, slot, own_kept[slot])
}

active proctype operations()
{
	byte own_kept[SLOTS], own_count;

end:
	do
	:: IS_PUBLISHED(first[A], own_kept[A]) -> execute(A)
	:: IS_PUBLISHED(first[B], own_kept[B]) -> execute(B)
	od
}

/* Slots that were seen final are not looked at again; another is, when it has changed. */
inline wait_for_operations()
{
	do
	:: progress < FENCE ->
		seen = first[progress];
		if
		:: IS_FINAL(STATUS(seen, kept[progress])) -> progress++
		:: else -> IS_FINAL(STATUS(first[progress], kept[progress]))
		fi
	:: else -> break
	od
}

active proctype fences()
{
	byte own_kept[SLOTS], own_count, seen, progress;

end:
	do
	:: IS_PUBLISHED(first[FENCE], own_kept[FENCE]) ->
		wait_for_operations();
		execute(FENCE);
#ifndef BUG_PROGRESS_STAYS
		progress = 0
#endif
	od
}

/* SPDX-License-Identifier: MIT */
/*
 * One window of one slot, and producers that lease it, publish in it, and die.
 *
 *   -DINBOX   the ring is in the memory of a device across a bus, as in ring.pml
 *
 * There are fewer ids than lives, so that ids are used again, as with the memfd backing.
 *
 * Models
 *   libmk/src/lease.c         mk_leases_open(), mk_leases_take_free(),
 *                             mk_leases_take_dead(), mk_leases_give_back(),
 *                             mk_leases_orphan()
 *   libmk/src/backing_memfd.c memfd_join(), memfd_is_alive(): the locks
 *   libmk/src/windows.c       hold(), count_to_inherit(), slot_is_free(),
 *                             mk_windows_close()
 *   shaders/complete.glsl     mk_claim(), mk_complete(), as in ring.pml
 *
 * Claims, whenever producers die
 *   - the window never has two owners that live
 *   - nobody publishes while something is in flight in the slot, and what is executed is
 *     what the owner published, not what a dead one had begun to store
 *   - what a dead producer had published completes, and is nobody else's completion
 *   - who wants the window gets it in the end, if its owners leave or die; and what it
 *     then publishes completes
 *
 * Bugs to seed
 *   BUG_NO_GENERATION         BUG_STORE_INSTEAD_OF_SWAP  BUG_ID_NOT_ORPHANED
 *   BUG_DEAD_MEANS_FREE       BUG_GIVE_BACK_IN_FLIGHT    BUG_SWAP_IS_NO_FENCE
 *   without INBOX: BUG_INHERIT_BY_STATUS
 */
#include "slot.pml"

#define LIVES	  3
#define IDS	  2
#define PUBLISHES 1 /* of one life, at most */

/* (id, generation); 0 is free, and with id 0 it is orphaned. */
#define LEASE(id, generation) ((generation) * 4 + (id))
#define ID_OF(lease)	      ((lease) % 4)
byte lease;
byte generation;
bool is_locked[IDS + 1]; /* by who has the id */

/* The slot.  The device's stores are seen in order: that is ring.pml's concern. */
WORD(first)
WORD(payload)
byte kept;
byte entry;

/* What is in no memory: what the claims are about. */
byte owners;	/* that live and think that the window is theirs */
byte uses;	/* publishes by all */
byte in_flight; /* the use that was published and has not completed, or 0 */
byte completed; /* the use that completed last */
bool is_living[LIVES];
bool is_doomed[LIVES];

active proctype memory()
{
end:
	do
	LAND(payload)
	LAND(first)
	od
}

/* Who stored may not have been seen yet, but now is. */
inline host_fence()
{
	HAS_LANDED(payload) && HAS_LANDED(first)
}

/* Leases ----------------------------------------------------------------------- */

inline swap_lease(from, to)
{
	d_step {
		swapped = lease == from;
#ifdef BUG_STORE_INSTEAD_OF_SWAP
		swapped = true;
#endif
		if
		:: swapped -> lease = to
		:: else
		fi
	}
}

inline begin()
{
	is_living[_pid - 1] = true
}

/* The first free id, whose former owner can only be dead. */
inline become_producer()
{
	if
	:: atomic { !is_locked[1] -> id = 1; is_locked[1] = true; begin() }
	:: atomic { is_locked[1] && !is_locked[2] -> id = 2; is_locked[2] = true; begin() }
	fi;
	seen = lease;
	if
#ifndef BUG_ID_NOT_ORPHANED
	:: seen && ID_OF(seen) == id -> swap_lease(seen, seen - id)
#endif
	:: else
	fi;
	d_step {
		generation++;
#ifdef BUG_NO_GENERATION
		owner = LEASE(id, 1)
#else
		owner = LEASE(id, generation)
#endif
	}
}

#define OWNER_IS_DEAD(lease) (ID_OF(lease) == 0 || !is_locked[ID_OF(lease)])

/*
 * Looks that find the owner alive change nothing, so only the others are here.  Between
 * a look and the swap anything may happen.
 */
inline take_window()
{
	do
	:: lease == 0 ->
		swap_lease(0, owner);
		inherited = false;
		if
		:: swapped -> break
		:: else
		fi
	:: atomic {
		lease != 0 && ID_OF(lease) != id && OWNER_IS_DEAD(lease) -> seen = lease
	   }
		swap_lease(seen, owner);
		inherited = true;
		if
		:: swapped -> break
		:: else
		fi
	od
}

/* Windows ------------------------------------------------------------------------ */

/* Completions of the slot when what the dead one published has ended. */
inline count_to_inherit()
{
#ifdef INBOX
	count = COUNT_OF(first)
#else
	do
	:: count = COUNT_OF(entry);
		has_ended = IS_FINAL(first);
#ifndef BUG_INHERIT_BY_STATUS
		has_ended = has_ended && COUNT_OF(kept) == count;
#endif
		if
		:: COUNT_OF(entry) != count
		:: else -> break
		fi
	od;
	count = (has_ended -> count : NEXT(count))
#endif
}

inline hold()
{
	if
#ifndef BUG_DEAD_MEANS_FREE
	:: inherited -> count_to_inherit()
#endif
	:: else -> count = COUNT_OF(entry)
	fi
}

inline publish()
{
	COUNT_OF(entry) == count;
	assert(in_flight == 0);
	count = NEXT(count);
	STORE(payload, uses + 1);
	host_fence();
	d_step {
		uses++;
		use = uses;
		in_flight = use;
#ifdef INBOX
		STORE(first, ENTRY(count, PUBLISHED))
#else
		STORE(first, PUBLISHED)
#endif
	}
}

inline wait_for_ticket()
{
	COUNT_OF(entry) == count;
	assert(completed == use)
}

inline leave()
{
	has_ended = COUNT_OF(entry) == count;
#ifdef BUG_GIVE_BACK_IN_FLIGHT
	has_ended = true;
#endif
	d_step {
		owners--;
		is_owner = false
	}
#ifndef BUG_SWAP_IS_NO_FENCE
	/* A compare-and-swap is a full fence. */
	host_fence();
#endif
	swap_lease(owner, (has_ended -> 0 : owner - id))
}

/* So that what is over makes no difference. */
inline forget()
{
	id = 0; owner = 0; seen = 0; count = 0; use = 0; published = 0;
	swapped = false; inherited = false; has_ended = false; is_owner = false;
	is_living[_pid - 1] = false; is_doomed[_pid - 1] = false
}

active [LIVES] proctype producer()
{
	byte id, owner, seen, count, use, published;
	bool swapped, inherited, has_ended, is_owner;

	{
		become_producer();
		take_window();
		atomic {
			owners++;
			is_owner = true;
			assert(owners == 1)
		}
		hold();
		do
		:: published < PUBLISHES -> publish(); published++
		:: published > 0 -> wait_for_ticket(); break
		:: published > 0 -> break
		od;
		leave();
		d_step {
			is_locked[id] = false;
			forget()
		}
	} unless {
		atomic {
			/* What a process has stored is seen before its locks go. */
			is_doomed[_pid - 1] ->
			if
			:: !HAS_LANDED(payload) -> payload = payload_pending
			:: else
			fi;
			payload_pending = NONE;
			if
			:: !HAS_LANDED(first) -> first = first_pending
			:: else
			fi;
			first_pending = NONE;
			owners = owners - is_owner;
			is_locked[id] = false;
			forget()
		}
	}
}

/* The device --------------------------------------------------------------------- */

inline show_entry()
{
	d_step {
		entry = ENTRY(own_count, DONE);
		completed = in_flight;
		in_flight = 0
	}
}

active proctype device()
{
	byte own_count;

end:
	do
	:: IS_PUBLISHED(first, kept) ->
		assert(payload == in_flight);
#ifdef INBOX
		own_count = COUNT_OF(first);
		kept = ENTRY(own_count, CLAIMED);
		if
		:: kept = ENTRY(own_count, DONE); show_entry()
		:: show_entry(); kept = ENTRY(own_count, DONE)
		fi
#else
		own_count = NEXT(COUNT_OF(kept));
		kept = ENTRY(own_count, CLAIMED);
		first = CLAIMED;
		kept = ENTRY(own_count, DONE);
		first = DONE;
		show_entry()
#endif
	od
}

/* All but the last life may die, at any time. */
active proctype killer()
{
end:
	do
	:: d_step { is_living[0] && !is_doomed[0] -> is_doomed[0] = true }
	:: d_step { is_living[1] && !is_doomed[1] -> is_doomed[1] = true }
	od
}

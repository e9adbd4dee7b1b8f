// SPDX-License-Identifier: MIT
/* Checks of who runs the context. */
#include <stdio.h>

#include "doctor.h"
#include "names.h"

/* An engine that is parked looks at least so often, whatever it is told. */
#define PARK_LOOK_S 0.1
/* So much longer than that nothing lasts on a machine that is merely busy. */
#define PATIENCE_S (4 * PARK_LOOK_S)

static bool is_at_work(uint32_t state)
{
	return state == MK_ENGINE_RUNNING || state == MK_ENGINE_PARKED;
}

static uint32_t in_flight(const struct examination *examination)
{
	struct statistics statistics;

	decode_statistics(examination->now, &statistics);
	return statistics.in_flight;
}

void check_engine_process(struct examination *examination)
{
	const struct facts *facts = examination->facts;
	uint32_t state = doctor_engine_state(examination->now);
	struct finding *finding;
	char slots[32];

	if (!facts->is_live || !is_at_work(state))
		return;
	if (facts->engine_process == PROCESS_GONE)
		finding = find(
			examination, SEVERITY_ERROR,
			"Start an engine on the context: mk_engine_start() in a process "
			"that is its owner, or attached as its engine.  Slots that were "
			"in mid-air end as INTERRUPTED, the others go on.",
			"The engine's process %u is gone, without having stopped the "
			"engine, which the context still says is %s; %s in flight stay "
			"as they are.",
			facts->engine_pid, name_engine_state(state),
			doctor_slots_text(in_flight(examination), slots));
	else if (facts->engine_process == PROCESS_STOPPED)
		finding = find(examination, SEVERITY_ERROR,
			       "Let it go on: kill -CONT, or the debugger's continue.",
			       "The engine's process %u is stopped, by a signal or by a "
			       "debugger.  The device ends what it has, and gets nothing "
			       "new.",
			       facts->engine_pid);
	else
		return;
	finding->pid = facts->engine_pid;
}

void check_engine_lost(struct examination *examination)
{
	if (doctor_engine_state(examination->now) != MK_ENGINE_LOST)
		return;
	find(examination, SEVERITY_ERROR,
	     "mk_engine_failure() of its process says why, and the system's log (dmesg) "
	     "what the driver saw.  A handler that loops without mk_steps() is the usual "
	     "reason.  Start a new engine; where the device's memory was lost too, make a "
	     "new context.",
	     view_word(examination->now, MK_REGION_CQ, MK_CQ_MEMORY_LOST) ?
		     "The engine has given its device up, which was lost, and with it the "
		     "memory of the context: what had not ended is interrupted." :
		     "The engine has given its device up: it was lost and could not be used "
		     "again, or did not end a dispatch in time.");
}

void check_engine_absent(struct examination *examination)
{
	uint32_t state = doctor_engine_state(examination->now);
	uint32_t count = in_flight(examination);
	char slots[32];

	if (!count || (state != MK_ENGINE_IDLE && state != MK_ENGINE_STOPPED))
		return;
	if (view_word(examination->now, MK_REGION_CONTROL, MK_CONTROL_SHUTDOWN))
		find(examination, SEVERITY_ERROR,
		     "No engine starts on it any more: make a new context.",
		     "The context was shut down, and %s in flight will never end.",
		     doctor_slots_text(count, slots));
	else if (state == MK_ENGINE_IDLE)
		find(examination, SEVERITY_ERROR,
		     "Start one: mk_engine_start(), or have mkrun keep the context.",
		     "No engine was ever started, and %s in flight wait for one.",
		     doctor_slots_text(count, slots));
	else
		find(examination, SEVERITY_ERROR,
		     "Start it again: mk_engine_start() goes on with what is there.",
		     "The engine was stopped, and %s in flight wait for another.",
		     doctor_slots_text(count, slots));
}

static bool is_same(const struct examination *examination, uint32_t word)
{
	return view_word(examination->before, MK_REGION_CQ, word) ==
	       view_word(examination->now, MK_REGION_CQ, word);
}

static bool stays(const struct examination *examination, uint32_t state)
{
	return doctor_engine_state(examination->before) == state &&
	       doctor_engine_state(examination->now) == state &&
	       is_same(examination, MK_CQ_DISPATCHES);
}

void check_heartbeat(struct examination *examination)
{
	const struct facts *facts = examination->facts;

	if (!stays(examination, MK_ENGINE_RUNNING) ||
	    doctor_engine_is_gone(examination) ||
	    facts->engine_process == PROCESS_STOPPED ||
	    decode_counter(examination->before, MK_CQ_HEARTBEAT) !=
		    decode_counter(examination->now, MK_CQ_HEARTBEAT) ||
	    decode_slots_done(examination->before) !=
		    decode_slots_done(examination->now) ||
	    doctor_seconds(examination) < PATIENCE_S)
		return;
	find(examination, SEVERITY_ERROR,
	     "After 10 s, or later where the driver resets the device later, the engine "
	     "gives the device up by itself.  See whether a slot is "
	     "CLAIMED (mkinspect ring show --status claimed): then its handler loops "
	     "without mk_steps().  Else look at the system's log for what the driver says.",
	     "The engine says that it is running, but the device has shown no heartbeat "
	     "and ended no dispatch for %.1f s.",
	     doctor_seconds(examination));
}

void check_parked(struct examination *examination)
{
	uint32_t count = 0, first = 0;
	struct slot slot;
	char slots[32];

	if (!stays(examination, MK_ENGINE_PARKED) || doctor_engine_is_gone(examination) ||
	    examination->facts->engine_process == PROCESS_STOPPED ||
	    doctor_seconds(examination) < PATIENCE_S)
		return;
	for (uint32_t i = view_slots(examination->now); i-- > 0;) {
		decode_slot(examination->now, i, &slot);
		if (slot.status != MK_STATUS_PUBLISHED ||
		    doctor_is_masked(examination->now, slot.words[MK_SLOT_TENANT]) ||
		    slot.words[MK_SLOT_OPCODE] == MK_OP_BATCH_FENCE ||
		    !doctor_slot_stays(examination, i, &slot))
			continue;
		count++;
		first = i;
	}
	if (!count)
		return;
	find(examination, SEVERITY_ERROR,
	     "An engine looks every 0.1 s even if nobody wakes it, so its thread hangs: see "
	     "where (gdb -p, thread apply all bt).  If the engine's words were written by "
	     "somebody else, find out who.",
	     "The engine is parked, and has been for %.1f s, although %s published, the "
	     "first of them slot %u.",
	     doctor_seconds(examination),
	     count == 1 ? "1 slot is" :
			  (snprintf(slots, sizeof(slots), "%u slots are", count), slots),
	     first)
		->slot = first;
}

void check_shutdown(struct examination *examination)
{
	const struct facts *facts = examination->facts;

	if (!view_word(examination->before, MK_REGION_CONTROL, MK_CONTROL_SHUTDOWN) ||
	    !view_word(examination->now, MK_REGION_CONTROL, MK_CONTROL_SHUTDOWN) ||
	    !is_at_work(doctor_engine_state(examination->before)) ||
	    !is_at_work(doctor_engine_state(examination->now)) ||
	    doctor_engine_is_gone(examination) ||
	    facts->engine_process == PROCESS_STOPPED ||
	    doctor_seconds(examination) < PATIENCE_S)
		return;
	find(examination, SEVERITY_ERROR,
	     "It leaves at the end of its dispatch.  If a slot stays CLAIMED, its handler "
	     "loops without mk_steps().",
	     "SHUTDOWN is stored, but for %.1f s the engine has not left.",
	     doctor_seconds(examination));
}

// SPDX-License-Identifier: MIT
/* Checks of the ring. */
#include <stdio.h>
#include <string.h>

#include "doctor.h"
#include "names.h"

/* Windows that are told one by one. */
#define WINDOWS_TOLD 8
/* Shorter than this an operation may well take. */
#define CLAIMED_S 0.4

static const char *opcode_text(uint32_t opcode, char text[32])
{
	const char *name = name_opcode(opcode);

	if (name && strcmp(name, "user"))
		snprintf(text, 32, "%s", name);
	else
		snprintf(text, 32, "opcode 0x%x", opcode);
	return text;
}

/* Whose window it is: "producer 3 (process 4711)", "nobody". */
static const char *owner_text(const struct examination *examination, uint32_t window,
			      char text[64])
{
	const struct holders *holders = examination->facts->holders;
	struct lease lease = decode_lease(examination->now, window);
	const struct mk_holder *holder =
		holders && lease.id ?
			holders_find(holders, MK_HOLDER_PRODUCER, lease.id) :
			NULL;

	if (holder)
		snprintf(text, 64, "producer %u (process %u)", lease.id, holder->pid);
	else if (lease.id)
		snprintf(text, 64, "producer %u", lease.id);
	else
		snprintf(text, 64, "nobody any more");
	return text;
}

void check_unknown_statuses(struct examination *examination)
{
	struct statistics statistics;
	char slots[32];

	decode_statistics(examination->now, &statistics);
	if (!statistics.unknown)
		return;
	find(examination, SEVERITY_ERROR,
	     "Somebody writes into the ring past the protocol.  See which slots "
	     "(mkinspect ring show) and who has the context (mkinspect ctx list).",
	     "%s in the ring: a status that the format does not know.",
	     doctor_slots_text(statistics.unknown, slots));
}

/* Claimed --------------------------------------------------------------------------- */

struct claimed {
	uint32_t count;
	uint32_t first;
	uint32_t opcode;
};

static struct claimed claimed_in(const struct examination *examination, uint32_t window)
{
	uint32_t size = examination->now->info->geometry.window_slots;
	uint64_t begin = (uint64_t)window * size, end = begin + size;
	struct claimed claimed = { 0 };
	struct slot slot;

	for (uint64_t i = begin; i < end && i < view_slots(examination->now); i++) {
		decode_slot(examination->now, (uint32_t)i, &slot);
		if (slot.status != MK_STATUS_CLAIMED ||
		    !doctor_slot_stays(examination, (uint32_t)i, &slot))
			continue;
		if (!claimed.count++) {
			claimed.first = (uint32_t)i;
			claimed.opcode = slot.words[MK_SLOT_OPCODE];
		}
	}
	return claimed;
}

void check_claimed(struct examination *examination)
{
	char opcode[32], owner[64], slots[32];
	uint32_t told = 0;

	if (doctor_engine_is_gone(examination) || doctor_seconds(examination) < CLAIMED_S)
		return;
	for (uint32_t i = 0; i < view_windows(examination->now); i++) {
		struct claimed claimed = claimed_in(examination, i);
		struct finding *finding;

		if (!claimed.count || told++ >= WINDOWS_TOLD)
			continue;
		finding = find(
			examination, SEVERITY_ERROR,
			"An operation that takes long must ask for its steps (mk_steps()) "
			"and yield; see handlers.rst.  If the heartbeat goes on, only "
			"what is behind it in its lane waits.",
			"In window %u, leased by %s, %s for %.1f s, without a step "
			"forward; the first is slot %u with %s.",
			i, owner_text(examination, i, owner),
			claimed.count == 1 ?
				"a slot has been CLAIMED" :
				(snprintf(slots, sizeof(slots), "%u slots are CLAIMED",
					  claimed.count),
				 slots),
			doctor_seconds(examination), claimed.first,
			opcode_text(claimed.opcode, opcode));
		finding->slot = claimed.first;
		finding->window = i;
	}
}

/* Tenants --------------------------------------------------------------------------- */

struct waiting {
	uint32_t count;
	uint32_t first;
};

/* PUBLISHED at both looks, by tenant. */
static void count_waiting(const struct examination *examination,
			  struct waiting waiting[MK_TENANT_COUNT])
{
	struct slot slot;

	memset(waiting, 0, MK_TENANT_COUNT * sizeof(waiting[0]));
	for (uint32_t i = 0; i < view_slots(examination->now); i++) {
		uint32_t tenant;

		decode_slot(examination->now, i, &slot);
		tenant = slot.words[MK_SLOT_TENANT];
		/* A fence waits for others, by its nature. */
		if (slot.status != MK_STATUS_PUBLISHED || tenant >= MK_TENANT_COUNT ||
		    slot.words[MK_SLOT_OPCODE] == MK_OP_BATCH_FENCE ||
		    !doctor_slot_stays(examination, i, &slot))
			continue;
		if (!waiting[tenant].count++)
			waiting[tenant].first = i;
	}
}

void check_masked(struct examination *examination)
{
	struct waiting waiting[MK_TENANT_COUNT];

	count_waiting(examination, waiting);
	for (uint32_t i = 0; i < MK_TENANT_COUNT; i++) {
		struct finding *finding;
		char slots[32];

		if (!waiting[i].count || !doctor_is_masked(examination->now, i) ||
		    !doctor_is_masked(examination->before, i))
			continue;
		finding = find(
			examination, SEVERITY_ERROR,
			"Authorise the tenant (mk_context_set_tenant(), mkrun --tenant), "
			"or have the producer use another (struct "
			"mk_producer_options).",
			"Tenant %u is not authorised, as its mask is 0, and %s of it "
			"stay%s published, first slot %u.",
			i, doctor_slots_text(waiting[i].count, slots),
			waiting[i].count == 1 ? "s" : "", waiting[i].first);
		finding->tenant = i;
		finding->slot = waiting[i].first;
	}
}

/*
 * When as many have been done as the ring has slots, each has had its turn, unless it is
 * passed over.
 */
void check_starved(struct examination *examination)
{
	uint64_t done = decode_slots_done(examination->now) -
			decode_slots_done(examination->before);
	struct waiting waiting[MK_TENANT_COUNT];

	if (done < view_slots(examination->now) || done > UINT64_MAX / 2)
		return;
	count_waiting(examination, waiting);
	for (uint32_t i = 0; i < MK_TENANT_COUNT; i++) {
		struct finding *finding;
		char slots[32];

		if (!waiting[i].count || doctor_is_masked(examination->now, i) ||
		    doctor_is_masked(examination->before, i))
			continue;
		finding = find(
			examination, SEVERITY_WARNING,
			"Priorities are by where a slot lies: give the ring another "
			"partition (mk_context_set_priorities()), or publish less at "
			"CRITICAL and HIGH.",
			"Tenant %u starves: %s of it, first slot %u, "
			"stayed published for %.1f s, in which %llu others were done.",
			i, doctor_slots_text(waiting[i].count, slots), waiting[i].first,
			doctor_seconds(examination), (unsigned long long)done);
		finding->tenant = i;
		finding->slot = waiting[i].first;
	}
}

/* Faults ---------------------------------------------------------------------------- */

static const char *const fault_advice[MK_CQ_ENTRY_FAULT_MASK + 1] = {
	[MK_FAULT_OPCODE] =
		"Nobody handles this opcode: start the engine with a kernel that mkcc has "
		"made of your handlers (mkrun --handlers), or publish another.",
	[MK_FAULT_RANGE] =
		"An index of an argument is out of range: see the slot's arguments "
		"(mkinspect ring show) and the sizes (mkinspect ctx show).",
	[MK_FAULT_PACKED] = "The layout of a packed slot is malformed: use "
			    "mk_producer_publish_packed().",
	[MK_FAULT_TENANT] = "There are tenants 0 to 28 only: see the producer's options.",
	[MK_FAULT_PERMISSION] = "The operation SHUTDOWN is allowed only in a context "
				"that was made so (mkrun --allow-shutdown).",
	[MK_FAULT_IO] =
		"The pump answered ERROR; mk_io_next_error() and mkrun's standard "
		"error say why, mkinspect ioq show has those that are there.",
	[MK_FAULT_INTERRUPTED] =
		"An engine ended, or its device was lost, while the slot was executed.  What "
		"it was to do may be done in part: publish it again if that does no harm.",
	[MK_FAULT_HANDLER] = "A handler of yours has raised it; the debug log (mkinspect "
			     "log show) has the slot's words.",
	[MK_FAULT_FENCE] = "A fence waits for more slots than there are before it: use "
			   "mk_producer_publish_batch().",
};

struct fault_count {
	uint32_t count;
	uint32_t first;
	uint32_t opcode;
};

static uint32_t count_faults(const struct view *view,
			     struct fault_count faults[MK_CQ_ENTRY_FAULT_MASK + 1])
{
	uint32_t shown = 0;
	struct slot slot;

	for (uint32_t i = 0; i < view_slots(view); i++) {
		struct fault_count *fault;

		decode_slot(view, i, &slot);
		if (slot.entry.status != MK_STATUS_FAULT)
			continue;
		fault = &faults[slot.entry.fault];
		shown++;
		if (!fault->count++) {
			fault->first = i;
			fault->opcode = slot.words[MK_SLOT_OPCODE];
		}
	}
	return shown;
}

void check_faults(struct examination *examination)
{
	struct fault_count faults[MK_CQ_ENTRY_FAULT_MASK + 1] = { 0 };
	uint32_t total = decode_counter(examination->now, MK_CQ_FAULTS);
	uint32_t shown = count_faults(examination->now, faults);

	for (uint32_t i = 0; i <= MK_CQ_ENTRY_FAULT_MASK; i++) {
		const char *name = name_fault(i);
		char opcode[32], slots[32], faults_text[32];

		if (!faults[i].count)
			continue;
		find(examination, SEVERITY_WARNING,
		     fault_advice[i] ? fault_advice[i] :
				       "The code is none of the format's: the "
				       "entry was written by somebody else.",
		     "%s ended with the fault %s (%u), the first of them slot %u "
		     "with %s; of all codes there %s so far.",
		     doctor_slots_text(faults[i].count, slots), name ? name : "?", i,
		     faults[i].first, opcode_text(faults[i].opcode, opcode),
		     total == 1 ? "was one" :
				  (snprintf(faults_text, sizeof(faults_text), "were %u",
					    total),
				   faults_text))
			->slot = faults[i].first;
	}
	if (total && !shown)
		find(examination, SEVERITY_WARNING,
		     "The debug log has a record of each, as long as there is room "
		     "(mkinspect log show).",
		     "There were %u faults so far; the slots that had them were used "
		     "again since.",
		     total);
}

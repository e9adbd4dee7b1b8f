// SPDX-License-Identifier: MIT
/* Checks of the io queue, the debug log, and of who has leases. */
#include <stdio.h>
#include <string.h>

#include "doctor.h"

#define PRODUCERS_LIMIT 1024
/* A pump that rests looks again after some milliseconds; a disk may take longer. */
#define PATIENCE_S 0.4

/* Requests -------------------------------------------------------------------------- */

/* Whether it is the same request, and not another with the same words. */
static bool request_stays(const struct examination *examination, uint32_t index,
			  const struct io_slot *now)
{
	struct slot before_user, now_user;
	struct io_slot before;

	decode_io_slot(examination->before, index, &before);
	if (memcmp(before.words, now->words, sizeof(before.words)) ||
	    before.user != now->user)
		return false;
	if (!now->user)
		return decode_counter(examination->before, MK_CQ_IO_REQUESTS) ==
		       decode_counter(examination->now, MK_CQ_IO_REQUESTS);
	decode_slot(examination->before, now->user - 1, &before_user);
	decode_slot(examination->now, now->user - 1, &now_user);
	/* A slot may make many requests, one after the other. */
	return before_user.entry.count == now_user.entry.count &&
	       before_user.progress == now_user.progress &&
	       before_user.inner == now_user.inner &&
	       before_user.status == now_user.status;
}

static const struct mk_holder *pump_of(const struct examination *examination)
{
	const struct holders *holders = examination->facts->holders;

	return holders ? holders_find(holders, MK_HOLDER_PUMP, 0) : NULL;
}

/* With mk.ko nothing proves who the pump is. */
static bool pumps_are_known(const struct examination *examination)
{
	return examination->facts->holders &&
	       examination->now->info->geometry.backing != MK_BACKING_KMOD;
}

static void tell_unanswered(struct examination *examination, uint32_t count,
			    uint32_t first)
{
	const struct mk_holder *pump = pump_of(examination);
	struct finding *finding = find(
		examination, SEVERITY_ERROR,
		pump ? "The pump's process must call mk_io_run() again and again, or "
		       "mk_io_start(): see what it does instead." :
		       "Open one in the context's owner or its engine: mk_io_open() and "
		       "mk_io_start(), or mkrun --io.",
		"%u request%s of the device, the first of them io slot %u, ha%s been "
		"published for %.1f s, and nobody answers: %s.",
		count, count == 1 ? "" : "s", first, count == 1 ? "s" : "ve",
		doctor_seconds(examination),
		pump			     ? "the pump does not look" :
		pumps_are_known(examination) ? "no process has become the pump" :
					       "there may be no pump");

	if (pump)
		finding->pid = pump->pid;
}

void check_requests(struct examination *examination)
{
	uint32_t published = 0, claimed = 0, first_published = 0, first_claimed = 0;
	struct io_slot slot;

	if (doctor_seconds(examination) < PATIENCE_S)
		return;
	for (uint32_t i = view_io_slots(examination->now); i-- > 0;) {
		decode_io_slot(examination->now, i, &slot);
		if (!slot.is_request || !request_stays(examination, i, &slot))
			continue;
		if (slot.words[MK_IO_STATUS] == MK_STATUS_PUBLISHED) {
			published++;
			first_published = i;
		} else if (slot.words[MK_IO_STATUS] == MK_STATUS_CLAIMED) {
			claimed++;
			first_claimed = i;
		}
	}
	if (published)
		tell_unanswered(examination, published, first_published);
	if (claimed)
		find(examination, SEVERITY_ERROR,
		     "See what the pump waits for: a disk, a pipe without data, or a "
		     "callback that has not called mk_io_answer().  If the pump is "
		     "dead, the next one answers these as cancelled.",
		     "%u request%s of the device, the first of them io slot %u, ha%s "
		     "been claimed by the pump for %.1f s and not answered.",
		     claimed, claimed == 1 ? "" : "s", first_claimed,
		     claimed == 1 ? "s" : "ve", doctor_seconds(examination));
}

/* Debug log ------------------------------------------------------------------------- */

void check_log(struct examination *examination)
{
	struct log_state log;

	decode_log(examination->now, &log);
	if (log.is_damaged)
		find(examination, SEVERITY_ERROR,
		     "Somebody writes into the log past the protocol.  Draining it "
		     "(mk_engine_drain_log()) mends the cursor.",
		     "The debug log's cursor is %u, which is not at the end of a record "
		     "in the log.",
		     log.cursor);
	if (log.dropped)
		find(examination, SEVERITY_WARNING,
		     "Drain the log (mk_engine_drain_log()) before it is full, or make it "
		     "larger (log_records, mkrun --log-records).",
		     "The debug log overflowed: %u records found no room, and %u of %u "
		     "are taken.",
		     log.dropped, log.records,
		     examination->now->info->geometry.log_records);
}

/* Leases ---------------------------------------------------------------------------- */

/* Whether these leases were there before too: then who is not seen in between is dead. */
static bool was_there(const struct producer *producers, size_t count, struct lease lease)
{
	for (size_t i = 0; i < count; i++)
		if (producers[i].lease.id == lease.id &&
		    producers[i].lease.generation == lease.generation)
			return true;
	return false;
}

static size_t producers_of(const struct view *view,
			   struct producer producers[PRODUCERS_LIMIT])
{
	size_t count = decode_producers(view, producers, PRODUCERS_LIMIT);

	return count < PRODUCERS_LIMIT ? count : PRODUCERS_LIMIT;
}

void check_leases(struct examination *examination)
{
	static struct producer before[PRODUCERS_LIMIT], now[PRODUCERS_LIMIT];
	size_t before_count = producers_of(examination->before, before);
	size_t count = producers_of(examination->now, now);
	const struct holders *holders = examination->facts->holders;
	uint32_t dead = 0, windows = 0, groups = 0, slots = 0;
	char text[32];

	for (size_t i = 0; i < count; i++) {
		struct lease lease = now[i].lease;
		bool is_dead =
			!lease.id ||
			(holders && !holders_find(holders, MK_HOLDER_PRODUCER, lease.id));

		if (!is_dead || !was_there(before, before_count, lease))
			continue;
		dead++;
		windows += now[i].windows;
		groups += now[i].ingest_groups;
		slots += now[i].slots_in_flight;
	}
	if (!dead)
		return;
	find(examination, SEVERITY_WARNING,
	     "Nothing, as long as windows are free: the next producer that needs one takes "
	     "it over.  mk_context_reap() frees them at once.  See why producers end "
	     "without mk_producer_close().",
	     "%u producer%s died or left, and still ha%s %u window%s of the ring leased, "
	     "with %s in flight, and %u group%s of ingest slots.",
	     dead, dead == 1 ? "" : "s", dead == 1 ? "s" : "ve", windows,
	     windows == 1 ? "" : "s", doctor_slots_text(slots, text), groups,
	     groups == 1 ? "" : "s");
}

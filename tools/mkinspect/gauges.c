// SPDX-License-Identifier: MIT
#include "gauges.h"

#define PRODUCERS_LIMIT 1024

static double rate(const struct gauges *gauges, uint64_t difference)
{
	return gauges->seconds > 0 ? (double)difference / gauges->seconds : 0;
}

static double counter_rate(const struct gauges *gauges, const struct view *before,
			   const struct view *now, uint32_t word)
{
	return rate(gauges,
		    (uint32_t)(decode_counter(now, word) - decode_counter(before, word)));
}

static void read_rates(const struct view *before, const struct view *now,
		       struct gauges *gauges)
{
	uint64_t done = decode_slots_done(before);
	uint32_t dispatches = view_word(now, MK_REGION_CQ, MK_CQ_DISPATCHES) -
			      view_word(before, MK_REGION_CQ, MK_CQ_DISPATCHES);

	gauges->seconds =
		(double)(now->info->monotonic_ns - before->info->monotonic_ns) / 1e9;
	/* The halves of a number may be of two moments. */
	if (gauges->slots_done > done)
		gauges->slots_per_s = rate(gauges, gauges->slots_done - done);
	gauges->faults_per_s = counter_rate(gauges, before, now, MK_CQ_FAULTS);
	gauges->heartbeats_per_s = counter_rate(gauges, before, now, MK_CQ_HEARTBEAT);
	gauges->io_requests_per_s = counter_rate(gauges, before, now, MK_CQ_IO_REQUESTS);
	gauges->io_ingests_per_s = counter_rate(gauges, before, now, MK_CQ_IO_INGESTS);
	gauges->dispatches_per_s = rate(gauges, dispatches);
}

static void read_leases(const struct view *now, struct gauges *gauges)
{
	static struct producer producers[PRODUCERS_LIMIT];

	gauges->producers = (uint32_t)decode_producers(now, producers, PRODUCERS_LIMIT);
	gauges->windows = view_windows(now);
	for (uint32_t i = 0; i < gauges->windows; i++) {
		struct lease lease = decode_lease(now, i);

		gauges->windows_leased += lease.id || lease.generation;
	}
}

void gauges_read(const struct view *before, const struct view *now, struct gauges *gauges)
{
	*gauges = (struct gauges){
		.engine_state = view_word(now, MK_REGION_CQ, MK_CQ_ENGINE_STATE),
		.engine_pid = view_word(now, MK_REGION_CQ, MK_CQ_OWNER_PID),
		.slots_done = decode_slots_done(now),
		.faults = decode_counter(now, MK_CQ_FAULTS),
		.log_dropped = decode_counter(now, MK_CQ_LOG_DROPPED),
		.has_ring = now->ring.count,
	};
	read_leases(now, gauges);
	if (before)
		read_rates(before, now, gauges);
	if (!gauges->has_ring)
		return;
	decode_statistics(now, &gauges->statistics);
	if (gauges->slots_per_s > 0)
		gauges->mean_us =
			gauges->statistics.in_flight * 1e6 / gauges->slots_per_s;
}

/* SPDX-License-Identifier: MIT */
/* The numbers of a full screen, from two looks. */
#ifndef MKINSPECT_GAUGES_H
#define MKINSPECT_GAUGES_H

#include "decode.h"

struct gauges {
	double seconds; /* between the looks; 0: there was one only, and no rates */
	uint32_t engine_state;
	uint32_t engine_pid;
	uint64_t slots_done;
	uint32_t faults;
	uint32_t log_dropped;
	uint32_t producers;
	uint32_t windows;
	uint32_t windows_leased;
	double slots_per_s;
	double faults_per_s;
	double dispatches_per_s;
	double heartbeats_per_s;
	double io_requests_per_s;
	double io_ingests_per_s;
	/* Of the ring; zeros without it. */
	bool has_ring;
	struct statistics statistics;
	/*
	 * What a slot takes on the mean from publish to completion, by Little's law: how
	 * many are in flight, by how many end a second.  0: it cannot be told.
	 */
	double mean_us;
};

/* @before: NULL for one look */
void gauges_read(const struct view *before, const struct view *now,
		 struct gauges *gauges);

#endif /* MKINSPECT_GAUGES_H */

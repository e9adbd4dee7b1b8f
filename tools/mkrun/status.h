/* SPDX-License-Identifier: MIT */
/* How it goes: what has been counted, and how fast that grows. */
#ifndef MKRUN_STATUS_H
#define MKRUN_STATUS_H

#include "instance.h"

struct status {
	uint64_t taken_ns; /* CLOCK_MONOTONIC */
	uint64_t uptime_ns;
	struct mk_counters counters;
	struct mk_io_counters io; /* zeros without files */
	uint32_t windows;
	uint32_t windows_leased;
	uint32_t producers; /* that have leased windows */
	/* Of the time since the last status. */
	double slots_per_second;
	double faults_per_second;
	double dispatches_per_second;
};

uint64_t now_ns(void);

/* @last: NULL for the first */
void status_take(const struct instance *instance, const struct status *last,
		 struct status *status);

/* "running" and the like, of MK_ENGINE_*. */
const char *state_name(uint32_t engine_state);

#endif /* MKRUN_STATUS_H */

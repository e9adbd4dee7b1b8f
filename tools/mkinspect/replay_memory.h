/* SPDX-License-Identifier: MIT */
/* The memory that a trace for replay has: put where a replay begins, and compared. */
#ifndef MKINSPECT_REPLAY_MEMORY_H
#define MKINSPECT_REPLAY_MEMORY_H

#include <mk/context.h>

#include "replay_result.h"
#include "trace_load.h"

/* One of the moments at which a trace has the memory. */
struct memory_moment {
	bool exists;
	uint32_t part;
	uint64_t time_ns;
};

/* Before the first publish, and after the last. */
struct memory_moment memory_first(const struct trace *trace);
struct memory_moment memory_last(const struct trace *trace);

/* A word of the control region then; 0 where the trace lacks it. */
uint32_t memory_control_word(const struct trace *trace,
			     const struct memory_moment *moment, uint32_t word);

/* Before an engine runs.  -errno, which was told. */
int memory_restore(const struct trace *trace, const struct memory_moment *moment,
		   struct mk_context *context);
/* After it. */
void memory_compare(const struct trace *trace, const struct memory_moment *moment,
		    struct mk_context *context, uint32_t epoch,
		    struct replay_result *result);

#endif /* MKINSPECT_REPLAY_MEMORY_H */

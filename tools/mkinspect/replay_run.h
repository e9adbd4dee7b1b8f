/* SPDX-License-Identifier: MIT */
/* A replay on a context of its own: publish, wait and answer as the trace says. */
#ifndef MKINSPECT_REPLAY_RUN_H
#define MKINSPECT_REPLAY_RUN_H

#include <mk/engine.h>

#include "replay_result.h"
#include "trace_load.h"

/* -errno, which was told, or 0 with @result filled. */
int replay_run(const struct trace *trace, uint32_t context_index,
	       const struct mk_engine_options *engine, uint64_t timeout_ns,
	       struct replay_result *result);

#endif /* MKINSPECT_REPLAY_RUN_H */

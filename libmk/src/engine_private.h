/* SPDX-License-Identifier: MIT */
/*
 * An engine's inside, for the files that it is made of: engine.c has its life,
 * engine_dispatch.c what it does all the time, engine_park.c what it does when there is
 * nothing to do, engine_drain.c the debug log, engine_rebuild.c what follows when the
 * device is lost.
 */
#ifndef MK_SRC_ENGINE_PRIVATE_H
#define MK_SRC_ENGINE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine.h"

struct mk_trace_ring;

/* A request to drain the log; belongs to the thread that waits for it. */
struct mk_drain {
	struct mk_log_record *records;
	int64_t result;
	bool done;
};

struct mk_engine {
	struct mk_context *context;
	const struct mk_runner_ops *ops;
	struct mk_runner *runner;
	struct mk_trace_ring *trace; /* the thread's; NULL: nothing is traced */
	int held; /* proves that the context has no other engine; -1: nothing does */
	pthread_t thread;
	uint64_t park_after_ns;
	uint32_t fixed_steps;	  /* 0: adapt */
	char *snapshot_directory; /* NULL: leave none */
	uint32_t rebuild_limit;	  /* in a row without progress; 0: never rebuild */

	/* The thread's own. */
	struct mk_dispatch_limits limits; /* of the device as it is now */
	uint32_t steps;
	uint32_t queued;
	uint32_t executions;
	uint32_t steps_spent;
	uint32_t cut_loops;
	uint32_t ended; /* dispatches, since the device was opened */
	uint64_t last_end_ns;
	uint64_t idle_ns;
	uint32_t next_flags;
	uint32_t log_generation; /* of the log that was drained last */
	bool log_was_drained;
	uint32_t rebuild_attempts; /* since the last progress */
	uint64_t rebuilt_ns;	   /* when the last one succeeded; 0: there was none */
	uint32_t snapshots;	   /* of lost devices, or not wanted any more */
	bool loss_is_kept; /* the snapshot of the loss that it ends with is left */

	atomic_bool stop;
	atomic_bool drain_wanted;

	/* Under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct mk_engine_info info;
	int failure;
	char failure_text[1024];
	bool thread_ended;
	struct mk_drain *drain;
};

/* engine.c ------------------------------------------------------------------- */

void mk_engine_set_state(struct mk_engine *engine, uint32_t state);

/* It was told to stop, or the context was shut down. */
bool mk_engine_must_end(const struct mk_engine *engine);

/* engine_dispatch.c ---------------------------------------------------------- */

static inline uint32_t mk_engine_load_state(const struct mk_engine *engine, uint32_t word)
{
	return atomic_load_explicit(mk_state_word(engine->context, word),
				    memory_order_relaxed);
}

/* What the next dispatch begins with, on a device that was opened just now. */
void mk_engine_begin_dispatches(struct mk_engine *engine);

int mk_engine_submit(struct mk_engine *engine, uint32_t steps, uint32_t idle_looks);
int mk_engine_wait_oldest(struct mk_engine *engine);
int mk_engine_wait_all(struct mk_engine *engine);
/* Keep the device busy until one dispatch has ended. */
int mk_engine_run_one(struct mk_engine *engine);
/*
 * After an error: whether all that was under way has ended, by itself or with the
 * device.  Waits so long for each.
 */
bool mk_engine_has_ended(struct mk_engine *engine, uint64_t timeout_ns);

/* engine_park.c -------------------------------------------------------------- */

/* Sleep until there is something to do; no dispatch is under way. */
int mk_engine_park(struct mk_engine *engine);

/* engine_drain.c ------------------------------------------------------------- */

/* Answer who waits in mk_engine_drain_log(). */
int mk_engine_answer_drain(struct mk_engine *engine);
/* The device was lost: the log that was drained may not have begun anew. */
void mk_engine_drain_again(struct mk_engine *engine);

/* engine_rebuild.c ----------------------------------------------------------- */

/* How often, from the options or else from the environment. */
int mk_engine_set_rebuild_limit(struct mk_engine *engine, uint32_t wanted);

/*
 * The runner has failed with @error, whose text stands.  Returns 0 when the engine can
 * go on, with the device opened anew, or else what it ends with.
 */
int mk_engine_rebuild(struct mk_engine *engine, int error);

/*
 * Leave a snapshot of the context as the device has left it, where the engine has a
 * directory for that.  @text, of @bytes, is appended with where it is or why it is not.
 */
void mk_engine_leave_snapshot(struct mk_engine *engine, char *text, size_t bytes);

#endif /* MK_SRC_ENGINE_PRIVATE_H */

// SPDX-License-Identifier: MIT
/* An engine's dispatches: how long they are, and what each has done. */
#include <errno.h>

#include "deadline.h"
#include "engine_private.h"
#include "error.h"
#include "trace.h"

/* The first may have to wait for a compiler that the driver puts off until then. */
#define FIRST_DISPATCH_TIMEOUT_NS 120000000000u
#define FIRST_STEPS		  50000u
#define LEAST_STEPS		  2048u
#define LAST_STEPS		  (1u << 22)
#define IDLE_LOOKS		  16384u

void mk_engine_begin_dispatches(struct mk_engine *engine)
{
	engine->limits = engine->ops->limits(engine->runner);
	engine->steps = engine->fixed_steps ? engine->fixed_steps : FIRST_STEPS;
	if (engine->steps > engine->limits.steps)
		engine->steps = engine->limits.steps;
	engine->executions = mk_engine_load_state(engine, MK_STATE_EXECUTIONS);
	engine->steps_spent = mk_engine_load_state(engine, MK_STATE_STEPS);
	engine->cut_loops = mk_engine_load_state(engine, MK_STATE_CUT_LOOPS);
	engine->ended = 0;
	engine->idle_ns = 0;
}

int mk_engine_submit(struct mk_engine *engine, uint32_t steps, uint32_t idle_looks)
{
	struct mk_dispatch dispatch = {
		.steps = steps,
		.idle_looks = idle_looks,
		.flags = engine->next_flags,
	};
	int ret;

	if (engine->limits.steps != UINT32_MAX)
		dispatch.flags |= MK_DISPATCH_COUNTS_LOOPS;
	if (mk_is_traced(engine->trace))
		mk_trace_dispatch(engine->trace, MK_TRACE_DISPATCH_BEGIN, steps, 0);
	ret = engine->ops->submit(engine->runner, &dispatch);
	if (ret)
		return ret;
	engine->next_flags = 0;
	if (!engine->queued++)
		engine->last_end_ns = mk_now_ns();
	return 0;
}

/*
 * A step costs more or less time by what is executed, and on which device.  The
 * bound of the next dispatch follows what the last one's steps took, at most four
 * times as fast in either direction.
 */
static void adapt_steps(struct mk_engine *engine, uint64_t took_ns, uint32_t spent)
{
	uint32_t limit = engine->limits.steps;
	uint64_t steps;

	if (engine->fixed_steps || !took_ns || spent < LEAST_STEPS)
		return;
	steps = (uint64_t)spent * engine->limits.target_ns / took_ns;
	if (steps > engine->steps * 4ull)
		steps = engine->steps * 4ull;
	if (steps < engine->steps / 4)
		steps = engine->steps / 4;
	if (steps > LAST_STEPS)
		steps = LAST_STEPS;
	if (steps < FIRST_STEPS)
		steps = FIRST_STEPS;
	engine->steps = steps < limit ? (uint32_t)steps : limit;
}

/* Look at what the dispatch that ended has done. */
static void account(struct mk_engine *engine)
{
	struct mk_context *context = engine->context;
	uint32_t executions = mk_engine_load_state(engine, MK_STATE_EXECUTIONS);
	uint32_t spent =
		mk_engine_load_state(engine, MK_STATE_STEPS) - engine->steps_spent;
	uint64_t now = mk_now_ns();
	uint64_t took_ns = now - engine->last_end_ns;

	if (mk_is_traced(engine->trace))
		mk_trace_dispatch(engine->trace, MK_TRACE_DISPATCH_END, spent,
				  executions - engine->executions);

	if (executions == engine->executions) {
		engine->idle_ns += took_ns;
	} else {
		engine->idle_ns = 0;
		engine->rebuild_attempts = 0;
		adapt_steps(engine, took_ns, spent);
	}
	engine->executions = executions;
	engine->steps_spent += spent;
	engine->last_end_ns = now;
	engine->ended++;

	pthread_mutex_lock(&engine->lock);
	engine->info.dispatches++;
	engine->info.live_workgroups =
		mk_engine_load_state(engine, MK_STATE_LIVE_WORKERS);
	pthread_mutex_unlock(&engine->lock);
	atomic_fetch_add_explicit(mk_cq_word(context, MK_CQ_DISPATCHES), 1,
				  memory_order_relaxed);
}

int mk_engine_wait_oldest(struct mk_engine *engine)
{
	uint64_t timeout_ns = engine->limits.timeout_ns;
	int ret;

	if (!engine->ended && timeout_ns < FIRST_DISPATCH_TIMEOUT_NS)
		timeout_ns = FIRST_DISPATCH_TIMEOUT_NS;
	ret = engine->ops->wait(engine->runner, timeout_ns);
	if (ret == -ETIMEDOUT)
		return mk_fail(ETIMEDOUT,
			       "the device did not end a dispatch of %u steps in "
			       "%u s; it hangs, or a handler loops without "
			       "mk_steps()",
			       engine->steps, (unsigned int)(timeout_ns / 1000000000u));
	if (ret)
		return ret;
	engine->queued--;
	account(engine);
	if (mk_engine_load_state(engine, MK_STATE_CUT_LOOPS) != engine->cut_loops)
		return mk_fail(
			ENOTRECOVERABLE,
			"the driver has ended loops of the kernel in a dispatch "
			"of %u steps before they were through, so what it executed "
			"last may be wrong; a handler loops without mk_steps()",
			engine->steps);
	return 0;
}

int mk_engine_wait_all(struct mk_engine *engine)
{
	int ret = 0;

	while (engine->queued && !ret)
		ret = mk_engine_wait_oldest(engine);
	return ret;
}

int mk_engine_run_one(struct mk_engine *engine)
{
	int ret = 0;

	while (engine->queued < MK_DISPATCHES_QUEUED && !ret)
		ret = mk_engine_submit(engine, engine->steps, IDLE_LOOKS);
	return ret ? ret : mk_engine_wait_oldest(engine);
}

bool mk_engine_has_ended(struct mk_engine *engine, uint64_t timeout_ns)
{
	int ret = 0;

	while (engine->queued && ret != -ETIMEDOUT) {
		ret = engine->ops->wait(engine->runner, timeout_ns);
		/* On another error the device is lost, and with it the dispatch. */
		if (ret != -ETIMEDOUT)
			engine->queued--;
	}
	return !engine->queued;
}

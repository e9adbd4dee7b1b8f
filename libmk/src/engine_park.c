// SPDX-License-Identifier: MIT
/* What an engine does when there is nothing to do: it sleeps until somebody publishes. */
#include "engine_private.h"
#include "park.h"
#include "runnable.h"
#include "trace.h"

/* A producer may die between publishing and waking us. */
#define PARK_LOOK_NS 100000000u

/* A dispatch that ends as soon as it has seen all slots, and may take the steps to. */
static int run_shortly(struct mk_engine *engine)
{
	enum { STEPS_A_SLOT = 5, STEPS_AN_IO_SLOT = 40 };
	const struct mk_geometry *geometry = &engine->context->geometry;
	uint32_t limit = engine->limits.steps;
	uint32_t steps = engine->steps + STEPS_A_SLOT * geometry->slots +
			 STEPS_AN_IO_SLOT * geometry->io_slots;
	int ret = mk_engine_submit(engine, steps < limit ? steps : limit, 0);

	return ret ? ret : mk_engine_wait_oldest(engine);
}

/*
 * Look at every slot, answer and ingest once more.  Where they are across a bus the device does that: it
 * takes it some microseconds, and the host about one for each slot.
 */
static int look(struct mk_engine *engine, bool *found)
{
	uint32_t before = engine->executions;
	int ret;

	if (!engine->context->split) {
		*found = mk_context_has_runnable(engine->context);
		return 0;
	}
	ret = run_shortly(engine);
	/* Who made that dispatch end early may have hidden a slot from it. */
	*found = engine->executions != before ||
		 mk_engine_load_state(engine, MK_STATE_IDLE_WORKERS) !=
			 mk_engine_load_state(engine, MK_STATE_LIVE_WORKERS);
	return ret;
}

static int has_reason_to_run(struct mk_engine *engine, bool *has)
{
	*has = mk_engine_must_end(engine) || atomic_load(&engine->drain_wanted);
	return *has ? 0 : look(engine, has);
}

static int sleep_until_woken(struct mk_engine *engine)
{
	struct mk_context *context = engine->context;
	bool has_reason = false;
	int ret = 0;

	pthread_mutex_lock(&engine->lock);
	engine->info.parks++;
	pthread_mutex_unlock(&engine->lock);
	if (mk_is_traced(engine->trace))
		mk_trace_mark(engine->trace, MK_TRACE_PARK);
	while (!ret && !has_reason) {
		/* Only while no dispatch runs, not even one that looks. */
		mk_engine_set_state(engine, MK_ENGINE_PARKED);
		mk_park_sleep(context, PARK_LOOK_NS);
		if (!mk_park_is_announced(context))
			has_reason = true;
		if (has_reason || context->split)
			mk_engine_set_state(engine, MK_ENGINE_RUNNING);
		if (!has_reason)
			ret = has_reason_to_run(engine, &has_reason);
	}
	mk_engine_set_state(engine, MK_ENGINE_RUNNING);
	if (mk_is_traced(engine->trace))
		mk_trace_mark(engine->trace, MK_TRACE_UNPARK);
	return ret;
}

int mk_engine_park(struct mk_engine *engine)
{
	bool has_reason;
	int ret;

	mk_park_announce(engine->context);
	ret = has_reason_to_run(engine, &has_reason);
	if (!ret && !has_reason)
		ret = sleep_until_woken(engine);
	mk_park_withdraw(engine->context);
	engine->idle_ns = 0;
	return ret;
}

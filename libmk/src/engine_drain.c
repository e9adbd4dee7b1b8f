// SPDX-License-Identifier: MIT
/* Draining the debug log: between dispatches, for who waits for its records. */
#include <errno.h>

#include "deadline.h"
#include "engine_private.h"
#include "error.h"
#include "park.h"
#include "thread.h"

static uint32_t generation(const struct mk_context *context)
{
	return atomic_load_explicit(mk_counter_word(context, MK_CQ_LOG_GENERATION),
				    memory_order_relaxed);
}

/* Nothing runs now; the next dispatch begins with an empty log. */
static int64_t take_records(struct mk_engine *engine, struct mk_log_record *records)
{
	const struct mk_context *context = engine->context;
	const mk_word *log = context->regions[MK_REGION_DEBUG_LOG];
	uint32_t cursor = atomic_load_explicit(&log[MK_LOG_CURSOR], memory_order_acquire);
	uint32_t count = cursor / MK_LOG_RECORD_WORDS;

	/* Also what is damaged is mended by that. */
	engine->next_flags |= MK_DISPATCH_RESTART_LOG;
	engine->log_generation = generation(context);
	engine->log_was_drained = true;
	if (count > context->geometry.log_records || cursor % MK_LOG_RECORD_WORDS)
		return -EPROTO;
	for (uint32_t i = 0; i < count; i++) {
		const mk_word *words = &log[MK_LOG_RECORDS + i * MK_LOG_RECORD_WORDS];

		records[i] = (struct mk_log_record){
			.format = words[0],
			.args = { words[1], words[2], words[3] },
		};
	}
	return count;
}

int mk_engine_answer_drain(struct mk_engine *engine)
{
	int ret = mk_engine_wait_all(engine);

	/* Who asked is answered after a rebuild, or sees the engine end. */
	if (ret)
		return ret;
	pthread_mutex_lock(&engine->lock);
	/* Who asked may have given up meanwhile. */
	if (engine->drain) {
		engine->drain->result = take_records(engine, engine->drain->records);
		engine->drain->done = true;
	}
	engine->drain = NULL;
	atomic_store(&engine->drain_wanted, false);
	pthread_cond_broadcast(&engine->changed);
	pthread_mutex_unlock(&engine->lock);
	/* The log restarts in a dispatch, so there must be one. */
	return mk_engine_run_one(engine);
}

void mk_engine_drain_again(struct mk_engine *engine)
{
	if (engine->log_was_drained &&
	    generation(engine->context) == engine->log_generation)
		engine->next_flags |= MK_DISPATCH_RESTART_LOG;
}

int64_t mk_engine_drain_log(struct mk_engine *engine, struct mk_log_record *records,
			    size_t capacity, uint64_t timeout_ns)
{
	struct timespec deadline = mk_deadline_after(timeout_ns);
	uint32_t needed = engine->context->geometry.log_records;
	struct mk_drain drain = { .records = records };
	int error = 0;
	bool ended;

	if (capacity < needed)
		return mk_fail(ENOSPC, "room for %zu debug records; the log holds %u",
			       capacity, needed);
	pthread_mutex_lock(&engine->lock);
	if (engine->drain) {
		pthread_mutex_unlock(&engine->lock);
		return mk_fail(EBUSY, "another thread is draining the debug log");
	}
	engine->drain = &drain;
	atomic_store(&engine->drain_wanted, true);
	pthread_mutex_unlock(&engine->lock);
	mk_park_wake(engine->context);

	pthread_mutex_lock(&engine->lock);
	while (!drain.done && !engine->thread_ended && !error)
		error = pthread_cond_timedwait(&engine->changed, &engine->lock,
					       &deadline);
	if (engine->drain == &drain)
		engine->drain = NULL;
	ended = engine->thread_ended;
	pthread_mutex_unlock(&engine->lock);
	if (!drain.done && ended)
		return mk_fail(ESHUTDOWN, "the engine has ended; read the log from the "
					  "context (mk_context_readback)");
	if (!drain.done)
		return mk_fail(ETIMEDOUT,
			       "no dispatch ended within %llu ns, so the log was not "
			       "drained",
			       (unsigned long long)timeout_ns);
	if (drain.result == -EPROTO)
		return mk_fail(EPROTO,
			       "the debug log's cursor was damaged: it was not at "
			       "the end of a record in the log, which starts anew");
	return drain.result;
}

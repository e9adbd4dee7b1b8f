// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "engine.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi.h"
#include "engine_private.h"
#include "error.h"
#include "exec_cpu.h"
#include "options.h"
#include "park.h"
#include "thread.h"
#include "trace.h"

#define LEAST_STEPS   2048u
#define PARK_AFTER_US 2000u

uint32_t mk_default_workers(void)
{
	cpu_set_t cores;
	int count = 1;

	if (!sched_getaffinity(0, sizeof(cores), &cores))
		count = CPU_COUNT(&cores) - 1;
	return count > 0 ? (uint32_t)count : 1;
}

void mk_engine_set_state(struct mk_engine *engine, uint32_t state)
{
	atomic_store_explicit(mk_cq_word(engine->context, MK_CQ_ENGINE_STATE), state,
			      memory_order_release);
}

bool mk_engine_must_end(const struct mk_engine *engine)
{
	return atomic_load(&engine->stop) ||
	       mk_control_load(engine->context, MK_CONTROL_SHUTDOWN);
}

/* The thread ---------------------------------------------------------------- */

static int run_until_error(struct mk_engine *engine)
{
	int ret = 0;

	while (!mk_engine_must_end(engine) && !ret) {
		if (atomic_load(&engine->drain_wanted)) {
			ret = mk_engine_answer_drain(engine);
		} else if (engine->idle_ns >= engine->park_after_ns) {
			ret = mk_engine_wait_all(engine);
			if (!ret)
				ret = mk_engine_park(engine);
		} else {
			ret = mk_engine_run_one(engine);
		}
	}
	return ret ? ret : mk_engine_wait_all(engine);
}

static int run(struct mk_engine *engine)
{
	int ret = run_until_error(engine);

	while (ret) {
		ret = mk_engine_rebuild(engine, ret);
		if (ret)
			break;
		ret = run_until_error(engine);
	}
	return ret;
}

static void fail(struct mk_engine *engine, int error)
{
	char text[sizeof(engine->failure_text)];

	snprintf(text, sizeof(text), "%s", mk_error_text());
	pthread_mutex_lock(&engine->lock);
	engine->failure = error;
	memcpy(engine->failure_text, text, sizeof(text));
	pthread_mutex_unlock(&engine->lock);
	mk_engine_set_state(engine, MK_ENGINE_LOST);
	if (engine->loss_is_kept)
		return;
	mk_engine_leave_snapshot(engine, text, sizeof(text));
	pthread_mutex_lock(&engine->lock);
	memcpy(engine->failure_text, text, sizeof(text));
	pthread_mutex_unlock(&engine->lock);
}

static void *engine_thread(void *data)
{
	struct mk_engine *engine = data;
	int ret = run(engine);

	if (ret)
		fail(engine, ret);
	else
		mk_engine_set_state(engine, MK_ENGINE_STOPPED);

	pthread_mutex_lock(&engine->lock);
	engine->thread_ended = true;
	pthread_cond_broadcast(&engine->changed);
	pthread_mutex_unlock(&engine->lock);
	return NULL;
}

/* Start and stop ------------------------------------------------------------ */

static int take_context(struct mk_engine *engine)
{
	struct mk_backing *backing = engine->context->backing;
	int ret =
		mk_context_check_role(engine->context, MK_ROLE_ENGINE, "start an engine");

	if (ret)
		return ret;
	if (mk_control_load(engine->context, MK_CONTROL_SHUTDOWN))
		return mk_fail(ESHUTDOWN, "the context was shut down; create a new one");
	if (mk_cq_load(engine->context, MK_CQ_MEMORY_LOST))
		return mk_fail(ENOTRECOVERABLE,
			       "the context's memory was lost with its device; create a "
			       "new one");
	engine->held = backing->ops->hold_engine(backing);
	if (engine->held == -EBUSY)
		return mk_fail(EBUSY,
			       "the context has a running engine (process %u); stop that "
			       "one first",
			       mk_cq_load(engine->context, MK_CQ_OWNER_PID));
	return engine->held < 0 ? engine->held : 0;
}

static void free_engine(struct mk_engine *engine)
{
	struct mk_backing *backing = engine->context->backing;

	if (engine->runner)
		engine->ops->close(engine->runner);
	if (engine->held >= 0)
		backing->ops->release_engine(backing, engine->held);
	mk_trace_leave(engine->trace);
	mk_lock_destroy(&engine->lock, &engine->changed);
	free(engine->snapshot_directory);
	free(engine);
}

static void take_over(struct mk_engine *engine)
{
	struct mk_context *context = engine->context;

	/* Where no engine was, none has left anything. */
	if (mk_cq_load(context, MK_CQ_OWNER_PID))
		mk_recover(context);
	mk_engine_begin_dispatches(engine);
	atomic_store_explicit(mk_cq_word(context, MK_CQ_OWNER_PID), (uint32_t)getpid(),
			      memory_order_relaxed);
	mk_park_withdraw(context);
	mk_engine_set_state(engine, MK_ENGINE_RUNNING);
}

static int set_snapshot_directory(struct mk_engine *engine, const char *directory)
{
	if (!directory)
		directory = getenv("MK_SNAPSHOT_DIR");
	if (!directory || !*directory)
		return 0;
	engine->snapshot_directory = strdup(directory);
	return engine->snapshot_directory ? 0 :
					    mk_fail(ENOMEM, "no memory for an engine");
}

static int check_options(const struct mk_engine_options *options)
{
	if (options->kind != MK_ENGINE_KIND_VULKAN && options->kind != MK_ENGINE_KIND_CPU)
		return mk_fail(EINVAL, "engine kind %d; use one of enum mk_engine_kind",
			       (int)options->kind);
	if ((unsigned int)options->import > MK_IMPORT_HOST_POINTER)
		return mk_fail(EINVAL, "import %d; use one of enum mk_import",
			       (int)options->import);
	if (options->dispatch_steps && options->dispatch_steps < LEAST_STEPS)
		return mk_fail(
			EINVAL,
			"dispatches of %u steps are over before they find work; ask "
			"for %u or more, or 0",
			options->dispatch_steps, LEAST_STEPS);
	for (size_t i = 0; i < options->handler_count; i++)
		if (!mk_opcode_is_users(options->handlers[i].opcode))
			return mk_fail(
				EINVAL,
				"a handler for opcode 0x%x, which is not a user's; use "
				"one from %u to 0x%x",
				options->handlers[i].opcode, MK_OP_BUILTIN_LAST + 1,
				MK_OP_SYSTEM_FIRST - 1);
	return 0;
}

int mk_engine_start(struct mk_context *context, const struct mk_engine_options *wanted,
		    struct mk_engine **result)
{
	struct mk_engine_options options;
	struct mk_engine *engine;
	int ret;

	ret = mk_options_copy("struct mk_engine_options", &options, sizeof(options),
			      wanted);
	if (ret)
		return ret;
	ret = check_options(&options);
	if (ret)
		return ret;
	engine = calloc(1, sizeof(*engine));
	if (!engine)
		return mk_fail(ENOMEM, "no memory for an engine");
	mk_lock_init(&engine->lock, &engine->changed);
	engine->context = context;
	engine->held = -1;
	engine->ops = options.kind == MK_ENGINE_KIND_CPU ? &mk_cpu_runner :
							   &mk_vulkan_runner;
	engine->park_after_ns =
		1000ull * (options.park_after_us ? options.park_after_us : PARK_AFTER_US);
	engine->fixed_steps = options.dispatch_steps;

	ret = mk_engine_set_rebuild_limit(engine, options.rebuilds);
	if (!ret)
		ret = set_snapshot_directory(engine, options.snapshot_directory);
	if (!ret)
		ret = take_context(engine);
	if (!ret)
		ret = engine->ops->open(context, &options, &engine->info,
					&engine->runner);
	if (ret)
		goto fail;
	engine->trace = mk_trace_join(context);
	take_over(engine);
	ret = mk_thread_start(&engine->thread, engine_thread, engine,
			      "the engine's thread");
	if (ret) {
		mk_engine_set_state(engine, MK_ENGINE_STOPPED);
		goto fail;
	}
	*result = engine;
	return 0;
fail:
	free_engine(engine);
	return ret;
}

/* Wait for the thread until @deadline, with the lock held. */
static bool thread_has_ended(struct mk_engine *engine, const struct timespec *deadline)
{
	int error = 0;

	while (!engine->thread_ended && !error)
		error = pthread_cond_timedwait(&engine->changed, &engine->lock, deadline);
	return engine->thread_ended;
}

int mk_engine_stop(struct mk_engine *engine, uint64_t timeout_ns)
{
	struct timespec deadline = mk_deadline_after(timeout_ns);
	bool ended;

	if (!engine)
		return 0;
	atomic_store(&engine->stop, true);
	mk_park_wake(engine->context);

	pthread_mutex_lock(&engine->lock);
	/* It may pause before it opens a device again. */
	pthread_cond_broadcast(&engine->changed);
	ended = thread_has_ended(engine, &deadline);
	pthread_mutex_unlock(&engine->lock);
	if (!ended || !mk_engine_has_ended(engine, timeout_ns))
		return mk_fail(ETIMEDOUT,
			       "the engine did not end within %llu ns; its device "
			       "still runs a dispatch",
			       (unsigned long long)timeout_ns);
	pthread_join(engine->thread, NULL);
	free_engine(engine);
	return 0;
}

void mk_engine_info(const struct mk_engine *engine, struct mk_engine_info *info)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)&engine->lock;

	pthread_mutex_lock(lock);
	*info = engine->info;
	pthread_mutex_unlock(lock);
}

int mk_engine_failure(const struct mk_engine *engine)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)&engine->lock;
	int failure;

	pthread_mutex_lock(lock);
	failure = engine->failure;
	if (failure)
		mk_fail(-failure, "%s", engine->failure_text);
	pthread_mutex_unlock(lock);
	return failure;
}

// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "engine.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <state_layout.h>

#include <mk/snapshot.h>

#include "abi.h"
#include "deadline.h"
#include "error.h"
#include "exec_cpu.h"
#include "lease.h"
#include "options.h"
#include "park.h"
#include "runnable.h"
#include "thread.h"
#include "trace.h"

/* A dispatch ends by itself long before; after this the device is given up. */
#define DISPATCH_TIMEOUT_NS 10000000000u
/* The first may have to wait for a compiler that the driver puts off until then. */
#define FIRST_DISPATCH_TIMEOUT_NS 120000000000u
/* A dispatch should take about this long: rarely changed, yet soon left. */
#define DISPATCH_NS   50000000u
#define FIRST_STEPS   50000u
#define LEAST_STEPS   2048u
#define LAST_STEPS    (1u << 22)
#define IDLE_LOOKS    16384u
#define PARK_AFTER_US 2000u
/* A producer may die between publishing and waking us. */
#define PARK_LOOK_NS 100000000u

/* A request to drain the log; belongs to the thread that waits for it. */
struct drain {
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

	/* The thread's own. */
	uint32_t steps;
	uint32_t queued;
	uint32_t executions;
	uint32_t steps_spent;
	uint32_t cut_loops;
	uint64_t last_end_ns;
	uint64_t idle_ns;
	uint32_t next_flags;

	atomic_bool stop;
	atomic_bool drain_wanted;

	/* Under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct mk_engine_info info;
	int failure;
	char failure_text[1024];
	bool ended;
	struct drain *drain;
};

uint32_t mk_default_workers(void)
{
	cpu_set_t cores;
	int count = 1;

	if (!sched_getaffinity(0, sizeof(cores), &cores))
		count = CPU_COUNT(&cores) - 1;
	return count > 0 ? (uint32_t)count : 1;
}

static void set_state(struct mk_engine *engine, uint32_t state)
{
	atomic_store_explicit(mk_cq_word(engine->context, MK_CQ_ENGINE_STATE), state,
			      memory_order_release);
}

/* Dispatches --------------------------------------------------------------- */

static void fail(struct mk_engine *engine, int error)
{
	pthread_mutex_lock(&engine->lock);
	engine->failure = error;
	strncpy(engine->failure_text, mk_error_text(), sizeof(engine->failure_text) - 1);
	pthread_mutex_unlock(&engine->lock);
}

/* What somebody would want to see who comes later; the text says where it is. */
static void leave_snapshot(struct mk_engine *engine)
{
	char path[MK_SNAPSHOT_PATH_BYTES];
	size_t length;
	int ret;

	if (!engine->snapshot_directory)
		return;
	ret = mk_snapshot_save(engine->context, engine->snapshot_directory,
			       MK_SNAPSHOT_LOST, path);
	pthread_mutex_lock(&engine->lock);
	length = strlen(engine->failure_text);
	snprintf(engine->failure_text + length, sizeof(engine->failure_text) - length,
		 ret ? "; no snapshot: %s" : "; a snapshot is in %s",
		 ret ? mk_error_text() : path);
	pthread_mutex_unlock(&engine->lock);
}

static int submit(struct mk_engine *engine, uint32_t steps, uint32_t idle_looks)
{
	struct mk_dispatch dispatch = {
		.steps = steps,
		.idle_looks = idle_looks,
		.flags = engine->next_flags,
	};
	int ret;

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

static uint32_t load_state(const struct mk_engine *engine, uint32_t word)
{
	return atomic_load_explicit(mk_state_word(engine->context, word),
				    memory_order_relaxed);
}

/*
 * A step costs more or less time by what is executed, and on which device.  The
 * bound of the next dispatch follows what the last one's steps took, at most four
 * times as fast in either direction.
 */
static void adapt_steps(struct mk_engine *engine, uint64_t took_ns, uint32_t spent)
{
	uint32_t limit = engine->ops->step_limit(engine->runner);
	uint64_t steps;

	if (engine->fixed_steps || !took_ns || spent < LEAST_STEPS)
		return;
	steps = (uint64_t)spent * DISPATCH_NS / took_ns;
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
	uint32_t executions = load_state(engine, MK_STATE_EXECUTIONS);
	uint32_t spent = load_state(engine, MK_STATE_STEPS) - engine->steps_spent;
	uint64_t now = mk_now_ns();
	uint64_t took_ns = now - engine->last_end_ns;

	if (mk_is_traced(engine->trace))
		mk_trace_dispatch(engine->trace, MK_TRACE_DISPATCH_END, spent,
				  executions - engine->executions);

	if (executions == engine->executions) {
		engine->idle_ns += took_ns;
	} else {
		engine->idle_ns = 0;
		adapt_steps(engine, took_ns, spent);
	}
	engine->executions = executions;
	engine->steps_spent += spent;
	engine->last_end_ns = now;

	pthread_mutex_lock(&engine->lock);
	engine->info.dispatches++;
	engine->info.live_workgroups = load_state(engine, MK_STATE_LIVE_WORKERS);
	pthread_mutex_unlock(&engine->lock);
	atomic_fetch_add_explicit(mk_cq_word(context, MK_CQ_DISPATCHES), 1,
				  memory_order_relaxed);
}

static int wait_oldest(struct mk_engine *engine)
{
	uint64_t timeout_ns = engine->info.dispatches ? DISPATCH_TIMEOUT_NS :
							FIRST_DISPATCH_TIMEOUT_NS;
	int ret = engine->ops->wait(engine->runner, timeout_ns);

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
	if (load_state(engine, MK_STATE_CUT_LOOPS) != engine->cut_loops)
		return mk_fail(
			EIO,
			"the driver has ended loops of the kernel in a dispatch "
			"of %u steps before they were through, so what it executed "
			"last may be wrong; a handler loops without mk_steps()",
			engine->steps);
	return 0;
}

static int wait_all(struct mk_engine *engine)
{
	int ret = 0;

	while (engine->queued && !ret)
		ret = wait_oldest(engine);
	return ret;
}

static int run_one(struct mk_engine *engine)
{
	int ret = 0;

	while (engine->queued < MK_DISPATCHES_QUEUED && !ret)
		ret = submit(engine, engine->steps, IDLE_LOOKS);
	return ret ? ret : wait_oldest(engine);
}

/* Parking ------------------------------------------------------------------ */

static bool must_end(const struct mk_engine *engine)
{
	return atomic_load(&engine->stop) ||
	       mk_control_load(engine->context, MK_CONTROL_SHUTDOWN);
}

/* A dispatch that ends as soon as it has seen all slots, and may take the steps to. */
static int run_shortly(struct mk_engine *engine)
{
	enum { STEPS_A_SLOT = 5, STEPS_AN_IO_SLOT = 40 };
	const struct mk_geometry *geometry = &engine->context->geometry;
	uint32_t limit = engine->ops->step_limit(engine->runner);
	uint32_t steps = engine->steps + STEPS_A_SLOT * geometry->slots +
			 STEPS_AN_IO_SLOT * geometry->io_slots;
	int ret = submit(engine, steps < limit ? steps : limit, 0);

	return ret ? ret : wait_oldest(engine);
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
		 load_state(engine, MK_STATE_IDLE_WORKERS) !=
			 load_state(engine, MK_STATE_LIVE_WORKERS);
	return ret;
}

static int has_reason_to_run(struct mk_engine *engine, bool *has)
{
	*has = must_end(engine) || atomic_load(&engine->drain_wanted);
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
		set_state(engine, MK_ENGINE_PARKED);
		mk_park_sleep(context, PARK_LOOK_NS);
		if (!mk_park_is_announced(context))
			has_reason = true;
		if (has_reason || context->split)
			set_state(engine, MK_ENGINE_RUNNING);
		if (!has_reason)
			ret = has_reason_to_run(engine, &has_reason);
	}
	set_state(engine, MK_ENGINE_RUNNING);
	if (mk_is_traced(engine->trace))
		mk_trace_mark(engine->trace, MK_TRACE_UNPARK);
	return ret;
}

static int park(struct mk_engine *engine)
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

/* Draining the debug log ---------------------------------------------------- */

/* Nothing runs now; the next dispatch begins with an empty log. */
static int64_t take_records(struct mk_engine *engine, struct mk_log_record *records)
{
	const struct mk_context *context = engine->context;
	const mk_word *log = context->regions[MK_REGION_DEBUG_LOG];
	uint32_t cursor = atomic_load_explicit(&log[MK_LOG_CURSOR], memory_order_acquire);
	uint32_t count = cursor / MK_LOG_RECORD_WORDS;

	/* Also what is damaged is mended by that. */
	engine->next_flags |= MK_DISPATCH_RESTART_LOG;
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

static int answer_drain(struct mk_engine *engine)
{
	int ret = wait_all(engine);

	pthread_mutex_lock(&engine->lock);
	/* Who asked may have given up meanwhile. */
	if (engine->drain && !ret) {
		engine->drain->result = take_records(engine, engine->drain->records);
		engine->drain->done = true;
	}
	engine->drain = NULL;
	atomic_store(&engine->drain_wanted, false);
	pthread_cond_broadcast(&engine->changed);
	pthread_mutex_unlock(&engine->lock);
	/* The log restarts in a dispatch, so there must be one. */
	return ret ? ret : run_one(engine);
}

/* The thread ---------------------------------------------------------------- */

static int run(struct mk_engine *engine)
{
	int ret = 0;

	while (!must_end(engine) && !ret) {
		if (atomic_load(&engine->drain_wanted)) {
			ret = answer_drain(engine);
		} else if (engine->idle_ns >= engine->park_after_ns) {
			ret = wait_all(engine);
			if (!ret)
				ret = park(engine);
		} else {
			ret = run_one(engine);
		}
	}
	return ret ? ret : wait_all(engine);
}

static void *engine_thread(void *data)
{
	struct mk_engine *engine = data;
	int ret;

	ret = run(engine);
	if (ret)
		fail(engine, ret);
	set_state(engine, ret ? MK_ENGINE_LOST : MK_ENGINE_STOPPED);
	if (ret)
		leave_snapshot(engine);

	pthread_mutex_lock(&engine->lock);
	engine->ended = true;
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
	engine->executions = load_state(engine, MK_STATE_EXECUTIONS);
	engine->steps_spent = load_state(engine, MK_STATE_STEPS);
	engine->cut_loops = load_state(engine, MK_STATE_CUT_LOOPS);
	atomic_store_explicit(mk_cq_word(context, MK_CQ_OWNER_PID), (uint32_t)getpid(),
			      memory_order_relaxed);
	mk_park_withdraw(context);
	set_state(engine, MK_ENGINE_RUNNING);
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

	ret = set_snapshot_directory(engine, options.snapshot_directory);
	if (!ret)
		ret = take_context(engine);
	if (!ret)
		ret = engine->ops->open(context, &options, &engine->info,
					&engine->runner);
	if (ret)
		goto fail;
	engine->steps = engine->fixed_steps ? engine->fixed_steps : FIRST_STEPS;
	if (engine->steps > engine->ops->step_limit(engine->runner))
		engine->steps = engine->ops->step_limit(engine->runner);
	engine->trace = mk_trace_join(context);
	take_over(engine);
	ret = mk_thread_start(&engine->thread, engine_thread, engine,
			      "the engine's thread");
	if (ret) {
		set_state(engine, MK_ENGINE_STOPPED);
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

	while (!engine->ended && !error)
		error = pthread_cond_timedwait(&engine->changed, &engine->lock, deadline);
	return engine->ended;
}

/* The thread has ended; a dispatch that it gave up may still run, or have ended. */
static bool device_has_ended(struct mk_engine *engine, uint64_t timeout_ns)
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

int mk_engine_stop(struct mk_engine *engine, uint64_t timeout_ns)
{
	struct timespec deadline = mk_deadline_after(timeout_ns);
	bool ended;

	if (!engine)
		return 0;
	atomic_store(&engine->stop, true);
	mk_park_wake(engine->context);

	pthread_mutex_lock(&engine->lock);
	ended = thread_has_ended(engine, &deadline);
	pthread_mutex_unlock(&engine->lock);
	if (!ended || !device_has_ended(engine, timeout_ns))
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

int64_t mk_engine_drain_log(struct mk_engine *engine, struct mk_log_record *records,
			    size_t capacity, uint64_t timeout_ns)
{
	struct timespec deadline = mk_deadline_after(timeout_ns);
	uint32_t needed = engine->context->geometry.log_records;
	struct drain drain = { .records = records };
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
	while (!drain.done && !engine->ended && !error)
		error = pthread_cond_timedwait(&engine->changed, &engine->lock,
					       &deadline);
	if (engine->drain == &drain)
		engine->drain = NULL;
	ended = engine->ended;
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

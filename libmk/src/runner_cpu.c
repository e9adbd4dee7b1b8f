// SPDX-License-Identifier: MIT
/* Runs dispatches of the reference executor on host threads. */
#include "engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <state_layout.h>

#include "error.h"
#include "exec_cpu.h"
#include "thread.h"

struct mk_runner {
	struct mk_context *context;
	struct mk_dispatch queued[MK_DISPATCHES_QUEUED];
	uint32_t workers;
	uint32_t threads_started;
	struct worker *worker;

	/* What follows is under the lock; every change of it is broadcast. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint32_t submitted; /* dispatches so far */
	uint32_t begun;	    /* of these, begun */
	uint32_t ended;
	uint32_t waited;  /* of those, waited for */
	uint32_t arrived; /* workers at the end of the current one */
	bool closing;
};

struct worker {
	struct mk_runner *runner;
	struct mk_executor executor;
	pthread_t thread;
};

static void store_state(struct mk_context *context, uint32_t word, uint32_t value)
{
	atomic_store_explicit(mk_state_word(context, word), value, memory_order_relaxed);
}

static void restart_log(struct mk_context *context)
{
	atomic_store_explicit(&context->regions[MK_REGION_DEBUG_LOG][MK_LOG_CURSOR], 0,
			      memory_order_release);
	store_state(context, MK_STATE_LOG_RESERVED, 0);
	/* Who sees the generation finds the log empty. */
	atomic_thread_fence(memory_order_release);
	mk_counter_add(context, MK_CQ_LOG_GENERATION, 1);
}

/* Between dispatches, with the lock held: all workers wait for @runner->begun. */
static void begin_next(struct mk_runner *runner)
{
	const struct mk_dispatch *dispatch =
		&runner->queued[runner->begun % MK_DISPATCHES_QUEUED];

	for (uint32_t i = 0; i < MK_STATE_DISPATCH_WORDS; i++)
		store_state(runner->context, i, 0);
	store_state(runner->context, MK_STATE_LIVE_WORKERS, runner->workers);
	store_state(runner->context, MK_STATE_WORKERS, runner->workers);
	if (dispatch->flags & MK_DISPATCH_RESTART_LOG)
		restart_log(runner->context);
	runner->begun++;
	pthread_cond_broadcast(&runner->changed);
}

static void begin_if_possible(struct mk_runner *runner)
{
	if (runner->begun == runner->ended && runner->begun != runner->submitted)
		begin_next(runner);
}

/* Wait for dispatch @number to begin; false when there will be none. */
static bool await_dispatch(struct mk_runner *runner, uint32_t number,
			   struct mk_dispatch *dispatch)
{
	bool begun;

	pthread_mutex_lock(&runner->lock);
	while (runner->begun != number && !runner->closing)
		pthread_cond_wait(&runner->changed, &runner->lock);
	begun = runner->begun == number;
	*dispatch = runner->queued[(number - 1) % MK_DISPATCHES_QUEUED];
	pthread_mutex_unlock(&runner->lock);
	return begun;
}

static void arrive(struct mk_runner *runner)
{
	pthread_mutex_lock(&runner->lock);
	if (++runner->arrived == runner->workers) {
		runner->arrived = 0;
		runner->ended++;
		pthread_cond_broadcast(&runner->changed);
		begin_if_possible(runner);
	}
	pthread_mutex_unlock(&runner->lock);
}

static void *worker_thread(void *data)
{
	struct worker *worker = data;
	struct mk_executor *executor = &worker->executor;
	mk_word *executions = mk_state_word(executor->context, MK_STATE_EXECUTIONS);
	struct mk_dispatch dispatch;

	for (uint32_t number = 1; await_dispatch(worker->runner, number, &dispatch);
	     number++) {
		executor->executions = 0;
		mk_executor_run(executor, dispatch.steps, dispatch.idle_looks);
		atomic_fetch_add_explicit(executions, executor->executions,
					  memory_order_relaxed);
		if (!executor->worker)
			atomic_fetch_add_explicit(
				mk_state_word(executor->context, MK_STATE_STEPS),
				dispatch.steps - executor->budget, memory_order_relaxed);
		arrive(worker->runner);
	}
	return NULL;
}

static void cpu_close(struct mk_runner *runner)
{
	pthread_mutex_lock(&runner->lock);
	runner->closing = true;
	pthread_cond_broadcast(&runner->changed);
	pthread_mutex_unlock(&runner->lock);
	for (uint32_t i = 0; i < runner->threads_started; i++)
		pthread_join(runner->worker[i].thread, NULL);
	mk_lock_destroy(&runner->lock, &runner->changed);
	free(runner->worker);
	free(runner);
}

static int start_workers(struct mk_runner *runner,
			 const struct mk_engine_options *options)
{
	int ret = 0;

	for (uint32_t i = 0; i < runner->workers && !ret; i++) {
		struct worker *worker = &runner->worker[i];

		worker->runner = runner;
		worker->executor = (struct mk_executor){
			.context = runner->context,
			.worker = i,
			.workers = runner->workers,
			.handlers = options->handlers,
			.handler_count = options->handler_count,
			.ingest = options->ingest,
		};
		ret = mk_thread_start(&worker->thread, worker_thread, worker,
				      "a host thread of the reference executor");
		if (!ret)
			runner->threads_started++;
	}
	return ret;
}

static int cpu_open(struct mk_context *context, const struct mk_engine_options *options,
		    struct mk_engine_info *info, struct mk_runner **result)
{
	struct mk_runner *runner = calloc(1, sizeof(*runner));
	int ret;

	if (!runner)
		return mk_fail(ENOMEM, "no memory for the reference executor");
	runner->context = context;
	runner->workers = options->workgroups ? options->workgroups :
						mk_default_workers();
	mk_lock_init(&runner->lock, &runner->changed);
	runner->worker = calloc(runner->workers, sizeof(*runner->worker));
	if (!runner->worker)
		ret = mk_fail(ENOMEM, "no memory for %u host threads", runner->workers);
	else
		ret = start_workers(runner, options);
	if (ret) {
		cpu_close(runner);
		return ret;
	}
	snprintf(info->device, sizeof(info->device), "host threads");
	snprintf(info->driver, sizeof(info->driver), "reference executor");
	snprintf(info->placement, sizeof(info->placement), "shared by %s",
		 context->backing->ops->name);
	info->workgroups = runner->workers;
	*result = runner;
	return 0;
}

static int cpu_submit(struct mk_runner *runner, const struct mk_dispatch *dispatch)
{
	pthread_mutex_lock(&runner->lock);
	runner->queued[runner->submitted % MK_DISPATCHES_QUEUED] = *dispatch;
	runner->submitted++;
	begin_if_possible(runner);
	pthread_mutex_unlock(&runner->lock);
	return 0;
}

static int cpu_wait(struct mk_runner *runner, uint64_t timeout_ns)
{
	struct timespec end = mk_deadline_after(timeout_ns);
	int error = 0;

	pthread_mutex_lock(&runner->lock);
	while (runner->ended == runner->waited && !error)
		error = pthread_cond_timedwait(&runner->changed, &runner->lock, &end);
	if (runner->ended != runner->waited) {
		runner->waited++;
		error = 0;
	}
	pthread_mutex_unlock(&runner->lock);
	return -error;
}

static struct mk_dispatch_limits cpu_limits(const struct mk_runner *runner)
{
	(void)runner;
	return (struct mk_dispatch_limits){ UINT32_MAX, MK_DISPATCH_TARGET_NS,
					    MK_DISPATCH_TIMEOUT_NS };
}

const struct mk_runner_ops mk_cpu_runner = {
	.open = cpu_open,
	.submit = cpu_submit,
	.wait = cpu_wait,
	.close = cpu_close,
	.limits = cpu_limits,
};

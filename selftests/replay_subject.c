// SPDX-License-Identifier: MIT
/*
 * What test_replay.sh records:
 *
 *   replay_subject --engine cpu|vulkan FILE         batches, into FILE for a replay
 *   replay_subject --engine cpu|vulkan --die        some operations, then SIGKILL
 *   replay_subject --engine cpu|vulkan --flood      until a record was dropped
 *   replay_subject --engine cpu|vulkan --processes  producers in two other processes
 *
 * All but the first are traced by the environment.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <mk/mk.h>

#define NS_PER_SECOND  UINT64_C(1000000000)
#define TIMEOUT_NS     (60 * NS_PER_SECOND)
#define BATCHES	       20
#define ADDITIONS      3
#define ADDITIONS_EACH 200
#define FEW	       10

static void must(int64_t result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "replay_subject: %s: %s\n", what, mk_error_text());
	exit(EXIT_FAILURE);
}

static bool have_dropped(struct mk_context *context)
{
	struct mk_trace_counters counters;

	mk_trace_counters(context, &counters);
	return counters.dropped > 0;
}

static bool has_recorded_few(struct mk_context *context)
{
	struct mk_trace_counters counters;

	mk_trace_counters(context, &counters);
	return counters.records >= 2 * FEW;
}

static bool is_parked(struct mk_context *context)
{
	struct mk_counters counters;

	mk_context_counters(context, &counters);
	return counters.engine_state == MK_ENGINE_PARKED;
}

/* Nothing tells of these, so look once a millisecond. */
static void await(bool (*condition)(struct mk_context *), struct mk_context *context)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (uint64_t looks = 0; !condition(context); looks++) {
		must(looks < TIMEOUT_NS / 1000000u ? 0 : -1, "wait for a condition");
		nanosleep(&pause, NULL);
	}
}

static void publish_batches(struct mk_context *context, struct mk_producer *producer)
{
	for (uint32_t batch = 1; batch <= BATCHES; batch++) {
		const uint32_t args[ADDITIONS][2] = {
			{ 1, MK_CONTROL_OBSERVABLES + 1 },
			{ batch, MK_CONTROL_OBSERVABLES + 2 },
			{ batch * batch, MK_CONTROL_OBSERVABLES + 3 },
		};
		struct mk_item items[ADDITIONS];
		struct mk_ticket fence;

		for (int i = 0; i < ADDITIONS; i++)
			items[i] = (struct mk_item){ MK_OP_ATOMIC_ADD, 2, args[i] };
		must(mk_producer_publish_batch(producer, items, ADDITIONS, batch,
					       TIMEOUT_NS, &fence, NULL),
		     "publish a batch");
		must(mk_producer_wait(producer, &fence, TIMEOUT_NS), "wait for a fence");
		if (batch == BATCHES / 2)
			await(is_parked, context);
	}
}

static void add_and_die(struct mk_context *context, struct mk_producer *producer)
{
	const uint32_t args[] = { 1, MK_CONTROL_OBSERVABLES };
	const struct mk_item item = { MK_OP_ATOMIC_ADD, 2, args };
	struct mk_ticket ticket;

	for (int i = 0; i < FEW; i++) {
		must(mk_producer_publish(producer, &item, TIMEOUT_NS, &ticket),
		     "publish");
		must(mk_producer_wait(producer, &ticket, TIMEOUT_NS), "wait");
	}
	await(has_recorded_few, context);
	raise(SIGKILL);
}

static void flood(struct mk_context *context, struct mk_producer *producer)
{
	static struct mk_item nothing[64];

	do {
		must(mk_producer_publish_many(producer, nothing, 64, TIMEOUT_NS, NULL),
		     "publish many");
	} while (!have_dropped(context));
}

/* Producers in other processes ------------------------------------------------ */

static struct mk_context *attach(const struct mk_context *parents)
{
	int fds[MK_CONTEXT_FDS];
	int count = mk_context_share(parents, MK_ROLE_PRODUCER, fds);
	struct mk_context *context;

	must(count, "share the context");
	must(mk_context_attach(fds, (size_t)count, &context), "attach");
	while (count)
		close(fds[--count]);
	return context;
}

static void add_often(struct mk_producer *producer, uint32_t observable, int turns[2])
{
	const uint32_t args[] = { observable, MK_CONTROL_OBSERVABLES + observable };
	const struct mk_item item = { MK_OP_ATOMIC_ADD, 2, args };
	char byte = 0;

	/* What memory a replay begins with is what it was before the first of both. */
	if (observable == 2)
		must(read(turns[0], &byte, 1) - 1, "wait for the other");
	for (int i = 0; i < ADDITIONS_EACH; i++) {
		struct mk_ticket ticket;

		must(mk_producer_publish(producer, &item, TIMEOUT_NS, &ticket),
		     "publish");
		must(mk_producer_wait(producer, &ticket, TIMEOUT_NS), "wait");
		if (!i && observable == 1)
			must(write(turns[1], &byte, 1) - 1, "tell the other");
	}
}

static pid_t start_producer(const struct mk_context *parents, uint32_t observable,
			    int turns[2])
{
	struct mk_producer *producer;
	struct mk_context *context;
	pid_t child = fork();

	must(child, "fork");
	if (child)
		return child;
	context = attach(parents);
	must(mk_producer_open(context, NULL, &producer), "open a producer");
	add_often(producer, observable, turns);
	mk_producer_close(producer);
	mk_context_close(context);
	_exit(EXIT_SUCCESS);
}

/* They are forked before an engine's threads are there, and wait for it by publishing. */
static void start_producers(const struct mk_context *context, pid_t children[2])
{
	int turns[2];

	must(pipe(turns), "make a pipe");
	for (uint32_t i = 0; i < 2; i++)
		children[i] = start_producer(context, i + 1, turns);
}

static void await_producers(const struct mk_context *context, const pid_t children[2])
{
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t sum = 0;
		int status = 0;

		must(waitpid(children[i], &status, 0), "wait for a process");
		must(status ? -1 : 0, "have a process publish");
		must(mk_context_observable(context, i + 1, &sum), "read an observable");
		must(sum == ADDITIONS_EACH * (i + 1) ? 0 : -1, "add");
	}
}

/* One process ------------------------------------------------------------------- */

static void publish(struct mk_context *context, const char *what)
{
	struct mk_producer *producer;

	must(mk_producer_open(context, NULL, &producer), "open a producer");
	if (!strcmp(what, "--die"))
		add_and_die(context, producer);
	else if (!strcmp(what, "--flood"))
		flood(context, producer);
	else
		publish_batches(context, producer);
	mk_producer_close(producer);
}

static void run(enum mk_engine_kind kind, const char *what)
{
	const struct mk_geometry geometry = { .size = sizeof(geometry),
					      .observable_words = 8,
					      .engine = kind };
	const struct mk_engine_options options = { .size = sizeof(options),
						   .kind = kind };
	const struct mk_trace_options trace = { .size = sizeof(trace),
						.path = what,
						.flags = MK_TRACE_REPLAY };
	bool by_others = !strcmp(what, "--processes");
	struct mk_context *context;
	struct mk_engine *engine;
	pid_t children[2];

	must(mk_context_create(&geometry, &context), "create a context");
	if (*what != '-')
		must(mk_trace_start(context, &trace), "start a trace");
	if (by_others)
		start_producers(context, children);
	must(mk_engine_start(context, &options, &engine), "start an engine");
	if (by_others)
		await_producers(context, children);
	else
		publish(context, what);
	must(mk_engine_stop(engine, TIMEOUT_NS), "stop the engine");
	must(mk_trace_stop(context), "stop the trace");
	mk_context_close(context);
}

int main(int argc, char **argv)
{
	if (argc != 4 || strcmp(argv[1], "--engine")) {
		fprintf(stderr, "usage: replay_subject --engine cpu|vulkan "
				"FILE|--die|--flood|--processes\n");
		return 64;
	}
	run(strcmp(argv[2], "cpu") ? MK_ENGINE_KIND_VULKAN : MK_ENGINE_KIND_CPU, argv[3]);
	return EXIT_SUCCESS;
}

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
#include <sys/prctl.h>
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

#define PRODUCERS 2
#define SERVER	  "./replay_subject.socket"

/* Each waits to be told by bytes in a pipe of its own. */
struct producers {
	pid_t pids[PRODUCERS];
	int pipes[PRODUCERS][2];
};

static void tell(const struct producers *producers, uint32_t index)
{
	must(write(producers->pipes[index][1], "g", 1) - 1, "tell a producer");
}

static void await_word(const struct producers *producers, uint32_t index)
{
	char byte;

	must(read(producers->pipes[index][0], &byte, 1) - 1, "wait for a word");
}

static void add_often(struct mk_producer *producer, const struct producers *producers,
		      uint32_t index)
{
	const uint32_t args[] = { index + 1, MK_CONTROL_OBSERVABLES + index + 1 };
	const struct mk_item item = { MK_OP_ATOMIC_ADD, 2, args };

	/* What memory a replay begins with is what it was before the first of all. */
	if (index)
		await_word(producers, index);
	for (int i = 0; i < ADDITIONS_EACH; i++) {
		struct mk_ticket ticket;

		must(mk_producer_publish(producer, &item, TIMEOUT_NS, &ticket),
		     "publish");
		must(mk_producer_wait(producer, &ticket, TIMEOUT_NS), "wait");
		if (!i && index + 1 < PRODUCERS)
			tell(producers, index + 1);
	}
}

static void produce(const struct producers *producers, uint32_t index)
{
	struct mk_producer *producer;
	struct mk_context *context;

	await_word(producers, index);
	must(mk_context_connect(SERVER, MK_ROLE_PRODUCER, &context), "connect");
	must(mk_producer_open(context, NULL, &producer), "open a producer");
	add_often(producer, producers, index);
	mk_producer_close(producer);
	mk_context_close(context);
}

/*
 * They are forked before this process has a context: that may load a driver, which need
 * not work in the child of a fork.
 */
static void start_producers(struct producers *producers)
{
	pid_t parent = getpid();

	for (uint32_t i = 0; i < PRODUCERS; i++)
		must(pipe(producers->pipes[i]), "make a pipe");
	for (uint32_t i = 0; i < PRODUCERS; i++) {
		producers->pids[i] = fork();
		must(producers->pids[i], "fork");
		if (!producers->pids[i]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			must(getppid() == parent ? 0 : -1, "have a parent");
			produce(producers, i);
			_exit(EXIT_SUCCESS);
		}
	}
}

static void let_producers_in(const struct mk_context *context,
			     const struct producers *producers)
{
	struct mk_server *server;
	int served = 0;

	must(mk_server_open(context, SERVER, MK_SERVE_ROLE(MK_ROLE_PRODUCER), &server),
	     "open a server");
	for (uint32_t i = 0; i < PRODUCERS; i++)
		tell(producers, i);
	for (uint64_t looks = 0; served < PRODUCERS; looks++) {
		int ret = mk_server_run(server, NS_PER_SECOND);

		must(ret, "let a producer in");
		must(looks < TIMEOUT_NS / NS_PER_SECOND ? 0 : -1, "see all producers");
		served += ret;
	}
	mk_server_close(server);
}

static void await_producers(const struct mk_context *context,
			    const struct producers *producers)
{
	for (uint32_t i = 0; i < PRODUCERS; i++) {
		uint32_t sum = 0;
		int status = 0;

		must(waitpid(producers->pids[i], &status, 0), "wait for a process");
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
	struct producers producers;

	if (by_others)
		start_producers(&producers);
	must(mk_context_create(&geometry, &context), "create a context");
	if (*what != '-')
		must(mk_trace_start(context, &trace), "start a trace");
	if (by_others)
		let_producers_in(context, &producers);
	must(mk_engine_start(context, &options, &engine), "start an engine");
	if (by_others)
		await_producers(context, &producers);
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

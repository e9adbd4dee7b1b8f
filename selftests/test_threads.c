// SPDX-License-Identifier: MIT
/* Many producers at once inside one process: nothing is lost, nobody starves. */
#include "live.h"

#include <pthread.h>
#include <string.h>

#define THREAD_LIMIT 8

/* cmocka's asserts belong to the main thread, so workers bring home what failed. */
struct worker {
	pthread_t thread;
	struct live *live;
	uint32_t index;
	uint32_t operations;
	uint32_t in_flight; /* at most, at a time */
	uint32_t tenant;
	int error;
	char text[512];
};

/* The shared total is observable 0; each worker's own follows. */
static struct mk_item add_one(const uint32_t args[2])
{
	return (struct mk_item){ .opcode = MK_OP_ATOMIC_ADD,
				 .arg_count = 2,
				 .args = args };
}

/* Operations go to the total and to the worker's own in turn, from @first on. */
static int publish_round(struct worker *worker, struct mk_producer *producer,
			 uint32_t first)
{
	enum { IN_FLIGHT_LIMIT = 32 };
	const uint32_t total_args[] = { 1, LIVE_OBSERVABLE(0) };
	const uint32_t own_args[] = { 1, LIVE_OBSERVABLE(1 + worker->index) };
	const struct mk_item items[] = { add_one(total_args), add_one(own_args) };
	struct mk_ticket tickets[IN_FLIGHT_LIMIT];
	int ret = 0;

	for (uint32_t i = 0; i < worker->in_flight && !ret; i++)
		ret = mk_producer_publish(producer, &items[(first + i) % 2],
					  LIVE_TIMEOUT_NS, &tickets[i]);
	for (uint32_t i = 0; i < worker->in_flight && !ret; i++)
		ret = mk_producer_wait(producer, &tickets[i], LIVE_TIMEOUT_NS);
	return ret;
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	const struct mk_producer_options options = {
		.size = sizeof(options),
		.tenant = worker->tenant,
	};
	struct mk_producer *producer = NULL;
	int ret;

	ret = mk_producer_open(worker->live->context, &options, &producer);
	for (uint32_t done = 0; done < worker->operations && !ret;
	     done += worker->in_flight)
		ret = publish_round(worker, producer, done);
	mk_producer_close(producer);
	worker->error = ret;
	if (ret < 0)
		strncpy(worker->text, mk_error_text(), sizeof(worker->text) - 1);
	return NULL;
}

static void start_workers(struct live *live, struct worker *workers, uint32_t count,
			  uint32_t operations, uint32_t in_flight)
{
	for (uint32_t i = 0; i < count; i++) {
		workers[i] = (struct worker){
			.live = live,
			.index = i,
			.operations = operations,
			.in_flight = in_flight,
		};
		assert_int_equal(
			pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
}

static void join_workers(struct worker *workers, uint32_t count)
{
	bool failed = false;

	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
	for (uint32_t i = 0; i < count; i++) {
		if (!workers[i].error)
			continue;
		print_error("worker %u: %d: %s\n", i, workers[i].error, workers[i].text);
		failed = true;
	}
	assert_false(failed);
}

static void run_workers(struct live *live, const struct mk_geometry *geometry,
			uint32_t count, uint32_t operations, uint32_t in_flight)
{
	struct worker workers[THREAD_LIMIT];
	struct mk_counters counters;

	live_create(live, geometry);
	live_start(live, NULL);
	start_workers(live, workers, count, operations, in_flight);
	join_workers(workers, count);
	live_stop(live);

	assert_int_equal(live_observable(live, 0), count * operations / 2);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(live_observable(live, 1 + i), operations / 2);
	mk_context_counters(live->context, &counters);
	assert_int_equal(counters.slots_done, (uint64_t)count * operations);
	assert_int_equal(counters.done_count, count * operations);
	assert_int_equal(counters.faults, 0);
}

static void test_sums_are_exact(void **state)
{
	run_workers(*state, &(struct mk_geometry){ .observable_words = 1 + THREAD_LIMIT },
		    4, 4000, 32);
}

/* Without something in flight a window goes back, so that all get their turn. */
static void test_more_producers_than_windows(void **state)
{
	run_workers(*state,
		    &(struct mk_geometry){
			    .slots = MK_WINDOW_SLOTS_DEFAULT,
			    .observable_words = 1 + THREAD_LIMIT,
		    },
		    4, 1000, 2);
}

/* The same while each could use the window for ever without waiting. */
static void test_greedy_producers_share_windows(void **state)
{
	run_workers(*state,
		    &(struct mk_geometry){
			    .slots = 2 * MK_WINDOW_SLOTS_DEFAULT,
			    .observable_words = 1 + THREAD_LIMIT,
		    },
		    THREAD_LIMIT, 1024, 32);
}

static void test_smallest_ring(void **state)
{
	run_workers(*state,
		    &(struct mk_geometry){
			    .slots = 1,
			    .observable_words = 1 + THREAD_LIMIT,
		    },
		    2, 200, 1);
}

/*
 * Waiting for one of several tickets must not let a rival use the slots of those
 * that are still to be waited for.
 */
static void test_tickets_outlive_each_other(void **state)
{
	enum { SLOTS = 2 * MK_WINDOW_SLOTS_DEFAULT, IN_FLIGHT = 8, ROUNDS = 10 };
	static const struct mk_item nops[SLOTS];
	struct live *live = *state;
	struct mk_ticket tickets[IN_FLIGHT];
	struct mk_producer *producer, *rival;

	live_create(live, &(struct mk_geometry){ .slots = SLOTS });
	live_start(live, NULL);
	producer = live_producer(live, 0, 1);
	rival = live_producer(live, 0, 2);
	live_expect(IN_FLIGHT, mk_producer_publish_many(producer, nops, IN_FLIGHT,
							LIVE_TIMEOUT_NS, tickets));
	/* All have ended, and one of them is waited for. */
	for (int i = 0; i < IN_FLIGHT; i++)
		live_ok(mk_context_wait(live->context, &tickets[i], LIVE_TIMEOUT_NS));
	live_ok(mk_producer_wait(producer, &tickets[0], 0));
	for (int i = 0; i < ROUNDS; i++)
		assert_true(mk_producer_publish_many(rival, nops, SLOTS, LIVE_TIMEOUT_NS,
						     NULL) > 0);
	for (int i = 1; i < IN_FLIGHT; i++)
		live_ok(mk_producer_wait(producer, &tickets[i], 0));
}

/* A window that came with its former owner's work in it goes back like any other. */
static void test_returns_inherited_windows(void **state)
{
	enum { SLOTS = MK_WINDOW_SLOTS_DEFAULT };
	static const struct mk_item nops[SLOTS];
	struct live *live = *state;
	struct mk_ticket own, tickets[SLOTS];
	struct mk_producer *heir, *next;

	live_create(live, &(struct mk_geometry){ .slots = SLOTS });
	live_expect(SLOTS / 2, mk_producer_publish_many(live_producer(live, 0, 0), nops,
							SLOTS / 2, 0, NULL));
	live_close_producers(live);
	heir = live_producer(live, 0, 0);
	live_ok(mk_producer_publish(heir, &nops[0], 0, &own));
	live_start(live, NULL);
	assert_true(live_reaches_state(live, MK_ENGINE_PARKED));
	live_ok(mk_producer_wait(heir, &own, LIVE_TIMEOUT_NS));

	next = live_producer(live, 0, 0);
	live_expect(SLOTS, mk_producer_publish_many(next, nops, SLOTS, 0, tickets));
	for (int i = 0; i < SLOTS; i++)
		live_ok(mk_producer_wait(next, &tickets[i], LIVE_TIMEOUT_NS));
}

/* Masked and authorised again and again, work only waits. */
static void test_tenant_toggled_under_load(void **state)
{
	enum { TOGGLES = 200, WORKERS = 3, OPERATIONS = 2000 };
	struct live *live = *state;
	struct worker workers[WORKERS];

	live_create(live, &(struct mk_geometry){ .observable_words = 1 + THREAD_LIMIT });
	live_start(live, NULL);
	start_workers(live, workers, WORKERS, OPERATIONS, 16);
	for (int i = 0; i < TOGGLES; i++) {
		live_ok(mk_context_set_tenant(live->context, 0, 0));
		live_pause_ns(LIVE_NS_PER_MS / 20);
		live_ok(mk_context_set_tenant(live->context, 0, MK_TENANT_MASK_ALL));
	}
	join_workers(workers, WORKERS);
	assert_int_equal(live_observable(live, 0), WORKERS * OPERATIONS / 2);
}

/* An engine that goes and comes back loses nothing that is published meanwhile. */
static void test_engine_restarted_under_load(void **state)
{
	enum { RESTARTS = 10, WORKERS = 3, OPERATIONS = 20000 };
	struct live *live = *state;
	struct worker workers[WORKERS];

	live_create(live, &(struct mk_geometry){ .observable_words = 1 + THREAD_LIMIT });
	live_start(live, NULL);
	start_workers(live, workers, WORKERS, OPERATIONS, 16);
	for (int i = 0; i < RESTARTS; i++) {
		live_stop(live);
		live_start(live, NULL);
	}
	join_workers(workers, WORKERS);
	assert_int_equal(live_observable(live, 0), WORKERS * OPERATIONS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIVE_TEST(test_sums_are_exact),
		LIVE_TEST(test_more_producers_than_windows),
		LIVE_TEST(test_greedy_producers_share_windows),
		LIVE_TEST(test_smallest_ring),
		LIVE_TEST(test_tickets_outlive_each_other),
		LIVE_TEST(test_returns_inherited_windows),
		LIVE_TEST(test_tenant_toggled_under_load),
		LIVE_TEST(test_engine_restarted_under_load),
	};

	return live_main(tests);
}

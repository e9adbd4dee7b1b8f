// SPDX-License-Identifier: MIT
/* An engine in another process than its producers, and however that one ends. */
#include "live.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "children.h"

static const struct mk_geometry geometry = { .observable_words = 8, .tenants = 1 };

static struct live *start_elsewhere(void **state, struct child *child)
{
	struct live *live = *state;

	live_create(live, &geometry);
	child_start(child, child_engine, live->context);
	child_await(child);
	return live;
}

static void test_engine_elsewhere(void **state)
{
	enum { OPERATIONS = 2000 };
	struct child child;
	struct live *live = start_elsewhere(state, &child);
	struct mk_producer *producer = live_producer(live, 0, 0);

	for (int i = 0; i < OPERATIONS; i++)
		live_ok(live_run(producer,
				 &LIVE_ITEM(MK_OP_ATOMIC_ADD, 1, LIVE_OBSERVABLE(0))));
	assert_int_equal(live_observable(live, 0), OPERATIONS);
	child_tell(&child);
	child_expect_success(&child);
	assert_int_equal(live_engine_state(live), MK_ENGINE_STOPPED);
}

static void test_one_engine_among_processes(void **state)
{
	struct child child;
	struct live *live = start_elsewhere(state, &child);

	live_expect(-EBUSY, live_try_start(live->context, NULL, &live->engine));
	live_expect(-EBUSY, mk_context_set_observable(live->context, 0, 1));
	child_tell(&child);
	child_expect_success(&child);
	live_ok(mk_context_set_observable(live->context, 0, 1));
	live_start(live, NULL);
	live_ok(live_run(live_producer(live, 0, 0), &LIVE_NOP));
}

static void test_wakes_across_processes(void **state)
{
	enum { ROUNDS = 20 };
	struct child child;
	struct live *live = start_elsewhere(state, &child);
	struct mk_producer *producer = live_producer(live, 0, 0);

	for (int i = 0; i < ROUNDS; i++) {
		assert_true(live_reaches_state(live, MK_ENGINE_PARKED));
		live_ok(live_run(producer, &LIVE_NOP));
	}
	child_tell(&child);
	child_expect_success(&child);
}

static void test_shutdown_across_processes(void **state)
{
	struct child child;
	struct live *live = start_elsewhere(state, &child);

	mk_context_shutdown(live->context);
	assert_true(live_reaches_state(live, MK_ENGINE_STOPPED));
	child_tell(&child);
	child_expect_success(&child);
	live_expect(-ESHUTDOWN, live_try_start(live->context, NULL, &live->engine));
}

/* The engine's threads leave signals to the program, which then stops it. */
static void end_by_signal(void **state, int number)
{
	struct child child;
	struct live *live = start_elsewhere(state, &child);
	struct mk_producer *producer = live_producer(live, 0, 0);

	live_ok(live_run(producer, &LIVE_NOP));
	child_signal(&child, number);
	child_expect_success(&child);
	assert_int_equal(live_engine_state(live), MK_ENGINE_STOPPED);
	live_start(live, NULL);
	live_ok(live_run(producer, &LIVE_NOP));
}

static void test_leaves_on_sigint(void **state)
{
	end_by_signal(state, SIGINT);
}

static void test_leaves_on_sigterm(void **state)
{
	end_by_signal(state, SIGTERM);
}

/* Publishes while it can, and says what became of it. */
struct flow {
	uint32_t published;
	uint32_t done;
	uint32_t interrupted;
};

static void count_result(struct flow *flow, int result)
{
	if (!result)
		flow->done++;
	else if (result == MK_FAULT_INTERRUPTED)
		flow->interrupted++;
	else
		live_expect(0, result);
}

/*
 * Killed anywhere, an engine leaves slots in mid-air.  The next one ends each of
 * them; what ended DONE was done once, and what was interrupted once at most.
 */
static void test_engine_killed(void **state)
{
	enum { IN_FLIGHT = 256 };
	const struct mk_item add = LIVE_ITEM(MK_OP_ATOMIC_ADD, 1, LIVE_OBSERVABLE(0));
	struct live *live = *state;
	uint64_t limit_ns = (live_slow() ? 120 : 4) * LIVE_NS_PER_SECOND;
	uint64_t begin = live_now_ns();
	struct mk_ticket tickets[IN_FLIGHT];
	struct mk_item items[IN_FLIGHT];
	struct flow flow = { 0 };
	struct mk_producer *producer;
	uint64_t random = 7;
	struct child child;

	live_create(live, &geometry);
	producer = live_producer(live, 0, 0);
	for (int i = 0; i < IN_FLIGHT; i++)
		items[i] = add;
	while (live_now_ns() - begin < limit_ns) {
		int64_t count;

		child_start(&child, child_engine, live->context);
		child_await(&child);
		count = mk_producer_publish_many(producer, items, IN_FLIGHT,
						 LIVE_TIMEOUT_NS, tickets);
		assert_true(count > 0);
		/* Somewhere on the way, or behind it. */
		live_pause_ns(live_random(&random) % (LIVE_NS_PER_MS / 10));
		child_kill(&child);

		child_start(&child, child_engine, live->context);
		child_await(&child);
		for (int64_t i = 0; i < count; i++)
			count_result(&flow, mk_producer_wait(producer, &tickets[i],
							     LIVE_TIMEOUT_NS));
		flow.published += (uint32_t)count;
		child_tell(&child);
		child_expect_success(&child);
	}
	print_message("# %u published, %u done, %u interrupted\n", flow.published,
		      flow.done, flow.interrupted);
	assert_int_equal(flow.done + flow.interrupted, flow.published);
	assert_in_range(live_observable(live, 0), flow.done, flow.published);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIVE_TEST(test_engine_elsewhere),
		LIVE_TEST(test_one_engine_among_processes),
		LIVE_TEST(test_wakes_across_processes),
		LIVE_TEST(test_shutdown_across_processes),
		LIVE_TEST(test_leaves_on_sigint),
		LIVE_TEST(test_leaves_on_sigterm),
		LIVE_TEST(test_engine_killed),
	};

	return live_main(tests);
}

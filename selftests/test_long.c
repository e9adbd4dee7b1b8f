// SPDX-License-Identifier: MIT
/* Operations of many steps: right in the end, and in nobody's way meanwhile. */
#include <errno.h>
#include <string.h>

#include "live.h"

#include "steps_opcode.h"

#define OP_STEPS 0x101u
#define MILLION	 1000000u

enum { LONG_OPERATIONS = 8 };

static uint32_t next_value(uint32_t value)
{
	return value * 1664525u + 1013904223u;
}

/* The twin of steps_opcode.glsl. */
static uint32_t steps_handler(struct mk_call *call)
{
	uint32_t wanted = call->args[0];
	uint32_t granted = call->args[3] == 2 ? wanted : mk_call_steps(call, wanted);

	for (uint32_t i = 0; i < granted; i++)
		call->args[2] = next_value(call->args[2]);
	call->args[0] -= granted;
	if (call->args[0])
		return MK_STATUS_YIELD;
	if (call->args[3] == 1)
		return MK_STATUS_FAULT;
	mk_call_observable_store(call, call->args[1], call->args[2]);
	return MK_STATUS_DONE;
}

static uint32_t steps_result(uint32_t steps, uint32_t value)
{
	while (steps--)
		value = next_value(value);
	return value;
}

static void start_with_handler(struct live *live)
{
	static const struct mk_handler_entry handlers[] = { { OP_STEPS, steps_handler } };
	const struct mk_engine_options options = {
		.spirv = steps_spirv,
		.spirv_bytes = sizeof(steps_spirv),
		.handlers = handlers,
		.handler_count = 1,
	};

	live_start(live, &options);
}

/*
 * Publishes @count long operations, and behind them short ones that look whether the
 * last word of their outcome, control word @witness, is there yet.  So the device
 * itself says what came first, however late this thread is scheduled.  One looks from
 * the same window, one from another; what they saw goes to two observables from
 * @seen on.
 */
static void run_beside(struct live *live, void (*start)(struct live *),
		       const struct mk_item *items, size_t count, uint32_t witness,
		       uint32_t seen)
{
	struct mk_producer *same = live_producer(live, 0, 1);
	struct mk_producer *other = live_producer(live, 0, 1);
	struct mk_ticket tickets[LONG_OPERATIONS], quick[2];

	assert_true(count <= LONG_OPERATIONS);
	live_expect((int64_t)count,
		    mk_producer_publish_many(same, items, count, 0, tickets));
	live_ok(mk_producer_publish(same, &LIVE_ITEM(MK_OP_LOAD_U32, witness, seen), 0,
				    &quick[0]));
	live_ok(mk_producer_publish(other, &LIVE_ITEM(MK_OP_LOAD_U32, witness, seen + 1),
				    0, &quick[1]));
	start(live);
	for (int i = 0; i < 2; i++)
		live_ok(mk_context_wait(live->context, &quick[i], LIVE_TIMEOUT_NS));
	for (size_t i = 0; i < count; i++)
		live_ok(mk_context_wait(live->context, &tickets[i], LIVE_TIMEOUT_NS));
	assert_int_equal(live_observable(live, seen), 0);
	assert_int_equal(live_observable(live, seen + 1), 0);
}

static void start_plain(struct live *live)
{
	live_start(live, NULL);
}

static void test_long_memcpy(void **state)
{
	enum { WORDS = 100000, LAST = 2 * WORDS - 1, SEEN };
	struct live *live = *state;
	struct mk_item items[LONG_OPERATIONS];
	const struct mk_item copy = LIVE_ITEM(MK_OP_MEMCPY, LIVE_OBSERVABLE(0),
					      LIVE_OBSERVABLE(WORDS), WORDS);

	live_create(live, &(struct mk_geometry){ .observable_words = SEEN + 2 });
	for (uint32_t i = 0; i < WORDS; i++)
		live_ok(mk_context_set_observable(live->context, i, next_value(i)));
	for (int i = 0; i < LONG_OPERATIONS; i++)
		items[i] = copy;
	run_beside(live, start_plain, items, LONG_OPERATIONS, LIVE_OBSERVABLE(LAST),
		   SEEN);
	for (uint32_t i = 0; i < WORDS; i++) {
		assert_int_equal(live_observable(live, i), next_value(i));
		assert_int_equal(live_observable(live, WORDS + i), next_value(i));
	}
}

/* Ascending, so that an overlapping copy repeats its beginning. */
static void test_long_overlapping_memcpy(void **state)
{
	enum { WORDS = 100000, DISTANCE = 3 };
	struct live *live = *state;

	live_create(live, &(struct mk_geometry){ .observable_words = WORDS + DISTANCE });
	for (uint32_t i = 0; i < DISTANCE; i++)
		live_ok(mk_context_set_observable(live->context, i, next_value(i)));
	live_start(live, NULL);
	live_ok(live_run(live_producer(live, 0, 0),
			 &LIVE_ITEM(MK_OP_MEMCPY, LIVE_OBSERVABLE(0),
				    LIVE_OBSERVABLE(DISTANCE), WORDS)));
	for (uint32_t i = 0; i < WORDS + DISTANCE; i++)
		assert_int_equal(live_observable(live, i), next_value(i % DISTANCE));
}

static void test_million_steps(void **state)
{
	enum { SEEN = LONG_OPERATIONS };
	struct live *live = *state;
	struct mk_item items[LONG_OPERATIONS];
	uint32_t args[LONG_OPERATIONS][3];

	live_create(live, &(struct mk_geometry){ .observable_words = SEEN + 2 });
	for (uint32_t i = 0; i < LONG_OPERATIONS; i++) {
		args[i][0] = MILLION + i;
		args[i][1] = i;
		args[i][2] = i;
		items[i] = (struct mk_item){
			.opcode = OP_STEPS,
			.arg_count = 3,
			.args = args[i],
		};
	}
	run_beside(live, start_with_handler, items, LONG_OPERATIONS,
		   LIVE_OBSERVABLE(LONG_OPERATIONS - 1), SEEN);
	for (uint32_t i = 0; i < LONG_OPERATIONS; i++)
		assert_int_equal(live_observable(live, i), steps_result(MILLION + i, i));
}

static void test_handler_faults(void **state)
{
	struct live *live = *state;
	struct mk_producer *producer;

	live_create(live, &(struct mk_geometry){ .observable_words = 1 });
	start_with_handler(live);
	producer = live_producer(live, 0, 0);
	live_expect(MK_FAULT_HANDLER,
		    live_run(producer, &LIVE_ITEM(OP_STEPS, MILLION / 10, 0, 5, 1)));
	assert_int_equal(live_observable(live, 0), 0);
	/* An observable outside: nothing is stored. */
	live_expect(MK_FAULT_RANGE, live_run(producer, &LIVE_ITEM(OP_STEPS, 10, 1, 5)));
	live_ok(live_run(producer, &LIVE_ITEM(OP_STEPS, 10, 0, 5)));
	assert_int_equal(live_observable(live, 0), steps_result(10, 5));
	live_expect(MK_FAULT_OPCODE, live_run(producer, &LIVE_ITEM(OP_STEPS + 1)));
}

/* An operation cut by the engine's stop goes on where it was. */
static void test_long_operation_survives_restart(void **state)
{
	enum { STEPS = 20 * MILLION };
	struct live *live = *state;
	struct mk_producer *producer;
	struct mk_ticket ticket;

	live_create(live, &(struct mk_geometry){ .observable_words = 1 });
	producer = live_producer(live, 0, 0);
	start_with_handler(live);
	live_ok(mk_producer_publish(producer, &LIVE_ITEM(OP_STEPS, STEPS, 0, 7), 0,
				    &ticket));
	live_stop(live);
	start_with_handler(live);
	live_ok(mk_producer_wait(producer, &ticket, LIVE_TIMEOUT_NS));
	assert_int_equal(live_observable(live, 0), steps_result(STEPS, 7));
}

/* Some drivers end loops that take too long: a result is right, or the engine fails. */
static void test_steps_not_asked_for(void **state)
{
	enum { STEPS = 70000 };
	struct live *live = *state;
	struct mk_producer *producer;
	struct mk_ticket ticket;
	uint64_t begin = live_now_ns();
	int ret;

	live_create(live, &(struct mk_geometry){ .observable_words = 1 });
	producer = live_producer(live, 0, 0);
	start_with_handler(live);
	live_ok(mk_producer_publish(producer, &LIVE_ITEM(OP_STEPS, STEPS, 0, 7, 2), 0,
				    &ticket));
	ret = mk_producer_wait(producer, &ticket, LIVE_TIMEOUT_NS);
	if (!ret && live_observable(live, 0) == steps_result(STEPS, 7)) {
		live_ok(mk_engine_failure(live->engine));
		return;
	}
	do {
		ret = mk_engine_failure(live->engine);
		assert_true(live_now_ns() - begin < LIVE_TIMEOUT_NS);
	} while (!ret);
	print_message("# %s\n", mk_error_text());
	live_expect(-ENOTRECOVERABLE, ret);
	assert_non_null(strstr(mk_error_text(), "without mk_steps()"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIVE_TEST(test_long_memcpy),
		LIVE_TEST(test_long_overlapping_memcpy),
		LIVE_TEST(test_million_steps),
		LIVE_TEST(test_handler_faults),
		LIVE_TEST(test_long_operation_survives_restart),
		LIVE_TEST(test_steps_not_asked_for),
	};

	return live_main(tests);
}

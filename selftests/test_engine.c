// SPDX-License-Identifier: MIT
/* An engine's life inside one process: start, stop, park, wake, shut down. */
#include "live.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

/* Soon parked, so that tests do not wait for it. */
static const struct mk_engine_options parks_soon = { .park_after_us = 1000 };

static const struct mk_geometry with_observables = {
	.observable_words = 64,
	.tenants = 2,
};

static void start_parked(struct live *live)
{
	live_create(live, &with_observables);
	live_start(live, &parks_soon);
	assert_true(live_reaches_state(live, MK_ENGINE_PARKED));
}

static void test_starts_and_stops(void **state)
{
	enum { ROUNDS = 20 };
	struct live *live = *state;
	struct mk_producer *producer;

	live_create(live, &with_observables);
	producer = live_producer(live, 0, 0);
	assert_int_equal(live_engine_state(live), MK_ENGINE_IDLE);
	for (int i = 1; i <= ROUNDS; i++) {
		live_start(live, NULL);
		live_ok(live_run(producer,
				 &LIVE_ITEM(MK_OP_ATOMIC_ADD, 1, LIVE_OBSERVABLE(0))));
		live_stop(live);
		assert_int_equal(live_engine_state(live), MK_ENGINE_STOPPED);
		assert_int_equal(live_observable(live, 0), i);
	}
}

/* Stopped at once, before its first dispatch had a chance. */
static void test_stops_at_once(void **state)
{
	enum { ROUNDS = 10 };
	struct live *live = *state;

	live_create(live, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		live_start(live, NULL);
		live_stop(live);
	}
	live_ok(mk_engine_stop(NULL, 0));
}

static void test_refuses_a_second_engine(void **state)
{
	struct live *live = *state;
	struct mk_engine *second;

	live_create(live, NULL);
	live_start(live, NULL);
	live_expect(-EBUSY, live_try_start(live->context, NULL, &second));
	/* The first is none the worse for it. */
	live_ok(live_run(live_producer(live, 0, 0), &LIVE_NOP));
}

static void test_refuses_invalid_options(void **state)
{
	const struct mk_engine_options unsized = { 0 };
	struct live *live = *state;
	struct mk_engine_options options = { .size = sizeof(options) };

	live_create(live, NULL);
	live_expect(-EINVAL, mk_engine_start(live->context, &unsized, &live->engine));
	options.kind = (enum mk_engine_kind)77;
	live_expect(-EINVAL, mk_engine_start(live->context, &options, &live->engine));
	options.kind = MK_ENGINE_KIND_VULKAN;
	options.device = "no device has this name";
	live_expect(-ENODEV, mk_engine_start(live->context, &options, &live->engine));
	/* What failed left the context usable. */
	live_start(live, NULL);
}

static void test_says_what_it_is(void **state)
{
	struct live *live = *state;
	struct mk_engine_info info;

	live_create(live, NULL);
	live_start(live, NULL);
	live_ok(live_run(live_producer(live, 0, 0), &LIVE_NOP));
	mk_engine_info(live->engine, &info);
	assert_true(strlen(info.device) > 0);
	assert_true(strlen(info.driver) > 0);
	assert_true(strlen(info.placement) > 0);
	assert_true(info.workgroups > 0);
	live_ok(mk_engine_failure(live->engine));
}

static void test_shuts_down_for_good(void **state)
{
	struct live *live = *state;

	live_create(live, NULL);
	live_start(live, NULL);
	live_ok(mk_context_shutdown(live->context));
	assert_true(live_reaches_state(live, MK_ENGINE_STOPPED));
	live_stop(live);
	live_expect(-ESHUTDOWN, live_try_start(live->context, NULL, &live->engine));
}

/* Parking ------------------------------------------------------------------------ */

static uint64_t cpu_time_ns(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return ((uint64_t)usage.ru_utime.tv_sec + (uint64_t)usage.ru_stime.tv_sec) *
		       LIVE_NS_PER_SECOND +
	       ((uint64_t)usage.ru_utime.tv_usec + (uint64_t)usage.ru_stime.tv_usec) *
		       1000;
}

static void test_uses_no_processor_when_parked(void **state)
{
	const uint64_t span_ns = LIVE_NS_PER_SECOND;
	struct live *live = *state;
	struct mk_counters before, after;
	uint64_t cpu_ns;

	start_parked(live);
	/* Dispatches that were queued behind may still be on their way out. */
	live_pause_ns(LIVE_GLANCE_NS);
	mk_context_counters(live->context, &before);
	cpu_ns = cpu_time_ns();
	live_pause_ns(span_ns);
	cpu_ns = cpu_time_ns() - cpu_ns;
	mk_context_counters(live->context, &after);
	print_message("# parked for a second: %u ms of processor time, %u dispatches\n",
		      (unsigned int)(cpu_ns / LIVE_NS_PER_MS),
		      after.dispatches - before.dispatches);
	assert_int_equal(after.engine_state, MK_ENGINE_PARKED);
	assert_true(cpu_ns < span_ns / 20);
}

static void test_publish_wakes(void **state)
{
	enum { ROUNDS = 50 };
	struct live *live = *state;
	struct mk_engine_info info;
	struct mk_producer *producer;

	start_parked(live);
	producer = live_producer(live, 0, 0);
	for (int i = 0; i < ROUNDS; i++) {
		live_ok(live_run(producer, &LIVE_NOP));
		assert_true(live_reaches_state(live, MK_ENGINE_PARKED));
	}
	mk_engine_info(live->engine, &info);
	assert_true(info.parks >= ROUNDS);
}

/* Many publishes right when it goes to sleep: none may be slept through. */
static void test_publish_races_with_parking(void **state)
{
	enum { ROUNDS = 300 };
	struct live *live = *state;
	struct mk_producer *producer;
	uint64_t random = 1;
	uint64_t slowest = 0;

	live_create(live, &with_observables);
	live_start(live, &(struct mk_engine_options){ .park_after_us = 100 });
	producer = live_producer(live, 0, 0);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t begin;

		live_pause_ns(live_random(&random) % (LIVE_NS_PER_MS / 2));
		begin = live_now_ns();
		live_ok(live_run(producer, &LIVE_NOP));
		begin = live_now_ns() - begin;
		slowest = begin > slowest ? begin : slowest;
	}
	print_message("# slowest answer: %u us\n", (unsigned int)(slowest / 1000));
}

static void test_authorising_wakes(void **state)
{
	struct live *live = *state;
	struct mk_producer *producer;
	struct mk_ticket ticket;

	start_parked(live);
	live_ok(mk_context_set_tenant(live->context, 1, 0));
	producer = live_producer(live, 1, 0);
	live_ok(mk_producer_publish(producer, &LIVE_NOP, 0, &ticket));
	/* Masked work is no reason to stay awake. */
	assert_true(live_reaches_state(live, MK_ENGINE_PARKED));
	live_expect(-EAGAIN, mk_producer_wait(producer, &ticket, 0));
	live_ok(mk_context_set_tenant(live->context, 1, 1));
	live_ok(mk_producer_wait(producer, &ticket, LIVE_TIMEOUT_NS));
}

static void test_shutdown_wakes(void **state)
{
	struct live *live = *state;

	start_parked(live);
	live_ok(mk_context_shutdown(live->context));
	assert_true(live_reaches_state(live, MK_ENGINE_STOPPED));
}

static void test_stop_wakes(void **state)
{
	struct live *live = *state;
	uint64_t begin;

	start_parked(live);
	begin = live_now_ns();
	live_stop(live);
	assert_true(live_now_ns() - begin < LIVE_TIMEOUT_NS / 2);
}

/* Observables and the debug log -------------------------------------------------- */

static void test_presets_observables(void **state)
{
	struct live *live = *state;

	live_create(live, &with_observables);
	live_ok(mk_context_set_observable(live->context, 5, 40));
	live_expect(-ERANGE, mk_context_set_observable(live->context, 64, 1));
	live_start(live, NULL);
	live_expect(-EBUSY, mk_context_set_observable(live->context, 5, 1));
	live_ok(live_run(live_producer(live, 0, 0),
			 &LIVE_ITEM(MK_OP_ATOMIC_ADD, 2, LIVE_OBSERVABLE(5))));
	assert_true(live_reaches_state(live, MK_ENGINE_PARKED));
	live_expect(-EBUSY, mk_context_set_observable(live->context, 5, 1));
	live_stop(live);
	assert_int_equal(live_observable(live, 5), 42);
	live_ok(mk_context_set_observable(live->context, 5, 1));
	assert_int_equal(live_observable(live, 5), 1);
}

struct generation {
	struct live *live;
	uint32_t wanted;
};

static bool log_has_generation(void *argument)
{
	struct generation *generation = argument;
	struct mk_counters counters;

	mk_context_counters(generation->live->context, &counters);
	return counters.log_generation == generation->wanted;
}

static void test_drains_the_log(void **state)
{
	enum { CAPACITY = 8, ROUNDS = 5, EXTRA = 3 };
	struct live *live = *state;
	struct generation generation = { .live = live };
	struct mk_log_record records[CAPACITY];
	struct mk_producer *producer;
	struct mk_counters counters;

	live_create(live, &(struct mk_geometry){ .log_records = CAPACITY });
	live_start(live, NULL);
	producer = live_producer(live, 0, 0);
	live_expect(-ENOSPC, mk_engine_drain_log(live->engine, records, CAPACITY - 1,
						 LIVE_TIMEOUT_NS));
	for (uint32_t round = 0; round < ROUNDS; round++) {
		for (uint32_t i = 0; i < CAPACITY + EXTRA; i++)
			live_ok(live_run(producer,
					 &LIVE_ITEM(MK_OP_PRINTF, round, i, 77)));
		live_expect(CAPACITY, mk_engine_drain_log(live->engine, records, CAPACITY,
							  LIVE_TIMEOUT_NS));
		for (uint32_t i = 0; i < CAPACITY; i++) {
			assert_int_equal(records[i].format, round);
			assert_int_equal(records[i].args[0], i);
			assert_int_equal(records[i].args[1], 77);
			assert_int_equal(records[i].args[2] % MK_SLOT_WORDS, 0);
		}
		/* The log restarts with the dispatch that follows. */
		generation.wanted = round + 1;
		assert_true(live_eventually(log_has_generation, &generation));
		mk_context_counters(live->context, &counters);
		assert_int_equal(counters.log_dropped, (round + 1) * EXTRA);
	}
	live_expect(0, mk_engine_drain_log(live->engine, records, CAPACITY,
					   LIVE_TIMEOUT_NS));
}

static void test_drains_the_log_while_parked(void **state)
{
	struct live *live = *state;
	struct mk_log_record records[MK_LOG_RECORD_CAPACITY_DEFAULT];

	start_parked(live);
	live_expect(MK_FAULT_OPCODE,
		    live_run(live_producer(live, 0, 0), &LIVE_ITEM(0x7777)));
	assert_true(live_reaches_state(live, MK_ENGINE_PARKED));
	live_expect(1,
		    mk_engine_drain_log(live->engine, records,
					MK_LOG_RECORD_CAPACITY_DEFAULT, LIVE_TIMEOUT_NS));
	assert_int_equal(records[0].format, MK_LOG_FORMAT_FAULT);
	assert_int_equal(records[0].args[0], MK_FAULT_OPCODE);
	assert_int_equal(records[0].args[1], 0x7777);
}

/* One control word, as a reader without the library finds it. */
static uint32_t control_word(const struct live *live, uint32_t word)
{
	const uint32_t *words = live_map(live, MK_REGION_CONTROL, MK_CONTROL_MIN_BYTES);
	uint32_t value = words[word];

	return value;
}

/* Where a slot lies decides its priority; all of this ring is HIGH. */
static void test_counts_by_priority(void **state)
{
	enum { SLOTS = 64, OPERATIONS = 100 };
	const uint32_t high[] = { 0, 0, SLOTS, SLOTS, SLOTS, SLOTS };
	const uint32_t falling[] = { 0, 9, 8, SLOTS, SLOTS, SLOTS };
	const uint32_t partial[] = { 0, 0, 0, 0, 0, SLOTS - 1 };
	struct live *live = *state;
	struct mk_producer *producer;

	live_create(live, &(struct mk_geometry){ .slots = SLOTS });
	live_expect(-EINVAL, mk_context_set_priorities(live->context, falling));
	live_expect(-EINVAL, mk_context_set_priorities(live->context, partial));
	live_ok(mk_context_set_priorities(live->context, high));
	live_start(live, NULL);
	live_expect(-EBUSY, mk_context_set_priorities(live->context, NULL));
	producer = live_producer(live, 0, 0);
	for (int i = 0; i < OPERATIONS; i++)
		live_ok(live_run(producer, &LIVE_NOP));
	live_close_producers(live);
	live_stop(live);

	assert_int_equal(control_word(live,
				      MK_CONTROL_PRIORITY_FAIRNESS + MK_PRIORITY_HIGH),
			 OPERATIONS);
	assert_int_equal(
		control_word(live, MK_CONTROL_PRIORITY_FAIRNESS + MK_PRIORITY_NORMAL), 0);
	assert_int_equal(control_word(live, MK_CONTROL_TENANT_FAIRNESS), OPERATIONS);
	assert_int_not_equal(control_word(live, MK_CONTROL_STARVATION), 0);
	live_ok(mk_context_set_priorities(live->context, NULL));
}

static void test_refuses_out_of_range(void **state)
{
	const struct mk_handler_entry reserved = { MK_OP_SYSTEM_FIRST, NULL };
	const struct mk_engine_options cases[] = {
		{ .size = sizeof(cases[0]), .dispatch_steps = 100 },
		{ .size = sizeof(cases[0]), .import = (enum mk_import)9 },
		{ .size = sizeof(cases[0]), .handlers = &reserved, .handler_count = 1 },
	};
	struct live *live = *state;

	live_create(live, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		live_expect(-EINVAL,
			    mk_engine_start(live->context, &cases[i], &live->engine));
	live->engine = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIVE_TEST(test_counts_by_priority),
		LIVE_TEST(test_refuses_out_of_range),
		LIVE_TEST(test_starts_and_stops),
		LIVE_TEST(test_stops_at_once),
		LIVE_TEST(test_refuses_a_second_engine),
		LIVE_TEST(test_refuses_invalid_options),
		LIVE_TEST(test_says_what_it_is),
		LIVE_TEST(test_shuts_down_for_good),
		LIVE_TEST(test_uses_no_processor_when_parked),
		LIVE_TEST(test_publish_wakes),
		LIVE_TEST(test_publish_races_with_parking),
		LIVE_TEST(test_authorising_wakes),
		LIVE_TEST(test_shutdown_wakes),
		LIVE_TEST(test_stop_wakes),
		LIVE_TEST(test_presets_observables),
		LIVE_TEST(test_drains_the_log),
		LIVE_TEST(test_drains_the_log_while_parked),
	};

	return live_main(tests);
}

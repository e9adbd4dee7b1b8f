// SPDX-License-Identifier: MIT
/*
 * Litmus tests of the words beside the slots: parking, leases, tenants' masks, counters
 * and the debug log.  Documentation/memory-ordering.rst has the claims by these names.
 */
#include "litmus.h"

#include <errno.h>

/* Parking ------------------------------------------------------------------------ */

static bool is_announced(const struct live *live)
{
	return litmus_load(live, MK_REGION_CQ, MK_CQ_PARK_FUTEX) == MK_PARK_PARKED;
}

static bool is_parked(const struct live *live)
{
	return litmus_load(live, MK_REGION_CQ, MK_CQ_ENGINE_STATE) == MK_ENGINE_PARKED;
}

/*
 * Wait for a ticket and see that the engine does not sleep over it.  It would find the
 * slot by itself after 100 ms, so the time says nothing; but an engine that has looked
 * at every slot after it announced, and then sleeps, has missed this one.
 */
static void wait_awake(struct live *live, struct mk_producer *producer,
		       const struct mk_ticket *ticket)
{
	/* A host that reorders loads may see an old word, but not again and again. */
	enum { SUSPICIONS_LIMIT = 1000 };
	uint64_t begin = live_now_ns();
	uint32_t suspicions = 0;
	int ret;

	do {
		bool sleeps = is_announced(live) && is_parked(live);

		ret = mk_producer_wait(producer, ticket, 0);
		suspicions = sleeps && ret == -EAGAIN ? suspicions + 1 : 0;
		if (suspicions == SUSPICIONS_LIMIT)
			fail_msg("the engine sleeps over slot %u, which is PUBLISHED",
				 ticket->slot);
		assert_true(live_now_ns() - begin < LIVE_TIMEOUT_NS);
	} while (ret == -EAGAIN);
	live_ok(ret);
}

/* Spin until the engine announces that it parks; returns how long that took. */
static uint64_t time_to_announcement(const struct live *live)
{
	uint64_t begin = live_now_ns(), took;

	do {
		took = live_now_ns() - begin;
		assert_true(took < LIVE_TIMEOUT_NS);
	} while (!is_announced(live));
	return took;
}

/*
 * By turns: as soon as the announcement is seen, which is in the middle of parking; and
 * around the moment at which it came last time.
 */
static void test_publish_wakes_who_parks(void **state)
{
	enum { AROUND_NS = 40000, AFTER_NS = 20000 };
	struct live *live = *state;
	uint64_t seed = 0x9e3779b97f4a7c15u, took = 0;
	struct litmus_trial trial;
	struct mk_engine_info info;
	struct mk_producer *producer;
	struct mk_ticket ticket;

	live_create(live, &(struct mk_geometry){ .slots = 64, .observable_words = 1 });
	live_start(live, &(struct mk_engine_options){ .dispatch_steps = 2048,
						      .park_after_us = 1 });
	producer = live_producer(live, 0, 0);
	trial = litmus_begin();
	while (litmus_goes_on(&trial)) {
		uint32_t random = live_random(&seed);

		if (trial.rounds % 2) {
			took = time_to_announcement(live);
			litmus_spin_ns(random % AFTER_NS);
		} else {
			uint64_t least = took > AROUND_NS / 2 ? took - AROUND_NS / 2 : 0;

			litmus_spin_ns(least + random % AROUND_NS);
		}
		live_ok(mk_producer_publish(
			producer, &LIVE_ITEM(MK_OP_ATOMIC_ADD, 1, LIVE_OBSERVABLE(0)),
			LIVE_TIMEOUT_NS, &ticket));
		wait_awake(live, producer, &ticket);
		assert_int_equal(live_observable(live, 0), trial.rounds);
	}
	mk_engine_info(live->engine, &info);
	assert_true(info.parks > 0);
	print_message("# parked %u times\n", info.parks);
	litmus_end(&trial, "parking");
}

/* Leases ------------------------------------------------------------------------- */

enum { RIVALS = 3, WAITED = 30, UNWAITED = 2 };

/*
 * Waiting gives the window back each time; without, it is left with work in it, for an
 * heir.
 */
static int use_leases(struct litmus_thread *thread, struct mk_producer *producer)
{
	const uint32_t own[] = { 1, LIVE_OBSERVABLE(thread->index) };
	const struct mk_item item = { MK_OP_ATOMIC_ADD, 2, own };
	int ret = 0;

	for (uint32_t i = 0; i < WAITED && !ret; i++)
		ret = live_run(producer, &item);
	for (uint32_t i = 0; i < UNWAITED && !ret; i++)
		ret = mk_producer_publish(producer, &item, LIVE_TIMEOUT_NS, NULL);
	return ret;
}

static void *lease_again_and_again(void *data)
{
	struct litmus_thread *thread = data;
	struct mk_producer *producer;
	int ret = 0;

	while (!ret && !atomic_load(&thread->stop)) {
		ret = mk_producer_open(thread->live->context, NULL, &producer);
		if (ret)
			break;
		ret = use_leases(thread, producer);
		mk_producer_close(producer);
		atomic_fetch_add(&thread->rounds, 1);
	}
	if (ret)
		litmus_wrong(thread, "a producer failed", (uint32_t)ret, 0);
	return NULL;
}

/*
 * More producers than slots, and none stays for long.  If two had one slot, or an heir did
 * not know what is in flight in it, a publish would be lost.
 */
static void test_window_has_one_owner(void **state)
{
	struct live *live = *state;
	static struct litmus_thread rivals[RIVALS];
	struct litmus_trial trial;

	live_create(live, &(struct mk_geometry){
				  .slots = 2,
				  .window_slots = 1,
				  .observable_words = RIVALS,
			  });
	live_start(live, NULL);
	for (uint32_t i = 0; i < RIVALS; i++)
		litmus_start(&rivals[i], live, i, lease_again_and_again);
	trial = litmus_begin();
	while (litmus_goes_on(&trial))
		live_pause_ns(LIVE_NS_PER_MS);
	for (uint32_t i = 0; i < RIVALS; i++)
		litmus_join(&rivals[i]);
	assert_true(litmus_rests(live));
	trial.rounds = 0;
	for (uint32_t i = 0; i < RIVALS; i++) {
		uint32_t rounds = atomic_load(&rivals[i].rounds);

		assert_int_equal(live_observable(live, i), rounds * (WAITED + UNWAITED));
		trial.rounds += rounds;
	}
	litmus_end(&trial, "leases");
}

/* Tenants ------------------------------------------------------------------------- */

enum { BUSY_TENANT, MASKED_TENANT, TENANTS };

static void *keep_busy(void *data)
{
	enum { RUN = 16 };
	static const struct mk_item nops[RUN];
	struct litmus_thread *thread = data;
	const struct mk_producer_options options = {
		.size = sizeof(options),
		.tenant = BUSY_TENANT,
		.max_windows = 1,
	};
	struct mk_producer *producer;
	int64_t ret = mk_producer_open(thread->live->context, &options, &producer);

	if (ret) {
		litmus_wrong(thread, "no producer", (uint32_t)ret, 0);
		return NULL;
	}
	while (ret >= 0 && !atomic_load(&thread->stop)) {
		ret = mk_producer_publish_many(producer, nops, RUN, LIVE_TIMEOUT_NS,
					       NULL);
		atomic_fetch_add(&thread->rounds, 1);
	}
	mk_producer_close(producer);
	if (ret < 0)
		litmus_wrong(thread, "publishing failed", (uint32_t)ret, 0);
	return NULL;
}

/* Masked, published, looked at many times, and still not executed; then it is. */
static void mask_once(struct live *live, struct mk_producer *masked,
		      struct mk_producer *other, uint32_t executed)
{
	enum { OTHERS = 8, LONGEST_NS = 100000 };
	const struct mk_item add = LIVE_ITEM(MK_OP_ATOMIC_ADD, 1, LIVE_OBSERVABLE(0));
	struct mk_ticket ticket;

	/* Workers know the tenant as authorised, since they just executed for it. */
	live_ok(live_run(masked, &add));
	live_ok(mk_context_set_tenant(live->context, MASKED_TENANT, 0));
	live_ok(mk_producer_publish(masked, &add, LIVE_TIMEOUT_NS, &ticket));
	for (int i = 0; i < OTHERS; i++)
		live_ok(live_run(other, &LIVE_NOP));
	litmus_spin_ns(executed * 977 % LONGEST_NS);
	live_expect(-EAGAIN, mk_producer_wait(masked, &ticket, 0));
	assert_int_equal(live_observable(live, 0), executed + 1);
	live_ok(mk_context_set_tenant(live->context, MASKED_TENANT, MK_TENANT_MASK_ALL));
	live_ok(mk_producer_wait(masked, &ticket, LIVE_TIMEOUT_NS));
	assert_int_equal(live_observable(live, 0), executed + 2);
}

static void test_masked_tenant_is_left_alone(void **state)
{
	struct live *live = *state;
	struct mk_producer *masked, *other;
	static struct litmus_thread busy;
	struct litmus_trial trial;

	live_create(live, &(struct mk_geometry){
				  .slots = 3 * MK_WINDOW_SLOTS_DEFAULT,
				  .observable_words = 1,
				  .tenants = TENANTS,
			  });
	live_start(live, NULL);
	masked = live_producer(live, MASKED_TENANT, 1);
	other = live_producer(live, BUSY_TENANT, 1);
	litmus_start(&busy, live, 0, keep_busy);
	trial = litmus_begin();
	while (litmus_goes_on(&trial))
		mask_once(live, masked, other, 2 * (trial.rounds - 1));
	litmus_join(&busy);
	litmus_end(&trial, "tenant masks");
}

/* Counters -------------------------------------------------------------------------- */

enum { COUNTED_BATCH = 4, COUNTED_DONE = COUNTED_BATCH + 1, SHOWN_WORDS = 7 };

static void *watch_counters(void *data)
{
	struct litmus_thread *thread = data;
	struct mk_counters last = { 0 }, now;
	uint32_t shown[SHOWN_WORDS] = { 0 };
	bool good = true;

	while (good && !atomic_load(&thread->stop)) {
		mk_context_counters(thread->live->context, &now);
		if (now.slots_done < last.slots_done)
			good = litmus_wrong(thread, "slots done went back",
					    (uint32_t)now.slots_done,
					    (uint32_t)last.slots_done);
		else if (now.done_count < last.done_count)
			good = litmus_wrong(thread, "done count went back",
					    now.done_count, last.done_count);
		else if (now.faults < last.faults)
			good = litmus_wrong(thread, "faults went back", now.faults,
					    last.faults);
		else if (now.epoch < last.epoch)
			good = litmus_wrong(thread, "epoch went back", now.epoch,
					    last.epoch);
		last = now;
		/* As who has only mapped the cq sees them. */
		for (uint32_t i = 0; good && i < SHOWN_WORDS; i++) {
			uint32_t word = litmus_load(thread->live, MK_REGION_CQ,
						    MK_CQ_HEARTBEAT + i);

			if (word < shown[i])
				good = litmus_wrong(thread, "a word of the cq went back",
						    word, shown[i]);
			shown[i] = word;
		}
		atomic_fetch_add(&thread->rounds, 1);
	}
	return NULL;
}

static void count_round(struct live *live, struct mk_producer *producer, uint32_t round)
{
	static const struct mk_item nops[COUNTED_BATCH];
	struct mk_counters counters;
	struct mk_ticket fence;

	live_expect(MK_FAULT_RANGE,
		    live_run(producer, &LIVE_ITEM(MK_OP_STORE_U32, 0, 0)));
	mk_context_counters(live->context, &counters);
	assert_int_equal(counters.faults, round);
	live_ok(mk_producer_publish_batch(producer, nops, COUNTED_BATCH, round,
					  LIVE_TIMEOUT_NS, &fence, NULL));
	live_ok(mk_producer_wait(producer, &fence, LIVE_TIMEOUT_NS));
	mk_context_counters(live->context, &counters);
	assert_int_equal(counters.epoch, round);
	/* It may trail, but count nothing that was not published. */
	assert_true(counters.slots_done <= (uint64_t)round * COUNTED_DONE);
}

static void expect_exact(struct live *live, uint32_t rounds)
{
	uint32_t done = rounds * COUNTED_DONE;
	struct mk_counters counters;

	mk_context_counters(live->context, &counters);
	assert_int_equal(counters.slots_done, done);
	assert_int_equal(counters.done_count, done);
	assert_int_equal(counters.faults, rounds);
	assert_int_equal(counters.epoch, rounds);
	assert_int_equal(litmus_load(live, MK_REGION_CQ, MK_CQ_SLOTS_DONE_LOW), done);
	assert_int_equal(litmus_load(live, MK_REGION_CQ, MK_CQ_FAULTS), rounds);
}

static void test_counters_ascend_and_end_exact(void **state)
{
	enum { RESTS = 4 };
	struct live *live = *state;
	static struct litmus_thread watcher;
	struct litmus_trial trial;
	struct mk_producer *producer;
	uint32_t rounds = 0;

	live_create(live, &(struct mk_geometry){ .observable_words = 1 });
	live_start(live, &(struct mk_engine_options){ .workgroups = 2,
						      .dispatch_steps = 4096 });
	producer = live_producer(live, 0, 0);
	litmus_start(&watcher, live, 0, watch_counters);
	for (int i = 0; i < RESTS; i++) {
		trial = litmus_begin();
		trial.budget_ns /= RESTS;
		while (litmus_goes_on(&trial))
			count_round(live, producer, ++rounds);
		assert_true(litmus_rests(live));
		expect_exact(live, rounds);
	}
	litmus_join(&watcher);
	trial.rounds = rounds;
	litmus_end(&trial, "counters");
}

/* Debug log -------------------------------------------------------------------------- */

enum { RECORDS = 16, PRINTED = 4 };

/*
 * Who sees a generation finds a log that only grows, or that is empty again because the
 * next generation is about to be counted; never one that grows after that.
 */
static void *watch_log(void *data)
{
	struct litmus_thread *thread = data;
	uint32_t generation = 0, last = 0;
	struct mk_counters before, after;
	bool emptied = false, good = true;

	while (good && !atomic_load(&thread->stop)) {
		uint32_t cursor;

		mk_context_counters(thread->live->context, &before);
		cursor = litmus_load(thread->live, MK_REGION_DEBUG_LOG, MK_LOG_CURSOR);
		mk_context_counters(thread->live->context, &after);
		atomic_fetch_add(&thread->rounds, 1);
		if (before.log_generation != after.log_generation)
			continue;
		if (before.log_generation != generation) {
			emptied = false;
			last = 0;
		}
		generation = before.log_generation;
		if (cursor > RECORDS * MK_LOG_RECORD_WORDS)
			good = litmus_wrong(thread, "the log ran over", cursor,
					    RECORDS * MK_LOG_RECORD_WORDS);
		else if (cursor < last && cursor)
			good = litmus_wrong(thread, "the log shrank", cursor, last);
		else if (emptied && cursor)
			good = litmus_wrong(thread, "it was emptied in a generation",
					    cursor, 0);
		emptied |= cursor < last;
		last = cursor;
	}
	return NULL;
}

static void print_numbered(struct mk_producer *producer, uint32_t number)
{
	live_ok(live_run(producer, &LIVE_ITEM(MK_OP_PRINTF, number, ~number,
					      litmus_word(number, 0))));
}

/* Records are whole and in order, and none is of an earlier generation. */
static uint32_t drain(struct live *live, uint32_t first)
{
	struct mk_log_record records[RECORDS];
	int64_t count =
		mk_engine_drain_log(live->engine, records, RECORDS, LIVE_TIMEOUT_NS);

	assert_in_range(count, 0, RECORDS);
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(records[i].format, first + i);
		assert_int_equal(records[i].args[0], ~(first + i));
		assert_int_equal(records[i].args[1], litmus_word(first + i, 0));
	}
	return (uint32_t)count;
}

static void test_log_generation_begins_empty(void **state)
{
	struct live *live = *state;
	static struct litmus_thread watcher;
	struct litmus_trial trial;
	struct mk_producer *producer;
	struct mk_counters counters;
	uint32_t printed = 0, drained = 0, drains = 0;

	live_create(live, &(struct mk_geometry){ .slots = 64, .log_records = RECORDS });
	live_start(live, &(struct mk_engine_options){ .dispatch_steps = 2048 });
	producer = live_producer(live, 0, 0);
	litmus_start(&watcher, live, 0, watch_log);
	trial = litmus_begin();
	while (litmus_goes_on(&trial)) {
		for (uint32_t i = 0; i < 1 + trial.rounds % PRINTED; i++)
			print_numbered(producer, printed++);
		drained += drain(live, drained);
		drains++;
		assert_int_equal(drained, printed);
	}
	litmus_join(&watcher);
	/* The last drain's generation begins with the next dispatch. */
	assert_true(litmus_rests(live));
	mk_context_counters(live->context, &counters);
	assert_int_equal(counters.log_dropped, 0);
	assert_int_equal(counters.log_generation, drains);
	litmus_end(&trial, "debug log");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LITMUS_TEST(test_publish_wakes_who_parks),
		LITMUS_TEST(test_window_has_one_owner),
		LITMUS_TEST(test_masked_tenant_is_left_alone),
		LITMUS_TEST(test_counters_ascend_and_end_exact),
		LITMUS_TEST(test_log_generation_begins_empty),
	};

	return live_main(tests);
}

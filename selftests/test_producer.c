// SPDX-License-Identifier: MIT
/* What a producer promises: publish, wait, faults, and what it refuses. */
#include "live.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = MK_WINDOW_SLOTS_DEFAULT, OBSERVABLES = 256, BATCHES = 200 };

static const struct mk_geometry small_ring = {
	.slots = 4 * WINDOW,
	.observable_words = OBSERVABLES,
	.tenants = 2,
};

static struct live *start_small_ring(void **state)
{
	struct live *live = *state;

	live_create(live, &small_ring);
	live_start(live, NULL);
	return live;
}

static struct mk_counters counters_of(const struct live *live)
{
	struct mk_counters counters;

	mk_context_counters(live->context, &counters);
	return counters;
}

/* Counts trail what they count by a moment; a parked engine has told all. */
static uint64_t slots_done_at_rest(struct live *live)
{
	assert_true(live_reaches_state(live, MK_ENGINE_PARKED));
	return counters_of(live).slots_done;
}

/* Publishing and waiting ----------------------------------------------------- */

static void test_completes_one(void **state)
{
	struct live *live = start_small_ring(state);
	struct mk_producer *producer = live_producer(live, 0, 0);

	live_ok(live_run(producer, &LIVE_NOP));
	live_ok(live_run(producer, &LIVE_ITEM(MK_OP_STORE_U32, 7, LIVE_OBSERVABLE(3))));
	assert_int_equal(live_observable(live, 3), 7);
	live_ok(live_run(producer, &LIVE_ITEM(MK_OP_ATOMIC_ADD, 5, LIVE_OBSERVABLE(3))));
	assert_int_equal(live_observable(live, 3), 12);
	live_ok(live_run(producer,
			 &LIVE_ITEM(MK_OP_COMPARE_SWAP, LIVE_OBSERVABLE(3), 12, 99)));
	assert_int_equal(live_observable(live, 3), 99);
	/* What was there before goes where the format says: behind, by word number. */
	assert_int_equal(live_observable(live, LIVE_OBSERVABLE(3)), 12);
}

static void test_completes_packed(void **state)
{
	struct live *live = start_small_ring(state);
	struct mk_producer *producer = live_producer(live, 0, 0);
	const struct mk_item operations[] = {
		LIVE_ITEM(MK_OP_ATOMIC_ADD, 3, LIVE_OBSERVABLE(1)),
		LIVE_NOP,
		LIVE_ITEM(MK_OP_ATOMIC_ADD, 4, LIVE_OBSERVABLE(2)),
	};
	struct mk_ticket ticket;

	live_ok(mk_producer_publish_packed(producer, operations, 3, LIVE_TIMEOUT_NS,
					   &ticket));
	live_ok(mk_producer_wait(producer, &ticket, LIVE_TIMEOUT_NS));
	assert_int_equal(live_observable(live, 1), 3);
	assert_int_equal(live_observable(live, 2), 4);
}

static void test_context_waits_too(void **state)
{
	struct live *live = start_small_ring(state);
	struct mk_producer *producer = live_producer(live, 0, 0);
	struct mk_ticket ticket;

	live_ok(mk_producer_publish(producer, &LIVE_NOP, LIVE_TIMEOUT_NS, &ticket));
	live_ok(mk_context_wait(live->context, &ticket, LIVE_TIMEOUT_NS));
}

static void test_completes_after_close(void **state)
{
	struct live *live = *state;
	struct mk_ticket ticket;

	live_create(live, &small_ring);
	live_ok(mk_producer_publish(live_producer(live, 0, 0),
				    &LIVE_ITEM(MK_OP_ATOMIC_ADD, 1, LIVE_OBSERVABLE(0)),
				    0, &ticket));
	live_close_producers(live);
	live_start(live, NULL);
	live_ok(mk_context_wait(live->context, &ticket, LIVE_TIMEOUT_NS));
	assert_int_equal(live_observable(live, 0), 1);
}

static void test_looks_without_waiting(void **state)
{
	struct live *live = *state;
	struct mk_producer *producer;
	struct mk_ticket ticket;
	uint64_t begin;

	live_create(live, &small_ring);
	producer = live_producer(live, 0, 0);
	live_ok(mk_producer_publish(producer, &LIVE_NOP, 0, &ticket));
	live_expect(-EAGAIN, mk_producer_wait(producer, &ticket, 0));
	begin = live_now_ns();
	live_expect(-ETIMEDOUT, mk_producer_wait(producer, &ticket, LIVE_GLANCE_NS));
	assert_true(live_now_ns() - begin >= LIVE_GLANCE_NS);
}

/* A ticket of an earlier use must not pass for the use that followed. */
static void test_tells_stale_tickets(void **state)
{
	enum { TRIES = 100000 };
	struct live *live = start_small_ring(state);
	struct mk_producer *producer = live_producer(live, 0, 0);
	struct mk_ticket first, again = { .slot = UINT32_MAX };

	live_ok(mk_producer_publish(producer, &LIVE_NOP, LIVE_TIMEOUT_NS, &first));
	live_ok(mk_producer_wait(producer, &first, LIVE_TIMEOUT_NS));
	for (int i = 0; i < TRIES && again.slot != first.slot; i++) {
		live_ok(mk_producer_publish(producer, &LIVE_NOP, LIVE_TIMEOUT_NS,
					    &again));
		live_ok(mk_producer_wait(producer, &again, LIVE_TIMEOUT_NS));
	}
	assert_int_equal(again.slot, first.slot);
	live_expect(-ESTALE, mk_producer_wait(producer, &first, LIVE_TIMEOUT_NS));
	live_expect(-ESTALE, mk_context_wait(live->context, &first, 0));
	live_ok(mk_producer_wait(producer, &again, 0));
}

static void test_refuses_foreign_tickets(void **state)
{
	struct live *live = *state;
	const struct mk_ticket beyond = { .slot = 4 * WINDOW, .count = 1 };
	const struct mk_ticket wild = { .slot = UINT32_MAX, .count = 1 };

	live_create(live, &small_ring);
	live_expect(-EINVAL, mk_context_wait(live->context, &beyond, 0));
	live_expect(-EINVAL, mk_producer_wait(live_producer(live, 0, 0), &wild, 0));
}

/* A full ring ------------------------------------------------------------------ */

static void test_full_ring_blocks_or_says_so(void **state)
{
	enum { SLOTS = 2 * WINDOW };
	struct live *live = *state;
	struct mk_ticket tickets[SLOTS];
	struct mk_producer *producer;
	uint64_t begin;

	live_create(live, &(struct mk_geometry){ .slots = SLOTS });
	producer = live_producer(live, 0, 2);
	for (int i = 0; i < SLOTS; i++)
		live_ok(mk_producer_publish(producer, &LIVE_NOP, 0, &tickets[i]));

	live_expect(-EAGAIN, mk_producer_publish(producer, &LIVE_NOP, 0, NULL));
	begin = live_now_ns();
	live_expect(-ETIMEDOUT,
		    mk_producer_publish(producer, &LIVE_NOP, LIVE_GLANCE_NS, NULL));
	assert_true(live_now_ns() - begin >= LIVE_GLANCE_NS);

	live_start(live, NULL);
	for (int i = 0; i < SLOTS; i++)
		live_ok(mk_producer_wait(producer, &tickets[i], LIVE_TIMEOUT_NS));
	live_ok(live_run(producer, &LIVE_NOP));
	assert_int_equal(slots_done_at_rest(live), SLOTS + 1);
}

static void test_waits_for_a_free_slot(void **state)
{
	enum { SLOTS = WINDOW, PUBLISHES = 50 * WINDOW };
	struct live *live = *state;
	struct mk_producer *producer;
	struct mk_ticket last;

	live_create(live, &(struct mk_geometry){ .slots = SLOTS, .observable_words = 1 });
	producer = live_producer(live, 0, 0);
	live_start(live, NULL);
	for (int i = 0; i < PUBLISHES; i++)
		live_ok(mk_producer_publish(
			producer, &LIVE_ITEM(MK_OP_ATOMIC_ADD, 1, LIVE_OBSERVABLE(0)),
			LIVE_TIMEOUT_NS, NULL));
	/* All of this window's slots once more: then every one before has ended. */
	for (int i = 0; i < SLOTS; i++) {
		live_ok(mk_producer_publish(producer, &LIVE_NOP, LIVE_TIMEOUT_NS, &last));
		live_ok(mk_producer_wait(producer, &last, LIVE_TIMEOUT_NS));
	}
	assert_int_equal(live_observable(live, 0), PUBLISHES);
}

static void test_publishes_as_many_as_fit(void **state)
{
	enum { SLOTS = 2 * WINDOW, EXTRA = 10 };
	static const struct mk_item nops[SLOTS + EXTRA];
	struct live *live = *state;
	struct mk_ticket tickets[SLOTS + EXTRA];
	struct mk_producer *producer;

	live_create(live, &(struct mk_geometry){ .slots = SLOTS });
	producer = live_producer(live, 0, 2);
	live_expect(SLOTS,
		    mk_producer_publish_many(producer, nops, SLOTS + EXTRA, 0, tickets));
	live_expect(-EAGAIN, mk_producer_publish_many(producer, nops, EXTRA, 0, NULL));
	live_expect(-ETIMEDOUT, mk_producer_publish_many(producer, nops, EXTRA,
							 LIVE_GLANCE_NS, NULL));
	live_start(live, NULL);
	for (int i = 0; i < SLOTS; i++)
		live_ok(mk_producer_wait(producer, &tickets[i], LIVE_TIMEOUT_NS));
	live_expect(EXTRA, mk_producer_publish_many(producer, nops, EXTRA,
						    LIVE_TIMEOUT_NS, tickets));
	for (int i = 0; i < EXTRA; i++)
		live_ok(mk_producer_wait(producer, &tickets[i], LIVE_TIMEOUT_NS));
}

static void test_holds_to_max_windows(void **state)
{
	static const struct mk_item nops[4 * WINDOW];
	struct live *live = *state;
	struct mk_producer *one, *half, *rest;

	live_create(live, &small_ring);
	one = live_producer(live, 0, 1);
	half = live_producer(live, 0, 0);
	rest = live_producer(live, 0, 4);
	live_expect(WINDOW, mk_producer_publish_many(one, nops, 4 * WINDOW, 0, NULL));
	live_expect(2 * WINDOW,
		    mk_producer_publish_many(half, nops, 4 * WINDOW, 0, NULL));
	live_expect(WINDOW, mk_producer_publish_many(rest, nops, 4 * WINDOW, 0, NULL));
}

/* Batches ------------------------------------------------------------------------ */

static void test_batch_ends_with_its_fence(void **state)
{
	enum { COUNT = 5, TAG = 0xfe };
	struct live *live = start_small_ring(state);
	struct mk_producer *producer = live_producer(live, 0, 0);
	const struct mk_item add_two = LIVE_ITEM(MK_OP_ATOMIC_ADD, 2, LIVE_OBSERVABLE(1));
	struct mk_ticket fence, tickets[COUNT];
	struct mk_item items[COUNT];

	for (int i = 0; i < COUNT; i++)
		items[i] = add_two;
	live_ok(mk_producer_publish_batch(producer, items, COUNT, TAG, LIVE_TIMEOUT_NS,
					  &fence, tickets));
	live_ok(mk_producer_wait(producer, &fence, LIVE_TIMEOUT_NS));
	assert_int_equal(live_observable(live, 0), TAG);
	assert_int_equal(live_observable(live, 1), 2 * COUNT);
	assert_int_equal(counters_of(live).epoch, 1);
	for (int i = 0; i < COUNT; i++)
		live_ok(mk_producer_wait(producer, &tickets[i], 0));
}

static void test_batch_fills_a_window_at_most(void **state)
{
	static const struct mk_item nops[WINDOW];
	struct live *live = start_small_ring(state);
	struct mk_producer *producer = live_producer(live, 0, 0);
	struct mk_ticket fence;

	live_expect(-EMSGSIZE, mk_producer_publish_batch(producer, nops, WINDOW, 1,
							 LIVE_TIMEOUT_NS, &fence, NULL));
	live_ok(mk_producer_publish_batch(producer, nops, WINDOW - 1, 1, LIVE_TIMEOUT_NS,
					  &fence, NULL));
	live_ok(mk_producer_wait(producer, &fence, LIVE_TIMEOUT_NS));
}

static void test_batch_is_all_or_nothing(void **state)
{
	static const struct mk_item nops[WINDOW];
	struct live *live = *state;
	struct mk_producer *producer;
	struct mk_ticket fence;

	live_create(live,
		    &(struct mk_geometry){ .slots = WINDOW, .observable_words = 1 });
	producer = live_producer(live, 0, 0);
	live_expect(WINDOW - 4,
		    mk_producer_publish_many(producer, nops, WINDOW - 4, 0, NULL));
	live_expect(-EAGAIN,
		    mk_producer_publish_batch(producer, nops, 4, 1, 0, &fence, NULL));
	live_ok(mk_producer_publish_batch(producer, nops, 3, 2, 0, &fence, NULL));
	live_expect(-EAGAIN, mk_producer_publish(producer, &LIVE_NOP, 0, NULL));
	live_start(live, NULL);
	live_ok(mk_producer_wait(producer, &fence, LIVE_TIMEOUT_NS));
	assert_int_equal(live_observable(live, 0), 2);
}

static bool all_fences_passed(void *live)
{
	return counters_of(live).epoch == BATCHES;
}

static void test_batch_in_a_used_window(void **state)
{
	static const struct mk_item nops[WINDOW / 3];
	struct live *live = start_small_ring(state);
	struct mk_producer *producer = live_producer(live, 0, 1);
	struct mk_ticket fence;

	/* Singles between batches: runs must be found wherever they are. */
	for (uint32_t tag = 1; tag <= BATCHES; tag++) {
		live_ok(mk_producer_publish(producer, &LIVE_NOP, LIVE_TIMEOUT_NS, NULL));
		live_ok(mk_producer_publish_batch(producer, nops, WINDOW / 3, tag,
						  LIVE_TIMEOUT_NS, &fence, NULL));
	}
	/* Batches are in no order among each other. */
	assert_true(live_eventually(all_fences_passed, live));
}

/* Faults ----------------------------------------------------------------------- */

static void test_returns_faults(void **state)
{
	const struct {
		int fault;
		struct mk_item item;
	} cases[] = {
		{ MK_FAULT_OPCODE, LIVE_ITEM(0x100) },
		{ MK_FAULT_OPCODE, LIVE_ITEM(0x7fffffff) },
		{ MK_FAULT_RANGE,
		  LIVE_ITEM(MK_OP_STORE_U32, 1, LIVE_OBSERVABLE(OBSERVABLES)) },
		{ MK_FAULT_RANGE, LIVE_ITEM(MK_OP_STORE_U32, 1, MK_CONTROL_SHUTDOWN) },
		{ MK_FAULT_RANGE,
		  LIVE_ITEM(MK_OP_ATOMIC_ADD, 1, MK_CONTROL_TENANT_MASKS) },
		{ MK_FAULT_RANGE, LIVE_ITEM(MK_OP_LOAD_U32, 0xffffffff, 0) },
		{ MK_FAULT_RANGE, LIVE_ITEM(MK_OP_MEMCPY, LIVE_OBSERVABLE(0),
					    LIVE_OBSERVABLE(1), OBSERVABLES) },
		{ MK_FAULT_RANGE, LIVE_ITEM(MK_OP_MEMCPY, LIVE_OBSERVABLE(0),
					    LIVE_OBSERVABLE(1), 0xffffffff) },
		{ MK_FAULT_PACKED, LIVE_ITEM(MK_OP_PACKED_SLOT, 0xffff) },
		{ MK_FAULT_PERMISSION, LIVE_ITEM(MK_OP_SHUTDOWN) },
		{ MK_FAULT_FENCE, LIVE_ITEM(MK_OP_BATCH_FENCE, 0xffffffff, 1) },
	};
	enum { COUNT = sizeof(cases) / sizeof(cases[0]) };
	struct live *live = start_small_ring(state);
	struct mk_producer *producer = live_producer(live, 0, 0);

	for (int i = 0; i < COUNT; i++) {
		live_expect(cases[i].fault, live_run(producer, &cases[i].item));
		/* A slot whose fault was reported serves again. */
		live_ok(live_run(producer, &LIVE_NOP));
	}
	assert_int_equal(counters_of(live).faults, COUNT);
	assert_int_equal(slots_done_at_rest(live), COUNT);
	assert_int_equal(counters_of(live).epoch, 0);
}

static void test_faults_unknown_tenants(void **state)
{
	struct live *live = start_small_ring(state);

	live_expect(MK_FAULT_TENANT,
		    live_run(live_producer(live, MK_TENANT_COUNT, 0), &LIVE_NOP));
	live_expect(MK_FAULT_TENANT,
		    live_run(live_producer(live, UINT32_MAX, 0), &LIVE_NOP));
}

static void test_fault_leaves_packed_predecessors(void **state)
{
	struct live *live = start_small_ring(state);
	struct mk_producer *producer = live_producer(live, 0, 0);
	const struct mk_item operations[] = {
		LIVE_ITEM(MK_OP_ATOMIC_ADD, 3, LIVE_OBSERVABLE(1)),
		LIVE_ITEM(MK_OP_STORE_U32, 1, 5),
		LIVE_ITEM(MK_OP_ATOMIC_ADD, 4, LIVE_OBSERVABLE(2)),
	};
	struct mk_ticket ticket;

	live_ok(mk_producer_publish_packed(producer, operations, 3, LIVE_TIMEOUT_NS,
					   &ticket));
	live_expect(MK_FAULT_RANGE, mk_producer_wait(producer, &ticket, LIVE_TIMEOUT_NS));
	assert_int_equal(live_observable(live, 1), 3);
	assert_int_equal(live_observable(live, 2), 0);
}

static void test_shutdown_opcode_where_allowed(void **state)
{
	struct live *live = *state;

	live_create(live, &(struct mk_geometry){ .flags = MK_CONTEXT_ALLOW_SHUTDOWN });
	live_start(live, NULL);
	live_ok(live_run(live_producer(live, 0, 0), &LIVE_ITEM(MK_OP_SHUTDOWN)));
	assert_true(live_reaches_state(live, MK_ENGINE_STOPPED));
	live_stop(live);
	live_expect(-ESHUTDOWN, live_try_start(live->context, NULL, &live->engine));
}

/* Tenants ---------------------------------------------------------------------- */

static void test_masked_tenant_blocks_nobody_else(void **state)
{
	enum { OTHERS = 1000 };
	static const struct mk_item nops[4 * WINDOW];
	struct live *live = start_small_ring(state);
	struct mk_producer *masked = live_producer(live, 1, 0);
	struct mk_producer *other = live_producer(live, 0, 0);
	struct mk_ticket tickets[2 * WINDOW];

	live_ok(mk_context_set_tenant(live->context, 1, 0));
	live_expect(2 * WINDOW,
		    mk_producer_publish_many(masked, nops, 4 * WINDOW, 0, tickets));
	for (int i = 0; i < OTHERS; i++)
		live_ok(live_run(other,
				 &LIVE_ITEM(MK_OP_ATOMIC_ADD, 1, LIVE_OBSERVABLE(0))));
	assert_int_equal(live_observable(live, 0), OTHERS);
	live_expect(-EAGAIN, mk_producer_wait(masked, &tickets[0], 0));
	live_expect(-ETIMEDOUT,
		    mk_producer_wait(masked, &tickets[2 * WINDOW - 1], LIVE_GLANCE_NS));

	live_ok(mk_context_set_tenant(live->context, 1, MK_TENANT_MASK_ALL));
	for (int i = 0; i < 2 * WINDOW; i++)
		live_ok(mk_producer_wait(masked, &tickets[i], LIVE_TIMEOUT_NS));
}

static void test_fence_waits_for_masked_items(void **state)
{
	static const struct mk_item nops[3];
	struct live *live = start_small_ring(state);
	struct mk_producer *masked = live_producer(live, 1, 0);
	struct mk_ticket fence;

	live_ok(mk_context_set_tenant(live->context, 1, 0));
	live_ok(mk_producer_publish_batch(masked, nops, 3, 9, 0, &fence, NULL));
	live_ok(live_run(live_producer(live, 0, 0), &LIVE_NOP));
	live_expect(-ETIMEDOUT, mk_producer_wait(masked, &fence, LIVE_GLANCE_NS));
	assert_int_equal(counters_of(live).epoch, 0);
	live_ok(mk_context_set_tenant(live->context, 1, 1));
	live_ok(mk_producer_wait(masked, &fence, LIVE_TIMEOUT_NS));
	assert_int_equal(live_observable(live, 0), 9);
}

static void test_tenants_are_checked(void **state)
{
	struct live *live = *state;

	live_create(live, &small_ring);
	live_ok(mk_context_set_tenant(live->context, MK_TENANT_COUNT - 1, 1));
	live_expect(-ERANGE, mk_context_set_tenant(live->context, MK_TENANT_COUNT, 1));
}

/* What is refused ---------------------------------------------------------------- */

static void test_refuses_invalid_items(void **state)
{
	static const uint32_t args[MK_SLOT_ARG_COUNT + 1];
	const struct mk_item cases[] = {
		{ .opcode = MK_OP_SYSTEM_FIRST + 5 },
		{ .opcode = MK_OP_RESERVED_BIT },
		{ .opcode = MK_OP_SHUTDOWN - 1 },
		{ .opcode = MK_OP_NOP, .arg_count = MK_SLOT_ARG_COUNT + 1, .args = args },
		{ .opcode = MK_OP_NOP, .arg_count = 1, .args = NULL },
	};
	const struct mk_item nop = { .opcode = MK_OP_NOP };
	struct live *live = start_small_ring(state);
	struct mk_producer *producer = live_producer(live, 0, 0);
	struct mk_ticket fence;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct mk_item three[] = { nop, cases[i], nop };

		live_expect(-EINVAL, mk_producer_publish(producer, &cases[i], 0, NULL));
		live_expect(-EINVAL,
			    mk_producer_publish_many(producer, three, 3, 0, NULL));
		live_expect(-EINVAL, mk_producer_publish_batch(producer, three, 3, 1, 0,
							       &fence, NULL));
		live_expect(-EINVAL,
			    mk_producer_publish_packed(producer, three, 3, 0, NULL));
	}
	/* None of it was published. */
	live_ok(live_run(producer, &nop));
	assert_int_equal(slots_done_at_rest(live), 1);
	assert_int_equal(counters_of(live).faults, 0);
}

static void test_refuses_invalid_options(void **state)
{
	struct live *live = *state;
	struct {
		struct mk_producer_options options;
		uint64_t tail;
	} newer = { .options.size = sizeof(newer) };
	const struct mk_producer_options unsized = { 0 };
	struct mk_producer *producer;

	live_create(live, &small_ring);
	live_expect(-EINVAL, mk_producer_open(live->context, &unsized, &producer));
	live_ok(mk_producer_open(live->context, &newer.options, &producer));
	mk_producer_close(producer);
	newer.tail = 1;
	live_expect(-E2BIG, mk_producer_open(live->context, &newer.options, &producer));
}

static size_t count_open_files(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(directory);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static void test_leaks_no_descriptors(void **state)
{
	enum { ROUNDS = 500 };
	struct live *live = *state;
	size_t before = count_open_files();
	size_t with_context;

	live_create(live, &small_ring);
	with_context = count_open_files();
	for (int i = 0; i < ROUNDS; i++) {
		struct mk_producer *producer;

		live_ok(mk_producer_open(live->context, NULL, &producer));
		(void)mk_producer_publish(producer, &LIVE_NOP, 0, NULL);
		mk_producer_close(producer);
	}
	assert_int_equal(count_open_files(), with_context);
	mk_context_close(live->context);
	live->context = NULL;
	assert_int_equal(count_open_files(), before);
	mk_producer_close(NULL);
	mk_context_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIVE_TEST(test_completes_one),
		LIVE_TEST(test_completes_packed),
		LIVE_TEST(test_context_waits_too),
		LIVE_TEST(test_completes_after_close),
		LIVE_TEST(test_looks_without_waiting),
		LIVE_TEST(test_tells_stale_tickets),
		LIVE_TEST(test_refuses_foreign_tickets),
		LIVE_TEST(test_full_ring_blocks_or_says_so),
		LIVE_TEST(test_waits_for_a_free_slot),
		LIVE_TEST(test_publishes_as_many_as_fit),
		LIVE_TEST(test_holds_to_max_windows),
		LIVE_TEST(test_batch_ends_with_its_fence),
		LIVE_TEST(test_batch_fills_a_window_at_most),
		LIVE_TEST(test_batch_is_all_or_nothing),
		LIVE_TEST(test_batch_in_a_used_window),
		LIVE_TEST(test_returns_faults),
		LIVE_TEST(test_faults_unknown_tenants),
		LIVE_TEST(test_fault_leaves_packed_predecessors),
		LIVE_TEST(test_shutdown_opcode_where_allowed),
		LIVE_TEST(test_masked_tenant_blocks_nobody_else),
		LIVE_TEST(test_fence_waits_for_masked_items),
		LIVE_TEST(test_tenants_are_checked),
		LIVE_TEST(test_refuses_invalid_items),
		LIVE_TEST(test_refuses_invalid_options),
		LIVE_TEST(test_leaks_no_descriptors),
	};

	return live_main(tests);
}

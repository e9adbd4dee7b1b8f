// SPDX-License-Identifier: MIT
/*
 * The device's side of the io queue: slots that ask and wait, and ingests.  The test is
 * the host here: it claims and answers requests with stores of its own, in the order that
 * Documentation/abi.rst states.
 */
#include "io_host.h"

#include <errno.h>
#include <string.h>

#include "io_opcode.h"

/* The handlers ----------------------------------------------------------------- */

#include <mk/handler_glsl.h>

#include "io_opcode.glsl"

#undef call
#undef uint

#define OP_CHASE     0x20u
#define OP_SAVE	     0x21u
#define OP_FICKLE    0x22u
#define TAG_FAULTS   0xfa17u
#define TAG_ASKS     0xa5cu
#define TAG_REQUEUES 0xa9a1u
#define TAG_PLAIN    1u

/* As test_engine.c: an engine that sleeps looks at everything after this time. */
#define PARK_LOOK_NS (100 * LIVE_NS_PER_MS)

static const struct mk_handler_entry handlers[] = {
	{ OP_CHASE, chase },
	{ OP_SAVE, save },
	{ OP_FICKLE, fickle },
};

/* NULL: the library's own kernel. */
static void start_with(struct live *live, uint32_t park_after_us)
{
	const struct mk_engine_options options = {
		.spirv = io_spirv,
		.spirv_bytes = sizeof(io_spirv),
		.handlers = handlers,
		.handler_count = sizeof(handlers) / sizeof(handlers[0]),
		.ingest = add_up,
		.park_after_us = park_after_us,
	};

	live_start(live, &options);
}

/* Built-in operations ------------------------------------------------------------- */

static void expect_request(const struct io_request *request, uint32_t op, uint32_t source,
			   uint32_t destination, uint32_t low, uint32_t high,
			   uint32_t bytes, uint32_t tag)
{
	assert_int_equal(request->words[MK_IO_OP], op);
	assert_int_equal(request->words[MK_IO_SOURCE], source);
	assert_int_equal(request->words[MK_IO_DESTINATION], destination);
	assert_int_equal(request->words[MK_IO_OFFSET_LOW], low);
	assert_int_equal(request->words[MK_IO_OFFSET_HIGH], high);
	assert_int_equal(request->words[MK_IO_BYTE_COUNT], bytes);
	assert_int_equal(request->words[MK_IO_TAG], tag);
}

static const struct mk_geometry with_arena = {
	.slots = 1024,
	.io_slots = 16,
	.io_request_slots = 8,
	.observable_words = 64,
	.tenants = 2,
	.arena_bytes = 65536 * sizeof(uint32_t),
};

/* Publish one, claim its request, answer it, and wait for it. */
static int run_answered(struct live *live, struct mk_producer *producer,
			const struct mk_item *item, uint32_t status, uint32_t reason,
			struct io_request *request)
{
	struct mk_ticket ticket;
	uint32_t slot;

	live_ok(mk_producer_publish(producer, item, 0, &ticket));
	slot = io_claim(live, request);
	live_expect(-EAGAIN, mk_producer_wait(producer, &ticket, 0));
	io_answer(live, slot, status, reason);
	return mk_producer_wait(producer, &ticket, LIVE_TIMEOUT_NS);
}

static void test_requests_have_their_words(void **state)
{
	struct live *live = *state;
	struct mk_producer *producer;
	struct io_request request;

	live_create(live, &with_arena);
	live_start(live, NULL);
	producer = live_producer(live, 0, 0);
	live_ok(run_answered(live, producer, &LIVE_ITEM(MK_OP_IO_READ, 1, 2, 3, 4, 5, 6),
			     MK_IO_STATUS_OK, 0, &request));
	expect_request(&request, MK_IO_OP_READ, 1, 2, 3, 4, 5, 6);
	live_ok(run_answered(live, producer,
			     &LIVE_ITEM(MK_OP_IO_WRITE, 11, 12, 13, 14, 15, 16),
			     MK_IO_STATUS_OK, 0, &request));
	expect_request(&request, MK_IO_OP_WRITE, 11, 12, 13, 14, 15, 16);
	live_ok(run_answered(live, producer,
			     &LIVE_ITEM(MK_OP_IO_FENCE, 21, 22, 23, 24, 0, 26),
			     MK_IO_STATUS_OK, 0, &request));
	expect_request(&request, MK_IO_OP_FENCE, 21, 22, 0, 0, 0, 26);
	live_ok(run_answered(live, producer, &LIVE_ITEM(MK_OP_LOAD_MISS, 31, 1),
			     MK_IO_STATUS_OK, 0, &request));
	expect_request(&request, MK_IO_OP_READ, 31, 31, 0, 0, 0, 31);
	io_expect_count(live, MK_CQ_IO_REQUESTS, 4);
	live_stop(live);
	io_expect_count(live, MK_CQ_IO_REQUESTS, 4);
	io_expect_all_empty(live);
}

static void test_error_is_a_fault(void **state)
{
	struct live *live = *state;
	struct mk_log_record records[MK_LOG_RECORD_CAPACITY_DEFAULT];
	struct mk_producer *producer;
	struct mk_counters counters;
	struct io_request request;

	live_create(live, &with_arena);
	live_start(live, NULL);
	producer = live_producer(live, 0, 0);
	live_expect(MK_FAULT_IO,
		    run_answered(live, producer, &LIVE_ITEM(MK_OP_IO_WRITE, 1, 2),
				 MK_IO_STATUS_ERROR, MK_IO_REASON_RANGE, &request));
	live_expect(MK_FAULT_FENCE,
		    live_run(producer, &LIVE_ITEM(MK_OP_IO_FENCE, 1, 2, 0, 0, 1024, 9)));
	/* Faults are known before their completions. */
	mk_context_counters(live->context, &counters);
	assert_int_equal(counters.faults, 2);
	live_expect(2,
		    mk_engine_drain_log(live->engine, records,
					MK_LOG_RECORD_CAPACITY_DEFAULT, LIVE_TIMEOUT_NS));
	assert_int_equal(records[0].format, MK_LOG_FORMAT_FAULT);
	assert_int_equal(records[0].args[0], MK_FAULT_IO);
	assert_int_equal(records[0].args[1], MK_OP_IO_WRITE);
	assert_int_equal(records[0].args[2] % MK_SLOT_WORDS, 0);
	assert_int_equal(records[1].args[0], MK_FAULT_FENCE);
	assert_int_equal(records[1].args[1], MK_OP_IO_FENCE);
}

static uint32_t value_of(uint32_t index)
{
	return index * 2654435761u + 1;
}

/*
 * Each read has its own number for an offset.  The test "reads" a word for each, in
 * whatever order they come.
 */
static void read_many(struct live *live, struct mk_producer *producer, uint32_t count)
{
	enum { LIMIT = 512 };
	_Atomic uint32_t *arena = mk_context_arena(live->context);
	uint32_t args[LIMIT][6], seen[LIMIT] = { 0 }, next = 0;
	struct mk_ticket tickets[LIMIT];
	struct mk_item items[LIMIT];
	struct io_request request;

	assert_true(count <= LIMIT);
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t words[] = { 1, 2, i, 0, 4, i };

		for (uint32_t word = 0; word < 6; word++)
			args[i][word] = words[word];
		items[i] = (struct mk_item){ MK_OP_IO_READ, 6, args[i] };
	}
	live_expect((int64_t)count, mk_producer_publish_many(producer, items, count,
							     LIVE_TIMEOUT_NS, tickets));
	for (uint32_t i = 0; i < count; i++) {
		uint64_t begin = live_now_ns();
		uint32_t slot, index;

		while (!io_try_claim(live, next, &slot, &request))
			assert_true(live_now_ns() - begin < LIVE_TIMEOUT_NS);
		index = request.words[MK_IO_OFFSET_LOW];
		assert_true(index < count);
		expect_request(&request, MK_IO_OP_READ, 1, 2, index, 0, 4, index);
		assert_int_equal(seen[index]++, 0);
		atomic_store_explicit(&arena[index], value_of(index),
				      memory_order_relaxed);
		io_answer(live, slot, MK_IO_STATUS_OK, 0);
		next = slot + 1;
	}
	for (uint32_t i = 0; i < count; i++) {
		live_ok(mk_producer_wait(producer, &tickets[i], LIVE_TIMEOUT_NS));
		assert_int_equal(arena[i], value_of(i));
	}
}

/* Those that find no request slot free have their turn later, each once. */
static void test_more_waiters_than_request_slots(void **state)
{
	enum { READS = 512 };
	struct live *live = *state;
	struct mk_geometry full = with_arena;

	/* The whole ring waits, most of it for its turn to ask. */
	full.slots = READS;
	live_create(live, &full);
	live_start(live, NULL);
	read_many(live, live_producer(live, 0, READS / MK_WINDOW_SLOTS_DEFAULT), READS);
	io_expect_count(live, MK_CQ_IO_REQUESTS, READS);
	live_stop(live);
	io_expect_all_empty(live);
}

/* As few slots as one look takes in: those that want to ask are found by every one. */
static void test_more_waiters_in_one_look(void **state)
{
	enum { READS = 8, REQUESTS = 2, ROUNDS = 50, TRIES = 20 };
	struct live *live = *state;
	struct mk_geometry full = with_arena;
	uint32_t before, dispatches, tries = 0;
	struct mk_engine_info info;
	struct mk_producer *producer;

	full.slots = READS;
	full.io_slots = full.io_request_slots = REQUESTS;
	live_create(live, &full);
	live_start(live, NULL);
	producer = live_producer(live, 0, 1);
	/*
	 * At best, no answer has to wait for the first look of a dispatch.  When others keep
	 * this thread from running, dispatches end because nothing comes.
	 */
	do {
		mk_engine_info(live->engine, &info);
		before = info.dispatches;
		for (int round = 0; round < ROUNDS; round++)
			read_many(live, producer, READS);
		mk_engine_info(live->engine, &info);
		dispatches = info.dispatches - before;
		tries++;
	} while (dispatches >= ROUNDS * (READS - REQUESTS) / 4 && tries < TRIES);
	assert_in_range(dispatches, 0, ROUNDS * (READS - REQUESTS) / 4 - 1);
	io_expect_count(live, MK_CQ_IO_REQUESTS, tries * ROUNDS * READS);
}

/* Also while all request slots are taken and more want one. */
static void test_others_go_on(void **state)
{
	enum { WAITERS = 24, OTHERS = 200 };
	struct live *live = *state;
	struct mk_ticket tickets[WAITERS];
	struct mk_producer *producer, *other;
	struct io_request request;

	live_create(live, &with_arena);
	live_start(live, NULL);
	producer = live_producer(live, 0, 1);
	other = live_producer(live, 0, 1);
	for (int i = 0; i < WAITERS; i++)
		live_ok(mk_producer_publish(producer, &LIVE_ITEM(MK_OP_IO_READ, 1, 2),
					    LIVE_TIMEOUT_NS, &tickets[i]));
	io_expect_count(live, MK_CQ_IO_REQUESTS, io_request_slots(live));
	for (int i = 0; i < OTHERS; i++)
		live_ok(live_run(other,
				 &LIVE_ITEM(MK_OP_ATOMIC_ADD, 1, LIVE_OBSERVABLE(0))));
	/* In the window of those that wait, too. */
	live_ok(live_run(producer, &LIVE_ITEM(MK_OP_ATOMIC_ADD, 1, LIVE_OBSERVABLE(0))));
	assert_int_equal(live_observable(live, 0), OTHERS + 1);
	assert_int_equal(io_cq_word(live, MK_CQ_IO_REQUESTS), io_request_slots(live));
	for (int i = 0; i < WAITERS; i++)
		io_answer(live, io_claim(live, &request), MK_IO_STATUS_OK, 0);
	for (int i = 0; i < WAITERS; i++)
		live_ok(mk_producer_wait(producer, &tickets[i], LIVE_TIMEOUT_NS));
}

static void test_answer_wakes(void **state)
{
	enum { ROUNDS = 20 };
	struct live *live = *state;
	uint64_t fastest = UINT64_MAX;
	struct mk_producer *producer;

	live_create(live, &with_arena);
	live_start(live, &(struct mk_engine_options){ .park_after_us = 1000 });
	producer = live_producer(live, 0, 0);
	for (int i = 0; i < ROUNDS; i++) {
		struct mk_ticket ticket;
		struct io_request request;
		uint64_t begin;
		uint32_t slot;

		live_ok(mk_producer_publish(producer, &LIVE_ITEM(MK_OP_IO_READ, 1, 2), 0,
					    &ticket));
		slot = io_claim(live, &request);
		assert_true(live_reaches_state(live, MK_ENGINE_PARKED));
		live_expect(-EAGAIN, mk_producer_wait(producer, &ticket, 0));
		begin = live_now_ns();
		io_answer(live, slot, MK_IO_STATUS_OK, 0);
		live_ok(mk_producer_wait(producer, &ticket, LIVE_TIMEOUT_NS));
		begin = live_now_ns() - begin;
		fastest = begin < fastest ? begin : fastest;
	}
	print_message("# fastest answer to a parked engine: %u us\n",
		      (unsigned int)(fastest / 1000));
	/* Else it was not woken, but has looked by itself. */
	assert_true(fastest < PARK_LOOK_NS / 2);
}

/* How long it takes from an answer until the slot has ended, when nothing is parked. */
static void test_answer_is_seen_soon(void **state)
{
	enum { ROUNDS = 200 };
	struct live *live = *state;
	uint64_t asked = UINT64_MAX, answered = UINT64_MAX;
	struct mk_producer *producer;

	live_create(live, &with_arena);
	live_start(live, &(struct mk_engine_options){ .park_after_us = 1000000 });
	producer = live_producer(live, 0, 0);
	for (int i = 0; i < ROUNDS; i++) {
		struct mk_ticket ticket;
		struct io_request request;
		uint64_t begin = live_now_ns(), middle;
		uint32_t slot;

		live_ok(mk_producer_publish(producer, &LIVE_ITEM(MK_OP_IO_READ, 1, 2), 0,
					    &ticket));
		slot = io_claim(live, &request);
		middle = live_now_ns();
		io_store_status(live, slot, MK_IO_STATUS_OK);
		live_ok(mk_producer_wait(producer, &ticket, LIVE_TIMEOUT_NS));
		asked = middle - begin < asked ? middle - begin : asked;
		middle = live_now_ns() - middle;
		answered = middle < answered ? middle : answered;
	}
	print_message("# at best %u ns from publish to request, %u ns from answer to "
		      "completion\n",
		      (unsigned int)asked, (unsigned int)answered);
	assert_true(answered < PARK_LOOK_NS);
}

static void test_masked_tenant_waits_on(void **state)
{
	struct live *live = *state;
	struct mk_producer *producer;
	struct mk_ticket ticket;
	struct io_request request;
	uint32_t slot;

	live_create(live, &with_arena);
	live_start(live, &(struct mk_engine_options){ .park_after_us = 1000 });
	producer = live_producer(live, 1, 0);
	live_ok(mk_producer_publish(producer, &LIVE_ITEM(MK_OP_IO_READ, 1, 2), 0,
				    &ticket));
	slot = io_claim(live, &request);
	live_ok(mk_context_set_tenant(live->context, 1, 0));
	io_answer(live, slot, MK_IO_STATUS_OK, 0);
	/* An answer that cannot be used is no reason to stay awake. */
	assert_true(live_reaches_state(live, MK_ENGINE_PARKED));
	live_expect(-EAGAIN, mk_producer_wait(producer, &ticket, 0));
	live_ok(mk_context_set_tenant(live->context, 1, 1));
	live_ok(mk_producer_wait(producer, &ticket, LIVE_TIMEOUT_NS));
}

static void test_io_fence_comes_after_its_items(void **state)
{
	enum { ITEMS = 3 };
	const struct mk_item items[] = {
		LIVE_ITEM(MK_OP_IO_READ, 1, 2, 0),
		LIVE_ITEM(MK_OP_IO_READ, 1, 2, 1),
		LIVE_ITEM(MK_OP_IO_READ, 1, 2, 2),
		LIVE_ITEM(MK_OP_IO_FENCE, 0, 2, 0, 0, ITEMS, 77),
	};
	struct live *live = *state;
	struct mk_ticket tickets[ITEMS + 1];
	struct mk_producer *producer;
	struct io_request request;
	uint32_t slots[ITEMS], fence;

	live_create(live, &with_arena);
	live_start(live, &(struct mk_engine_options){ .park_after_us = 1000 });
	producer = live_producer(live, 0, 0);
	live_expect(ITEMS + 1,
		    mk_producer_publish_many(producer, items, ITEMS + 1, 0, tickets));
	assert_int_equal(tickets[ITEMS].slot, tickets[0].slot + ITEMS);
	for (int i = 0; i < ITEMS; i++) {
		uint32_t slot = io_claim(live, &request);

		/* In which order they come is the workers' business. */
		assert_int_equal(request.words[MK_IO_OP], MK_IO_OP_READ);
		assert_true(request.words[MK_IO_OFFSET_LOW] < ITEMS);
		slots[request.words[MK_IO_OFFSET_LOW]] = slot;
	}
	for (int i = 0; i < ITEMS; i++) {
		/* A fence that waits is no reason to stay awake. */
		assert_true(live_reaches_state(live, MK_ENGINE_PARKED));
		assert_false(io_try_claim(live, 0, &fence, &request));
		io_answer(live, slots[i], i ? MK_IO_STATUS_OK : MK_IO_STATUS_ERROR, 1);
	}
	fence = io_claim(live, &request);
	expect_request(&request, MK_IO_OP_FENCE, 0, 2, 0, 0, 0, 77);
	live_expect(-EAGAIN, mk_producer_wait(producer, &tickets[ITEMS], 0));
	io_answer(live, fence, MK_IO_STATUS_OK, 0);
	for (int i = 0; i <= ITEMS; i++)
		live_expect(i ? 0 : MK_FAULT_IO,
			    mk_producer_wait(producer, &tickets[i], LIVE_TIMEOUT_NS));
}

/* Handlers ------------------------------------------------------------------------ */

/* The file of chase(): each number is where the next one is. */
static uint32_t number_at(uint32_t offset)
{
	return offset * 3 + 5;
}

static void answer_chase(struct live *live)
{
	_Atomic uint32_t *arena = mk_context_arena(live->context);
	struct io_request request;
	uint32_t slot = io_claim(live, &request);

	assert_int_equal(request.words[MK_IO_OP], MK_IO_OP_READ);
	assert_int_equal(request.words[MK_IO_SOURCE], 7);
	assert_int_equal(request.words[MK_IO_BYTE_COUNT], 4);
	atomic_store_explicit(&arena[request.words[MK_IO_DESTINATION]],
			      number_at(request.words[MK_IO_OFFSET_LOW]),
			      memory_order_relaxed);
	io_answer(live, slot, MK_IO_STATUS_OK, 0);
}

static void test_handler_chases(void **state)
{
	enum { CHASERS = 40, READS = 3 };
	struct live *live = *state;
	struct mk_ticket tickets[CHASERS];
	struct mk_producer *producer;
	struct io_request request;

	live_create(live, &with_arena);
	start_with(live, 0);
	producer = live_producer(live, 0, 0);
	for (uint32_t i = 0; i < CHASERS; i++)
		live_ok(mk_producer_publish(producer,
					    &LIVE_ITEM(OP_CHASE, READS, i, i * 16, i), 0,
					    &tickets[i]));
	for (uint32_t i = 0; i < CHASERS * READS; i++)
		answer_chase(live);
	for (uint32_t i = 0; i < CHASERS; i++) {
		live_ok(mk_producer_wait(producer, &tickets[i], LIVE_TIMEOUT_NS));
		assert_int_equal(live_observable(live, i),
				 number_at(number_at(number_at(i))));
	}
	io_expect_count(live, MK_CQ_IO_REQUESTS, CHASERS * READS);
	/* It is the handler's to say what an error means. */
	live_ok(run_answered(live, producer, &LIVE_ITEM(OP_CHASE, READS, 0, 0, 63),
			     MK_IO_STATUS_ERROR, MK_IO_REASON_STALE_HANDLE, &request));
	assert_int_equal(live_observable(live, 63), MK_IO_REASON_STALE_HANDLE);
}

static void test_handler_writes_and_fences(void **state)
{
	struct live *live = *state;
	_Atomic uint32_t *arena;
	struct mk_producer *producer;
	struct mk_ticket ticket;
	struct io_request request;
	uint32_t slot;

	live_create(live, &with_arena);
	arena = mk_context_arena(live->context);
	start_with(live, 0);
	producer = live_producer(live, 0, 0);
	live_ok(mk_producer_publish(producer, &LIVE_ITEM(OP_SAVE, 0, 5, 100), 0,
				    &ticket));
	slot = io_claim(live, &request);
	expect_request(&request, MK_IO_OP_WRITE, 100, 5, 1, 2, 4, ticket.slot);
	assert_int_equal(arena[100], 0x5a5a);
	io_answer(live, slot, MK_IO_STATUS_OK, 0);
	slot = io_claim(live, &request);
	expect_request(&request, MK_IO_OP_FENCE, 100, 5, 0, 0, 0, ticket.slot);
	io_answer(live, slot, MK_IO_STATUS_OK, 0);
	live_ok(mk_producer_wait(producer, &ticket, LIVE_TIMEOUT_NS));
	live_expect(MK_FAULT_HANDLER,
		    run_answered(live, producer, &LIVE_ITEM(OP_SAVE, 0, 5, 100),
				 MK_IO_STATUS_ERROR, 1, &request));
}

/* Inside a packed slot, between operations that must run once. */
static void test_packed_handler_asks(void **state)
{
	enum { READS = 3, ROUNDS = 20 };
	struct live *live = *state;
	struct mk_producer *producer;

	live_create(live, &with_arena);
	start_with(live, 0);
	producer = live_producer(live, 0, 0);
	for (uint32_t i = 1; i <= ROUNDS; i++) {
		const struct mk_item operations[] = {
			LIVE_ITEM(MK_OP_ATOMIC_ADD, 1, LIVE_OBSERVABLE(0)),
			LIVE_ITEM(OP_CHASE, READS, i, 16, 2),
			LIVE_ITEM(MK_OP_ATOMIC_ADD, 1, LIVE_OBSERVABLE(1)),
		};
		struct mk_ticket ticket;

		live_ok(mk_producer_publish_packed(producer, operations, 3, 0, &ticket));
		for (int reads = 0; reads < READS; reads++)
			answer_chase(live);
		live_ok(mk_producer_wait(producer, &ticket, LIVE_TIMEOUT_NS));
		assert_int_equal(live_observable(live, 0), i);
		assert_int_equal(live_observable(live, 1), i);
		assert_int_equal(live_observable(live, 2),
				 number_at(number_at(number_at(i))));
	}
	/* The answer of the first is not told to the second, which asks as well. */
	{
		const struct mk_item operations[] = {
			LIVE_ITEM(OP_CHASE, 1, 1, 16, 3),
			LIVE_ITEM(OP_CHASE, 1, 2, 16, 4),
		};
		struct mk_ticket ticket;

		live_ok(mk_producer_publish_packed(producer, operations, 2, 0, &ticket));
		answer_chase(live);
		answer_chase(live);
		live_ok(mk_producer_wait(producer, &ticket, LIVE_TIMEOUT_NS));
		assert_int_equal(live_observable(live, 3), number_at(1));
		assert_int_equal(live_observable(live, 4), number_at(2));
	}
}

/* What was asked for and is not waited for was never published, and leaves no trace. */
static void test_handler_that_does_not_wait(void **state)
{
	enum { ROUNDS = 50 };
	struct live *live = *state;
	struct mk_producer *producer;

	live_create(live, &with_arena);
	start_with(live, 0);
	producer = live_producer(live, 0, 0);
	for (int i = 0; i < ROUNDS; i++) {
		live_ok(live_run(producer, &LIVE_ITEM(OP_FICKLE, 1, MK_STATUS_DONE)));
		live_expect(MK_FAULT_HANDLER,
			    live_run(producer,
				     &LIVE_ITEM(OP_FICKLE, 1, MK_STATUS_FAULT)));
		/* It waits for what it has not asked for. */
		live_expect(MK_FAULT_HANDLER,
			    live_run(producer,
				     &LIVE_ITEM(OP_FICKLE, 0, MK_STATUS_WAIT_IO)));
	}
	assert_int_equal(io_cq_word(live, MK_CQ_IO_REQUESTS), 0);
	live_stop(live);
	io_expect_all_empty(live);
}

/* Ingests ------------------------------------------------------------------------- */

static void ingest(struct live *live, uint32_t slot, uint32_t observable, uint32_t first,
		   uint32_t words, uint32_t tag)
{
	const struct io_request ingest = { {
		[MK_IO_OP] = MK_IO_OP_READ,
		[MK_IO_DESTINATION] = observable,
		[MK_IO_OFFSET_LOW] = first,
		[MK_IO_BYTE_COUNT] = words,
		[MK_IO_TAG] = tag,
	} };

	io_ingest(live, slot, &ingest);
}

static void fill_arena(struct live *live)
{
	_Atomic uint32_t *arena = mk_context_arena(live->context);
	uint32_t words = (uint32_t)(with_arena.arena_bytes / sizeof(uint32_t));

	for (uint32_t i = 0; i < words; i++)
		atomic_store_explicit(&arena[i], i, memory_order_relaxed);
}

static uint32_t sum_of(uint32_t first, uint32_t words)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < words; i++)
		sum += first + i;
	return sum;
}

/* Long ones suspend, and nothing of the others is lost. */
static void test_ingests_in_all_slots(void **state)
{
	enum { ROUNDS = 6, WORDS = 6000 };
	struct live *live = *state;
	uint32_t first, ingests = 0, sum = 0;

	live_create(live, &with_arena);
	fill_arena(live);
	start_with(live, 1000);
	first = io_request_slots(live);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		for (uint32_t slot = first; slot < io_slots(live); slot++) {
			uint32_t words = slot % 2 ? WORDS + slot : slot;
			uint32_t tag = slot % 3 ? TAG_PLAIN : TAG_REQUEUES;

			ingest(live, slot, 1, slot * 100, words, tag);
			sum += sum_of(slot * 100, words);
			ingests++;
		}
		io_expect_count(live, MK_CQ_IO_INGESTS, ingests);
		/* It is EMPTY before it is counted. */
		io_expect_all_empty(live);
		assert_int_equal(live_observable(live, 1), sum);
		if (round % 2)
			assert_true(live_reaches_state(live, MK_ENGINE_PARKED));
	}
	assert_int_equal(io_cq_word(live, MK_CQ_FAULTS), 0);
}

/* The device itself says what came first. */
static void test_ring_goes_on_beside_ingests(void **state)
{
	enum { WORDS = 65536 };
	struct live *live = *state;
	struct mk_producer *producer;
	struct mk_ticket ticket;
	uint32_t sum = 0;

	live_create(live, &with_arena);
	fill_arena(live);
	producer = live_producer(live, 0, 0);
	for (uint32_t slot = io_request_slots(live); slot < io_slots(live); slot++) {
		ingest(live, slot, 1, 0, WORDS, TAG_PLAIN);
		sum += sum_of(0, WORDS);
	}
	live_ok(mk_producer_publish(
		producer, &LIVE_ITEM(MK_OP_LOAD_U32, LIVE_OBSERVABLE(1), 2), 0, &ticket));
	start_with(live, 0);
	io_expect_count(live, MK_CQ_IO_INGESTS, io_slots(live) - io_request_slots(live));
	live_ok(mk_producer_wait(producer, &ticket, LIVE_TIMEOUT_NS));
	assert_int_equal(live_observable(live, 1), sum);
	assert_int_equal(live_observable(live, 2), 0);
}

static void test_ingest_is_seen_soon(void **state)
{
	enum { ROUNDS = 200 };
	struct live *live = *state;
	uint64_t best = UINT64_MAX;

	live_create(live, &with_arena);
	fill_arena(live);
	start_with(live, 1000000);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint64_t begin;

		ingest(live, io_slots(live) - 1, 0, 0, 1, TAG_PLAIN);
		begin = live_now_ns();
		while (io_cq_word(live, MK_CQ_IO_INGESTS) != i + 1)
			assert_true(live_now_ns() - begin < LIVE_TIMEOUT_NS);
		begin = live_now_ns() - begin;
		best = begin < best ? begin : best;
	}
	print_message("# at best %u ns from an ingest to its count\n",
		      (unsigned int)best);
	assert_true(best < PARK_LOOK_NS);
}

static void expect_ingest_fault(struct live *live, uint32_t code, uint32_t slot,
				uint32_t tag)
{
	struct mk_log_record records[MK_LOG_RECORD_CAPACITY_DEFAULT];

	live_expect(1,
		    mk_engine_drain_log(live->engine, records,
					MK_LOG_RECORD_CAPACITY_DEFAULT, LIVE_TIMEOUT_NS));
	assert_int_equal(records[0].format, MK_LOG_FORMAT_INGEST_FAULT);
	assert_int_equal(records[0].args[0], code);
	assert_int_equal(records[0].args[1], slot);
	assert_int_equal(records[0].args[2], tag);
}

static void test_ingests_that_fault(void **state)
{
	struct live *live = *state;
	struct mk_counters counters;
	uint32_t slot;

	live_create(live, &with_arena);
	fill_arena(live);
	start_with(live, 0);
	slot = io_slots(live) - 1;
	ingest(live, slot, 1, 0, 10, TAG_FAULTS);
	io_expect_count(live, MK_CQ_IO_INGESTS, 1);
	expect_ingest_fault(live, MK_FAULT_HANDLER, slot, TAG_FAULTS);
	ingest(live, slot - 1, 64, 0, 10, TAG_PLAIN);
	io_expect_count(live, MK_CQ_IO_INGESTS, 2);
	expect_ingest_fault(live, MK_FAULT_RANGE, slot - 1, TAG_PLAIN);
	/* There is no slot of the ring that could wait. */
	ingest(live, slot, 1, 0, 10, TAG_ASKS);
	io_expect_count(live, MK_CQ_IO_INGESTS, 3);
	expect_ingest_fault(live, MK_FAULT_HANDLER, slot, TAG_ASKS);
	mk_context_counters(live->context, &counters);
	assert_int_equal(counters.faults, 3);
	assert_int_equal(live_observable(live, 1), 0);
	assert_int_equal(io_cq_word(live, MK_CQ_IO_REQUESTS), 0);
	live_stop(live);
	io_expect_all_empty(live);
}

static void test_ingest_without_a_handler(void **state)
{
	struct live *live = *state;
	uint32_t slot;

	live_create(live, &with_arena);
	live_start(live, NULL);
	slot = io_request_slots(live);
	ingest(live, slot, 1, 0, 10, 99);
	io_expect_count(live, MK_CQ_IO_INGESTS, 1);
	expect_ingest_fault(live, MK_FAULT_OPCODE, slot, 99);
	io_expect_all_empty(live);
}

/* Engines that come and go, and hosts that lie -------------------------------------- */

static void test_requests_survive_their_engine(void **state)
{
	enum { WAITERS = 20 };
	struct live *live = *state;
	struct mk_ticket tickets[WAITERS];
	struct mk_producer *producer;
	struct io_request request;
	uint32_t slots[3], left = WAITERS;

	live_create(live, &with_arena);
	live_start(live, NULL);
	producer = live_producer(live, 0, 0);
	for (uint32_t i = 0; i < WAITERS; i++)
		live_ok(mk_producer_publish(producer, &LIVE_ITEM(MK_OP_IO_READ, 1, 2, i),
					    0, &tickets[i]));
	for (int i = 0; i < 3; i++)
		slots[i] = io_claim(live, &request);
	live_stop(live);
	/* One is answered while there is no engine, one when there is the next. */
	io_answer(live, slots[0], MK_IO_STATUS_OK, 0);
	live_start(live, NULL);
	io_answer(live, slots[1], MK_IO_STATUS_OK, 0);
	/* The third one's engine does not see its answer. */
	live_stop(live);
	live_start(live, NULL);
	io_answer(live, slots[2], MK_IO_STATUS_OK, 0);
	for (left -= 3; left; left--)
		io_answer(live, io_claim(live, &request), MK_IO_STATUS_OK, 0);
	for (uint32_t i = 0; i < WAITERS; i++)
		live_ok(mk_producer_wait(producer, &tickets[i], LIVE_TIMEOUT_NS));
	live_stop(live);
	io_expect_all_empty(live);
}

/* A slot's words as a producer stores them that does not wait for its end. */
static void store_anew(struct live *live, uint32_t slot, const uint32_t *args,
		       uint32_t count)
{
	_Atomic uint32_t *words = (_Atomic uint32_t *)mk_context_memory(
					  live->context, MK_REGION_RING, NULL) +
				  (size_t)slot * MK_SLOT_WORDS;
	uint32_t status = MK_STATUS_PUBLISHED;

	/* In an inbox with the count of the use. */
	if (!strcmp(mk_context_backing(live->context), "device"))
		status |= count << MK_INBOX_COUNT_SHIFT;
	atomic_store(&words[MK_SLOT_OPCODE], MK_OP_ATOMIC_ADD);
	atomic_store(&words[MK_SLOT_ARGS], args[0]);
	atomic_store(&words[MK_SLOT_ARGS + 1], args[1]);
	atomic_store(&words[MK_SLOT_STATUS], status);
	io_wake(live);
}

/* It is executed once, and what it was before is not gone on with when that is answered. */
static void test_a_waiting_slot_is_published_anew(void **state)
{
	const uint32_t word = MK_CONTROL_OBSERVABLES + 7, args[] = { 1, word };
	struct live *live = *state;
	struct mk_producer *producer, *other;
	struct mk_ticket ticket;
	struct io_request request;
	uint32_t slot, entry, value = 0;

	live_create(live, &with_arena);
	live_start(live, NULL);
	producer = live_producer(live, 0, 0);
	other = live_producer(live, 0, 1);
	live_ok(mk_producer_publish(producer, &LIVE_ITEM(MK_OP_IO_READ, 1, 2), 0,
				    &ticket));
	slot = io_claim(live, &request);
	store_anew(live, ticket.slot, args, 2);
	for (uint64_t begin = live_now_ns(); !value;) {
		assert_true(live_now_ns() - begin < LIVE_TIMEOUT_NS);
		live_ok(mk_context_observable(live->context, 7, &value));
	}
	live_ok(live_run(other, &LIVE_NOP));
	entry = io_cq_word(live, MK_CQ_HEADER_WORDS + ticket.slot);
	assert_int_equal(entry & MK_CQ_ENTRY_STATUS_MASK, MK_STATUS_DONE);
	io_answer(live, slot, MK_IO_STATUS_OK, 0);
	io_await_all_empty(live);
	for (int i = 0; i < 100; i++)
		live_ok(live_run(other, &LIVE_NOP));
	live_stop(live);
	assert_int_equal(io_cq_word(live, MK_CQ_HEADER_WORDS + ticket.slot), entry);
	live_ok(mk_context_observable(live->context, 7, &value));
	assert_int_equal(value, 1);
}

static uint32_t any_word(uint64_t *random)
{
	static const uint32_t likely[] = {
		MK_STATUS_EMPTY, MK_STATUS_PUBLISHED, MK_STATUS_CLAIMED, MK_STATUS_DONE,
		MK_IO_STATUS_OK, MK_IO_STATUS_ERROR,  0xffffffffu,	 0x80000000u,
	};
	uint32_t choice = live_random(random) % 16;

	return choice < 8 ? likely[choice] : live_random(random);
}

static bool all_have_ended(struct live *live, struct mk_producer *producer,
			   const struct mk_ticket *tickets, bool *ended, uint32_t count)
{
	bool all = true;

	(void)live;
	for (uint32_t i = 0; i < count; i++) {
		if (!ended[i]) {
			int ret = mk_producer_wait(producer, &tickets[i], 0);

			assert_true(ret == 0 || ret == MK_FAULT_IO || ret == -EAGAIN);
			ended[i] = ret != -EAGAIN;
		}
		all = all && ended[i];
	}
	return all;
}

/* Every word of the io queue is anything at any time; the ring goes on all the same. */
static void test_survives_a_scribbled_queue(void **state)
{
	enum { ROUNDS = 300, WAITERS = 64 };
	struct live *live = *state;
	uint64_t random = 0x2545f4914f6cdd1du, begin;
	struct mk_ticket tickets[WAITERS];
	bool ended[WAITERS] = { false };
	struct mk_producer *producer, *other;
	struct mk_counters counters;

	live_create(live, &with_arena);
	start_with(live, 1000);
	producer = live_producer(live, 0, 0);
	other = live_producer(live, 0, 1);
	for (uint32_t i = 0; i < WAITERS; i++)
		live_ok(mk_producer_publish(producer, &LIVE_ITEM(MK_OP_IO_READ, 1, 2, i),
					    LIVE_TIMEOUT_NS, &tickets[i]));
	for (uint32_t round = 0; round < ROUNDS; round++) {
		for (uint32_t i = 0; i < io_slots(live) * MK_IO_SLOT_WORDS; i++)
			atomic_store_explicit(io_word(live, 0, i), any_word(&random),
					      memory_order_relaxed);
		io_wake(live);
		live_ok(live_run(other, &LIVE_NOP));
	}
	/* Every slot that waits for a request ends when that is answered. */
	begin = live_now_ns();
	while (!all_have_ended(live, producer, tickets, ended, WAITERS)) {
		assert_true(live_now_ns() - begin < LIVE_TIMEOUT_NS);
		for (uint32_t i = 0; i < io_request_slots(live); i++)
			io_store_status(live, i, MK_IO_STATUS_ERROR);
		io_wake(live);
	}
	live_ok(mk_engine_failure(live->engine));
	/* What was answered unclaimed has records, which are told from new ones by few bits. */
	io_skip_records(live);
	/* Nothing that the device owns was lost. */
	read_many(live, producer, 200);
	live_stop(live);
	for (uint32_t i = io_request_slots(live); i < io_slots(live); i++)
		io_store_status(live, i, MK_STATUS_EMPTY);
	start_with(live, 0);
	read_many(live, producer, 20);
	mk_context_counters(live->context, &counters);
	print_message("# %u ingests that were none\n",
		      io_cq_word(live, MK_CQ_IO_INGESTS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIVE_TEST(test_requests_have_their_words),
		LIVE_TEST(test_error_is_a_fault),
		LIVE_TEST(test_more_waiters_than_request_slots),
		LIVE_TEST(test_more_waiters_in_one_look),
		LIVE_TEST(test_others_go_on),
		LIVE_TEST(test_answer_wakes),
		LIVE_TEST(test_answer_is_seen_soon),
		LIVE_TEST(test_masked_tenant_waits_on),
		LIVE_TEST(test_io_fence_comes_after_its_items),
		LIVE_TEST(test_handler_chases),
		LIVE_TEST(test_handler_writes_and_fences),
		LIVE_TEST(test_packed_handler_asks),
		LIVE_TEST(test_handler_that_does_not_wait),
		LIVE_TEST(test_ingests_in_all_slots),
		LIVE_TEST(test_ring_goes_on_beside_ingests),
		LIVE_TEST(test_ingest_is_seen_soon),
		LIVE_TEST(test_ingests_that_fault),
		LIVE_TEST(test_ingest_without_a_handler),
		LIVE_TEST(test_requests_survive_their_engine),
		LIVE_TEST(test_a_waiting_slot_is_published_anew),
		LIVE_TEST(test_survives_a_scribbled_queue),
	};

	return live_main(tests);
}

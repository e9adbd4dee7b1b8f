// SPDX-License-Identifier: MIT
/* The pump's side of the io queue, on memory of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io_outbox.h"
#include "ioq.h"

enum { SLOTS = 40, WORDS = SLOTS * MK_IO_SLOT_WORDS };

struct fake {
	struct mk_context context;
	struct mk_ioq queue;
	_Alignas(64) mk_word words[WORDS];
	_Alignas(64) mk_word cq[MK_CQ_HEADER_WORDS];
};

static struct fake *open_fake(uint32_t slots, bool split)
{
	struct fake *fake = aligned_alloc(64, sizeof(*fake));

	assert_non_null(fake);
	memset(fake, 0, sizeof(*fake));
	fake->context.geometry.io_request_slots = slots;
	fake->context.split = split;
	fake->context.write_combining = split;
	fake->context.regions[MK_REGION_IO_QUEUE] = fake->words;
	fake->context.regions[MK_REGION_CQ] = fake->cq;
	assert_int_equal(mk_ioq_open(&fake->queue, &fake->context), 0);
	return fake;
}

static void close_fake(struct fake *fake)
{
	mk_ioq_close(&fake->queue);
	free(fake);
}

static mk_word *word(struct fake *fake, uint32_t slot, uint32_t field)
{
	return &fake->words[slot * MK_IO_SLOT_WORDS + field];
}

/* Each word has a value of its own. */
static void store_request(struct fake *fake, uint32_t slot)
{
	for (uint32_t i = 0; i < MK_IO_SLOT_WORDS; i++)
		*word(fake, slot, i) = 1000 * (slot + 1) + i;
	*word(fake, slot, MK_IO_STATUS) = MK_STATUS_PUBLISHED;
}

static void publish(struct fake *fake, uint32_t slot)
{
	store_request(fake, slot);
	fake->cq[MK_CQ_IO_REQUESTS]++;
}

static void expect_request(struct fake *fake, uint32_t slot,
			   const struct mk_io_request *request)
{
	uint32_t first = 1000 * (slot + 1);

	assert_int_equal(request->slot, slot);
	assert_int_equal(request->op, first + MK_IO_OP);
	assert_int_equal(request->source, first + MK_IO_SOURCE);
	assert_int_equal(request->destination, first + MK_IO_DESTINATION);
	assert_int_equal(request->offset, (uint64_t)(first + MK_IO_OFFSET_HIGH) << 32 |
						  (first + MK_IO_OFFSET_LOW));
	assert_int_equal(request->byte_count, first + MK_IO_BYTE_COUNT);
	assert_int_equal(request->tag, first + MK_IO_TAG);
	if (!fake->queue.state[slot].is_shown)
		assert_int_equal(*word(fake, slot, MK_IO_STATUS), MK_STATUS_PUBLISHED);
	mk_ioq_show_claim(&fake->queue, slot);
	assert_int_equal(*word(fake, slot, MK_IO_STATUS), MK_STATUS_CLAIMED);
}

/* Across a bus: what the device shows of a slot that it has published, and where. */
static void store_record(struct fake *fake, uint32_t slot, uint32_t lap)
{
	uint32_t words[MK_IO_SLOT_WORDS];

	for (uint32_t i = 0; i < MK_IO_SLOT_WORDS; i++)
		words[i] = *word(fake, slot, i);
	mk_io_outbox_store(&fake->context, slot, lap, words);
}

/* As the pump does it: looks as long as there is something. */
static uint32_t claim_all(struct fake *fake, struct mk_io_request *requests)
{
	uint32_t count = 0;

	for (uint32_t looks = 0; looks < 2 * SLOTS && mk_ioq_has_requests(&fake->queue);
	     looks++) {
		struct mk_io_request found[MK_IOQ_LOOK_SLOTS];
		uint32_t some = mk_ioq_claim_hinted(&fake->queue, found);

		if (!some)
			some = mk_ioq_claim(&fake->queue, found);

		memcpy(&requests[count], found, some * sizeof(*found));
		count += some;
	}
	assert_false(mk_ioq_has_requests(&fake->queue));
	return count;
}

static void test_claims_what_is_published(void **state)
{
	struct fake *fake = open_fake(SLOTS, false);
	struct mk_io_request requests[SLOTS];

	(void)state;
	publish(fake, 3);
	publish(fake, 39);
	publish(fake, 16);
	assert_int_equal(claim_all(fake, requests), 3);
	expect_request(fake, 3, &requests[0]);
	expect_request(fake, 16, &requests[1]);
	expect_request(fake, 39, &requests[2]);
	/* Later ones are found from there on. */
	publish(fake, 0);
	assert_int_equal(claim_all(fake, requests), 1);
	expect_request(fake, 0, &requests[0]);
	close_fake(fake);
}

/* The n-th, from 0. */
static void hint(struct fake *fake, uint32_t n, uint32_t slot)
{
	fake->cq[MK_CQ_IO_HINTS + n % MK_CQ_IO_HINT_COUNT] =
		(n + 1) << MK_CQ_IO_HINT_SLOT_BITS | slot;
}

/* Slots without a record, and with one; the count comes later. */
static void test_claims_where_hinted(void **state)
{
	struct fake *fake = open_fake(SLOTS, true);
	struct mk_io_request requests[SLOTS];

	(void)state;
	assert_int_equal(claim_all(fake, requests), 0);
	store_request(fake, 39);
	hint(fake, 0, 39);
	store_request(fake, 2);
	store_record(fake, 2, 1);
	hint(fake, 1, 2);
	assert_true(mk_ioq_has_requests(&fake->queue));
	assert_int_equal(mk_ioq_claim_hinted(&fake->queue, requests), 2);
	expect_request(fake, 39, &requests[0]);
	expect_request(fake, 2, &requests[1]);
	assert_int_equal(mk_ioq_claim_hinted(&fake->queue, requests), 0);
	fake->cq[MK_CQ_IO_REQUESTS] = 2;
	assert_int_equal(claim_all(fake, requests), 0);
	close_fake(fake);
}

/* A hint may come before its record, and that in parts. */
static void test_waits_for_the_record(void **state)
{
	struct fake *fake = open_fake(SLOTS, true);
	struct mk_io_request requests[SLOTS];
	mk_word *last = &fake->cq[MK_CQ_IO_OUTBOX + 4 * MK_CQ_IO_OUTBOX_WORDS - 2];
	uint32_t words[2];

	(void)state;
	assert_int_equal(claim_all(fake, requests), 0);
	fake->cq[MK_CQ_ENGINE_STATE] = MK_ENGINE_RUNNING;
	store_request(fake, 3);
	hint(fake, 0, 3);
	assert_int_equal(mk_ioq_claim_hinted(&fake->queue, requests), 0);
	assert_false(mk_ioq_has_requests(&fake->queue));
	store_record(fake, 3, 1);
	for (uint32_t i = 0; i < 2; i++) {
		words[i] = last[i];
		last[i] = 0;
	}
	for (uint32_t i = 0; i < 2; i++) {
		assert_false(mk_ioq_has_requests(&fake->queue));
		assert_int_equal(mk_ioq_claim_hinted(&fake->queue, requests), 0);
		last[i] = words[i];
	}
	assert_true(mk_ioq_has_requests(&fake->queue));
	assert_int_equal(mk_ioq_claim_hinted(&fake->queue, requests), 1);
	expect_request(fake, 3, &requests[0]);
	/* It stays there until the slot is published again, and is no new one. */
	mk_ioq_answer(&fake->queue, 3, MK_IO_STATUS_OK);
	assert_false(mk_ioq_has_requests(&fake->queue));
	assert_int_equal(mk_ioq_claim_hinted(&fake->queue, requests), 0);
	close_fake(fake);
}

/* All bits of all words, and laps that begin anew. */
static void test_records_say_all(void **state)
{
	struct fake *fake = open_fake(SLOTS, true);
	struct mk_io_request requests[SLOTS];

	(void)state;
	assert_int_equal(claim_all(fake, requests), 0);
	for (uint32_t lap = 1; lap < 40; lap++) {
		uint32_t words[MK_IO_SLOT_WORDS];

		for (uint32_t i = 0; i < MK_IO_SLOT_WORDS; i++)
			words[i] = lap % 2 ? 0xffffffffu << i : 0x9e3779b9u * (lap + i);
		mk_io_outbox_store(&fake->context, 31, lap, words);
		hint(fake, lap - 1, 31);
		assert_int_equal(mk_ioq_claim_hinted(&fake->queue, requests), 1);
		assert_int_equal(requests[0].slot, 31);
		assert_int_equal(requests[0].op, words[MK_IO_OP]);
		assert_int_equal(requests[0].source, words[MK_IO_SOURCE]);
		assert_int_equal(requests[0].destination, words[MK_IO_DESTINATION]);
		assert_int_equal(requests[0].offset,
				 (uint64_t)words[MK_IO_OFFSET_HIGH] << 32 |
					 words[MK_IO_OFFSET_LOW]);
		assert_int_equal(requests[0].byte_count, words[MK_IO_BYTE_COUNT]);
		assert_int_equal(requests[0].tag, words[MK_IO_TAG]);
		mk_ioq_answer(&fake->queue, 31, MK_IO_STATUS_OK);
	}
	close_fake(fake);
}

/* Who asks again in the slot that had a record last is found before its hint. */
static void test_claims_again_without_a_hint(void **state)
{
	struct fake *fake = open_fake(SLOTS, true);
	struct mk_io_request requests[SLOTS];

	(void)state;
	assert_int_equal(claim_all(fake, requests), 0);
	for (uint32_t lap = 1; lap < 20; lap++) {
		store_request(fake, 17);
		store_record(fake, 17, lap);
		if (lap == 1)
			hint(fake, 0, 17);
		assert_true(mk_ioq_has_requests(&fake->queue));
		assert_int_equal(mk_ioq_claim_hinted(&fake->queue, requests), 1);
		expect_request(fake, 17, &requests[0]);
		mk_ioq_answer(&fake->queue, 17, MK_IO_STATUS_OK);
	}
	close_fake(fake);
}

/* One whose engine died is claimed when nothing can be under way any more. */
static void test_claims_without_a_record_late(void **state)
{
	struct fake *fake = open_fake(SLOTS, true);
	struct mk_io_request requests[MK_IOQ_LOOK_SLOTS];

	(void)state;
	fake->cq[MK_CQ_ENGINE_STATE] = MK_ENGINE_RUNNING;
	fake->cq[MK_CQ_DISPATCHES] = 0xffffffff;
	store_request(fake, 3);
	for (uint32_t ended = 0; ended < 2; ended++) {
		fake->queue.next = 0;
		assert_int_equal(mk_ioq_claim(&fake->queue, requests), 0);
		fake->cq[MK_CQ_DISPATCHES]++;
	}
	fake->queue.next = 0;
	assert_int_equal(mk_ioq_claim(&fake->queue, requests), 1);
	expect_request(fake, 3, &requests[0]);
	mk_ioq_answer(&fake->queue, 3, MK_IO_STATUS_OK);
	/* Nor does one wait while no engine runs. */
	store_request(fake, 3);
	fake->cq[MK_CQ_ENGINE_STATE] = MK_ENGINE_PARKED;
	fake->queue.next = 0;
	assert_int_equal(mk_ioq_claim(&fake->queue, requests), 1);
	close_fake(fake);
}

/* The device was faster than the pump: what was written over is found by looks. */
static void test_finds_what_lost_its_hint(void **state)
{
	enum { ROUND = MK_CQ_IO_HINT_COUNT };
	struct fake *fake = open_fake(SLOTS, true);
	struct mk_io_request requests[SLOTS];

	(void)state;
	assert_int_equal(claim_all(fake, requests), 0);
	store_request(fake, 37);
	store_request(fake, 38);
	store_request(fake, 8);
	store_record(fake, 8, 1);
	hint(fake, ROUND, 37);
	hint(fake, ROUND + 1, 39);
	assert_int_equal(mk_ioq_claim_hinted(&fake->queue, requests), 1);
	expect_request(fake, 37, &requests[0]);
	assert_int_equal(claim_all(fake, requests), 2);
	expect_request(fake, 8, &requests[0]);
	expect_request(fake, 38, &requests[1]);
	close_fake(fake);
}

/* One turn sees all that was missed, also when records come faster than it gets on. */
static void test_ends_its_turn_while_records_come(void **state)
{
	struct fake *fake = open_fake(SLOTS, true);
	struct mk_io_request requests[SLOTS];
	uint32_t looks = 0, claimed = 0;

	(void)state;
	store_request(fake, 39);
	for (; mk_ioq_must_look(&fake->queue) && looks < 100; looks++) {
		uint32_t slot = fake->queue.next % MK_CQ_IO_OUTBOX_SLOTS;
		uint32_t count;

		store_request(fake, slot);
		store_record(fake, slot, looks + 1);
		count = mk_ioq_claim(&fake->queue, requests);
		for (uint32_t i = 0; i < count; i++)
			mk_ioq_answer(&fake->queue, requests[i].slot, MK_IO_STATUS_OK);
		claimed += count;
	}
	assert_int_equal(looks, (SLOTS + MK_IOQ_LOOK_SLOTS - 1) / MK_IOQ_LOOK_SLOTS);
	assert_int_equal(claimed, looks);
	assert_int_equal(*word(fake, 39, MK_IO_STATUS), MK_IO_STATUS_OK);
	close_fake(fake);
}

/* Found by a look, answered, and only then hinted at: that is no new request. */
static void test_believes_slots_not_hints(void **state)
{
	const uint32_t senseless[] = { SLOTS, MK_CQ_IO_HINT_SLOT_NONE };
	struct fake *fake = open_fake(SLOTS, true);
	struct mk_io_request requests[SLOTS];

	(void)state;
	publish(fake, 35);
	assert_int_equal(claim_all(fake, requests), 1);
	hint(fake, 0, 35);
	assert_int_equal(mk_ioq_claim_hinted(&fake->queue, requests), 0);
	mk_ioq_answer(&fake->queue, 35, MK_IO_STATUS_OK);
	hint(fake, 1, 35);
	assert_int_equal(mk_ioq_claim_hinted(&fake->queue, requests), 0);
	assert_int_equal(*word(fake, 35, MK_IO_STATUS), MK_IO_STATUS_OK);
	for (uint32_t i = 0; i < 2; i++) {
		hint(fake, 2 + i, senseless[i]);
		assert_int_equal(mk_ioq_claim_hinted(&fake->queue, requests), 0);
	}
	store_request(fake, 35);
	hint(fake, 4, 35);
	assert_int_equal(mk_ioq_claim_hinted(&fake->queue, requests), 1);
	expect_request(fake, 35, &requests[0]);
	close_fake(fake);
}

/* Who asks again is found with one look, and the turn goes on where it was. */
static void test_claims_again_where_it_found(void **state)
{
	struct fake *fake = open_fake(SLOTS, false);
	struct mk_io_request requests[SLOTS];

	(void)state;
	publish(fake, 20);
	assert_int_equal(claim_all(fake, requests), 1);
	mk_ioq_answer(&fake->queue, 20, MK_IO_STATUS_OK);
	publish(fake, 20);
	publish(fake, 35);
	assert_int_equal(mk_ioq_claim_again(&fake->queue, requests), 1);
	expect_request(fake, 20, &requests[0]);
	assert_int_equal(mk_ioq_claim_again(&fake->queue, requests), 0);
	assert_true(mk_ioq_has_requests(&fake->queue));
	assert_int_equal(mk_ioq_claim(&fake->queue, requests), 1);
	expect_request(fake, 35, &requests[0]);
	assert_false(mk_ioq_has_requests(&fake->queue));
	assert_int_equal(mk_ioq_claim_again(&fake->queue, requests), 0);
	close_fake(fake);
}

static void test_leaves_ingests_alone(void **state)
{
	struct fake *fake = open_fake(20, false);
	struct mk_io_request requests[SLOTS];

	(void)state;
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		publish(fake, slot);
	assert_int_equal(claim_all(fake, requests), 20);
	for (uint32_t slot = 20; slot < SLOTS; slot++)
		assert_int_equal(*word(fake, slot, MK_IO_STATUS), MK_STATUS_PUBLISHED);
	close_fake(fake);
}

/* What was counted is looked for once round, and then believed to be somebody else's. */
static void test_believes_no_count_for_ever(void **state)
{
	static const uint32_t counts[] = { 1, 41, 0x7fffffff, 0x80000000, 0xffffff00 };
	struct fake *fake = open_fake(SLOTS, false);
	struct mk_io_request requests[SLOTS];

	(void)state;
	assert_int_equal(claim_all(fake, requests), 0);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		fake->cq[MK_CQ_IO_REQUESTS] += counts[i];
		assert_int_equal(claim_all(fake, requests), 0);
		/* It goes on from the count as it is. */
		publish(fake, 5);
		assert_true(mk_ioq_has_requests(&fake->queue));
		assert_int_equal(claim_all(fake, requests), 1);
		mk_ioq_answer(&fake->queue, 5, MK_IO_STATUS_OK);
		assert_int_equal(*word(fake, 5, MK_IO_STATUS), MK_IO_STATUS_OK);
	}
	close_fake(fake);
}

/* A count that comes late is not taken for another request. */
static void test_is_ahead_of_the_count(void **state)
{
	struct fake *fake = open_fake(SLOTS, false);
	struct mk_io_request requests[SLOTS];
	struct mk_io_request found[MK_IOQ_LOOK_SLOTS];

	(void)state;
	assert_int_equal(claim_all(fake, requests), 0);
	store_request(fake, 1);
	store_request(fake, 2);
	assert_false(mk_ioq_has_requests(&fake->queue));
	while (fake->queue.next)
		mk_ioq_claim(&fake->queue, found);
	assert_int_equal(mk_ioq_claim(&fake->queue, found), 2);
	fake->cq[MK_CQ_IO_REQUESTS]++;
	assert_false(mk_ioq_has_requests(&fake->queue));
	fake->cq[MK_CQ_IO_REQUESTS]++;
	assert_false(mk_ioq_has_requests(&fake->queue));
	publish(fake, 3);
	assert_int_equal(claim_all(fake, requests), 1);
	close_fake(fake);
}

/* A device that died before it counted must not hide later requests. */
static void test_looks_help_a_count_that_never_comes(void **state)
{
	struct fake *fake = open_fake(SLOTS, false);
	struct mk_io_request requests[SLOTS];
	struct mk_io_request found[MK_IOQ_LOOK_SLOTS];
	uint32_t count = 0;

	(void)state;
	assert_int_equal(claim_all(fake, requests), 0);
	store_request(fake, 30);
	for (uint32_t looks = 0; looks < 3; looks++)
		count += mk_ioq_claim(&fake->queue, found);
	assert_int_equal(count, 1);
	for (uint32_t looks = 0; looks < 3; looks++)
		assert_int_equal(mk_ioq_claim(&fake->queue, found), 0);
	publish(fake, 7);
	assert_true(mk_ioq_has_requests(&fake->queue));
	assert_int_equal(claim_all(fake, requests), 1);
	close_fake(fake);
}

/* Whatever a slot says that is claimed, it is not claimed again before the answer. */
static void test_claims_a_slot_once(void **state)
{
	struct fake *fake = open_fake(SLOTS, false);
	struct mk_io_request requests[SLOTS];

	(void)state;
	publish(fake, 9);
	assert_int_equal(claim_all(fake, requests), 1);
	*word(fake, 9, MK_IO_STATUS) = MK_STATUS_PUBLISHED;
	fake->cq[MK_CQ_IO_REQUESTS]++;
	assert_int_equal(claim_all(fake, requests), 0);
	mk_ioq_explain(&fake->queue, 9, MK_IO_REASON_RANGE, 17, 4711);
	mk_ioq_answer(&fake->queue, 9, MK_IO_STATUS_ERROR);
	assert_int_equal(*word(fake, 9, MK_IO_REASON), MK_IO_REASON_RANGE);
	assert_int_equal(*word(fake, 9, MK_IO_ERRNO), 17);
	assert_int_equal(*word(fake, 9, MK_IO_BYTE_COUNT), 4711);
	assert_int_equal(*word(fake, 9, MK_IO_STATUS), MK_IO_STATUS_ERROR);
	publish(fake, 9);
	assert_int_equal(claim_all(fake, requests), 1);
	close_fake(fake);
}

static void test_finds_what_was_there_before(void **state)
{
	struct fake *fake = open_fake(SLOTS, false);
	struct mk_io_request requests[SLOTS];
	struct mk_io_request request;

	(void)state;
	mk_ioq_close(&fake->queue);
	fake->cq[MK_CQ_IO_REQUESTS] = 123456;
	store_request(fake, 11);
	store_request(fake, 12);
	*word(fake, 12, MK_IO_STATUS) = MK_STATUS_CLAIMED;
	assert_int_equal(mk_ioq_open(&fake->queue, &fake->context), 0);
	assert_false(mk_ioq_inherit(&fake->queue, 11, &request));
	assert_true(mk_ioq_inherit(&fake->queue, 12, &request));
	expect_request(fake, 12, &request);
	assert_int_equal(claim_all(fake, requests), 1);
	expect_request(fake, 11, &requests[0]);
	close_fake(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_claims_what_is_published),
		cmocka_unit_test(test_claims_where_hinted),
		cmocka_unit_test(test_waits_for_the_record),
		cmocka_unit_test(test_records_say_all),
		cmocka_unit_test(test_claims_again_without_a_hint),
		cmocka_unit_test(test_claims_without_a_record_late),
		cmocka_unit_test(test_finds_what_lost_its_hint),
		cmocka_unit_test(test_ends_its_turn_while_records_come),
		cmocka_unit_test(test_believes_slots_not_hints),
		cmocka_unit_test(test_claims_again_where_it_found),
		cmocka_unit_test(test_leaves_ingests_alone),
		cmocka_unit_test(test_believes_no_count_for_ever),
		cmocka_unit_test(test_is_ahead_of_the_count),
		cmocka_unit_test(test_looks_help_a_count_that_never_comes),
		cmocka_unit_test(test_claims_a_slot_once),
		cmocka_unit_test(test_finds_what_was_there_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

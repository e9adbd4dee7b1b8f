// SPDX-License-Identifier: MIT
/*
 * Litmus tests of a slot's life: what is published, claimed, done and completed is seen
 * in this order.  Documentation/memory-ordering.rst has the claims by these names.
 */
#include "litmus.h"

#include <stdlib.h>
#include <string.h>

static void publish(struct mk_producer *producer, const struct mk_item *item,
		    struct mk_ticket *ticket)
{
	live_ok(mk_producer_publish(producer, item, LIVE_TIMEOUT_NS, ticket));
}

static void wait_for(struct mk_producer *producer, const struct mk_ticket *ticket)
{
	live_ok(mk_producer_wait(producer, ticket, LIVE_TIMEOUT_NS));
}

/* Publishing ------------------------------------------------------------------ */

enum { STORED = 0, ADDED = 8, PACKED = 16, NUMBERED = 24, INNER = 4 };

static void publish_packed(struct mk_producer *producer, uint32_t round,
			   uint32_t *expected, struct mk_ticket *ticket)
{
	struct mk_item operations[INNER];
	uint32_t args[INNER][2];

	for (uint32_t i = 0; i < INNER; i++) {
		uint32_t index = PACKED + (round + i) % 8;

		args[i][0] = expected[index] = litmus_word(round, i);
		args[i][1] = LIVE_OBSERVABLE(index);
		operations[i] = (struct mk_item){ MK_OP_STORE_U32, 2, args[i] };
	}
	live_ok(mk_producer_publish_packed(producer, operations, INNER, LIVE_TIMEOUT_NS,
					   ticket));
}

/* Another operation in turn, with words that no other round has. */
static void publish_numbered(struct mk_producer *producer, uint32_t round,
			     uint32_t *expected, struct mk_ticket *ticket)
{
	uint32_t index = round % 8, word = litmus_word(round, 0);

	switch (round % 3) {
	case 0:
		expected[STORED + index] = word;
		publish(producer,
			&LIVE_ITEM(MK_OP_STORE_U32, word,
				   LIVE_OBSERVABLE(STORED + index)),
			ticket);
		break;
	case 1:
		expected[ADDED + index] += word;
		publish(producer,
			&LIVE_ITEM(MK_OP_ATOMIC_ADD, word,
				   LIVE_OBSERVABLE(ADDED + index)),
			ticket);
		break;
	default:
		publish_packed(producer, round, expected, ticket);
	}
}

/*
 * Four slots and three kinds of operations, so each use of a slot is of another kind
 * than the one before: any word that is the former use's shows in a result.
 */
static void test_slot_has_the_words_of_its_publish(void **state)
{
	struct live *live = *state;
	struct litmus_trial trial;
	struct mk_producer *producer;
	uint32_t expected[NUMBERED] = { 0 };
	struct mk_ticket ticket;

	live_create(live,
		    &(struct mk_geometry){ .slots = 4, .observable_words = NUMBERED });
	live_start(live, NULL);
	producer = live_producer(live, 0, 0);
	trial = litmus_begin();
	while (litmus_goes_on(&trial)) {
		publish_numbered(producer, trial.rounds, expected, &ticket);
		wait_for(producer, &ticket);
		for (uint32_t i = 0; i < NUMBERED; i++)
			assert_int_equal(live_observable(live, i), expected[i]);
	}
	litmus_end(&trial, "words of a slot");
}

enum { RUN = 9, SUMS = 8 };

/* Add to all sums in a row, in @count slots. */
static void publish_run(struct mk_producer *producer, uint32_t round, uint32_t count,
			uint32_t *sums)
{
	struct mk_item items[RUN];
	uint32_t args[RUN][2];
	int64_t published;

	for (uint32_t i = 0; i < count; i++) {
		args[i][0] = litmus_word(round, i);
		args[i][1] = LIVE_OBSERVABLE((round + i) % SUMS);
		sums[(round + i) % SUMS] += args[i][0];
		items[i] = (struct mk_item){ MK_OP_ATOMIC_ADD, 2, args[i] };
	}
	for (uint32_t done = 0; done < count; done += (uint32_t)published) {
		published = mk_producer_publish_many(producer, &items[done], count - done,
						     LIVE_TIMEOUT_NS, NULL);
		assert_true(published > 0);
	}
}

/* The same in runs of all lengths, as fast as they go: every word is in a sum. */
static void test_streamed_slots_have_the_words_of_their_publish(void **state)
{
	struct live *live = *state;
	struct litmus_trial trial;
	struct mk_producer *producer;
	uint32_t sums[SUMS] = { 0 };

	live_create(live, &(struct mk_geometry){ .slots = 16, .observable_words = SUMS });
	live_start(live, NULL);
	producer = live_producer(live, 0, 0);
	trial = litmus_begin();
	while (litmus_goes_on(&trial))
		publish_run(producer, trial.rounds, 1 + trial.rounds % RUN, sums);
	assert_true(litmus_rests(live));
	for (uint32_t i = 0; i < SUMS; i++)
		assert_int_equal(live_observable(live, i), sums[i]);
	litmus_end(&trial, "streamed slots");
}

/* What was stored in the arena before a publish; the same words again and again. */
static void test_arena_is_as_it_was_at_the_publish(void **state)
{
	enum { WORDS = 8, WORDS_APART = 32 };
	struct live *live = *state;
	struct litmus_trial trial;
	struct mk_producer *producer;
	struct mk_ticket tickets[WORDS];
	uint32_t *arena;

	live_create(live, &(struct mk_geometry){
				  .slots = WORDS,
				  .observable_words = WORDS,
				  .arena_bytes = 4 * WORDS * WORDS_APART,
			  });
	live_start(live, NULL);
	producer = live_producer(live, 0, 0);
	arena = mk_context_arena(live->context);
	trial = litmus_begin();
	while (litmus_goes_on(&trial)) {
		for (uint32_t i = 0; i < WORDS; i++) {
			/* An ordinary store: a publish is what orders it. */
			arena[i * WORDS_APART] = litmus_word(trial.rounds, i);
			publish(producer,
				&LIVE_ITEM(MK_OP_DFA_STEP, 0, 0, i * WORDS_APART, i),
				&tickets[i]);
		}
		for (uint32_t i = 0; i < WORDS; i++) {
			wait_for(producer, &tickets[i]);
			assert_int_equal(live_observable(live, i),
					 litmus_word(trial.rounds, i));
		}
	}
	litmus_end(&trial, "arena");
}

/* The bytes in the ring ------------------------------------------------------- */

enum { BYTES_SLOTS = 64, BYTES_RUN = 20 };

struct image {
	uint32_t words[BYTES_SLOTS][MK_SLOT_WORDS];
	uint32_t count;
};

static void expect_slot(struct image *image, const struct mk_item *item)
{
	live_ok(mk_slot_encode(image->words[image->count++], 0, item));
}

static struct mk_item numbered_item(uint32_t number, uint32_t args[MK_SLOT_ARG_COUNT])
{
	for (uint32_t i = 0; i < MK_SLOT_ARG_COUNT; i++)
		args[i] = litmus_word(number, i);
	return (struct mk_item){ MK_OP_MEMCPY, number % (MK_SLOT_ARG_COUNT + 1), args };
}

static void publish_everything(struct mk_producer *producer, struct image *image)
{
	uint32_t args[BYTES_RUN][MK_SLOT_ARG_COUNT];
	struct mk_item items[BYTES_RUN];

	for (uint32_t i = 0; i < BYTES_RUN; i++)
		items[i] = numbered_item(i, args[i]);
	/* One by one, by every number of arguments; in a short run; in a long one. */
	for (uint32_t i = 0; i <= MK_SLOT_ARG_COUNT; i++) {
		live_ok(mk_producer_publish(producer, &items[i], 0, NULL));
		expect_slot(image, &items[i]);
	}
	for (uint32_t count = 3; count <= BYTES_RUN; count += BYTES_RUN - 3) {
		live_expect(count,
			    mk_producer_publish_many(producer, items, count, 0, NULL));
		for (uint32_t i = 0; i < count; i++)
			expect_slot(image, &items[i]);
	}
	live_ok(mk_producer_publish_packed(producer, items, 2, 0, NULL));
	live_ok(mk_slot_encode_packed(image->words[image->count++], 0, items, 2));
	live_ok(mk_producer_publish_batch(producer, items, 2, 77, 0, NULL, NULL));
	expect_slot(image, &items[0]);
	expect_slot(image, &items[1]);
	expect_slot(image, &LIVE_ITEM(MK_OP_BATCH_FENCE, 2, 77));
}

/* Copies of the first four regions; the caller frees their data. */
static struct mk_readback read_back(const struct live *live)
{
	struct mk_readback copy = { 0 };

	for (uint32_t i = 0; i < MK_READBACK_BUFFERS; i++) {
		mk_context_memory(live->context, i, &copy.buffers[i].capacity);
		copy.buffers[i].data = calloc(1, copy.buffers[i].capacity);
		assert_non_null(copy.buffers[i].data);
	}
	live_ok(mk_context_readback(live->context, &copy));
	return copy;
}

static void free_copy(struct mk_readback *copy)
{
	for (uint32_t i = 0; i < MK_READBACK_BUFFERS; i++)
		free(copy->buffers[i].data);
}

/* However slots are stored, what arrives is what the encoder says. */
static void test_stores_the_bytes_of_the_encoder(void **state)
{
	static struct image image;
	struct live *live = *state;
	struct mk_readback copy;

	live_create(live, &(struct mk_geometry){
				  .slots = BYTES_SLOTS,
				  .window_slots = BYTES_SLOTS,
			  });
	image.count = 0;
	publish_everything(live_producer(live, 0, 1), &image);
	copy = read_back(live);
	assert_memory_equal(copy.buffers[MK_REGION_RING].data, image.words,
			    (size_t)image.count * MK_SLOT_BYTES);
	free_copy(&copy);
}

/* Executing --------------------------------------------------------------------- */

/* The slot's status, as whoever reads the context has it. */
static uint32_t status_of_first_slot(const struct live *live)
{
	struct mk_readback copy;
	uint32_t status;

	if (litmus_is_in_place(live))
		return litmus_load(live, MK_REGION_RING, MK_SLOT_STATUS);
	copy = read_back(live);
	status = ((const uint32_t *)copy.buffers[MK_REGION_RING].data)[MK_SLOT_STATUS];
	free_copy(&copy);
	return status;
}

/* From the first effect on a slot is no longer PUBLISHED. */
static void test_claim_comes_before_effects(void **state)
{
	enum { WORDS = 1500 };
	struct live *live = *state;
	struct litmus_trial trial;
	struct mk_producer *producer;
	struct mk_ticket ticket;

	live_create(live,
		    &(struct mk_geometry){ .slots = 1, .observable_words = WORDS + 1 });
	live_start(live, NULL);
	producer = live_producer(live, 0, 0);
	trial = litmus_begin();
	while (litmus_goes_on(&trial)) {
		uint32_t word = litmus_word(trial.rounds, 0), looks = 0;
		uint64_t begin = live_now_ns();

		live_ok(live_run(producer,
				 &LIVE_ITEM(MK_OP_STORE_U32, word, LIVE_OBSERVABLE(0))));
		/* Upwards over itself: one word becomes all, and the first is the first. */
		publish(producer,
			&LIVE_ITEM(MK_OP_MEMCPY, LIVE_OBSERVABLE(0), LIVE_OBSERVABLE(1),
				   WORDS),
			&ticket);
		while (live_observable(live, 1) != word)
			if (++looks % 4096 == 0)
				assert_true(live_now_ns() - begin < LIVE_TIMEOUT_NS);
		assert_int_not_equal(status_of_first_slot(live), MK_STATUS_PUBLISHED);
		wait_for(producer, &ticket);
		assert_int_equal(live_observable(live, WORDS), word);
	}
	litmus_end(&trial, "claim before effects");
}

/* Who sees the completion sees all that the operation has stored. */
static void test_effects_come_before_completion(void **state)
{
	enum { WORDS = 48, SLOTS = 4 };
	struct live *live = *state;
	struct litmus_trial trial;
	struct mk_producer *producer;
	struct mk_ticket ticket;

	live_create(live, &(struct mk_geometry){ .slots = SLOTS,
						 .observable_words = WORDS + 1 });
	live_start(live, NULL);
	producer = live_producer(live, 0, 0);
	trial = litmus_begin();
	while (litmus_goes_on(&trial)) {
		uint32_t word = litmus_word(trial.rounds, 0);

		live_ok(live_run(producer,
				 &LIVE_ITEM(MK_OP_STORE_U32, word, LIVE_OBSERVABLE(0))));
		assert_int_equal(live_observable(live, 0), word);
		publish(producer,
			&LIVE_ITEM(MK_OP_MEMCPY, LIVE_OBSERVABLE(0), LIVE_OBSERVABLE(1),
				   WORDS),
			&ticket);
		wait_for(producer, &ticket);
		/* The last was stored last. */
		for (uint32_t i = WORDS; i > 0; i--)
			assert_int_equal(live_observable(live, i), word);
	}
	litmus_end(&trial, "effects before completion");
}

/* Fences ------------------------------------------------------------------------- */

/*
 * Items of a batch store its number, which is also its tag and the epoch.  One of them
 * yields before it is through, so that its fence is looked at meanwhile.
 */
enum { ITEMS = 20, LONG_WORDS = 3000, LONG = ITEMS + 1, FENCE_WORDS = LONG + LONG_WORDS };

static bool items_are_there(struct litmus_thread *thread, const char *what,
			    uint32_t batch)
{
	for (uint32_t i = 1; i < FENCE_WORDS; i += i < LONG ? 1 : LONG_WORDS - 1) {
		uint32_t had = live_observable(thread->live, i);

		if (had < batch)
			return litmus_wrong(thread, what, had, batch);
	}
	return true;
}

static void *watch_batches(void *data)
{
	struct litmus_thread *thread = data;
	struct mk_counters counters;
	bool good = true;

	while (good && !atomic_load(&thread->stop)) {
		good = items_are_there(thread, "the tag came before an item",
				       live_observable(thread->live, 0));
		mk_context_counters(thread->live->context, &counters);
		good = good && items_are_there(thread, "the epoch came before an item",
					       counters.epoch);
		atomic_fetch_add(&thread->rounds, 1);
	}
	return NULL;
}

static void publish_numbered_batch(struct mk_producer *producer, uint32_t batch,
				   struct mk_ticket *fence)
{
	struct mk_item items[ITEMS];
	uint32_t args[ITEMS][2];

	for (uint32_t i = 0; i < ITEMS; i++) {
		args[i][0] = batch;
		args[i][1] = LIVE_OBSERVABLE(1 + i);
		items[i] = (struct mk_item){ MK_OP_STORE_U32, 2, args[i] };
	}
	items[ITEMS / 2] = LIVE_ITEM(MK_OP_MEMCPY, LIVE_OBSERVABLE(LONG),
				     LIVE_OBSERVABLE(LONG + 1), LONG_WORDS - 1);
	live_ok(mk_producer_publish_batch(producer, items, ITEMS, batch, LIVE_TIMEOUT_NS,
					  fence, NULL));
}

static void test_fence_comes_after_its_items(void **state)
{
	struct live *live = *state;
	static struct litmus_thread watcher;
	struct litmus_trial trial;
	struct mk_producer *producer;
	struct mk_ticket fence;

	live_create(live, &(struct mk_geometry){
				  .slots = MK_WINDOW_SLOTS_DEFAULT,
				  .observable_words = FENCE_WORDS,
			  });
	/* Items and their fence lie in blocks of different workers. */
	live_start(live, &(struct mk_engine_options){ .workgroups = 2 });
	producer = live_producer(live, 0, 0);
	litmus_start(&watcher, live, 0, watch_batches);
	trial = litmus_begin();
	while (litmus_goes_on(&trial)) {
		uint32_t batch = trial.rounds;

		/* What the long item will copy, and what its place would have stored. */
		live_ok(live_run(producer, &LIVE_ITEM(MK_OP_STORE_U32, batch,
						      LIVE_OBSERVABLE(LONG))));
		live_ok(live_run(producer, &LIVE_ITEM(MK_OP_STORE_U32, batch,
						      LIVE_OBSERVABLE(1 + ITEMS / 2))));
		publish_numbered_batch(producer, batch, &fence);
		wait_for(producer, &fence);
		assert_int_equal(live_observable(live, 0), batch);
		for (uint32_t i = FENCE_WORDS - 1; i > LONG; i -= i > 32 ? 31 : 1)
			assert_int_equal(live_observable(live, i), batch);
		for (uint32_t i = LONG; i > 0; i--)
			assert_int_equal(live_observable(live, i), batch);
	}
	litmus_join(&watcher);
	litmus_end(&trial, "fence after items");
}

/* Slots used again ------------------------------------------------------------------ */

/* One slot, as fast as it goes: each publish is executed once and known by its count. */
static void test_slot_is_used_once_a_publish(void **state)
{
	enum { UNWAITED = 3 };
	struct live *live = *state;
	struct litmus_trial trial;
	struct mk_producer *producer;
	struct mk_ticket ticket;
	uint32_t sum = 0, published = 0;

	live_create(live, &(struct mk_geometry){ .slots = 1, .observable_words = 1 });
	live_start(live, NULL);
	producer = live_producer(live, 0, 0);
	trial = litmus_begin();
	while (litmus_goes_on(&trial)) {
		for (uint32_t i = 0; i <= UNWAITED; i++) {
			uint32_t word = litmus_word(trial.rounds, i);

			sum += word;
			publish(producer,
				&LIVE_ITEM(MK_OP_ATOMIC_ADD, word, LIVE_OBSERVABLE(0)),
				i == UNWAITED ? &ticket : NULL);
			published++;
		}
		assert_int_equal(ticket.count, published & MK_CQ_ENTRY_COUNT_MASK);
		wait_for(producer, &ticket);
		assert_int_equal(live_observable(live, 0), sum);
		/* The status is there when the entry is, or it would end the next use. */
		if (litmus_is_in_place(live))
			assert_int_equal(litmus_load(live, MK_REGION_RING,
						     MK_SLOT_STATUS),
					 MK_STATUS_DONE);
	}
	litmus_end(&trial, "one slot");
}

/* Dispatches ------------------------------------------------------------------------ */

/* What one dispatch stored for itself the next one finds: a copy goes on where it was. */
static void test_dispatch_goes_on_where_the_last_one_ended(void **state)
{
	enum { WORDS = 6000, STEPS = 2048, WORDS_APART = 61 };
	struct live *live = *state;
	struct litmus_trial trial;
	struct mk_producer *producer;
	struct mk_engine_info before, after;

	live_create(live,
		    &(struct mk_geometry){ .slots = 8, .observable_words = WORDS + 1 });
	live_start(live, &(struct mk_engine_options){ .dispatch_steps = STEPS });
	producer = live_producer(live, 0, 0);
	mk_engine_info(live->engine, &before);
	trial = litmus_begin();
	while (litmus_goes_on(&trial)) {
		uint32_t word = litmus_word(trial.rounds, 0);

		live_ok(live_run(producer,
				 &LIVE_ITEM(MK_OP_STORE_U32, word, LIVE_OBSERVABLE(0))));
		live_ok(live_run(producer, &LIVE_ITEM(MK_OP_MEMCPY, LIVE_OBSERVABLE(0),
						      LIVE_OBSERVABLE(1), WORDS)));
		for (uint32_t i = WORDS; i > WORDS_APART; i -= WORDS_APART)
			assert_int_equal(live_observable(live, i), word);
	}
	mk_engine_info(live->engine, &after);
	/* Else all of it was in one. */
	assert_true(after.dispatches - before.dispatches >= trial.rounds);
	litmus_end(&trial, "from dispatch to dispatch");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LITMUS_TEST(test_slot_has_the_words_of_its_publish),
		LITMUS_TEST(test_streamed_slots_have_the_words_of_their_publish),
		LITMUS_TEST(test_arena_is_as_it_was_at_the_publish),
		LITMUS_TEST(test_stores_the_bytes_of_the_encoder),
		LITMUS_TEST(test_claim_comes_before_effects),
		LITMUS_TEST(test_effects_come_before_completion),
		LITMUS_TEST(test_fence_comes_after_its_items),
		LITMUS_TEST(test_slot_is_used_once_a_publish),
		LITMUS_TEST(test_dispatch_goes_on_where_the_last_one_ended),
	};

	return live_main(tests);
}

// SPDX-License-Identifier: MIT
#include "reset_run.h"

#include <stdio.h>
#include <string.h>

/* Additions in a packed slot: as many as fit. */
#define PACKED 4
#define BATCH  6

/* What a slot is to do, and to which of the producer's words. */
struct planned {
	uint32_t args[3];
	struct mk_item items[PACKED];
	size_t count;
	uint32_t word;
	uint32_t effect;
	struct mk_ticket ticket;
};

static void plan_add(const struct reset_producer *producer, uint32_t word, size_t count,
		     struct planned *plan)
{
	plan->word = word;
	plan->count = count;
	plan->effect = (uint32_t)count;
	plan->args[0] = 1;
	plan->args[1] = LIVE_OBSERVABLE(producer->first + word);
	for (size_t i = 0; i < count; i++)
		plan->items[i] = (struct mk_item){ MK_OP_ATOMIC_ADD, 2, plan->args };
}

/* Longer than one look at a slot, so it is suspended and goes on. */
static void plan_copy(const struct reset_producer *producer, uint32_t word,
		      struct planned *plan)
{
	uint32_t index = (uint32_t)(producer - producer->run->producers);

	plan->word = word;
	plan->count = 1;
	plan->effect = 0;
	plan->args[0] = LIVE_OBSERVABLE(0);
	plan->args[1] = LIVE_OBSERVABLE(RESET_COPY_TO + index * RESET_COPY_WORDS);
	plan->args[2] = RESET_COPY_WORDS;
	plan->items[0] = (struct mk_item){ MK_OP_MEMCPY, 3, plan->args };
}

static int publish(struct mk_producer *producer, struct planned *plan)
{
	if (plan->count > 1)
		return mk_producer_publish_packed(producer, plan->items, plan->count,
						  LIVE_TIMEOUT_NS, &plan->ticket);
	return mk_producer_publish(producer, plan->items, LIVE_TIMEOUT_NS, &plan->ticket);
}

/* One slot, one at a time for its word: what it left must fit how it ended. */
static int account(struct reset_producer *producer, struct mk_producer *ring,
		   const struct planned *plan)
{
	uint32_t before = producer->value[plan->word], after;
	int ret = mk_producer_wait(ring, &plan->ticket, LIVE_TIMEOUT_NS);
	uint32_t effect;

	if (ret < 0)
		return ret;
	if (mk_context_observable(producer->run->live->context,
				  producer->first + plan->word, &after))
		return -1;
	effect = after - before;
	producer->value[plan->word] = after;
	if (!ret && effect == plan->effect) {
		producer->done++;
		return 0;
	}
	if (ret == MK_FAULT_INTERRUPTED && effect <= plan->effect) {
		producer->interrupted++;
		return 0;
	}
	snprintf(producer->text, sizeof(producer->text),
		 "slot %u ended with %d and had %u effects of %u", plan->ticket.slot, ret,
		 effect, plan->effect);
	return -1;
}

static int run_singles(struct reset_producer *producer, struct mk_producer *ring)
{
	struct planned plans[RESET_WORDS];
	int ret = 0;

	for (uint32_t i = 0; i < RESET_WORDS && !ret; i++) {
		uint32_t kind = live_random(&producer->random) % 8;

		if (!kind)
			plan_copy(producer, i, &plans[i]);
		else
			plan_add(producer, i, kind < 4 ? 1 : PACKED, &plans[i]);
		ret = publish(ring, &plans[i]);
	}
	for (uint32_t i = 0; i < RESET_WORDS && !ret; i++)
		ret = account(producer, ring, &plans[i]);
	return ret;
}

static int run_batch(struct reset_producer *producer, struct mk_producer *ring)
{
	struct planned plans[BATCH];
	struct mk_item items[BATCH];
	struct mk_ticket tickets[BATCH], fence;
	int ret;

	for (uint32_t i = 0; i < BATCH; i++) {
		plan_add(producer, i, 1, &plans[i]);
		items[i] = plans[i].items[0];
	}
	ret = mk_producer_publish_batch(ring, items, BATCH, 1, LIVE_TIMEOUT_NS, &fence,
					tickets);
	if (ret)
		return ret;
	ret = mk_producer_wait(ring, &fence, LIVE_TIMEOUT_NS);
	if (ret < 0)
		return ret;
	producer->interrupted += ret == MK_FAULT_INTERRUPTED;
	for (uint32_t i = 0; i < BATCH; i++) {
		plans[i].ticket = tickets[i];
		ret = account(producer, ring, &plans[i]);
		if (ret)
			return ret;
	}
	return 0;
}

static void *produce(void *argument)
{
	struct reset_producer *producer = argument;
	struct mk_producer *ring = NULL;
	int ret = mk_producer_open(producer->run->live->context, NULL, &ring);

	while (!ret && !atomic_load(&producer->run->finish)) {
		ret = run_singles(producer, ring);
		if (!ret)
			ret = run_batch(producer, ring);
		atomic_fetch_add(&producer->rounds, 1);
	}
	producer->error = ret;
	if (ret && !*producer->text)
		snprintf(producer->text, sizeof(producer->text), "%d: %s", ret,
			 mk_error_text());
	mk_producer_close(ring);
	if (ret)
		atomic_store(&producer->run->has_failed, true);
	return NULL;
}

void reset_run_begin(struct reset_run *run, struct live *live, uint64_t seed)
{
	memset(run, 0, sizeof(*run));
	run->live = live;
	for (uint32_t i = 0; i < RESET_PRODUCERS; i++) {
		struct reset_producer *producer = &run->producers[i];

		producer->run = run;
		/* The first one is the fences' tag's. */
		producer->first = 1 + i * RESET_WORDS;
		producer->random = seed * RESET_PRODUCERS + i + 1;
		assert_int_equal(
			pthread_create(&producer->thread, NULL, produce, producer), 0);
	}
}

struct progress {
	struct reset_run *run;
	uint32_t wanted[RESET_PRODUCERS];
};

static bool has_progressed(void *argument)
{
	struct progress *progress = argument;

	if (atomic_load(&progress->run->has_failed))
		return true;
	for (uint32_t i = 0; i < RESET_PRODUCERS; i++)
		if ((int32_t)(atomic_load(&progress->run->producers[i].rounds) -
			      progress->wanted[i]) < 0)
			return false;
	return true;
}

void reset_run_expect_progress(struct reset_run *run)
{
	struct progress progress = { .run = run };
	uint64_t done, interrupted;

	/* One round may be under way already. */
	for (uint32_t i = 0; i < RESET_PRODUCERS; i++)
		progress.wanted[i] = atomic_load(&run->producers[i].rounds) + 2;
	if (!live_eventually(has_progressed, &progress))
		fail_msg("a producer has made no progress");
	if (atomic_load(&run->has_failed))
		reset_run_end(run, &done, &interrupted);
}

void reset_run_end(struct reset_run *run, uint64_t *done, uint64_t *interrupted)
{
	bool failed = false;

	atomic_store(&run->finish, true);
	*done = *interrupted = 0;
	for (uint32_t i = 0; i < RESET_PRODUCERS; i++) {
		struct reset_producer *producer = &run->producers[i];

		pthread_join(producer->thread, NULL);
		if (producer->error)
			print_error("producer %u: %s\n", i, producer->text);
		failed |= producer->error != 0;
		*done += producer->done;
		*interrupted += producer->interrupted;
	}
	assert_false(failed);
}

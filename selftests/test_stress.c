// SPDX-License-Identifier: MIT
/*
 * Counts every slot over many hand-overs from one dispatch to the next: none may be
 * lost, and none may run twice.
 *
 *   MK_STRESS_DISPATCHES  hand-overs to see (default 300; 10000 with MK_SLOW)
 *   MK_STRESS_SECONDS     time to go on for (default 3; 60 with MK_SLOW)
 *   MK_STRESS_SEED        of the operations' mix (default 1)
 */
#include "live.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define THREADS		 3
#define ROUND_SLOTS	 24
#define OBSERVABLES_EACH 16
/* A fence's tag, then each thread's; behind them is where the copies go. */
#define OWN_WORDS (1 + THREADS * OBSERVABLES_EACH)
/* Small, so that a dispatch ends soon whatever it finds. */
#define DISPATCH_STEPS 2048
#define QUICK_LIMIT_NS (100 * LIVE_NS_PER_SECOND)
#define SLOW_LIMIT_NS  (3600 * LIVE_NS_PER_SECOND)

/* What a thread published and saw completed, by kind. */
struct tally {
	uint64_t done;
	uint64_t faults;
	uint64_t batches;
	uint64_t executed[MK_METRIC_COUNT];
	uint32_t sum;
};

struct worker {
	pthread_t thread;
	struct live *live;
	atomic_bool *finish;
	uint64_t random;
	uint32_t base; /* first of its observables */
	struct tally tally;
	int error;
	char text[512];
};

/* A slot's operations, and what they are to leave behind. */
struct planned {
	struct mk_item items[2];
	uint32_t args[2][3];
	uint32_t count; /* 2: packed */
	int result;
};

/* Observables of a worker: its sum, then words that take whatever comes. */
static uint32_t own_word(const struct worker *worker, uint32_t index)
{
	return MK_CONTROL_OBSERVABLES + worker->base + index;
}

static void plan_add(struct worker *worker, struct planned *plan, uint32_t index)
{
	uint32_t amount = live_random(&worker->random);

	plan->args[index][0] = amount;
	plan->args[index][1] = own_word(worker, 0);
	plan->items[index] = (struct mk_item){ MK_OP_ATOMIC_ADD, 2, plan->args[index] };
	worker->tally.sum += amount;
	worker->tally.executed[MK_OP_ATOMIC_ADD]++;
}

static void plan_single(struct worker *worker, struct planned *plan, uint32_t opcode,
			uint32_t a0, uint32_t a1, uint32_t a2)
{
	plan->args[0][0] = a0;
	plan->args[0][1] = a1;
	plan->args[0][2] = a2;
	plan->items[0] = (struct mk_item){ opcode, 3, plan->args[0] };
	if (opcode < MK_METRIC_COUNT)
		worker->tally.executed[opcode]++;
}

static void plan_slot(struct worker *worker, struct planned *plan)
{
	uint32_t scratch = own_word(worker, 1 + live_random(&worker->random) % 4);

	memset(plan, 0, sizeof(*plan));
	plan->count = 1;
	switch (live_random(&worker->random) % 10) {
	case 0:
		plan_single(worker, plan, MK_OP_NOP, 0, 0, 0);
		break;
	case 1:
		plan_single(worker, plan, MK_OP_STORE_U32, 1, scratch, 0);
		break;
	case 2:
		plan_single(worker, plan, MK_OP_LOAD_U32, scratch,
			    scratch - MK_CONTROL_OBSERVABLES, 0);
		break;
	case 3:
		/* Longer than a dispatch, so that it is carried over. */
		plan_single(worker, plan, MK_OP_MEMCPY, MK_CONTROL_OBSERVABLES,
			    MK_CONTROL_OBSERVABLES + OWN_WORDS, 2 * DISPATCH_STEPS);
		break;
	case 4:
		plan->items[0] = (struct mk_item){ 0x4242, 0, NULL };
		plan->result = MK_FAULT_OPCODE;
		break;
	case 5:
		plan->count = 2;
		plan_add(worker, plan, 0);
		plan_add(worker, plan, 1);
		break;
	default:
		plan_add(worker, plan, 0);
	}
}

static int publish_plan(struct mk_producer *producer, const struct planned *plan,
			struct mk_ticket *ticket)
{
	if (plan->count > 1)
		return mk_producer_publish_packed(producer, plan->items, plan->count,
						  LIVE_TIMEOUT_NS, ticket);
	return mk_producer_publish(producer, plan->items, LIVE_TIMEOUT_NS, ticket);
}

/* One at a time, in any order, all of them waited for. */
static int run_singles(struct worker *worker, struct mk_producer *producer)
{
	struct planned plans[ROUND_SLOTS];
	struct mk_ticket tickets[ROUND_SLOTS];

	for (int i = 0; i < ROUND_SLOTS; i++) {
		int ret;

		plan_slot(worker, &plans[i]);
		ret = publish_plan(producer, &plans[i], &tickets[i]);
		if (ret)
			return ret;
	}
	for (int i = 0; i < ROUND_SLOTS; i++) {
		int ret = mk_producer_wait(producer, &tickets[i], LIVE_TIMEOUT_NS);

		if (ret < 0)
			return ret;
		if (ret != plans[i].result) {
			snprintf(worker->text, sizeof(worker->text),
				 "opcode 0x%x ended with %d, expected %d",
				 plans[i].items[0].opcode, ret, plans[i].result);
			return -1;
		}
		if (ret)
			worker->tally.faults++;
		else
			worker->tally.done++;
	}
	return 0;
}

static int run_batch(struct worker *worker, struct mk_producer *producer)
{
	enum { ITEMS = 6 };
	struct planned plan = { 0 };
	struct mk_item items[ITEMS];
	struct mk_ticket fence;
	int ret;

	plan_add(worker, &plan, 0);
	worker->tally.sum += (ITEMS - 1) * plan.args[0][0];
	worker->tally.executed[MK_OP_ATOMIC_ADD] += ITEMS - 1;
	for (int i = 0; i < ITEMS; i++)
		items[i] = plan.items[0];
	ret = mk_producer_publish_batch(producer, items, ITEMS, 1, LIVE_TIMEOUT_NS,
					&fence, NULL);
	if (!ret)
		ret = mk_producer_wait(producer, &fence, LIVE_TIMEOUT_NS);
	worker->tally.done += ITEMS + 1;
	worker->tally.batches++;
	worker->tally.executed[MK_OP_BATCH_FENCE]++;
	return ret;
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct mk_producer *producer = NULL;
	int ret = mk_producer_open(worker->live->context, NULL, &producer);

	while (!ret && !atomic_load(worker->finish)) {
		ret = run_singles(worker, producer);
		if (!ret)
			ret = run_batch(worker, producer);
	}
	mk_producer_close(producer);
	worker->error = ret;
	if (ret && !*worker->text)
		strncpy(worker->text, mk_error_text(), sizeof(worker->text) - 1);
	return NULL;
}

static uint64_t number(const char *variable, uint64_t quick, uint64_t slow)
{
	const char *value = getenv(variable);

	if (value)
		return strtoull(value, NULL, 10);
	return live_slow() ? slow : quick;
}

/* Completions of all slots, from the cq itself: one for each slot published. */
static uint64_t count_completions(const struct live *live)
{
	const struct mk_geometry *geometry = mk_context_geometry(live->context);
	size_t bytes = (size_t)mk_cq_bytes(geometry->slots, geometry->window_slots);
	const uint32_t *words = live_map(live, MK_REGION_CQ, bytes);
	uint64_t completions = 0;

	for (uint32_t slot = 0; slot < geometry->slots; slot++)
		completions += words[words[MK_CQ_FIRST_ENTRY] + slot] >>
			       MK_CQ_ENTRY_COUNT_SHIFT;
	return completions;
}

static void check_metrics(const struct live *live, const struct tally *total)
{
	const struct mk_geometry *geometry = mk_context_geometry(live->context);
	const int64_t bytes[MK_READBACK_BUFFERS] = {
		mk_control_bytes(geometry->observable_words),
		mk_ring_bytes(geometry->slots),
		mk_debug_log_bytes(geometry->log_records),
		mk_io_queue_bytes(geometry->io_slots),
	};
	struct mk_metric metrics[MK_METRIC_COUNT];
	struct mk_readback readback = { 0 };
	uint64_t executed[MK_METRIC_COUNT] = { 0 };
	int64_t count;

	for (int i = 0; i < MK_READBACK_BUFFERS; i++) {
		readback.buffers[i].capacity = (size_t)bytes[i];
		readback.buffers[i].data = malloc((size_t)bytes[i]);
		assert_non_null(readback.buffers[i].data);
	}
	live_ok(mk_context_readback(live->context, &readback));
	count = mk_control_metrics(readback.buffers[MK_REGION_CONTROL].data,
				   readback.buffers[MK_REGION_CONTROL].length, metrics);
	assert_true(count >= 0);
	for (int64_t i = 0; i < count; i++)
		executed[metrics[i].opcode] = metrics[i].count;
	for (uint32_t i = 0; i < MK_METRIC_COUNT; i++)
		assert_int_equal(executed[i], total->executed[i]);
	for (int i = 0; i < MK_READBACK_BUFFERS; i++)
		free(readback.buffers[i].data);
}

static void add_tally(struct tally *total, const struct tally *part)
{
	total->done += part->done;
	total->faults += part->faults;
	total->batches += part->batches;
	for (uint32_t i = 0; i < MK_METRIC_COUNT; i++)
		total->executed[i] += part->executed[i];
}

static void go_on_for_long(struct live *live)
{
	uint64_t wanted = number("MK_STRESS_DISPATCHES", 300, 10000);
	uint64_t least_ns = number("MK_STRESS_SECONDS", 3, 60) * LIVE_NS_PER_SECOND;
	uint64_t limit_ns = least_ns + (live_slow() ? SLOW_LIMIT_NS : QUICK_LIMIT_NS);
	uint64_t begin = live_now_ns();
	struct mk_counters counters;
	uint64_t elapsed;

	do {
		live_pause_ns(10 * LIVE_NS_PER_MS);
		mk_context_counters(live->context, &counters);
		elapsed = live_now_ns() - begin;
	} while (elapsed < least_ns ||
		 (counters.dispatches < wanted && elapsed < limit_ns));
	print_message("# %u dispatches, %llu slots done\n", counters.dispatches,
		      (unsigned long long)counters.slots_done);
	assert_true(counters.dispatches >= wanted);
}

static void test_counts_every_slot(void **state)
{
	struct live *live = *state;
	struct worker workers[THREADS];
	atomic_bool finish = false;
	struct tally total = { 0 };
	struct mk_counters counters;
	/* The generator's state must not be 0. */
	uint64_t seed = number("MK_STRESS_SEED", 1, 1) | 1ull << 63;

	live_create(live, &(struct mk_geometry){
				  .slots = 256,
				  .observable_words = OWN_WORDS + 2 * DISPATCH_STEPS,
			  });
	live_start(live, &(struct mk_engine_options){ .dispatch_steps = DISPATCH_STEPS });
	for (uint32_t i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){
			.live = live,
			.finish = &finish,
			.random = seed + i,
			.base = 1 + i * OBSERVABLES_EACH,
		};
		assert_int_equal(
			pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	go_on_for_long(live);
	atomic_store(&finish, true);
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	for (uint32_t i = 0; i < THREADS; i++) {
		if (workers[i].error)
			print_error("worker %u: %d: %s\n", i, workers[i].error,
				    workers[i].text);
		assert_int_equal(workers[i].error, 0);
		add_tally(&total, &workers[i].tally);
	}
	live_stop(live);

	mk_context_counters(live->context, &counters);
	assert_int_equal(counters.slots_done, total.done);
	assert_int_equal(counters.done_count, (uint32_t)total.done);
	assert_int_equal(counters.faults, (uint32_t)total.faults);
	assert_int_equal(counters.epoch, (uint32_t)total.batches);
	assert_int_equal(count_completions(live), total.done + total.faults);
	for (uint32_t i = 0; i < THREADS; i++)
		assert_int_equal(live_observable(live, workers[i].base),
				 workers[i].tally.sum);
	check_metrics(live, &total);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIVE_TEST(test_counts_every_slot),
	};

	return live_main(tests);
}

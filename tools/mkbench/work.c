// SPDX-License-Identifier: MIT
#include "work.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>

static uint32_t observable(const struct work *work, const struct mk_context *context,
			   uint32_t word)
{
	uint32_t value = 0;

	/* The context was made with that many. */
	(void)mk_context_observable(context, work->first_observable + word, &value);
	return value;
}

static void prepare_args(struct work *work, uint32_t word)
{
	uint32_t *args = work->args[word];

	args[0] = word + 1;
	args[1] = MK_CONTROL_OBSERVABLES + work->first_observable + word;
	/* Nobody reads these; they are there to be carried. */
	for (uint32_t i = 2; i < MK_SLOT_ARG_COUNT; i++)
		args[i] = 0x01010101u * i;
}

void work_prepare(struct work *work, const struct mk_context *context,
		  enum operation operation, uint32_t number)
{
	static const uint32_t opcodes[] = {
		[OPERATION_NOP] = MK_OP_NOP,
		[OPERATION_ADD] = MK_OP_ATOMIC_ADD,
	};

	work->operation = operation;
	work->published = 0;
	work->first_observable = WORK_WORDS * (number + 1);
	for (uint32_t word = 0; word < WORK_WORDS; word++) {
		prepare_args(work, word);
		work->before[word] = observable(work, context, word);
	}
	for (uint32_t i = 0; i < WORK_CHUNK; i++)
		work->items[i] = (struct mk_item){
			.opcode = opcodes[operation],
			.arg_count = MK_SLOT_ARG_COUNT,
			.args = work->args[i % WORK_WORDS],
		};
}

uint32_t work_expected(uint64_t published, uint32_t word)
{
	uint64_t times = published / WORK_WORDS + (word < published % WORK_WORDS);

	return (uint32_t)(times * (word + 1));
}

/* How far some work is, and the sums that a person is told when it goes wrong. */
struct look {
	uint64_t wanted;
	uint64_t had;
	bool done;
	bool wrong; /* nothing is added any more that could make it right */
};

static void look_at_words(const struct work *work, const struct mk_context *context,
			  struct look *look)
{
	for (uint32_t word = 0; word < WORK_WORDS; word++) {
		uint32_t want = work_expected(work->published, word);
		uint32_t value = observable(work, context, word) - work->before[word];

		look->wanted += want;
		look->had += value;
		look->done &= value == want;
		look->wrong |= (int32_t)(value - want) > 0;
	}
}

static void look_at_count(const struct work *works, uint32_t count,
			  const struct mk_context *context, uint64_t slots_done,
			  struct look *look)
{
	struct mk_counters counters;

	for (uint32_t i = 0; i < count; i++)
		look->wanted += works[i].published;
	mk_context_counters(context, &counters);
	look->had = counters.slots_done - slots_done;
	look->done = look->had == look->wanted;
	look->wrong = look->had > look->wanted;
}

static struct look look_at(const struct work *works, uint32_t count,
			   const struct mk_context *context, uint64_t slots_done)
{
	struct look look = { .done = true };

	if (works->operation == OPERATION_NOP)
		look_at_count(works, count, context, slots_done, &look);
	else
		for (uint32_t i = 0; i < count; i++)
			look_at_words(&works[i], context, &look);
	return look;
}

int work_await(const struct work *works, uint32_t count, const struct mk_context *context,
	       uint64_t slots_done)
{
	bool adds = works->operation == OPERATION_ADD;
	uint64_t begin = now_ns();

	for (;;) {
		struct look look = look_at(works, count, context, slots_done);

		if (look.done)
			return 0;
		if (look.wrong || now_ns() - begin > PATIENCE_NS) {
			fprintf(stderr, "mkbench: %s: had %llu, expected %llu\n",
				adds ? "sum of the observables" : "slots done",
				(unsigned long long)look.had,
				(unsigned long long)look.wanted);
			return -EIO;
		}
		sched_yield();
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * What is published when it shall do something: full slots, all 64 bytes written, that
 * add to observables, and what these must add up to.
 */
#ifndef MKBENCH_WORK_H
#define MKBENCH_WORK_H

#include "bench.h"

/* A multiple of the words, so that each chunk begins with the first word. */
#define WORK_CHUNK 1024u
/* Observables of one producer: as many as the slots of a window. */
#define WORK_WORDS 32u

/* Observables of a context with @producers; the first ones are left to fences' tags. */
#define WORK_OBSERVABLES(producers) (WORK_WORDS * ((producers) + 1u))

/*
 * The work of one producer.  In the order of their publishing, operation i adds
 * i % WORK_WORDS + 1 to word i % WORK_WORDS.
 */
struct work {
	enum operation operation;
	struct mk_item items[WORK_CHUNK];
	uint32_t args[WORK_WORDS][MK_SLOT_ARG_COUNT];
	uint32_t first_observable;
	uint32_t before[WORK_WORDS]; /* what was in the words already */
	uint64_t published;
};

/* work_prepare() - for producer @number of a context on which nothing is in flight */
void work_prepare(struct work *work, const struct mk_context *context,
		  enum operation operation, uint32_t number);

/* work_next() - the item to publish next, and at least WORK_WORDS - 1 behind it */
static inline const struct mk_item *work_next(const struct work *work)
{
	return &work->items[work->published % WORK_WORDS];
}

/* What @published operations add to a word, in 32 bits. */
uint32_t work_expected(uint64_t published, uint32_t word);

/*
 * work_await() - wait until all that was published has been done
 * @slots_done: the context's, before the first was published
 *
 * Additions are done when each observable holds what it must, exactly.  Of NOPs the
 * slots are counted, so there nobody else may publish meanwhile.
 *
 * Return: 0; -EIO when the sum is another one or not all were done within 10 s, which
 * was told.
 */
int work_await(const struct work *works, uint32_t count, const struct mk_context *context,
	       uint64_t slots_done);

#endif /* MKBENCH_WORK_H */

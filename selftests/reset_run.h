/* SPDX-License-Identifier: MIT */
/*
 * Producers that keep an engine busy and account for every slot: one that ended DONE has
 * had its effect once, and one that was interrupted at most once.
 */
#ifndef MK_SELFTESTS_RESET_RUN_H
#define MK_SELFTESTS_RESET_RUN_H

#include <pthread.h>
#include <stdatomic.h>

#include "live.h"

#define RESET_PRODUCERS 4
/* Words that each adds to; one slot at a time is about one of them. */
#define RESET_WORDS 24
/* Where long copies go, and how long they are. */
#define RESET_COPY_TO	  1024
#define RESET_COPY_WORDS  3000
#define RESET_OBSERVABLES (RESET_COPY_TO + RESET_PRODUCERS * RESET_COPY_WORDS)

struct reset_producer {
	pthread_t thread;
	struct reset_run *run;
	uint32_t first; /* of its observables */
	uint64_t random;
	uint32_t value[RESET_WORDS]; /* that its observables have when nothing is in flight */
	uint64_t done;
	uint64_t interrupted;
	atomic_uint rounds;
	int error;
	char text[512];
};

struct reset_run {
	struct live *live;
	atomic_bool finish;
	atomic_bool has_failed; /* one of the producers */
	struct reset_producer producers[RESET_PRODUCERS];
};

void reset_run_begin(struct reset_run *run, struct live *live, uint64_t seed);
/* Wait until each producer has seen a whole round of slots end, begun after this. */
void reset_run_expect_progress(struct reset_run *run);
/* Fails the test if a slot was not accounted for.  Gives how many ended in which way. */
void reset_run_end(struct reset_run *run, uint64_t *done, uint64_t *interrupted);

#endif /* MK_SELFTESTS_RESET_RUN_H */

/* SPDX-License-Identifier: MIT */
/*
 * What the litmus tests share.  Each tries, for a while, to see an order that
 * Documentation/memory-ordering.rst says cannot be seen.
 *
 * The environment variable MK_LITMUS_MS says for how many milliseconds each tries; the
 * default is 300, and ten times that with MK_SLOW.
 */
#ifndef MK_SELFTESTS_LITMUS_H
#define MK_SELFTESTS_LITMUS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "live.h"

/* How long a test goes on. */
struct litmus_trial {
	uint64_t begin_ns;
	uint64_t budget_ns;
	uint32_t rounds; /* so far */
};

struct litmus_trial litmus_begin(void);
/* Count a round; false when the time is over, but never before a few were made. */
bool litmus_goes_on(struct litmus_trial *trial);
/* Say how much was tried. */
void litmus_end(const struct litmus_trial *trial, const char *what);

/* Pass time without giving the processor away: what races must not be made to wait. */
void litmus_spin_ns(uint64_t duration_ns);

/* A word that differs from round to round in all of its bits. */
uint32_t litmus_word(uint32_t round, uint32_t index);

/* A word of one of the context's memories, as one who shares it sees it. */
uint32_t litmus_load(const struct live *live, uint32_t memory, uint32_t word);

/*
 * Wait until the engine sleeps and nobody is about to wake it: then it has executed all
 * that was published.  False when that took too long.
 */
bool litmus_rests(struct live *live);

/* Whether the ring is the one memory of slots and statuses; else it is an inbox. */
bool litmus_is_in_place(const struct live *live);

/*
 * A thread beside the test.  cmocka's asserts belong to the main thread, so it brings
 * home what it saw.  It must outlive a test that fails: not on its stack.
 */
struct litmus_thread {
	pthread_t thread;
	struct live *live;
	uint32_t index;
	atomic_bool stop;
	atomic_uint rounds;
	const char *wrong; /* NULL: nothing */
	uint32_t had;
	uint32_t expected;
	char text[256];
};

#define LITMUS_THREAD_LIMIT 4
/* Its teardown ends the threads that a test that failed has left. */
#define LITMUS_TEST(function) \
	cmocka_unit_test_setup_teardown(function, live_setup, litmus_teardown)
int litmus_teardown(void **state);

/* @run ends once stop is set. */
void litmus_start(struct litmus_thread *thread, struct live *live, uint32_t index,
		  void *(*run)(void *));
void litmus_join(struct litmus_thread *thread);
/* Bring home the first thing that was wrong; false, to be returned. */
bool litmus_wrong(struct litmus_thread *thread, const char *what, uint32_t had,
		  uint32_t expected);

#endif /* MK_SELFTESTS_LITMUS_H */

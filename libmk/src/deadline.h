/* SPDX-License-Identifier: MIT */
/* Timeouts on CLOCK_MONOTONIC, and how to pass the time until one. */
#ifndef MK_SRC_DEADLINE_H
#define MK_SRC_DEADLINE_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

static inline uint64_t mk_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline void mk_cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/*
 * A wait for a word that no one can wake us for, because a device writes it.  It
 * polls: first hot, then giving way to other threads, then sleeping longer and
 * longer, so that a long wait costs little.
 */
struct mk_poll {
	uint64_t timeout_ns;
	uint64_t begin_ns; /* 0 until the clock had to be read */
	uint32_t rounds;
};

static inline struct mk_poll mk_poll_begin(uint64_t timeout_ns)
{
	return (struct mk_poll){ .timeout_ns = timeout_ns };
}

/* Pass some time; false when there is none left. */
static inline bool mk_poll_again(struct mk_poll *poll)
{
	enum {
		/* A pause takes longer than a look, which hurts whom microseconds matter. */
		EAGER_ROUNDS = 1000,
		HOT_ROUNDS = 3000,
		YIELD_ROUNDS = 3200,
		SHORTEST_NS = 20000,
		LONGEST_NS = 1000000
	};
	uint64_t elapsed;

	if (!poll->timeout_ns)
		return false;
	/* Reading the clock costs more than a look, so not every time. */
	if (++poll->rounds < EAGER_ROUNDS)
		return true;
	if (poll->rounds < HOT_ROUNDS && poll->rounds % 64) {
		mk_cpu_relax();
		return true;
	}
	if (!poll->begin_ns)
		poll->begin_ns = mk_now_ns();
	elapsed = mk_now_ns() - poll->begin_ns;
	if (elapsed >= poll->timeout_ns)
		return false;
	if (poll->rounds < HOT_ROUNDS) {
		mk_cpu_relax();
	} else if (poll->rounds < YIELD_ROUNDS) {
		sched_yield();
	} else {
		uint64_t sleep_ns = elapsed / 8;

		if (sleep_ns < SHORTEST_NS)
			sleep_ns = SHORTEST_NS;
		if (sleep_ns > LONGEST_NS)
			sleep_ns = LONGEST_NS;
		if (sleep_ns > poll->timeout_ns - elapsed)
			sleep_ns = poll->timeout_ns - elapsed;
		nanosleep(&(struct timespec){ .tv_nsec = (long)sleep_ns }, NULL);
	}
	return true;
}

#endif /* MK_SRC_DEADLINE_H */

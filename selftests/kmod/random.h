/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers that a seed decides: xorshift64*. */
#ifndef MK_SELFTESTS_RANDOM_H
#define MK_SELFTESTS_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

static inline struct random random_from(uint64_t seed)
{
	/* Seeds that differ little begin far apart, and none is 0. */
	return (struct random){ .state = (seed + 1) * 0x9e3779b97f4a7c15u | 1 };
}

static inline uint64_t random_next(struct random *random)
{
	random->state ^= random->state >> 12;
	random->state ^= random->state << 25;
	random->state ^= random->state >> 27;
	return random->state * 0x2545f4914f6cdd1du;
}

static inline uint32_t random_below(struct random *random, uint32_t limit)
{
	return (random_next(random) >> 32) * limit >> 32;
}

static inline bool one_in(struct random *random, uint32_t count)
{
	return !random_below(random, count);
}

#endif /* MK_SELFTESTS_RANDOM_H */

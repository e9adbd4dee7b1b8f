/* SPDX-License-Identifier: MIT */
/* A bounded set of samples, and what is said about it. */
#ifndef MKBENCH_STATISTICS_H
#define MKBENCH_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

struct distribution {
	size_t samples;
	uint64_t p50_ns;
	uint64_t p99_ns;
	uint64_t p999_ns;
};

struct sampler {
	uint64_t *values;
	size_t count;
	size_t capacity;
};

/* sampler_init() - room for @capacity samples; 0 or -ENOMEM. */
int sampler_init(struct sampler *sampler, size_t capacity);

/* The caller adds at most the capacity. */
static inline void sampler_add(struct sampler *sampler, uint64_t value)
{
	sampler->values[sampler->count++] = value;
}

/* sampler_finish() - summarise the samples, and free them. */
void sampler_finish(struct sampler *sampler, struct distribution *result);

#endif /* MKBENCH_STATISTICS_H */

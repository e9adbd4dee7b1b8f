/* SPDX-License-Identifier: MIT */
/* A bounded set of samples, and what is said about it. */
#ifndef MKBENCH_STATISTICS_H
#define MKBENCH_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

#define QUANTILES 24

/* Those that describe the whole curve, ascending: 0.5 is the median, 1 the maximum. */
extern const double quantile_fractions[QUANTILES];

struct distribution {
	size_t samples;
	uint64_t p50_ns;
	uint64_t p99_ns;
	uint64_t p999_ns;
	uint64_t max_ns;
	uint64_t quantiles_ns[QUANTILES];
};

struct sampler {
	uint64_t *values;
	size_t count;
	size_t capacity;
};

/* sampler_init() - room for @capacity samples; 0 or -ENOMEM, which was told. */
int sampler_init(struct sampler *sampler, size_t capacity);

/* The caller adds at most the capacity. */
static inline void sampler_add(struct sampler *sampler, uint64_t value)
{
	sampler->values[sampler->count++] = value;
}

/* sampler_finish() - summarise the samples, and free them. */
void sampler_finish(struct sampler *sampler, struct distribution *result);

#endif /* MKBENCH_STATISTICS_H */

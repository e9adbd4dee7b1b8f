// SPDX-License-Identifier: MIT
#include "statistics.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const double quantile_fractions[QUANTILES] = {
	0.0, 0.01, 0.02, 0.05, 0.1,   0.2,   0.3,   0.4,    0.5,    0.6,    0.7,     0.8,
	0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9998, 0.9999, 0.99999, 1.0,
};

int sampler_init(struct sampler *sampler, size_t capacity)
{
	*sampler = (struct sampler){ 0 };
	sampler->values = calloc(capacity, sizeof(*sampler->values));
	if (!sampler->values) {
		fprintf(stderr, "mkbench: no memory for %zu samples\n", capacity);
		return -ENOMEM;
	}
	/* Page faults belong here, not into the samples. */
	memset(sampler->values, 0xff, capacity * sizeof(*sampler->values));
	sampler->capacity = capacity;
	return 0;
}

static int compare_values(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left;
	uint64_t b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/* Nearest rank: the smallest sample that this fraction of all do not exceed. */
static uint64_t quantile(const struct sampler *sampler, double fraction)
{
	/* What is a whole number but for rounding is meant as one. */
	size_t rank = (size_t)ceil((double)sampler->count * fraction - 1e-6);

	return sampler->values[rank ? rank - 1 : 0];
}

void sampler_finish(struct sampler *sampler, struct distribution *result)
{
	memset(result, 0, sizeof(*result));
	result->samples = sampler->count;
	if (sampler->count) {
		qsort(sampler->values, sampler->count, sizeof(*sampler->values),
		      compare_values);
		for (int i = 0; i < QUANTILES; i++)
			result->quantiles_ns[i] =
				quantile(sampler, quantile_fractions[i]);
		result->p50_ns = quantile(sampler, 0.5);
		result->p99_ns = quantile(sampler, 0.99);
		result->p999_ns = quantile(sampler, 0.999);
		result->max_ns = sampler->values[sampler->count - 1];
	}
	free(sampler->values);
	memset(sampler, 0, sizeof(*sampler));
}

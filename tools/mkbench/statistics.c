// SPDX-License-Identifier: MIT
#include "statistics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int sampler_init(struct sampler *sampler, size_t capacity)
{
	sampler->values = calloc(capacity, sizeof(*sampler->values));
	if (!sampler->values)
		return -ENOMEM;
	/* Page faults belong here, not into the samples. */
	memset(sampler->values, 0xff, capacity * sizeof(*sampler->values));
	sampler->count = 0;
	sampler->capacity = capacity;
	return 0;
}

static int compare_values(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left;
	uint64_t b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/* Nearest rank: the smallest sample that @per_mille of all do not exceed. */
static uint64_t percentile(const struct sampler *sampler, size_t per_mille)
{
	size_t rank = (sampler->count * per_mille + 999) / 1000;

	return sampler->values[rank ? rank - 1 : 0];
}

void sampler_finish(struct sampler *sampler, struct distribution *result)
{
	memset(result, 0, sizeof(*result));
	result->samples = sampler->count;
	if (sampler->count) {
		qsort(sampler->values, sampler->count, sizeof(*sampler->values),
		      compare_values);
		result->p50_ns = percentile(sampler, 500);
		result->p99_ns = percentile(sampler, 990);
		result->p999_ns = percentile(sampler, 999);
	}
	free(sampler->values);
	memset(sampler, 0, sizeof(*sampler));
}

/* SPDX-License-Identifier: MIT */
/* What the resident kernel's numbers are compared with, measured in the same run. */
#ifndef MKBENCH_BASELINES_H
#define MKBENCH_BASELINES_H

#include <stdbool.h>

#include "bench.h"
#include "output.h"
#include "statistics.h"

struct baselines {
	struct distribution submit_wait; /* no samples: there was no Vulkan device */
	struct distribution submit_poll;
	struct distribution ping_pong;
};

struct naive_result {
	bool measured; /* not so: there is no Vulkan device, or it cannot */
	uint32_t slots;
	uint64_t completed;
	uint64_t ns;
	struct distribution round_trip;
	const char *memory; /* whose it is in: "host" or "device" */
};

/*
 * baseline_device() - the device to compare with: the one that an engine was on
 * @info: of that engine; the strings live as long as it does
 */
const char *baseline_device(const struct bench_options *options,
			    const struct mk_engine_info *info);

/*
 * measure_baselines() - of round trips; no engine may run meanwhile
 *
 * With the reference executor it is no error that there is no Vulkan device.
 * Return: 0, or a negative errno that was told; so do the others.
 */
int measure_baselines(const struct bench_options *options,
		      const struct mk_engine_info *info, struct baselines *baselines);

/* @samples are at most taken: each has a number of its own that is enough. */
int measure_submits(const char *device, uint32_t samples, struct distribution *waited,
		    struct distribution *polled);
int measure_ping_pong(uint32_t samples, struct distribution *result);
int measure_naive(const char *device, uint32_t workgroups, uint32_t samples,
		  double seconds, struct naive_result *result);

void json_baselines(struct json_output *json, const struct baselines *baselines);
/* Also for curves. */
void json_baseline_quantiles(struct json_output *json, const struct baselines *baselines);
/* How @values are below the submits and above the ping-pong; keys begin with @prefix. */
void json_comparison(struct json_output *json, const char *prefix,
		     const struct distribution *values,
		     const struct baselines *baselines);
void table_baselines(const struct baselines *baselines);
void table_comparison(const struct distribution *values,
		      const struct baselines *baselines);

#endif /* MKBENCH_BASELINES_H */

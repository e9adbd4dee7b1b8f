// SPDX-License-Identifier: MIT
#include "baselines.h"

#include <errno.h>
#include <stdio.h>

const char *baseline_device(const struct bench_options *options,
			    const struct mk_engine_info *info)
{
	return options->engine == MK_ENGINE_KIND_VULKAN ? info->device_uuid : options->device;
}

int measure_baselines(const struct bench_options *options,
		      const struct mk_engine_info *info, struct baselines *baselines)
{
	int error = measure_submits(baseline_device(options, info), options->samples,
				    &baselines->submit_wait, &baselines->submit_poll);

	if (error == -EINTR || (error && options->engine == MK_ENGINE_KIND_VULKAN))
		return error;
	if (error)
		fprintf(stderr, "mkbench: without Vulkan there are no submits to compare "
				"with\n");
	return measure_ping_pong(options->samples, &baselines->ping_pong);
}

void json_baselines(struct json_output *json, const struct baselines *baselines)
{
	json_distribution(json, "ping_pong_", &baselines->ping_pong);
	if (!baselines->submit_wait.samples)
		return;
	json_distribution(json, "submit_wait_", &baselines->submit_wait);
	json_distribution(json, "submit_poll_", &baselines->submit_poll);
}

void json_baseline_quantiles(struct json_output *json, const struct baselines *baselines)
{
	json_quantiles(json, "ping_pong_", &baselines->ping_pong);
	if (!baselines->submit_wait.samples)
		return;
	json_quantiles(json, "submit_wait_", &baselines->submit_wait);
	json_quantiles(json, "submit_poll_", &baselines->submit_poll);
}

void json_comparison(struct json_output *json, const char *prefix,
		     const struct distribution *values, const struct baselines *baselines)
{
	const struct {
		const char *suffix;
		double times;
		bool there;
	} rows[] = {
		{ "times_ping_pong", ratio(values, &baselines->ping_pong), true },
		{ "times_below_submit_wait", ratio(&baselines->submit_wait, values),
		  baselines->submit_wait.samples != 0 },
		{ "times_below_submit_poll", ratio(&baselines->submit_poll, values),
		  baselines->submit_poll.samples != 0 },
	};
	char key[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(key, sizeof(key), "%s%s", prefix, rows[i].suffix);
		if (rows[i].there)
			json_decimal(json, key, rows[i].times);
	}
}

void table_baselines(const struct baselines *baselines)
{
	table_distribution("vkQueueSubmit + wait", &baselines->submit_wait);
	table_distribution("vkQueueSubmit + polled fence", &baselines->submit_poll);
	table_distribution("two-thread ping-pong (limit)", &baselines->ping_pong);
	putchar('\n');
}

void table_comparison(const struct distribution *values,
		      const struct baselines *baselines)
{
	if (baselines->submit_wait.samples) {
		table_times("below submit + wait",
			    ratio(&baselines->submit_wait, values));
		table_times("below submit + poll",
			    ratio(&baselines->submit_poll, values));
	}
	table_times("above the ping-pong limit", ratio(values, &baselines->ping_pong));
}

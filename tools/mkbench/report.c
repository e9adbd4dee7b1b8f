// SPDX-License-Identifier: MIT
/* The results of a run with an engine. */
#include <stdio.h>

#include "bench.h"
#include "output.h"

static uint64_t slots_per_second(const struct bench_results *results)
{
	if (!results->streamed_ns)
		return 0;
	return (uint64_t)((double)results->streamed_slots * (double)NS_PER_SECOND /
			  (double)results->streamed_ns);
}

int report_json(const struct bench_results *results)
{
	struct json_output json;

	json_begin(&json, results->verb);
	json_text(&json, "engine", results->engine);
	json_text(&json, "device", results->info.device);
	json_text(&json, "driver", results->info.driver);
	json_text(&json, "placement", results->info.placement);
	json_number(&json, "workgroups", results->info.workgroups);
	json_number(&json, "live_workgroups", results->info.live_workgroups);
	json_distribution(&json, "", &results->round_trip);
	json_distribution(&json, "ping_pong_", &results->ping_pong);
	json_ratio(&json, "times_ping_pong",
		   ratio(&results->round_trip, &results->ping_pong));
	if (results->submit_wait.samples) {
		json_distribution(&json, "submit_wait_", &results->submit_wait);
		json_ratio(&json, "times_below_submit_wait",
			   ratio(&results->submit_wait, &results->round_trip));
	}
	json_number(&json, "slots_per_second", slots_per_second(results));
	json_number(&json, "streamed_slots", results->streamed_slots);
	json_number(&json, "streamed_ns", results->streamed_ns);
	return json_end(&json);
}

int report_table(const struct bench_results *results)
{
	printf("device     %s\n", results->info.device);
	printf("driver     %s\n", results->info.driver);
	printf("placement  %s\n", results->info.placement);
	printf("workgroups %u, of these running at once %u\n\n", results->info.workgroups,
	       results->info.live_workgroups);

	table_head("round trip, microseconds");
	table_distribution("publish -> completion", &results->round_trip);
	table_distribution("vkQueueSubmit + wait", &results->submit_wait);
	table_distribution("two-thread ping-pong (limit)", &results->ping_pong);
	putchar('\n');

	if (results->submit_wait.samples)
		printf("%-28s %10.1f times\n", "below submit + wait",
		       ratio(&results->submit_wait, &results->round_trip));
	printf("%-28s %10.1f times\n", "above the ping-pong limit",
	       ratio(&results->round_trip, &results->ping_pong));
	printf("%-28s %10.3f million NOP slots a second\n", "streaming",
	       (double)slots_per_second(results) / 1e6);
	return table_end();
}

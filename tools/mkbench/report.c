// SPDX-License-Identifier: MIT
/* The results, for a program and for a person. */
#include <errno.h>
#include <stdio.h>

#include <json-c/json.h>

#include "bench.h"

/* Goes up when a key changes its meaning or goes; mkbench(1) lists the keys. */
#define SCHEMA_VERSION 1

static uint64_t slots_per_second(const struct bench_results *results)
{
	if (!results->streamed_ns)
		return 0;
	return (uint64_t)((double)results->streamed_slots * (double)NS_PER_SECOND /
			  (double)results->streamed_ns);
}

static double ratio(const struct distribution *over, const struct distribution *under)
{
	return under->p50_ns ? (double)over->p50_ns / (double)under->p50_ns : 0;
}

static bool finish_output(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return true;
	perror("mkbench: writing the results");
	return false;
}

/* json-c takes ownership of @value; out of memory shows in @failed. */
static void add(struct json_object *object, const char *key, struct json_object *value,
		bool *failed)
{
	if (!value || json_object_object_add(object, key, value))
		*failed = true;
}

static struct json_object *two_decimals(double value)
{
	char digits[32];

	snprintf(digits, sizeof(digits), "%.2f", value);
	return json_object_new_double_s(value, digits);
}

static void add_distribution(struct json_object *object, const char *prefix,
			     const struct distribution *values, bool *failed)
{
	const struct {
		const char *suffix;
		uint64_t value;
	} rows[] = {
		{ "samples", values->samples },
		{ "p50_ns", values->p50_ns },
		{ "p99_ns", values->p99_ns },
		{ "p999_ns", values->p999_ns },
	};
	char key[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(key, sizeof(key), "%s%s", prefix, rows[i].suffix);
		add(object, key, json_object_new_uint64(rows[i].value), failed);
	}
}

static void fill(struct json_object *object, const struct bench_results *results,
		 bool *failed)
{
	add(object, "schema", json_object_new_int(SCHEMA_VERSION), failed);
	add(object, "verb", json_object_new_string(results->verb), failed);
	add(object, "engine", json_object_new_string(results->engine), failed);
	add(object, "device", json_object_new_string(results->info.device), failed);
	add(object, "driver", json_object_new_string(results->info.driver), failed);
	add(object, "placement", json_object_new_string(results->info.placement), failed);
	add(object, "workgroups", json_object_new_uint64(results->info.workgroups),
	    failed);
	add(object, "live_workgroups",
	    json_object_new_uint64(results->info.live_workgroups), failed);
	add_distribution(object, "", &results->round_trip, failed);
	add_distribution(object, "ping_pong_", &results->ping_pong, failed);
	add(object, "times_ping_pong",
	    two_decimals(ratio(&results->round_trip, &results->ping_pong)), failed);
	if (results->submit_wait.samples) {
		add_distribution(object, "submit_wait_", &results->submit_wait, failed);
		add(object, "times_below_submit_wait",
		    two_decimals(ratio(&results->submit_wait, &results->round_trip)),
		    failed);
	}
	add(object, "slots_per_second", json_object_new_uint64(slots_per_second(results)),
	    failed);
	add(object, "streamed_slots", json_object_new_uint64(results->streamed_slots),
	    failed);
	add(object, "streamed_ns", json_object_new_uint64(results->streamed_ns), failed);
}

int report_json(const struct bench_results *results)
{
	struct json_object *object = json_object_new_object();
	const char *text = NULL;
	bool failed = !object;

	if (object) {
		fill(object, results, &failed);
		text = json_object_to_json_string_ext(
			object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
					JSON_C_TO_STRING_NOSLASHESCAPE);
	}
	if (failed || !text) {
		json_object_put(object);
		return complain("memory for the results", -ENOMEM);
	}
	puts(text);
	json_object_put(object);
	return finish_output() ? 0 : -EIO;
}

static void print_distribution(const char *name, const struct distribution *values)
{
	if (values->samples)
		printf("%-28s %10.3f %10.3f %10.3f\n", name, (double)values->p50_ns / 1e3,
		       (double)values->p99_ns / 1e3, (double)values->p999_ns / 1e3);
	else
		printf("%-28s %10s %10s %10s\n", name, "-", "-", "-");
}

int report_table(const struct bench_results *results)
{
	printf("device     %s\n", results->info.device);
	printf("driver     %s\n", results->info.driver);
	printf("placement  %s\n", results->info.placement);
	printf("workgroups %u, of these running at once %u\n\n", results->info.workgroups,
	       results->info.live_workgroups);

	printf("%-28s %10s %10s %10s\n", "round trip, microseconds", "p50", "p99",
	       "p99.9");
	print_distribution("publish -> completion", &results->round_trip);
	print_distribution("vkQueueSubmit + wait", &results->submit_wait);
	print_distribution("two-thread ping-pong (limit)", &results->ping_pong);
	putchar('\n');

	if (results->submit_wait.samples)
		printf("%-28s %10.1f times\n", "below submit + wait",
		       ratio(&results->submit_wait, &results->round_trip));
	printf("%-28s %10.1f times\n", "above the ping-pong limit",
	       ratio(&results->round_trip, &results->ping_pong));
	printf("%-28s %10.3f million NOP slots a second\n", "streaming",
	       (double)slots_per_second(results) / 1e6);
	return finish_output() ? 0 : -EIO;
}

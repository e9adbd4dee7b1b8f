// SPDX-License-Identifier: MIT
/*
 * What a trace costs those who are traced: round trips of one operation, and what one
 * producer streams, with and without, by turns, so that what else the machine does falls
 * on both.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "output.h"
#include "round_trip.h"
#include "session.h"
#include "stream.h"
#include "work.h"

#define TURNS 5

struct turn {
	struct distribution trips;
	struct stream_result stream;
	struct mk_trace_counters counters; /* zeros without a trace */
};

enum { WITHOUT, WITH, WAYS };

struct trace_result {
	struct mk_engine_info info;
	struct turn turns[TURNS][WAYS];
};

static const char *const way_names[] = {
	[WITHOUT] = "without",
	[WITH] = "with",
};

/* Measuring ---------------------------------------------------------------- */

static int measure_engine(const struct bench_options *options,
			  const struct session *session, void *argument)
{
	const struct stream_options stream = {
		.operation = OPERATION_ADD,
		.mode = STREAM_FREE,
		.producers = 1,
		.max_windows = session_windows(session),
	};
	struct turn *turn = argument;
	struct mk_producer *producer;
	int error = open_warm_producer(session, &producer);

	if (error)
		return error;
	error = measure_round_trips(producer, options->samples, STAGE_LIMIT_NS,
				    "round trips", &turn->trips);
	mk_producer_close(producer);
	if (!error)
		error = stream_run(session, &stream, options->seconds, "streaming",
				   &turn->stream);
	mk_trace_counters(session->context, &turn->counters);
	return error;
}

/* The trace goes to memory: what a disk costs is another matter. */
static int measure_turn(const struct bench_options *options, int way, int file,
			struct trace_result *result, struct turn *turn)
{
	char path[64];
	const struct mk_trace_options trace = { .size = sizeof(trace), .path = path };
	const struct session_wants wants = {
		.slots = options->slots[0],
		.observable_words = WORK_OBSERVABLES(1),
		.trace = way == WITH ? &trace : NULL,
	};

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	return session_run(options, &wants, measure_engine, turn, &result->info);
}

static int measure_turns(const struct bench_options *options, struct trace_result *result)
{
	int file = memfd_create("mkbench trace", MFD_CLOEXEC);
	int error = 0;

	if (file < 0) {
		error = -errno;
		fprintf(stderr, "mkbench: cannot make a file in memory: %s\n",
			strerror(-error));
		return error;
	}
	for (int i = 0; i < TURNS && !error; i++)
		for (int way = 0; way < WAYS && !error; way++)
			error = measure_turn(options, way, file, result,
					     &result->turns[i][way]);
	close(file);
	return error;
}

/* Medians ------------------------------------------------------------------- */

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left;
	double b = *(const double *)right;

	return (a > b) - (a < b);
}

static double median(double values[TURNS])
{
	qsort(values, TURNS, sizeof(*values), compare);
	return values[TURNS / 2];
}

static double rate(const struct turn *turn)
{
	return per_second(turn->stream.slots, turn->stream.ns);
}

static double median_trip(const struct trace_result *result, int way)
{
	double values[TURNS];

	for (int i = 0; i < TURNS; i++)
		values[i] = (double)result->turns[i][way].trips.p50_ns;
	return median(values);
}

static double median_rate(const struct trace_result *result, int way)
{
	double values[TURNS];

	for (int i = 0; i < TURNS; i++)
		values[i] = rate(&result->turns[i][way]);
	return median(values);
}

/* Of each turn with a trace over the one without that was just before it. */
static double trip_ratio(const struct trace_result *result)
{
	double values[TURNS];

	for (int i = 0; i < TURNS; i++)
		values[i] = ratio(&result->turns[i][WITH].trips,
				  &result->turns[i][WITHOUT].trips);
	return median(values);
}

static double rate_ratio(const struct trace_result *result)
{
	double values[TURNS];

	for (int i = 0; i < TURNS; i++)
		values[i] =
			rate(&result->turns[i][WITH]) / rate(&result->turns[i][WITHOUT]);
	return median(values);
}

/* Output -------------------------------------------------------------------- */

static void json_turn(struct json_output *json, const struct trace_result *result, int i,
		      int way)
{
	const struct turn *turn = &result->turns[i][way];

	json_row(json);
	json_number(json, "turn", (uint64_t)i);
	json_text(json, "trace", way_names[way]);
	json_distribution(json, "", &turn->trips);
	json_number(json, "slots_per_second", (uint64_t)rate(turn));
	json_number(json, "slots", turn->stream.slots);
	json_number(json, "ns", turn->stream.ns);
	json_number(json, "records", turn->counters.records);
	json_number(json, "dropped", turn->counters.dropped);
	json_number(json, "file_bytes", turn->counters.bytes);
}

static int report_json(const struct bench_options *options,
		       const struct trace_result *result)
{
	struct json_output json;

	results_begin(&json, trace_verb.name);
	json_engine(&json, options, &result->info);
	json_number(&json, "without_p50_ns", (uint64_t)median_trip(result, WITHOUT));
	json_number(&json, "with_p50_ns", (uint64_t)median_trip(result, WITH));
	json_decimal(&json, "times_round_trip", trip_ratio(result));
	json_number(&json, "without_slots_per_second",
		    (uint64_t)median_rate(result, WITHOUT));
	json_number(&json, "with_slots_per_second", (uint64_t)median_rate(result, WITH));
	json_decimal(&json, "times_rate", rate_ratio(result));
	json_begin_rows(&json, "rows");
	for (int i = 0; i < TURNS; i++)
		for (int way = 0; way < WAYS; way++)
			json_turn(&json, result, i, way);
	json_end_rows(&json);
	return results_end(&json);
}

static int report_table(const struct trace_result *result)
{
	table_engine(&result->info);
	printf("%-8s  %12s  %12s  %12s  %12s\n", "trace", "p50, us", "Mslot/s", "records",
	       "dropped");
	for (int i = 0; i < TURNS; i++) {
		for (int way = 0; way < WAYS; way++) {
			const struct turn *turn = &result->turns[i][way];

			printf("%-8s  %12.3f  %12.3f  %12llu  %12llu\n", way_names[way],
			       (double)turn->trips.p50_ns / 1e3, rate(turn) / 1e6,
			       (unsigned long long)turn->counters.records,
			       (unsigned long long)turn->counters.dropped);
		}
	}
	printf("\n");
	printf("%-28s %10.3f times\n", "a round trip with a trace", trip_ratio(result));
	printf("%-28s %10.3f times\n", "the rate with a trace", rate_ratio(result));
	return table_end();
}

static int run(const struct bench_options *options)
{
	struct trace_result result = { 0 };
	int error = measure_turns(options, &result);

	if (error)
		return error;
	return options->json ? report_json(options, &result) : report_table(&result);
}

const struct verb trace_verb = {
	.name = "trace",
	.summary = "what a trace costs an operation, and a producer that streams",
	.options = TAKES_ENGINE | TAKES_SLOTS | TAKES_SECONDS | TAKES_SAMPLES,
	.samples = 50000,
	.seconds = 0.5,
	.run = run,
};

// SPDX-License-Identifier: MIT
/* How soon one operation is done: alone, and while another thread streams. */
#include <errno.h>
#include <stdio.h>

#include "baselines.h"
#include "bench.h"
#include "output.h"
#include "round_trip.h"
#include "session.h"
#include "stream.h"
#include "work.h"

struct latency {
	struct mk_engine_info info;
	struct distribution alone;
	struct distribution loaded;
	struct stream_result load;
	struct baselines baselines;
};

static int measure_loaded(const struct bench_options *options,
			  const struct session *session, struct mk_producer *producer,
			  struct latency *latency)
{
	/* All windows but the one that the operation needs which is waited for. */
	const struct stream_options load = {
		.operation = OPERATION_ADD,
		.mode = STREAM_FREE,
		.producers = 1,
		.max_windows = session_windows(session) - 1,
	};
	struct stream *stream;
	int error, stopped;

	if (!load.max_windows) {
		fprintf(stderr,
			"mkbench: a ring of one window, 32 slots, has no room for "
			"a load beside\n");
		return 0;
	}
	error = stream_start(session, &load, &stream);
	if (error)
		return error;
	error = measure_round_trips(producer, options->samples,
				    seconds_as_ns(options->seconds), "under load",
				    &latency->loaded);
	stopped = stream_stop(stream, &latency->load);
	return error ? error : stopped;
}

static int measure_engine(const struct bench_options *options,
			  const struct session *session, void *argument)
{
	struct latency *latency = argument;
	struct mk_producer *producer;
	int error = open_warm_producer(session, &producer);

	if (error)
		return error;
	error = measure_round_trips(producer, options->samples, STAGE_LIMIT_NS,
				    "round trips", &latency->alone);
	if (!error)
		error = measure_loaded(options, session, producer, latency);
	mk_producer_close(producer);
	return error;
}

static void json_loaded(struct json_output *json, const struct latency *latency)
{
	json_distribution(json, "loaded_", &latency->loaded);
	json_comparison(json, "loaded_", &latency->loaded, &latency->baselines);
	json_quantiles(json, "loaded_", &latency->loaded);
	json_number(json, "load_slots_per_second",
		    (uint64_t)per_second(latency->load.slots, latency->load.ns));
	json_number(json, "load_slots", latency->load.slots);
	json_number(json, "load_ns", latency->load.ns);
}

static int report_json(const struct bench_options *options, const struct latency *latency)
{
	struct json_output json;

	results_begin(&json, latency_verb.name);
	json_engine(&json, options, &latency->info);
	json_distribution(&json, "", &latency->alone);
	json_baselines(&json, &latency->baselines);
	json_comparison(&json, "", &latency->alone, &latency->baselines);
	if (latency->loaded.samples)
		json_loaded(&json, latency);
	json_fractions(&json);
	json_quantiles(&json, "", &latency->alone);
	json_baseline_quantiles(&json, &latency->baselines);
	return results_end(&json);
}

static int report_table(const struct latency *latency)
{
	table_engine(&latency->info);
	table_head("round trip, microseconds");
	table_distribution("publish -> completion", &latency->alone);
	table_distribution("  under load", &latency->loaded);
	table_baselines(&latency->baselines);
	table_comparison(&latency->alone, &latency->baselines);
	printf("%-28s %10.3f million additions a second\n", "the load",
	       per_second(latency->load.slots, latency->load.ns) / 1e6);
	return table_end();
}

static int run(const struct bench_options *options)
{
	const struct session_wants wants = {
		.slots = options->slots[0],
		.observable_words = WORK_OBSERVABLES(1),
	};
	struct latency latency = { 0 };
	int error = session_run(options, &wants, measure_engine, &latency, &latency.info);

	if (!error)
		error = measure_baselines(options, &latency.info, &latency.baselines);
	if (error)
		return error;
	return options->json ? report_json(options, &latency) : report_table(&latency);
}

const struct verb latency_verb = {
	.name = "latency",
	.summary = "the time from an operation's publish until its completion is seen",
	.options = TAKES_ENGINE | TAKES_SLOTS | TAKES_SECONDS | TAKES_SAMPLES,
	.samples = 200000,
	.seconds = 3,
	.run = run,
};

// SPDX-License-Identifier: MIT
/*
 * The resident kernel is a chain of bounded dispatches.  What does it cost an operation
 * to be published while one hands over to the next?  Measured with dispatches as long
 * as the engine makes them by itself, and as short as it can be told to.
 */
#include <errno.h>
#include <stdio.h>

#include "baselines.h"
#include "bench.h"
#include "output.h"
#include "round_trip.h"
#include "sampling.h"
#include "session.h"

#define SHORT_STEPS	    2048u
#define TRIPS_BETWEEN_LOOKS 256
/* How late the host may count a dispatch: the time that its thread takes to wake up. */
#define COUNTED_LATE_NS 100000u
/* Round trips of that time; a power of two. */
#define RECENT_TRIPS 1024u

struct chain {
	uint32_t steps; /* bound of a dispatch; 0: the engine's own */
	struct mk_engine_info info;
	struct distribution trips;
	struct distribution changed; /* of these, the one at each change of dispatch */
	uint64_t changes;	     /* of dispatch, in all */
};

struct handover {
	struct chain usual;
	struct chain frequent;
	struct baselines baselines;
};

/* What one sample needs. */
struct watcher {
	const struct mk_context *context;
	struct mk_producer *producer;
	struct sampler changed;
	uint32_t first; /* counts of dispatches */
	uint32_t seen;
	uint32_t trips; /* since the last change */
	struct {
		uint64_t end_ns;
		uint64_t elapsed_ns;
	} recent[RECENT_TRIPS];
};

static uint32_t count_dispatches(const struct mk_context *context)
{
	struct mk_counters counters;

	mk_context_counters(context, &counters);
	return counters.dispatches;
}

/*
 * The longest of those that may have met the change: they ended since the last change,
 * and shortly before the host had counted this one.
 */
static uint64_t longest_trip(const struct watcher *watcher, uint64_t now)
{
	uint64_t longest = 0;

	for (uint32_t back = 1; back <= watcher->trips && back <= RECENT_TRIPS; back++) {
		uint32_t at = (watcher->trips - back) % RECENT_TRIPS;

		if (now - watcher->recent[at].end_ns > COUNTED_LATE_NS)
			break;
		if (watcher->recent[at].elapsed_ns > longest)
			longest = watcher->recent[at].elapsed_ns;
	}
	return longest;
}

static int take_trip(void *argument, uint64_t *elapsed_ns)
{
	struct watcher *watcher = argument;
	int error = round_trip(watcher->producer, elapsed_ns);
	uint32_t at = watcher->trips++ % RECENT_TRIPS;
	uint32_t dispatches = count_dispatches(watcher->context);
	uint64_t now = now_ns();

	watcher->recent[at].end_ns = now;
	watcher->recent[at].elapsed_ns = *elapsed_ns;
	if (dispatches == watcher->seen)
		return error;
	sampler_add(&watcher->changed, longest_trip(watcher, now));
	watcher->seen = dispatches;
	watcher->trips = 0;
	return error;
}

static int watch(const struct bench_options *options, const struct session *session,
		 struct mk_producer *producer, struct chain *chain)
{
	struct watcher watcher = {
		.context = session->context,
		.producer = producer,
	};
	const struct sampling sampling = {
		.name = chain->steps ? "frequent" : "as usual",
		.samples = options->samples,
		.between_looks = TRIPS_BETWEEN_LOOKS,
		.limit_ns = STAGE_LIMIT_NS,
		.take = take_trip,
		.argument = &watcher,
	};
	int error = sampler_init(&watcher.changed, options->samples);

	if (error)
		return error;
	watcher.first = watcher.seen = count_dispatches(session->context);
	error = take_samples(&sampling, &chain->trips);
	chain->changes = watcher.seen - watcher.first;
	sampler_finish(&watcher.changed, &chain->changed);
	return error;
}

static int measure_engine(const struct bench_options *options,
			  const struct session *session, void *argument)
{
	struct mk_producer *producer;
	int error = open_warm_producer(session, &producer);

	if (error)
		return error;
	error = watch(options, session, producer, argument);
	mk_producer_close(producer);
	return error;
}

static int measure_chain(const struct bench_options *options, struct chain *chain)
{
	const struct session_wants wants = {
		.slots = options->slots[0],
		.dispatch_steps = chain->steps,
	};

	return session_run(options, &wants, measure_engine, chain, &chain->info);
}

static void json_chain(struct json_output *json, const char *name,
		       const struct chain *chain)
{
	char key[64];

	json_distribution(json, name, &chain->trips);
	snprintf(key, sizeof(key), "%smax_ns", name);
	json_number(json, key, chain->trips.max_ns);
	snprintf(key, sizeof(key), "%shandovers", name);
	json_number(json, key, chain->changes);
	snprintf(key, sizeof(key), "%shandover_", name);
	json_distribution(json, key, &chain->changed);
	snprintf(key, sizeof(key), "%shandover_max_ns", name);
	json_number(json, key, chain->changed.max_ns);
}

static int report_json(const struct bench_options *options,
		       const struct handover *handover)
{
	struct json_output json;

	results_begin(&json, handover_verb.name);
	json_engine(&json, options, &handover->usual.info);
	json_chain(&json, "", &handover->usual);
	json_number(&json, "frequent_steps", handover->frequent.steps);
	json_chain(&json, "frequent_", &handover->frequent);
	json_baselines(&json, &handover->baselines);
	json_comparison(&json, "", &handover->usual.trips, &handover->baselines);
	return results_end(&json);
}

static void table_chain(const char *name, const struct chain *chain)
{
	table_distribution(name, &chain->trips);
	table_distribution("  of these at a handover", &chain->changed);
}

static void table_changes(const char *name, const struct chain *chain)
{
	printf("%-28s %10llu in %zu round trips, of which the longest %.3f us\n", name,
	       (unsigned long long)chain->changes, chain->trips.samples,
	       (double)chain->trips.max_ns / 1e3);
}

static int report_table(const struct handover *handover)
{
	table_engine(&handover->usual.info);
	table_head("round trip, microseconds");
	table_chain("dispatches as usual", &handover->usual);
	table_chain("short dispatches", &handover->frequent);
	table_baselines(&handover->baselines);
	table_changes("handovers as usual", &handover->usual);
	table_changes("handovers of short ones", &handover->frequent);
	table_comparison(&handover->usual.trips, &handover->baselines);
	return table_end();
}

static int run(const struct bench_options *options)
{
	struct handover handover = { .frequent.steps = SHORT_STEPS };
	int error = measure_chain(options, &handover.usual);

	if (!error)
		error = measure_chain(options, &handover.frequent);
	if (!error)
		error = measure_baselines(options, &handover.usual.info,
					  &handover.baselines);
	if (error)
		return error;
	return options->json ? report_json(options, &handover) : report_table(&handover);
}

const struct verb handover_verb = {
	.name = "handover",
	.summary = "what a change of dispatch costs an operation that waits",
	.options = TAKES_ENGINE | TAKES_SLOTS | TAKES_SAMPLES,
	.samples = 1000000,
	.run = run,
};

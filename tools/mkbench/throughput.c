// SPDX-License-Identifier: MIT
/* As many operations as go through: by producers, ring sizes, with and without waiting. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "baselines.h"
#include "bench.h"
#include "options.h"
#include "output.h"
#include "session.h"
#include "stream.h"
#include "work.h"

struct row {
	uint32_t producers;
	uint32_t slots;
	enum stream_mode mode;
	struct stream_result result;
};

struct throughput {
	struct mk_engine_info info;
	struct row *rows;
	uint32_t count;
	struct naive_result naive;
};

static const char *const mode_names[] = {
	[STREAM_FREE] = "stream",
	[STREAM_EACH] = "wait",
};

/* 1, 2, 4, ..., and at last the number that was asked for. */
static uint32_t next_producers(uint32_t producers, uint32_t last)
{
	return producers < last && producers * 2 > last ? last : producers * 2;
}

static uint32_t count_steps(uint32_t last)
{
	uint32_t steps = 0;

	for (uint32_t producers = 1; producers <= last;
	     producers = next_producers(producers, last))
		steps++;
	return steps;
}

static int measure_row(const struct bench_options *options, const struct session *session,
		       struct row *row)
{
	const struct stream_options stream = {
		.operation = options->operation,
		.mode = row->mode,
		.producers = row->producers,
		.max_windows = session_windows(session) / row->producers,
	};
	char name[48];

	snprintf(name, sizeof(name), "%u of %u slots, %s", row->producers, row->slots,
		 mode_names[row->mode]);
	return stream_run(session, &stream, options->seconds, name, &row->result);
}

/* Each producer needs a window: where there are fewer it would measure the waiting. */
static int measure_rows(const struct bench_options *options,
			const struct session *session, void *argument)
{
	struct throughput *throughput = argument;
	uint32_t slots = mk_context_geometry(session->context)->slots;
	uint32_t windows = session_windows(session), producers;
	int error = 0;

	for (producers = 1; producers <= options->producers && producers <= windows;
	     producers = next_producers(producers, options->producers)) {
		for (int mode = STREAM_FREE; mode <= STREAM_EACH && !error; mode++) {
			struct row *row = &throughput->rows[throughput->count++];

			row->producers = producers;
			row->slots = slots;
			row->mode = (enum stream_mode)mode;
			error = measure_row(options, session, row);
		}
		if (error)
			return error;
	}
	if (producers <= options->producers)
		fprintf(stderr,
			"mkbench: %u slots are %u windows: %u producers are left out\n",
			slots, windows, producers);
	return 0;
}

/* A size of the ring is a context of its own. */
static int measure_ring(const struct bench_options *options, uint32_t slots,
			struct throughput *throughput)
{
	const struct session_wants wants = {
		.slots = slots,
		.observable_words = WORK_OBSERVABLES(options->producers),
	};

	return session_run(options, &wants, measure_rows, throughput, &throughput->info);
}

static int measure_rings(const struct bench_options *options,
			 struct throughput *throughput)
{
	static const uint32_t usual[] = { 256, 1024, 4096 };
	const uint32_t *sizes = options->ring_count ? options->slots : usual;
	uint32_t count = options->ring_count ? options->ring_count : 3;
	uint32_t rows = count * count_steps(options->producers) * 2;
	int error = 0;

	throughput->rows = calloc(rows, sizeof(*throughput->rows));
	if (!throughput->rows) {
		fprintf(stderr, "mkbench: no memory for %u rows\n", rows);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < count && !error; i++)
		error = measure_ring(options, sizes[i], throughput);
	return error;
}

/*
 * Without memory that suits it there is nothing to compare with, nor without Vulkan
 * beside the reference executor.  Else it must go.
 */
static int compare_naive(const struct bench_options *options,
			 struct throughput *throughput)
{
	int error = measure_naive(baseline_device(options, &throughput->info),
				  options->workgroups, options->samples, options->seconds,
				  &throughput->naive);

	if (error == -ENODEV ||
	    (error && error != -EINTR && options->engine != MK_ENGINE_KIND_VULKAN)) {
		fprintf(stderr, "mkbench: without it there is no naive kernel to compare "
				"with\n");
		return 0;
	}
	return error;
}

/* Output ------------------------------------------------------------------ */

static double naive_rate(const struct throughput *throughput)
{
	return per_second(throughput->naive.completed, throughput->naive.ns);
}

/* The best of one producer that does not wait. */
static double best_rate(const struct throughput *throughput)
{
	double best = 0;

	for (uint32_t i = 0; i < throughput->count; i++) {
		const struct row *row = &throughput->rows[i];
		double rate = per_second(row->result.slots, row->result.ns);

		if (row->producers == 1 && row->mode == STREAM_FREE && rate > best)
			best = rate;
	}
	return best;
}

static void json_naive(struct json_output *json, const struct throughput *throughput)
{
	const struct naive_result *naive = &throughput->naive;

	json_text(json, "naive_memory", naive->memory);
	json_number(json, "naive_slots", naive->slots);
	json_number(json, "naive_slots_per_second", (uint64_t)naive_rate(throughput));
	json_number(json, "naive_completed", naive->completed);
	json_number(json, "naive_ns", naive->ns);
	json_distribution(json, "naive_", &naive->round_trip);
	json_decimal(json, "times_naive", best_rate(throughput) / naive_rate(throughput));
}

static int report_json(const struct bench_options *options,
		       const struct throughput *throughput)
{
	struct json_output json;

	results_begin(&json, throughput_verb.name);
	json_engine(&json, options, &throughput->info);
	json_text(&json, "operation", operation_name(options->operation));
	json_number(&json, "slots_per_second", (uint64_t)best_rate(throughput));
	if (throughput->naive.measured)
		json_naive(&json, throughput);
	json_begin_rows(&json, "rows");
	for (uint32_t i = 0; i < throughput->count; i++) {
		const struct row *row = &throughput->rows[i];

		json_row(&json);
		json_number(&json, "producers", row->producers);
		json_number(&json, "slots", row->slots);
		json_text(&json, "mode", mode_names[row->mode]);
		json_number(&json, "slots_per_second",
			    (uint64_t)per_second(row->result.slots, row->result.ns));
		json_number(&json, "completed", row->result.slots);
		json_number(&json, "ns", row->result.ns);
	}
	json_end_rows(&json);
	return results_end(&json);
}

static void table_row(const char *producers, uint32_t slots, const char *mode,
		      double rate, const struct throughput *throughput)
{
	printf("%9s %9u  %-8s %12.3f", producers, slots, mode, rate / 1e6);
	if (throughput->naive.measured)
		printf(" %14.2f", rate / naive_rate(throughput));
	putchar('\n');
}

static int report_table(const struct bench_options *options,
			const struct throughput *throughput)
{
	const struct naive_result *naive = &throughput->naive;

	table_engine(&throughput->info);
	printf("%9s %9s  %-8s %12s%s\n", "producers", "slots", "mode", "Mslot/s",
	       naive->measured ? "    times naive" : "");
	for (uint32_t i = 0; i < throughput->count; i++) {
		const struct row *row = &throughput->rows[i];
		char producers[16];

		snprintf(producers, sizeof(producers), "%u", row->producers);
		table_row(producers, row->slots, mode_names[row->mode],
			  per_second(row->result.slots, row->result.ns), throughput);
	}
	if (naive->measured) {
		table_row("1", naive->slots, "naive", naive_rate(throughput), throughput);
		printf("\nnaive kernel, in memory of the %s: round trip %.3f us (median)\n",
		       naive->memory, (double)naive->round_trip.p50_ns / 1e3);
	}
	if (options->operation == OPERATION_ADD)
		puts("all sums of the additions are exact");
	return table_end();
}

static int run(const struct bench_options *options)
{
	struct throughput throughput = { 0 };
	int error = measure_rings(options, &throughput);

	if (!error)
		error = compare_naive(options, &throughput);
	if (!error)
		error = options->json ? report_json(options, &throughput) :
					report_table(options, &throughput);
	free(throughput.rows);
	return error;
}

const struct verb throughput_verb = {
	.name = "throughput",
	.summary = "operations per second, by threads that publish and ring sizes",
	.options = TAKES_ENGINE | TAKES_SLOTS | TAKES_SLOTS_LIST | TAKES_STREAM |
		   TAKES_SECONDS | TAKES_SAMPLES,
	.samples = 2000,
	.seconds = 1,
	.run = run,
};

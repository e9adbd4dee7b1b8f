// SPDX-License-Identifier: MIT
/* What operations cost that are published together, with a fence behind them. */
#include <errno.h>
#include <stdio.h>

#include "baselines.h"
#include "bench.h"
#include "output.h"
#include "round_trip.h"
#include "sampling.h"
#include "session.h"
#include "work.h"

#define SIZES_LIMIT	      16
#define BATCHES_BETWEEN_LOOKS 128

struct size {
	uint32_t items;
	struct distribution times; /* from the publish until the fence has ended */
};

struct batch {
	struct mk_engine_info info;
	struct size sizes[SIZES_LIMIT];
	uint32_t count;
	struct baselines baselines;
};

/* What one sample needs. */
struct publisher {
	struct mk_producer *producer;
	struct work work;
	uint32_t items;
	uint32_t tag;
};

static int take_batch(void *argument, uint64_t *elapsed_ns)
{
	struct publisher *publisher = argument;
	struct mk_ticket fence;
	uint64_t start = now_ns();
	int error;

	error = mk_producer_publish_batch(publisher->producer,
					  work_next(&publisher->work), publisher->items,
					  ++publisher->tag, PATIENCE_NS, &fence, NULL);
	if (error)
		return complain("publish a batch", error);
	error = wait_for(publisher->producer, &fence);
	*elapsed_ns = now_ns() - start;
	publisher->work.published += publisher->items;
	return error;
}

static int measure_size(const struct bench_options *options, struct publisher *publisher,
			struct size *size)
{
	char name[32];
	const struct sampling sampling = {
		.name = name,
		.samples = options->samples,
		.between_looks = BATCHES_BETWEEN_LOOKS,
		.limit_ns = STAGE_LIMIT_NS,
		.take = take_batch,
		.argument = publisher,
	};

	snprintf(name, sizeof(name), "batches of %u", size->items);
	publisher->items = size->items;
	return take_samples(&sampling, &size->times);
}

/* 1, 2, 4, ..., and what fills a window together with the fence. */
static void choose_sizes(const struct session *session, struct batch *batch)
{
	uint32_t largest = mk_context_geometry(session->context)->window_slots - 1;

	for (uint32_t items = 1; items < largest; items *= 2)
		batch->sizes[batch->count++].items = items;
	if (largest)
		batch->sizes[batch->count++].items = largest;
}

static int measure_sizes(const struct bench_options *options,
			 const struct session *session, struct batch *batch)
{
	struct publisher publisher = { 0 };
	int error = open_warm_producer(session, &publisher.producer);

	if (error)
		return error;
	work_prepare(&publisher.work, session->context, OPERATION_ADD, 0);
	for (uint32_t i = 0; i < batch->count && !error; i++)
		error = measure_size(options, &publisher, &batch->sizes[i]);
	if (!error)
		error = work_await(&publisher.work, 1, session->context, 0);
	mk_producer_close(publisher.producer);
	return error;
}

static int measure_engine(const struct bench_options *options,
			  const struct session *session, void *argument)
{
	struct batch *batch = argument;

	choose_sizes(session, batch);
	if (batch->count)
		return measure_sizes(options, session, batch);
	fprintf(stderr, "mkbench: had a ring of one slot, expected at least two: a batch "
			"is an operation and a fence\n");
	return -EINVAL;
}

static double p50_per_item(const struct size *size)
{
	return (double)size->times.p50_ns / size->items;
}

static const struct distribution *largest(const struct batch *batch)
{
	return &batch->sizes[batch->count - 1].times;
}

static int report_json(const struct bench_options *options, const struct batch *batch)
{
	struct json_output json;

	results_begin(&json, batch_verb.name);
	json_engine(&json, options, &batch->info);
	json_baselines(&json, &batch->baselines);
	json_comparison(&json, "", largest(batch), &batch->baselines);
	json_begin_rows(&json, "rows");
	for (uint32_t i = 0; i < batch->count; i++) {
		json_row(&json);
		json_number(&json, "items", batch->sizes[i].items);
		json_distribution(&json, "", &batch->sizes[i].times);
		json_decimal(&json, "p50_ns_per_item", p50_per_item(&batch->sizes[i]));
	}
	json_end_rows(&json);
	return results_end(&json);
}

static int report_table(const struct batch *batch)
{
	table_engine(&batch->info);
	table_head("microseconds");
	for (uint32_t i = 0; i < batch->count; i++) {
		const struct size *size = &batch->sizes[i];
		char name[32];

		snprintf(name, sizeof(name), "batch of %u, and a fence", size->items);
		table_distribution(name, &size->times);
	}
	table_baselines(&batch->baselines);
	for (uint32_t i = 0; i < batch->count; i++)
		printf("each of %-20u %10.3f\n", batch->sizes[i].items,
		       p50_per_item(&batch->sizes[i]) / 1e3);
	puts("\nand the largest batch is");
	table_comparison(largest(batch), &batch->baselines);
	return table_end();
}

static int run(const struct bench_options *options)
{
	const struct session_wants wants = {
		.slots = options->slots[0],
		.observable_words = WORK_OBSERVABLES(1),
	};
	struct batch batch = { 0 };
	int error = session_run(options, &wants, measure_engine, &batch, &batch.info);

	if (!error)
		error = measure_baselines(options, &batch.info, &batch.baselines);
	if (error)
		return error;
	return options->json ? report_json(options, &batch) : report_table(&batch);
}

const struct verb batch_verb = {
	.name = "batch",
	.summary =
		"the time that operations with a fence behind them take, by their number",
	.options = TAKES_ENGINE | TAKES_SLOTS | TAKES_SAMPLES,
	.samples = 20000,
	.run = run,
};

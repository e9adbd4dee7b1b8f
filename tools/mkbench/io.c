// SPDX-License-Identifier: MIT
/* What it costs that the resident kernel asks for io, beside io_uring without it. */
#include <stdio.h>

#include "bench.h"
#include "output.h"
#include "read_file.h"
#include "reads.h"
#include "session.h"

static const uint32_t sizes[] = { 512, 4096, READ_BYTES_LIMIT };
static const uint32_t depths[] = { 1, READ_DEPTH_LIMIT };

#define SIZES	     (sizeof(sizes) / sizeof(sizes[0]))
#define DEPTHS	     (sizeof(depths) / sizeof(depths[0]))
#define ROWS_LIMIT   (2 * SIZES * DEPTHS)
#define NS_PER_US    1e3
#define PER_THOUSAND 1e3

struct row {
	struct read_shape shape;
	struct read_result chain;
	struct read_result publish;
	struct read_result waited;
	struct read_result polled;
};

struct io {
	struct mk_engine_info info;
	struct read_file file;
	bool is_fixed;
	struct row rows[ROWS_LIMIT];
	uint32_t count;
};

/* Measuring ------------------------------------------------------------------------ */

static int measure_row(const struct bench_options *options, struct io *io,
		       struct kernel_reads *reads, struct row *row)
{
	int error = measure_kernel_reads(options, reads, &row->shape, CHAIN_READS,
					 &row->chain);

	if (!error)
		error = measure_ring_reads(options, &io->file, &row->shape, false,
					   &row->waited);
	if (!error)
		error = measure_ring_reads(options, &io->file, &row->shape, true,
					   &row->polled);
	if (!error)
		error = measure_kernel_reads(options, reads, &row->shape, 1,
					     &row->publish);
	return error;
}

static void choose_rows(struct io *io)
{
	for (int is_direct = 0; is_direct < 2; is_direct++)
		for (size_t i = 0; i < SIZES; i++) {
			if (is_direct && !read_file_is_direct(&io->file, sizes[i]))
				continue;
			for (size_t j = 0; j < DEPTHS; j++)
				io->rows[io->count++].shape = (struct read_shape){
					.bytes = sizes[i],
					.depth = depths[j],
					.is_direct = is_direct,
				};
		}
}

static int measure_engine(const struct bench_options *options,
			  const struct session *session, void *argument)
{
	struct io *io = argument;
	struct kernel_reads *reads;
	int error = kernel_reads_open(session, &io->file, &reads);

	if (error)
		return error;
	io->is_fixed = kernel_reads_are_fixed(reads);
	choose_rows(io);
	for (uint32_t i = 0; i < io->count && !error; i++)
		error = measure_row(options, io, reads, &io->rows[i]);
	kernel_reads_close(reads);
	return error;
}

/* Reporting ------------------------------------------------------------------------ */

static bool is_polled_sooner(const struct row *row)
{
	return row->polled.times.p50_ns < row->waited.times.p50_ns;
}

static const struct read_result *baseline(const struct row *row)
{
	return is_polled_sooner(row) ? &row->polled : &row->waited;
}

static double over_ns(const struct row *row, const struct read_result *ours)
{
	return (double)ours->times.p50_ns - (double)baseline(row)->times.p50_ns;
}

static double rate(const struct read_result *result)
{
	return per_second(result->reads, result->ns);
}

static double times_rate(const struct row *row, const struct read_result *ours)
{
	double theirs = rate(baseline(row));

	return theirs > 0 ? rate(ours) / theirs : 0;
}

static void json_result(struct json_output *json, const char *prefix,
			const struct read_result *result)
{
	char key[64];

	json_distribution(json, prefix, &result->times);
	snprintf(key, sizeof(key), "%sreads_per_second", prefix);
	json_number(json, key, (uint64_t)rate(result));
}

static void json_ours(struct json_output *json, const char *prefix, const struct row *row,
		      const struct read_result *ours)
{
	char key[64];

	json_result(json, prefix, ours);
	snprintf(key, sizeof(key), "%sover_ns", prefix);
	json_decimal(json, key, over_ns(row, ours));
	snprintf(key, sizeof(key), "%stimes_rate", prefix);
	json_decimal(json, key, times_rate(row, ours));
}

static int report_json(const struct bench_options *options, const struct io *io)
{
	struct json_output json;

	results_begin(&json, io_verb.name);
	json_engine(&json, options, &io->info);
	json_number(&json, "fixed_buffers", io->is_fixed);
	json_number(&json, "chain_reads", CHAIN_READS);
	json_begin_rows(&json, "rows");
	for (uint32_t i = 0; i < io->count; i++) {
		const struct row *row = &io->rows[i];

		json_row(&json);
		json_number(&json, "bytes", row->shape.bytes);
		json_number(&json, "depth", row->shape.depth);
		json_text(&json, "cache", row->shape.is_direct ? "direct" : "page");
		json_text(&json, "baseline", is_polled_sooner(row) ? "polled" : "waited");
		json_ours(&json, "chain_", row, &row->chain);
		json_ours(&json, "publish_", row, &row->publish);
		json_result(&json, "waited_", &row->waited);
		json_result(&json, "polled_", &row->polled);
	}
	json_end_rows(&json);
	return results_end(&json);
}

static void table_times_of(const struct distribution *values)
{
	printf(" %9.2f %9.2f %9.2f", (double)values->p50_ns / NS_PER_US,
	       (double)values->p99_ns / NS_PER_US, (double)values->p999_ns / NS_PER_US);
}

static void table_ours(const char *name, const struct row *row,
		       const struct read_result *ours)
{
	printf("%6u %6u  %-6s  %-7s", row->shape.bytes, row->shape.depth,
	       row->shape.is_direct ? "direct" : "page", name);
	table_times_of(&ours->times);
	table_times_of(&baseline(row)->times);
	printf(" %+9.2f %9.1f %9.1f %6.2f\n", over_ns(row, ours) / NS_PER_US,
	       rate(ours) / PER_THOUSAND, rate(baseline(row)) / PER_THOUSAND,
	       times_rate(row, ours));
}

static int report_table(const struct io *io)
{
	table_engine(&io->info);
	if (!io->is_fixed)
		puts("The arena is not registered with the system; io_uring's buffers "
		     "are.\n");
	printf("%23s  kernel, %-21s  io_uring, %-19s %9s  thousand reads a second\n", "",
	       "microseconds", "microseconds", "p50");
	printf("%6s %6s  %-6s  %-7s %9s %9s %9s %9s %9s %9s %9s %9s %9s %6s\n", "bytes",
	       "depth", "cache", "by", "p50", "p99", "p99.9", "p50", "p99", "p99.9",
	       "over", "kernel", "io_uring", "ratio");
	for (uint32_t i = 0; i < io->count; i++) {
		table_ours("chain", &io->rows[i], &io->rows[i].chain);
		table_ours("publish", &io->rows[i], &io->rows[i].publish);
	}
	printf("\nchain: a slot makes %u reads, each after the one before.  The time of one is "
	       "from one answer\nto the next; at depth %u it is the slot's by %u.\npublish: a "
	       "slot makes one read.  io_uring: whichever is sooner, waiting or polling.\n",
	       CHAIN_READS, READ_DEPTH_LIMIT, CHAIN_READS);
	return table_end();
}

static int run(const struct bench_options *options)
{
	struct session_wants wants = { .slots = options->slots[0] };
	struct io io = { 0 };
	int error = read_file_open(options, &io.file);

	if (error)
		return error;
	kernel_reads_want(&io.file, &wants);
	error = session_run(options, &wants, measure_engine, &io, &io.info);
	read_file_close(&io.file);
	if (error)
		return error;
	return options->json ? report_json(options, &io) : report_table(&io);
}

const struct verb io_verb = {
	.name = "io",
	.summary = "the time from a kernel's request for a read until it has the data",
	.options = TAKES_ENGINE | TAKES_SLOTS | TAKES_SECONDS | TAKES_SAMPLES |
		   TAKES_FILE,
	.samples = 20000,
	.seconds = 1,
	.run = run,
};

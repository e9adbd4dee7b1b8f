// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <mk/mk.h>

#include "message.h"
#include "mkscan_kernel.h"
#include "progress.h"
#include "scan_layout.h"
#include "scan_opcode.h"
#include "scanner_parts.h"

/* What every device can address: lavapipe's maxStorageBufferRange. */
#define ARENA_BYTES_MAX (128u << 20)
#define PAGE_BYTES	4096u
#define WORD_BYTES	4u
#define OUTCOMES_BYTES	(BLOCKS_MAX * WORD_BYTES)
/* With two, one is read while the other is scanned. */
#define BLOCKS_MIN	 2u
#define STOP_NANOSECONDS UINT64_C(20000000000)

/* Opening ------------------------------------------------------------------ */

static uint64_t whole_pages(uint64_t bytes)
{
	return (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

static uint64_t counters_bytes(const struct pattern_list *patterns)
{
	return (uint64_t)patterns->sorted_count * SCAN_COUNTER_WORDS * WORD_BYTES;
}

static int build_automaton(struct scanner *scanner, const struct pattern_list *patterns,
			   uint64_t bytes_max)
{
	uint32_t dense_states = AUTOMATON_DENSE_STATES;
	int error;

	for (;;) {
		error = automaton_build(&scanner->automaton, patterns->sorted,
					patterns->sorted_count, dense_states,
					bytes_max / WORD_BYTES);
		if (error != -E2BIG || !dense_states)
			break;
		automaton_free(&scanner->automaton);
		dense_states = 0;
	}
	if (error == -E2BIG)
		message("the automaton of these %zu patterns takes more than %llu MiB; "
			"it must fit an arena of %u MiB with the blocks: give fewer or "
			"shorter patterns, or scan in several runs",
			patterns->given_count, (unsigned long long)(bytes_max >> 20),
			ARENA_BYTES_MAX >> 20);
	else if (error)
		message("no memory is left for the automaton; give fewer patterns");
	scanner->statistics.states = scanner->automaton.state_count;
	scanner->statistics.automaton_bytes = scanner->automaton.words * WORD_BYTES;
	return error;
}

/* Where everything lies in the arena, and how large it is. */
struct arena_plan {
	uint64_t counters;
	uint64_t outcomes;
	uint64_t blocks;
	uint64_t block_stride;
	uint32_t block_count;
	uint64_t bytes;
};

static int plan_arena(struct scanner *scanner, const struct pattern_list *patterns,
		      uint32_t block_bytes, struct arena_plan *plan)
{
	uint64_t others, room;
	int error;

	plan->block_stride = HEAD_ROOM_BYTES + whole_pages(block_bytes);
	/* Besides the automaton, and with what rounding to pages may take. */
	others = BLOCKS_MIN * plan->block_stride + counters_bytes(patterns) +
		 OUTCOMES_BYTES + 2 * PAGE_BYTES;
	error = build_automaton(scanner, patterns,
				others < ARENA_BYTES_MAX ? ARENA_BYTES_MAX - others : 0);
	if (error)
		return error;
	plan->counters = whole_pages(scanner->statistics.automaton_bytes);
	plan->outcomes = plan->counters + counters_bytes(patterns);
	plan->blocks = whole_pages(plan->outcomes + OUTCOMES_BYTES);
	room = (ARENA_BYTES_MAX - plan->blocks) / plan->block_stride;
	plan->block_count = room < BLOCKS_MAX ? room : BLOCKS_MAX;
	plan->bytes = plan->blocks + plan->block_count * plan->block_stride;
	return 0;
}

static int open_context(struct scanner *scanner, const struct scanner_options *options,
			const struct arena_plan *plan)
{
	struct mk_geometry geometry = {
		.size = sizeof(geometry),
		.slots = plan->block_count,
		/* A window has one worker: spread the slots over all of them. */
		.window_slots = 1,
		.arena_bytes = plan->bytes,
		.device = options->device,
		.engine = options->engine,
	};
	int error;

	/* So that a slot never waits for its turn to ask; and nobody ingests. */
	if (options->io == SCANNER_IO_DEVICE)
		geometry.io_slots = geometry.io_request_slots = plan->block_count;
	error = mk_context_create(&geometry, &scanner->context);
	if (error)
		return library_failed("create a context", error);
	scanner->arena = mk_context_arena(scanner->context);
	return 0;
}

static int open_engine(struct scanner *scanner, const struct scanner_options *options)
{
	static const struct mk_handler_entry handlers[] = {
		{ SCAN_OPCODE, scan_handler },
	};
	struct mk_engine_options engine = {
		.size = sizeof(engine),
		.kind = options->engine,
		.workgroups = options->workgroups,
		.device = options->device,
		.spirv = mkscan_kernel,
		.spirv_bytes = sizeof(mkscan_kernel),
		.handlers = handlers,
		.handler_count = sizeof(handlers) / sizeof(handlers[0]),
	};
	int error = mk_engine_start(scanner->context, &engine, &scanner->engine);

	if (!error)
		return 0;
	library_failed("start the engine", error);
	if (options->engine == MK_ENGINE_KIND_VULKAN)
		message("--engine cpu scans on host threads, without a Vulkan device");
	return error;
}

static int open_producer(struct scanner *scanner, const struct arena_plan *plan)
{
	struct mk_producer_options options = {
		.size = sizeof(options),
		.max_windows = plan->block_count,
	};
	int error = mk_producer_open(scanner->context, &options, &scanner->producer);

	return error ? library_failed("open a producer", error) : 0;
}

static int open_blocks(struct scanner *scanner, const struct arena_plan *plan,
		       uint32_t block_bytes)
{
	uint8_t *memory = scanner->arena + plan->blocks;

	scanner->block_memory = memory;
	scanner->block_memory_bytes = plan->block_count * plan->block_stride;
	scanner->blocks = calloc(plan->block_count, sizeof(*scanner->blocks));
	if (!scanner->blocks) {
		message("no memory is left for %u blocks", plan->block_count);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < plan->block_count; i++) {
		struct block *block = &scanner->blocks[i];

		block->data = memory + i * plan->block_stride + HEAD_ROOM_BYTES;
		block->request.data = block->data;
		block->request.length = block_bytes;
		block_queue_push(&scanner->unused, block);
	}
	return 0;
}

/* What brings texts into the blocks. */
static int open_io(struct scanner *scanner, const struct scanner_options *options,
		   const struct arena_plan *plan)
{
	uint32_t head = scanner->carry_bytes_max;
	struct pump_blocks blocks = {
		.offset = plan->blocks + HEAD_ROOM_BYTES - head,
		.bytes = head + scanner->statistics.block_bytes,
		.stride = plan->block_stride,
		.count = plan->block_count,
	};

	scanner->statistics.io = options->io;
	if (options->io == SCANNER_IO_HOST)
		return host_path_open(scanner);
	return pump_open(&scanner->pump, scanner->context, &blocks);
}

static int open_parts(struct scanner *scanner, const struct scanner_options *options,
		      const struct pattern_list *patterns)
{
	struct scanner_statistics *statistics = &scanner->statistics;
	struct arena_plan plan;
	int error;

	statistics->block_bytes = options->block_bytes ? options->block_bytes :
							 SCANNER_BLOCK_BYTES;
	scanner->carry_bytes_max = patterns->longest - 1;
	error = plan_arena(scanner, patterns, statistics->block_bytes, &plan);
	if (!error)
		error = open_context(scanner, options, &plan);
	if (error)
		return error;
	statistics->blocks = plan.block_count;
	statistics->arena_bytes = plan.bytes;
	scanner->counters = plan.counters / WORD_BYTES;
	scanner->outcomes = plan.outcomes / WORD_BYTES;
	automaton_encode(&scanner->automaton, (uint32_t *)scanner->arena);
	automaton_forget_states(&scanner->automaton);

	error = open_blocks(scanner, &plan, statistics->block_bytes);
	if (!error)
		error = open_io(scanner, options, &plan);
	if (!error)
		error = open_engine(scanner, options);
	if (!error)
		error = open_producer(scanner, &plan);
	return error;
}

int scanner_open(const struct scanner_options *options,
		 const struct pattern_list *patterns, struct scanner **result)
{
	struct scanner *scanner = calloc(1, sizeof(*scanner));
	int error;

	if (!scanner) {
		message("no memory is left for the scanner");
		return -ENOMEM;
	}
	error = open_parts(scanner, options, patterns);
	if (error) {
		scanner_close(scanner);
		return error;
	}
	*result = scanner;
	return 0;
}

void scanner_close(struct scanner *scanner)
{
	int error;

	if (!scanner)
		return;
	/* Nobody may write to the arena any more when it goes. */
	host_path_close(scanner);
	mk_producer_close(scanner->producer);
	error = mk_engine_stop(scanner->engine, STOP_NANOSECONDS);
	if (error)
		library_failed("stop the engine", error);
	else
		error = pump_close(&scanner->pump);
	if (!error)
		mk_context_close(scanner->context);
	automaton_free(&scanner->automaton);
	free(scanner->blocks);
	free(scanner);
}

/* Scanning ----------------------------------------------------------------- */

int scanner_scan(struct scanner *scanner, const struct source *source, uint64_t *position,
		 bool *failed)
{
	if (device_path_takes(scanner, source))
		return device_path_scan(scanner, source, position, failed);
	scanner->statistics.files_read_by_host++;
	return host_path_scan(scanner, source, position, failed);
}

static int check_faults(const struct scanner *scanner)
{
	struct mk_counters counters;

	mk_context_counters(scanner->context, &counters);
	if (counters.faults == scanner->failed_slots)
		return 0;
	message("%u of %llu slots ended with a fault, expected %llu, so the counts are "
		"not complete: this is a mistake in mkscan or in the engine",
		counters.faults, (unsigned long long)scanner->statistics.slots,
		(unsigned long long)scanner->failed_slots);
	return -EPROTO;
}

int scanner_finish(struct scanner *scanner, uint64_t *counts)
{
	const uint32_t *counter;
	int error = 0;

	while (!error && scanner->scanning.head) {
		error = slots_collect(scanner, WAIT_NANOSECONDS);
		progress_update(scanner->completed_bytes);
		if (!error)
			error = slots_check(scanner);
	}
	if (!error)
		error = check_faults(scanner);
	if (error)
		return error;
	counter = (const uint32_t *)scanner->arena + scanner->counters;
	for (uint32_t i = 0; i < scanner->automaton.pattern_count; i++) {
		counts[i] = counter[0] | (uint64_t)counter[1] << 32;
		counter += SCAN_COUNTER_WORDS;
	}
	return automaton_propagate(&scanner->automaton, counts);
}

void scanner_describe(const struct scanner *scanner,
		      struct scanner_statistics *statistics,
		      struct mk_engine_info *engine)
{
	*statistics = scanner->statistics;
	if (scanner->pump.io) {
		struct mk_io_counters io;

		mk_io_counters(scanner->pump.io, &io);
		statistics->io_requests = io.requests;
		statistics->fixed_buffers = io.flags & MK_IO_FIXED_BUFFERS;
	}
	mk_engine_info(scanner->engine, engine);
}

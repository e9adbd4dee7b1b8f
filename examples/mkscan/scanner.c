// SPDX-License-Identifier: MIT
/*
 * The arena: the automaton, the counters, the blocks.  Before each block lies
 * head room for the end of the block before it in the file, as much as a match
 * that ends in this block may need.  So every slot starts at the automaton's
 * root, in any order, and counts what ends in its own block.
 *
 * A block is free, being read, or being scanned.  Files are read in order, and
 * published in order, because a block needs the end of the one before.
 */
#include "scanner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <mk/mk.h>

#include "block_queue.h"
#include "elapsed.h"
#include "interrupt.h"
#include "message.h"
#include "mkscan_kernel.h"
#include "progress.h"
#include "reader.h"
#include "scan_layout.h"
#include "scan_opcode.h"

/* What every device can address: lavapipe's maxStorageBufferRange. */
#define ARENA_BYTES_MAX (128u << 20)
#define PAGE_BYTES	4096u
#define WORD_BYTES	4u
#define HEAD_ROOM_BYTES PATTERN_BYTES_MAX
/* With two, one is read while the other is scanned. */
#define BLOCKS_MIN 2u
#define BLOCKS_MAX 256u
/* A signal may come just before a wait, and would not end it. */
#define WAIT_MILLISECONDS 100u
#define WAIT_NANOSECONDS  (WAIT_MILLISECONDS * UINT64_C(1000000))
#define STOP_NANOSECONDS  UINT64_C(20000000000)

struct scanner {
	struct automaton automaton;
	struct mk_context *context;
	struct mk_engine *engine;
	struct mk_producer *producer;
	struct reader reader;
	bool reader_is_open;

	uint8_t *arena;
	uint32_t counters; /* first word */
	struct block *blocks;
	struct block_queue unused;
	struct block_queue reading; /* of one file, in its order */
	struct block_queue scanning;
	uint32_t scanning_count;

	/* The file's last bytes so far, for the next block's head room. */
	uint8_t carry[HEAD_ROOM_BYTES];
	uint32_t carry_bytes;
	uint32_t carry_bytes_max;

	uint64_t completed_bytes;
	struct scanner_statistics statistics;
};

/* The file being read. */
struct progress_in_file {
	const struct source *source;
	uint64_t next_read;
	uint64_t published; /* position up to which blocks were published */
	bool ended;
	int error;
};

/* Opening ------------------------------------------------------------------ */

static uint64_t whole_pages(uint64_t bytes)
{
	return (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

static int library_failed(const char *what, int error)
{
	message("cannot %s: %s", what, mk_error_text());
	return error;
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
		 2 * PAGE_BYTES;
	error = build_automaton(scanner, patterns,
				others < ARENA_BYTES_MAX ? ARENA_BYTES_MAX - others : 0);
	if (error)
		return error;
	plan->counters = whole_pages(scanner->statistics.automaton_bytes);
	plan->blocks = whole_pages(plan->counters + counters_bytes(patterns));
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
	int error = mk_context_create(&geometry, &scanner->context);

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
	int error;

	error = reader_open(&scanner->reader, plan->block_count, memory,
			    plan->block_count * plan->block_stride);
	if (error)
		return error;
	scanner->reader_is_open = true;
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
	automaton_encode(&scanner->automaton, (uint32_t *)scanner->arena);
	automaton_forget_states(&scanner->automaton);

	error = open_blocks(scanner, &plan, statistics->block_bytes);
	if (!error)
		error = open_engine(scanner, options);
	if (!error)
		error = open_producer(scanner, &plan);
	statistics->fixed_buffers = scanner->reader.fixed;
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
	if (scanner->reader_is_open)
		reader_close(&scanner->reader);
	mk_producer_close(scanner->producer);
	error = mk_engine_stop(scanner->engine, STOP_NANOSECONDS);
	if (error)
		library_failed("stop the engine", error);
	else
		mk_context_close(scanner->context);
	automaton_free(&scanner->automaton);
	free(scanner->blocks);
	free(scanner);
}

/* Slots -------------------------------------------------------------------- */

/* Whether there is still sense in waiting. */
static int check(struct scanner *scanner)
{
	int error = mk_engine_failure(scanner->engine);

	if (error)
		return library_failed("go on with the engine", error);
	return interrupt_signal() ? -EINTR : 0;
}

static int scan_ended(struct scanner *scanner, struct block *block, int result)
{
	/*
	 * A slot may be used again before we look at how it ended.  Then all that is
	 * known is that it did, and check_faults() has the last word.
	 */
	if (result < 0 && result != -ESTALE)
		return library_failed("wait for a slot", result);
	scanner->completed_bytes += block->request.filled;
	progress_update(scanner->completed_bytes);
	scanner->scanning_count--;
	block_queue_push(&scanner->unused, block);
	return 0;
}

static bool still_scanning(int result)
{
	return result == -EAGAIN || result == -ETIMEDOUT;
}

/* Takes back the blocks that have been scanned; waits for the oldest at most. */
static int collect(struct scanner *scanner, uint64_t nanoseconds)
{
	struct block_queue before = scanner->scanning;
	struct block *block;
	int error = 0;

	scanner->scanning.head = NULL;
	while ((block = block_queue_pop(&before))) {
		int result = error ? -EAGAIN :
				     mk_producer_wait(scanner->producer, &block->ticket,
						      nanoseconds);

		nanoseconds = 0;
		if (still_scanning(result))
			block_queue_push(&scanner->scanning, block);
		else
			error = scan_ended(scanner, block, result);
	}
	return error;
}

static uint32_t address(const struct scanner *scanner, const uint8_t *data)
{
	return data - scanner->arena;
}

/* Puts the end of the file so far before a block, and keeps the block's own end. */
static uint8_t *join(struct scanner *scanner, struct block *block)
{
	uint8_t *text = block->data - scanner->carry_bytes;
	uint32_t bytes = scanner->carry_bytes + block->request.filled;

	memcpy(text, scanner->carry, scanner->carry_bytes);
	scanner->carry_bytes =
		bytes < scanner->carry_bytes_max ? bytes : scanner->carry_bytes_max;
	memcpy(scanner->carry, text + bytes - scanner->carry_bytes, scanner->carry_bytes);
	return text;
}

static int publish(struct scanner *scanner, struct block *block)
{
	struct scanner_statistics *statistics = &scanner->statistics;
	uint8_t *text = join(scanner, block);
	uint32_t args[SCAN_ARG_COUNT] = {
		[SCAN_ARG_POSITION] = address(scanner, text),
		[SCAN_ARG_STATE] = SCAN_ROOT,
		[SCAN_ARG_END] = address(scanner, block->data) + block->request.filled,
		[SCAN_ARG_COUNT_FROM] = address(scanner, block->data),
		[SCAN_ARG_COUNTERS] = scanner->counters,
	};
	struct mk_item item = { SCAN_OPCODE, SCAN_ARG_COUNT, args };
	int error;

	do {
		error = mk_producer_publish(scanner->producer, &item, WAIT_NANOSECONDS,
					    &block->ticket);
		if (error == -ETIMEDOUT) {
			error = check(scanner);
			if (!error)
				error = -ETIMEDOUT;
		} else if (error) {
			library_failed("publish a slot", error);
		}
	} while (error == -ETIMEDOUT);
	if (error)
		return error;

	block_queue_push(&scanner->scanning, block);
	scanner->scanning_count++;
	if (statistics->slots_at_once < scanner->scanning_count)
		statistics->slots_at_once = scanner->scanning_count;
	statistics->slots++;
	statistics->bytes += block->request.filled;
	statistics->overlap_bytes += block->data - text;
	return 0;
}

/* Files -------------------------------------------------------------------- */

/*
 * A stream is read by one request at a time, because they would not keep their
 * order; and what seems to be the file's end is passed by one at a time, in case
 * the file has grown.
 */
static bool may_read(const struct scanner *scanner, const struct progress_in_file *file)
{
	if (file->ended)
		return false;
	return !scanner->reading.head ||
	       (!file->source->stream && file->next_read < file->source->end);
}

static int read_ahead(struct scanner *scanner, struct progress_in_file *file)
{
	while (may_read(scanner, file)) {
		struct block *block;

		if (!scanner->unused.head) {
			int error = collect(scanner, 0);

			if (error)
				return error;
		}
		block = block_queue_pop(&scanner->unused);
		if (!block)
			break;
		block->request.fd = file->source->fd;
		block->request.stream = file->source->stream;
		block->request.offset = file->next_read;
		file->next_read += block->request.length;
		reader_start(&scanner->reader, &block->request);
		block_queue_push(&scanner->reading, block);
	}
	return 0;
}

/*
 * An engine gives all slots their turns, so that they end together.  Half of the
 * blocks are kept for then: what was read into them is scanned while we read again.
 */
static bool may_publish(const struct scanner *scanner)
{
	return scanner->scanning_count < scanner->statistics.blocks / 2;
}

static bool next_is_read(const struct scanner *scanner)
{
	return scanner->reading.head && scanner->reading.head->request.done;
}

/* What was read beyond the end belongs to nothing. */
static int publish_what_was_read(struct scanner *scanner, struct progress_in_file *file)
{
	int error = may_publish(scanner) ? 0 : collect(scanner, 0);

	while (!error && next_is_read(scanner) && may_publish(scanner)) {
		struct block *block = block_queue_pop(&scanner->reading);
		const struct reader_request *request = &block->request;

		if (!file->ended && request->error) {
			message("%s: cannot read at byte %llu: %s", file->source->name,
				(unsigned long long)(request->offset + request->filled),
				strerror(-request->error));
			file->error = -EIO;
		}
		if (file->ended || !request->filled) {
			block_queue_push(&scanner->unused, block);
		} else {
			error = publish(scanner, block);
			file->published += request->filled;
		}
		file->ended |= request->end || request->error;
	}
	return error;
}

/* Nothing can be done before a read or a scan has ended. */
static int wait_for_either(struct scanner *scanner)
{
	struct scanner_statistics *statistics = &scanner->statistics;
	double began = elapsed_seconds();
	int error;

	if (scanner->reading.head && !next_is_read(scanner)) {
		error = reader_wait(&scanner->reader, WAIT_MILLISECONDS);
		statistics->read_wait += elapsed_seconds() - began;
	} else {
		error = collect(scanner, WAIT_NANOSECONDS);
		statistics->scan_wait += elapsed_seconds() - began;
	}
	progress_update(scanner->completed_bytes);
	return error ? error : check(scanner);
}

int scanner_scan(struct scanner *scanner, const struct source *source, uint64_t *position)
{
	struct progress_in_file file = {
		.source = source,
		.next_read = source->offset,
		.published = source->offset,
	};
	int error = 0;

	scanner->carry_bytes = 0;
	while (!error) {
		error = read_ahead(scanner, &file);
		if (!error)
			error = reader_wait(&scanner->reader, 0);
		if (!error)
			error = publish_what_was_read(scanner, &file);
		if (error || (file.ended && !scanner->reading.head))
			break;
		if (!may_read(scanner, &file) || !scanner->unused.head)
			error = wait_for_either(scanner);
		if (!error && interrupt_signal())
			error = -EINTR;
	}
	*position = file.published;
	return error ? error : file.error;
}

static int check_faults(const struct scanner *scanner)
{
	struct mk_counters counters;

	mk_context_counters(scanner->context, &counters);
	if (!counters.faults)
		return 0;
	message("%u of %llu slots ended with a fault, expected none, so the counts are "
		"not complete: this is a mistake in mkscan or in the engine",
		counters.faults, (unsigned long long)scanner->statistics.slots);
	return -EPROTO;
}

int scanner_finish(struct scanner *scanner, uint64_t *counts)
{
	const uint32_t *counter;
	int error = 0;

	while (!error && scanner->scanning.head) {
		error = collect(scanner, WAIT_NANOSECONDS);
		progress_update(scanner->completed_bytes);
		if (!error)
			error = check(scanner);
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
	mk_engine_info(scanner->engine, engine);
}

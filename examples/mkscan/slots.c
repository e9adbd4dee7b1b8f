// SPDX-License-Identifier: MIT
/* Publishes blocks, each as one slot, and takes them back when they were scanned. */
#include <errno.h>

#include "interrupt.h"
#include "message.h"
#include "progress.h"
#include "scan_layout.h"
#include "scanner_parts.h"

int library_failed(const char *what, int error)
{
	message("cannot %s: %s", what, mk_error_text());
	return error;
}

int slots_check(struct scanner *scanner)
{
	int error = mk_engine_failure(scanner->engine);

	if (error)
		return library_failed("go on with the engine", error);
	return interrupt_signal() ? -EINTR : 0;
}

static uint32_t *outcome(const struct scanner *scanner, const struct block *block)
{
	return (uint32_t *)scanner->arena + scanner->outcomes + (block - scanner->blocks);
}

static void count_scanned(struct scanner *scanner, const struct block *block)
{
	scanner->statistics.bytes += block->bytes;
	scanner->statistics.overlap_bytes += block->overlap;
}

/* How a slot ended that had asked for its text. */
static int asking_ended(struct scanner *scanner, struct block *block)
{
	uint32_t reason = __atomic_load_n(outcome(scanner, block), __ATOMIC_RELAXED);
	struct pump_file *file = block->file;

	if (reason) {
		scanner->failed_slots++;
		pump_file_failed(&scanner->pump, file, block->offset, reason);
	} else {
		count_scanned(scanner, block);
	}
	block->file = NULL;
	return pump_release_file(&scanner->pump, file);
}

static int scan_ended(struct scanner *scanner, struct block *block, int result)
{
	int error = 0;

	/*
	 * A slot may be used again before we look at how it ended.  Then all that is
	 * known is that it did, and its outcome and check_faults() have the last word.
	 */
	if (result < 0 && result != -ESTALE)
		return library_failed("wait for a slot", result);
	if (block->file)
		error = asking_ended(scanner, block);
	else
		count_scanned(scanner, block);
	scanner->completed_bytes += block->bytes;
	progress_update(scanner->completed_bytes);
	scanner->scanning_count--;
	block_queue_push(&scanner->unused, block);
	return error;
}

static bool still_scanning(int result)
{
	return result == -EAGAIN || result == -ETIMEDOUT;
}

int slots_collect(struct scanner *scanner, uint64_t nanoseconds)
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

static void ask_for_text(const struct scanner *scanner, const struct block *block,
			 uint32_t *args)
{
	uint32_t index = block - scanner->blocks;

	__atomic_store_n(outcome(scanner, block), 0, __ATOMIC_RELAXED);
	mk_trace_arena(scanner->context,
		       (uint64_t)(scanner->outcomes + index) * sizeof(uint32_t),
		       sizeof(uint32_t));
	args[SCAN_ARG_OUTCOME] = scanner->outcomes + index;
	args[SCAN_ARG_FILE] = block->file->handle;
	args[SCAN_ARG_BLOCK] = scanner->pump.first_block + index;
	args[SCAN_ARG_OFFSET_LOW] = (uint32_t)block->offset;
	args[SCAN_ARG_OFFSET_HIGH] = block->offset >> 32;
	args[SCAN_ARG_TO_READ] = block->overlap + block->bytes;
}

int slots_publish(struct scanner *scanner, struct block *block)
{
	struct scanner_statistics *statistics = &scanner->statistics;
	uint32_t begin = block->text - scanner->arena;
	uint32_t args[SCAN_ARG_COUNT] = {
		[SCAN_ARG_POSITION] = begin,
		[SCAN_ARG_STATE] = SCAN_ROOT,
		[SCAN_ARG_END] = begin + block->overlap + block->bytes,
		[SCAN_ARG_COUNT_FROM] = begin + block->overlap,
		[SCAN_ARG_COUNTERS] = scanner->counters,
	};
	struct mk_item item = { SCAN_OPCODE, SCAN_ARG_COUNT, args };
	int error;

	if (block->file)
		ask_for_text(scanner, block, args);
	else
		mk_trace_arena(scanner->context, begin, block->overlap + block->bytes);
	do {
		error = mk_producer_publish(scanner->producer, &item, WAIT_NANOSECONDS,
					    &block->ticket);
		if (error == -ETIMEDOUT) {
			error = slots_check(scanner);
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
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * The device reads: a slot is published before its text is there, and asks for it.  The
 * text is asked for with the end of the block before it, so no block waits for another.
 * What is asked for goes to where the longest such end would begin.  Then the block's own
 * bytes lie in pages as they do in the file, which the system copies several times faster.
 */
#include "elapsed.h"
#include "progress.h"
#include "scanner_parts.h"

bool device_path_takes(const struct scanner *scanner, const struct source *source)
{
	return scanner->pump.io && !source->stream && source->offset < source->end;
}

/* Blocks that have been scanned are taken back together, when there is no other. */
static int take_block(struct scanner *scanner, struct block **block)
{
	double began = elapsed_seconds();
	int error = scanner->unused.head ? 0 : slots_collect(scanner, 0);

	while (!error && !scanner->unused.head) {
		error = slots_collect(scanner, WAIT_NANOSECONDS);
		progress_update(scanner->completed_bytes);
		if (!error)
			error = slots_check(scanner);
	}
	scanner->statistics.scan_wait += elapsed_seconds() - began;
	*block = error ? NULL : block_queue_pop(&scanner->unused);
	return error;
}

static uint32_t at_most(uint32_t limit, uint64_t value)
{
	return value < limit ? value : limit;
}

static int publish_next(struct scanner *scanner, const struct source *source,
			struct pump_file *file, uint64_t *position)
{
	struct block *block;
	int error = take_block(scanner, &block);

	if (error)
		return error;
	block->overlap = at_most(scanner->carry_bytes_max, *position - source->offset);
	block->bytes = at_most(scanner->statistics.block_bytes, source->end - *position);
	block->text = block->data - scanner->carry_bytes_max;
	block->offset = *position - block->overlap;
	block->file = file;
	file->users++;
	*position += block->bytes;
	return slots_publish(scanner, block);
}

int device_path_scan(struct scanner *scanner, const struct source *opened,
		     uint64_t *position, bool *failed)
{
	struct source source = *opened;
	struct pump_file *file;
	int error = 0, released;

	*position = source.offset;
	file = pump_add_file(&scanner->pump, &source, failed);
	if (!file)
		return 0;
	while (!error && !file->reason && *position < source.end) {
		error = publish_next(scanner, &source, file, position);
		if (*position == source.end)
			source_measure(&source);
	}
	released = pump_release_file(&scanner->pump, file);
	return error ? error : released;
}

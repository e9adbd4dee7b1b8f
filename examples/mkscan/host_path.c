// SPDX-License-Identifier: MIT
/*
 * The host reads.  A block is free, being read, or being scanned.  Files are read in
 * order, and published in order, because a block needs the end of the one before.
 */
#include <errno.h>
#include <string.h>

#include "elapsed.h"
#include "interrupt.h"
#include "message.h"
#include "progress.h"
#include "scanner_parts.h"

/* The file being read. */
struct progress_in_file {
	const struct source *source;
	uint64_t next_read;
	uint64_t published; /* position up to which blocks were published */
	bool ended;
	bool failed;
};

int host_path_open(struct scanner *scanner)
{
	int error;

	if (scanner->host.is_open)
		return 0;
	error = reader_open(&scanner->host.reader, scanner->statistics.blocks,
			    scanner->block_memory, scanner->block_memory_bytes);
	scanner->host.is_open = !error;
	scanner->statistics.fixed_buffers = !error && scanner->host.reader.fixed;
	return error;
}

void host_path_close(struct scanner *scanner)
{
	if (scanner->host.is_open)
		reader_close(&scanner->host.reader);
}

/* Puts the end of the file so far before a block, and keeps the block's own end. */
static void join(struct scanner *scanner, struct block *block)
{
	struct host_path *host = &scanner->host;
	uint32_t bytes;

	block->overlap = host->carry_bytes;
	block->bytes = block->request.filled;
	block->text = block->data - block->overlap;
	bytes = block->overlap + block->bytes;
	memcpy(block->text, host->carry, block->overlap);
	host->carry_bytes = bytes < scanner->carry_bytes_max ? bytes :
							       scanner->carry_bytes_max;
	memcpy(host->carry, block->text + bytes - host->carry_bytes, host->carry_bytes);
}

/*
 * A stream is read by one request at a time, because they would not keep their
 * order; and what seems to be the file's end is passed by one at a time, in case
 * the file has grown.
 */
static bool may_read(const struct scanner *scanner, const struct progress_in_file *file)
{
	if (file->ended)
		return false;
	return !scanner->host.reading.head ||
	       (!file->source->stream && file->next_read < file->source->end);
}

static int read_ahead(struct scanner *scanner, struct progress_in_file *file)
{
	while (may_read(scanner, file)) {
		struct block *block;

		if (!scanner->unused.head) {
			int error = slots_collect(scanner, 0);

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
		reader_start(&scanner->host.reader, &block->request);
		block_queue_push(&scanner->host.reading, block);
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
	return scanner->host.reading.head && scanner->host.reading.head->request.done;
}

/* What was read beyond the end belongs to nothing. */
static int publish_what_was_read(struct scanner *scanner, struct progress_in_file *file)
{
	int error = may_publish(scanner) ? 0 : slots_collect(scanner, 0);

	while (!error && next_is_read(scanner) && may_publish(scanner)) {
		struct block *block = block_queue_pop(&scanner->host.reading);
		const struct reader_request *request = &block->request;

		if (!file->ended && request->error) {
			message("%s: cannot read at byte %llu: %s", file->source->name,
				(unsigned long long)(request->offset + request->filled),
				strerror(-request->error));
			file->failed = true;
		}
		if (file->ended || !request->filled) {
			block_queue_push(&scanner->unused, block);
		} else {
			join(scanner, block);
			error = slots_publish(scanner, block);
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

	if (scanner->host.reading.head && !next_is_read(scanner)) {
		error = reader_wait(&scanner->host.reader, WAIT_MILLISECONDS);
		statistics->read_wait += elapsed_seconds() - began;
	} else {
		error = slots_collect(scanner, WAIT_NANOSECONDS);
		statistics->scan_wait += elapsed_seconds() - began;
	}
	progress_update(scanner->completed_bytes);
	return error ? error : slots_check(scanner);
}

int host_path_scan(struct scanner *scanner, const struct source *source,
		   uint64_t *position, bool *failed)
{
	struct progress_in_file file = {
		.source = source,
		.next_read = source->offset,
		.published = source->offset,
	};
	int error = host_path_open(scanner);

	scanner->host.carry_bytes = 0;
	while (!error) {
		error = read_ahead(scanner, &file);
		if (!error)
			error = reader_wait(&scanner->host.reader, 0);
		if (!error)
			error = publish_what_was_read(scanner, &file);
		if (error || (file.ended && !scanner->host.reading.head))
			break;
		if (!may_read(scanner, &file) || !scanner->unused.head)
			error = wait_for_either(scanner);
		if (!error && interrupt_signal())
			error = -EINTR;
	}
	*position = file.published;
	*failed |= file.failed;
	return error;
}

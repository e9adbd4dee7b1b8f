// SPDX-License-Identifier: MIT
/*
 * The reader of traces on any bytes: a file as it is, or, where the first byte is odd, the
 * records of a block, since nobody guesses a checksum.  What it tells is used as a program
 * would.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <zstd.h>

#include "trace_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition)
		abort();
}

static void write_whole(int fd, const void *data, size_t bytes)
{
	must(!ftruncate(fd, 0));
	must(pwrite(fd, data, bytes, 0) == (ssize_t)bytes);
}

static void write_block(int fd, const uint8_t *records, size_t bytes)
{
	size_t bound = ZSTD_compressBound(bytes);
	uint8_t *file = malloc(MK_TRACE_BLOCK_HEADER + bound);
	uint32_t header[2] = { MK_TRACE_BLOCK_MAGIC, 0 };
	size_t stored;

	must(file != NULL);
	stored = ZSTD_compress(file + sizeof(header), bound, records, bytes, 1);
	must(!ZSTD_isError(stored));
	header[1] = (uint32_t)stored;
	memcpy(file, header, sizeof(header));
	write_whole(fd, file, sizeof(header) + stored);
	free(file);
}

/* Every byte is there. */
static void touch(const void *data, size_t bytes)
{
	static volatile uint8_t sum;

	for (size_t i = 0; i < bytes; i++)
		sum = (uint8_t)(sum + ((const uint8_t *)data)[i]);
}

static void use(const struct mk_geometry *geometry, const struct mk_trace_event *event)
{
	switch (event->type) {
	case MK_TRACE_PUBLISH:
		must(event->publish.slot < geometry->slots);
		break;
	case MK_TRACE_COMPLETION:
		must(event->completion.slot < geometry->slots);
		break;
	case MK_TRACE_IO_CLAIM:
	case MK_TRACE_IO_ANSWER:
		must(event->io.request.slot < geometry->io_slots);
		break;
	case MK_TRACE_IO_DATA:
		must(event->data.slot < geometry->io_slots);
		touch(event->data.data, event->data.bytes);
		break;
	case MK_TRACE_ARENA:
		must(event->data.offset + event->data.bytes <= geometry->arena_bytes);
		touch(event->data.data, event->data.bytes);
		break;
	case MK_TRACE_MEMORY:
		touch(event->data.data, event->data.bytes);
		break;
	case MK_TRACE_EPOCH:
		must(event->epoch.first + event->epoch.count <=
		     geometry->observable_words);
		touch(event->epoch.data, event->epoch.count * sizeof(uint32_t));
		break;
	default:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct mk_trace_reader *reader;
	struct mk_trace_event event;

	if (fd < 0)
		fd = memfd_create("trace", MFD_CLOEXEC);
	if (!size)
		return 0;
	if (data[0] & 1)
		write_block(fd, data + 1, size - 1);
	else
		write_whole(fd, data + 1, size - 1);
	if (mk_trace_open(fd, &reader))
		return 0;
	while (mk_trace_next(reader, &event) == 1)
		use(&mk_trace_info(reader)->geometry, &event);
	mk_trace_close(reader);
	return 0;
}

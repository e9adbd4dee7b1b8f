/* SPDX-License-Identifier: MIT */
/* Reads from files into memory through io_uring, many at a time. */
#ifndef READER_H
#define READER_H

#include <liburing.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
	struct io_uring ring;
	bool fixed; /* the memory is registered, and reads spare mapping it */
};

/* One read; the caller's, and in use from reader_start() until it is done. */
struct reader_request {
	int fd;
	bool stream; /* reads go where the last one ended, not to offset */
	uint64_t offset;
	uint8_t *data; /* in the reader's memory */
	uint32_t length;

	/* Results. */
	bool done;
	bool end;	 /* the file ended before length bytes */
	int error;	 /* 0, or a negative errno; what was read before it counts */
	uint32_t filled; /* bytes read */

	bool poll_first; /* the reader's: the file is non-blocking */
};

/**
 * reader_open() - get ready for reads into a piece of memory
 * @requests: how many may be in flight
 *
 * Return: 0, or a negative errno after a message on stderr.
 */
int reader_open(struct reader *reader, uint32_t requests, void *memory, size_t bytes);

/* Cancels what is in flight. */
void reader_close(struct reader *reader);

/* Begins to read until all is read or the file ends. */
void reader_start(struct reader *reader, struct reader_request *request);

/**
 * reader_wait() - take in what has been read
 * @milliseconds: how long to wait for something to take in; 0 only looks
 *
 * Return: 0, also when a signal came or nothing was read; a negative errno after
 * a message when io_uring itself fails.
 */
int reader_wait(struct reader *reader, uint32_t milliseconds);

#endif /* READER_H */

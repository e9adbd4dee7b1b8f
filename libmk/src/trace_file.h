/* SPDX-License-Identifier: MIT */
/* The writing side of a trace's file: records gathered into blocks. */
#ifndef MK_SRC_TRACE_FILE_H
#define MK_SRC_TRACE_FILE_H

#include <stdint.h>

#include "trace_record.h"

struct ZSTD_CCtx_s;

/* For one thread at a time. */
struct mk_trace_file {
	int fd;
	int error; /* the first, negative; nothing is written after it */
	struct ZSTD_CCtx_s *compressor;
	uint8_t *records;
	uint32_t used;
	uint8_t *block;
	uint32_t block_capacity;
	uint64_t record_count;
	uint64_t bytes;
};

/*
 * Open a file of a name as in struct mk_trace_options, and truncate it.
 * @number: 0, or what is appended to the name, behind the process's number
 *
 * -EBUSY: another trace is being written there
 */
int mk_trace_file_open(struct mk_trace_file *file, const char *path, uint32_t number);
/* Writes what is left; the first error that there was, with a text. */
int mk_trace_file_close(struct mk_trace_file *file);

/* Room for a record of @bytes, whole units; NULL after an error. */
void *mk_trace_file_reserve(struct mk_trace_file *file, uint32_t bytes);
/* Append whole records, at most MK_TRACE_BLOCK_MAX bytes of them. */
void mk_trace_file_append(struct mk_trace_file *file, const void *records,
			  uint32_t bytes);
/* Write a block, if there is anything. */
void mk_trace_file_flush(struct mk_trace_file *file);

#endif /* MK_SRC_TRACE_FILE_H */

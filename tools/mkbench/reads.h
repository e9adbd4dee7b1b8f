/* SPDX-License-Identifier: MIT */
/* Reads of a file, in the two ways that mkbench io compares. */
#ifndef MKBENCH_READS_H
#define MKBENCH_READS_H

#include <stdbool.h>
#include <stdint.h>

#include "bench.h"
#include "read_file.h"
#include "session.h"
#include "statistics.h"

#define READ_DEPTH_LIMIT 64u
#define READ_BYTES_LIMIT 65536u
/* Reads of one slot, one after the other. */
#define CHAIN_READS 16u

/* What is read, and how much of it at a time. */
struct read_shape {
	uint32_t bytes;
	uint32_t depth; /* reads in flight */
	bool is_direct;
};

struct read_result {
	struct distribution times; /* of one read */
	uint64_t reads;
	uint64_t ns; /* that they took */
};

/* From where in the file to where the next read is: all of it has its turn. */
static inline uint32_t read_stride(const struct read_shape *shape)
{
	return shape->bytes * 1021u;
}

/*
 * One step more each time round the ranges that are read into: else each of 64 would
 * get the same piece always, and a read that brings nothing would not be noticed.
 */
static inline uint32_t read_skip(const struct read_shape *shape, uint32_t range)
{
	return shape->depth > 1 && range == 0 ? read_stride(shape) : 0;
}

/*
 * All that follows returns 0 or a negative errno that was told.
 *
 * measure_ring_reads() - by io_uring from this thread, as soon as that can be: with a
 * registered file and registered buffers
 * @polls: look at the completions until there is one, instead of waiting in the system
 */
int measure_ring_reads(const struct bench_options *options, const struct read_file *file,
		       const struct read_shape *shape, bool polls,
		       struct read_result *result);

/* What a context needs for the other way. */
void kernel_reads_want(const struct read_file *file, struct session_wants *wants);

struct kernel_reads;

/* By the resident kernel, and a pump in this thread.  For one at a time. */
int kernel_reads_open(const struct session *session, const struct read_file *file,
		      struct kernel_reads **reads);
void kernel_reads_close(struct kernel_reads *reads);
/* Whether the system was told of the arena once and for all. */
bool kernel_reads_are_fixed(const struct kernel_reads *reads);

/*
 * measure_kernel_reads() - from the publish of a slot until its completion is seen
 * @chain: how many reads a slot makes, one after the other.  The time of one is, at depth 1,
 *         from one answer to the next; else the slot's time by their number
 */
int measure_kernel_reads(const struct bench_options *options, struct kernel_reads *reads,
			 const struct read_shape *shape, uint32_t chain,
			 struct read_result *result);

#endif /* MKBENCH_READS_H */

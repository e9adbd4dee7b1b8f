// SPDX-License-Identifier: MIT
/*
 * Reads that the resident kernel asks for.  One thread publishes slots, runs the pump, and
 * waits: on a processor with two cores the kernel has the other one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "read_opcode.h"
#include "reads.h"
#include "round_trip.h"
#include "sampling.h"

#define BETWEEN_LOOKS 64
#define WARM_UP	      128
/* The pump does not rest between two reads of a disk. */
#define SPIN_US 1000u
/* How long at most between two looks at whether a slot has ended without an answer. */
#define PUMP_NS	     (NS_PER_SECOND / 10)
#define RANGE_WORDS  (READ_BYTES_LIMIT / (uint32_t)sizeof(uint32_t))
#define CONTENT_WORD (READ_DEPTH_LIMIT * RANGE_WORDS)

struct lane {
	struct mk_ticket ticket;
	uint64_t begin_ns;
	uint32_t last_offset;
};

struct kernel_reads {
	const struct read_file *file;
	struct mk_producer *producer;
	struct mk_io *io;
	uint32_t buffered; /* handles */
	uint32_t direct;
	uint32_t ranges;

	/* What is being measured. */
	const struct read_shape *shape;
	uint32_t chain;
	uint32_t offset;
	struct lane lanes[READ_DEPTH_LIMIT];
	uint64_t published; /* slots, which end in this order or are waited for so */
	uint64_t ended;
	uint64_t answered;    /* reads */
	uint64_t answered_ns; /* when, of a chain */
};

void kernel_reads_want(const struct read_file *file, struct session_wants *wants)
{
	wants->io_slots = READ_DEPTH_LIMIT;
	wants->arena_bytes = CONTENT_WORD * sizeof(uint32_t) + file->bytes;
	wants->spirv = read_kernel(&wants->spirv_bytes);
	wants->handlers = read_handlers;
	wants->handler_count = READ_HANDLERS;
}

/* One slot -------------------------------------------------------------------- */

static struct lane *lane_of(struct kernel_reads *reads, uint64_t slot)
{
	return &reads->lanes[slot % reads->shape->depth];
}

/* Of a chain from @offset on. */
static uint32_t sum_of(const struct kernel_reads *reads, uint32_t offset)
{
	uint32_t last = reads->shape->bytes / (uint32_t)sizeof(uint32_t) - 1;
	uint32_t mask = reads->file->bytes - 1;
	uint32_t sum = 0;

	for (uint32_t i = 0; i < reads->chain; i++) {
		const uint32_t *piece = reads->file->content + offset / sizeof(uint32_t);

		sum = READ_ADD(sum, piece[0], piece[last]);
		offset = (offset + read_stride(reads->shape)) & mask;
	}
	return sum;
}

static int publish(struct kernel_reads *reads)
{
	uint32_t number = (uint32_t)(reads->published % reads->shape->depth);
	struct lane *lane = lane_of(reads, reads->published);
	uint32_t stride = read_stride(reads->shape);
	uint32_t mask = reads->file->bytes - 1;
	const uint32_t args[READ_ARGS] = {
		[READ_ARG_LEFT] = reads->chain,
		[READ_ARG_FILE] = reads->shape->is_direct ? reads->direct :
							    reads->buffered,
		[READ_ARG_RANGE] = reads->ranges + number,
		[READ_ARG_TO] = number * RANGE_WORDS,
		[READ_ARG_BYTES] = reads->shape->bytes,
		[READ_ARG_OFFSET] = reads->offset,
		[READ_ARG_STRIDE] = stride,
		[READ_ARG_MASK] = mask,
		[READ_ARG_CHECK] = sum_of(reads, reads->offset),
	};
	const struct mk_item item = { OP_READ_CHAIN, READ_ARGS, args };
	int error;

	lane->last_offset = (reads->offset + stride * (reads->chain - 1)) & mask;
	reads->offset = lane->last_offset + stride + read_skip(reads->shape, number);
	reads->offset &= mask;
	lane->begin_ns = now_ns();
	error = mk_producer_publish(reads->producer, &item, PATIENCE_NS, &lane->ticket);
	if (error)
		return complain("publish", error);
	reads->published++;
	return 0;
}

/* The read that failed, if one did; else what it has brought was wrong. */
static int tell_fault(const struct kernel_reads *reads, int fault)
{
	struct mk_io_error error;

	if (mk_io_next_error(reads->io, &error) == 1)
		fprintf(stderr, "mkbench: a read of %u bytes at %llu: %s%s%s\n",
			error.request.byte_count,
			(unsigned long long)error.request.offset,
			mk_io_reason_text(error.reason), error.error ? ": " : "",
			error.error ? strerror(error.error) : "");
	else
		fprintf(stderr,
			"mkbench: the kernel has read other bytes than the file has: "
			"fault %d\n",
			fault);
	return -EIO;
}

static int tell_slow(void)
{
	fprintf(stderr, "mkbench: a read has not ended in %u s\n",
		(unsigned int)(PATIENCE_NS / NS_PER_SECOND));
	return -ETIMEDOUT;
}

/* 0: it has ended well; -EAGAIN: not yet. */
static int look_at(struct kernel_reads *reads, const struct lane *lane,
		   uint64_t timeout_ns)
{
	int ret = mk_producer_wait(reads->producer, &lane->ticket, timeout_ns);

	if (ret > 0)
		return tell_fault(reads, ret);
	return ret && ret != -EAGAIN ? complain("wait", ret) : ret;
}

/*
 * Answer what the kernel asks for, and look at the oldest slot if @may_have_ended, or there
 * was nothing.  -EAGAIN: it has not ended.
 */
static int run_pump(struct kernel_reads *reads, bool may_have_ended)
{
	const struct lane *lane = lane_of(reads, reads->ended);
	int64_t answered = mk_io_run(reads->io, may_have_ended ? 0 : PUMP_NS);
	int ret = -EAGAIN;

	if (answered < 0)
		return complain("run the pump", (int)answered);
	reads->answered += (uint64_t)answered;
	if (may_have_ended || !answered)
		ret = look_at(reads, lane, 0);
	if (!answered && ret == -EAGAIN && now_ns() - lane->begin_ns > PATIENCE_NS)
		return tell_slow();
	return ret;
}

/* Until the oldest slot has ended. */
static int await_oldest(struct kernel_reads *reads)
{
	uint64_t all = reads->published * reads->chain;
	uint64_t own = (reads->ended + 1) * reads->chain;
	int ret = -EAGAIN;

	while (ret == -EAGAIN) {
		/* When there is nothing to be asked any more, the kernel alone is waited for. */
		if (reads->answered >= all)
			return look_at(reads, lane_of(reads, reads->ended), PATIENCE_NS);
		ret = run_pump(reads, reads->answered >= own);
	}
	return ret;
}

/* Until one more read is answered; no slot ends before it has made all of its own. */
static int await_answer(struct kernel_reads *reads)
{
	uint64_t before = reads->answered;
	int ret = -EAGAIN;

	while (ret == -EAGAIN && reads->answered == before)
		ret = run_pump(reads, false);
	return ret == -EAGAIN ? 0 : ret;
}

static int take_slot(void *argument, uint64_t *elapsed_ns)
{
	struct kernel_reads *reads = argument;
	int error = 0;

	while (!error && reads->published - reads->ended < reads->shape->depth)
		error = publish(reads);
	if (!error)
		error = await_oldest(reads);
	if (error)
		return error;
	*elapsed_ns = (now_ns() - lane_of(reads, reads->ended)->begin_ns) / reads->chain;
	reads->ended++;
	return 0;
}

/* The chain before has ended. */
static int begin_chain(struct kernel_reads *reads)
{
	int error = 0;

	if (reads->ended < reads->published) {
		error = await_oldest(reads);
		reads->ended++;
	}
	if (!error)
		error = publish(reads);
	if (!error)
		error = await_answer(reads);
	reads->answered_ns = now_ns();
	return error;
}

/*
 * One read of a chain at depth 1, from the answer before it to its own: the kernel has the
 * data of that, asks again, and is answered.
 */
static int take_chained(void *argument, uint64_t *elapsed_ns)
{
	struct kernel_reads *reads = argument;
	uint64_t before_ns;
	int error = 0;

	if (reads->answered == reads->published * reads->chain)
		error = begin_chain(reads);
	before_ns = reads->answered_ns;
	if (!error)
		error = await_answer(reads);
	reads->answered_ns = now_ns();
	*elapsed_ns = reads->answered_ns - before_ns;
	return error;
}

/* All of them ------------------------------------------------------------------ */

/* By the kernel, word for word. */
static int compare(struct kernel_reads *reads, uint32_t number)
{
	const uint32_t args[COMPARE_ARGS] = {
		[COMPARE_ARG_A] = number * RANGE_WORDS,
		[COMPARE_ARG_B] = CONTENT_WORD + reads->lanes[number].last_offset /
							 (uint32_t)sizeof(uint32_t),
		[COMPARE_ARG_LEFT] = reads->shape->bytes / (uint32_t)sizeof(uint32_t),
	};
	const struct mk_item item = { OP_COMPARE, COMPARE_ARGS, args };
	struct lane *lane = &reads->lanes[number];
	int error =
		mk_producer_publish(reads->producer, &item, PATIENCE_NS, &lane->ticket);

	return error ? complain("publish", error) : look_at(reads, lane, PATIENCE_NS);
}

/* Those that are in flight end, and what was read last is compared whole. */
static int check_all(struct kernel_reads *reads)
{
	int error = 0;

	while (!error && reads->ended < reads->published) {
		error = await_oldest(reads);
		reads->ended++;
	}
	for (uint32_t i = 0; !error && i < reads->shape->depth; i++)
		error = compare(reads, i);
	return error;
}

int measure_kernel_reads(const struct bench_options *options, struct kernel_reads *reads,
			 const struct read_shape *shape, uint32_t chain,
			 struct read_result *result)
{
	const struct sampling sampling = {
		.name = chain > 1 ? "chains of reads" : "reads",
		.samples = options->samples,
		.warm_up = WARM_UP,
		.between_looks = BETWEEN_LOOKS,
		.limit_ns = seconds_as_ns(options->seconds),
		.take = chain > 1 && shape->depth == 1 ? take_chained : take_slot,
		.argument = reads,
	};
	uint64_t begin = now_ns();
	int error;

	reads->shape = shape;
	reads->chain = chain;
	reads->offset = 0;
	reads->published = reads->ended = reads->answered = 0;
	error = take_samples(&sampling, &result->times);
	result->ns = now_ns() - begin;
	result->reads = reads->answered;
	return error ? error : check_all(reads);
}

/* Open and close ----------------------------------------------------------------- */

static int add_file(const struct kernel_reads *reads, int fd, uint32_t *handle)
{
	const struct mk_io_file file = {
		.bytes = reads->file->bytes,
		.flags = MK_IO_READ,
	};

	return fd < 0 ? 0 : mk_io_add_file(reads->io, fd, &file, handle);
}

static int add_handles(struct kernel_reads *reads)
{
	int error = mk_io_add_arena(reads->io, 0, READ_BYTES_LIMIT, READ_BYTES_LIMIT,
				    READ_DEPTH_LIMIT, &reads->ranges);

	if (!error)
		error = add_file(reads, reads->file->buffered, &reads->buffered);
	if (!error)
		error = add_file(reads, reads->file->direct, &reads->direct);
	return error ? complain("make handles", error) : 0;
}

int kernel_reads_open(const struct session *session, const struct read_file *file,
		      struct kernel_reads **result)
{
	const struct mk_io_options options = {
		.size = sizeof(options),
		.spin_us = SPIN_US,
	};
	struct kernel_reads *reads = calloc(1, sizeof(*reads));
	struct mk_producer *producer;
	uint32_t *arena = mk_context_arena(session->context);
	int error;

	if (!reads)
		return complain("memory for reads", -ENOMEM);
	reads->file = file;
	memcpy(arena + CONTENT_WORD, file->content, file->bytes);
	error = mk_io_open(session->context, &options, &reads->io);
	if (error)
		complain("open a pump", error);
	else
		error = add_handles(reads);
	if (!error)
		error = open_warm_producer(session, &producer);
	if (error) {
		kernel_reads_close(reads);
		return error;
	}
	reads->producer = producer;
	*result = reads;
	return 0;
}

void kernel_reads_close(struct kernel_reads *reads)
{
	mk_producer_close(reads->producer);
	if (mk_io_close(reads->io, PATIENCE_NS)) {
		/* The system may still write into the context: nothing is freed. */
		complain("close the pump", -ETIMEDOUT);
		fflush(NULL);
		_Exit(EXIT_FAILURE);
	}
	free(reads);
}

bool kernel_reads_are_fixed(const struct kernel_reads *reads)
{
	struct mk_io_counters counters;

	mk_io_counters(reads->io, &counters);
	return counters.flags & MK_IO_FIXED_BUFFERS;
}

// SPDX-License-Identifier: MIT
/* What a program does that has io_uring and no resident kernel. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <liburing.h>

#include "reads.h"
#include "sampling.h"

#define BETWEEN_LOOKS 64
#define WARM_UP	      128
#define ALIGNMENT     4096u

struct lane {
	uint64_t begin_ns;
	uint32_t offset;
};

struct ring_reader {
	struct io_uring ring;
	const struct read_file *file;
	const struct read_shape *shape;
	bool polls;
	char *buffers;
	struct lane lanes[READ_DEPTH_LIMIT];
	uint32_t idle[READ_DEPTH_LIMIT]; /* lanes */
	uint32_t idle_count;
	uint32_t offset; /* of the next read */
	uint64_t reads;
};

static uint32_t *words_of(const struct ring_reader *reader, uint32_t lane)
{
	return (uint32_t *)(void *)(reader->buffers + (size_t)lane * READ_BYTES_LIMIT);
}

static uint32_t last_word(const struct ring_reader *reader)
{
	return reader->shape->bytes / (uint32_t)sizeof(uint32_t) - 1;
}

static void ask(struct ring_reader *reader, uint32_t lane)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&reader->ring);
	uint32_t *words = words_of(reader, lane);

	reader->lanes[lane] = (struct lane){ now_ns(), reader->offset };
	io_uring_prep_read_fixed(sqe, 0, words, reader->shape->bytes, reader->offset, 0);
	sqe->flags |= IOSQE_FIXED_FILE;
	sqe->user_data = lane;
	reader->offset += read_stride(reader->shape) + read_skip(reader->shape, lane);
	reader->offset &= reader->file->bytes - 1;
}

static int wrong_read(int had)
{
	fprintf(stderr, "mkbench: io_uring has read %s%s\n",
		had < 0 ? "with an error: " : "other bytes than the file has",
		had < 0 ? strerror(-had) : "");
	return had < 0 ? had : -EIO;
}

static const uint32_t *expected(const struct ring_reader *reader, uint32_t lane)
{
	return reader->file->content + reader->lanes[lane].offset / sizeof(uint32_t);
}

static bool has_ends(const struct ring_reader *reader, uint32_t lane)
{
	const uint32_t *words = words_of(reader, lane);
	uint32_t last = last_word(reader);

	return words[0] == expected(reader, lane)[0] &&
	       words[last] == expected(reader, lane)[last];
}

/* Give the system all that was asked for, and have something back. */
static int submit(struct ring_reader *reader)
{
	int ret = reader->polls ? io_uring_submit(&reader->ring) :
				  io_uring_submit_and_wait(&reader->ring, 1);

	while (ret >= 0 && reader->polls && !io_uring_cq_ready(&reader->ring))
		;
	return ret < 0 && ret != -EINTR ? complain("io_uring's submit", ret) : 0;
}

static int take_read(void *argument, uint64_t *elapsed_ns)
{
	struct ring_reader *reader = argument;
	struct io_uring_cqe *cqe;
	uint32_t lane;
	int result;

	while (reader->idle_count)
		ask(reader, reader->idle[--reader->idle_count]);
	while (io_uring_peek_cqe(&reader->ring, &cqe)) {
		int error = interrupted() ? -EINTR : submit(reader);

		if (error)
			return error;
	}
	lane = (uint32_t)cqe->user_data;
	result = cqe->res;
	io_uring_cqe_seen(&reader->ring, cqe);
	*elapsed_ns = now_ns() - reader->lanes[lane].begin_ns;
	reader->idle[reader->idle_count++] = lane;
	reader->reads++;
	if (result != (int)reader->shape->bytes || !has_ends(reader, lane))
		return wrong_read(result);
	return 0;
}

/* Those that are in flight end, and are compared whole. */
static int check_all(struct ring_reader *reader)
{
	struct io_uring_cqe *cqe;

	while (reader->idle_count < reader->shape->depth) {
		int error = io_uring_submit_and_wait(&reader->ring, 1);

		if (error < 0 && error != -EINTR)
			return complain("io_uring's submit", error);
		while (!io_uring_peek_cqe(&reader->ring, &cqe)) {
			reader->idle[reader->idle_count++] = (uint32_t)cqe->user_data;
			io_uring_cqe_seen(&reader->ring, cqe);
		}
	}
	for (uint32_t lane = 0; lane < reader->shape->depth; lane++)
		if (memcmp(words_of(reader, lane), expected(reader, lane),
			   reader->shape->bytes))
			return wrong_read(0);
	return 0;
}

static int sample(const struct bench_options *options, struct ring_reader *reader,
		  struct read_result *result)
{
	const struct sampling sampling = {
		.name = "io_uring",
		.samples = options->samples,
		.warm_up = WARM_UP,
		.between_looks = BETWEEN_LOOKS,
		.limit_ns = seconds_as_ns(options->seconds),
		.take = take_read,
		.argument = reader,
	};
	uint64_t begin = now_ns();
	int error = take_samples(&sampling, &result->times);
	int unchecked;

	result->ns = now_ns() - begin;
	result->reads = reader->reads;
	unchecked = check_all(reader);
	return error ? error : unchecked;
}

static int prepare(struct ring_reader *reader)
{
	const struct read_file *file = reader->file;
	struct iovec whole = { .iov_len = (size_t)READ_DEPTH_LIMIT * READ_BYTES_LIMIT };
	int ret;

	reader->buffers = whole.iov_base = aligned_alloc(ALIGNMENT, whole.iov_len);
	if (!whole.iov_base)
		return complain("memory for buffers", -ENOMEM);
	memset(whole.iov_base, 0, whole.iov_len);
	ret = io_uring_register_buffers(&reader->ring, &whole, 1);
	if (!ret)
		ret = io_uring_register_files(
			&reader->ring,
			reader->shape->is_direct ? &file->direct : &file->buffered, 1);
	for (uint32_t lane = 0; lane < reader->shape->depth; lane++)
		reader->idle[reader->idle_count++] = lane;
	return ret ? complain("register a file and buffers with io_uring", ret) : 0;
}

int measure_ring_reads(const struct bench_options *options, const struct read_file *file,
		       const struct read_shape *shape, bool polls,
		       struct read_result *result)
{
	struct ring_reader reader = { .file = file, .shape = shape, .polls = polls };
	int error = io_uring_queue_init(READ_DEPTH_LIMIT, &reader.ring, 0);

	if (error)
		return complain("open an io_uring", error);
	error = prepare(&reader);
	if (!error)
		error = sample(options, &reader, result);
	/* Nothing is in flight, or the system waits for it here. */
	io_uring_queue_exit(&reader.ring);
	free(reader.buffers);
	return error;
}

// SPDX-License-Identifier: MIT
#include "reader.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>

#include "message.h"

/* Entries that one request may need: a poll, and the read linked to it. */
#define ENTRIES_OF_A_REQUEST 2
#define AT_POSITION	     UINT64_MAX

static void explain(int error)
{
	message("cannot use io_uring: %s; expected Linux 5.11 or newer that allows it: %s",
		strerror(error),
		error == EPERM || error == EACCES || error == ENOSYS ?
			"set sysctl kernel.io_uring_disabled to 0, and in a container "
			"let the seccomp profile pass io_uring_setup, io_uring_enter "
			"and io_uring_register" :
		error == ENOMEM ? "raise the limit on locked memory (ulimit -l)" :
				  "see io_uring_setup(2) for this error");
}

int reader_open(struct reader *reader, uint32_t requests, void *memory, size_t bytes)
{
	struct iovec vector = { .iov_base = memory, .iov_len = bytes };
	int error;

	error = io_uring_queue_init(requests * ENTRIES_OF_A_REQUEST, &reader->ring, 0);
	if (error) {
		explain(-error);
		return error;
	}
	/* The limit on locked memory may forbid it; reads are then a little slower. */
	reader->fixed = io_uring_register_buffers(&reader->ring, &vector, 1) == 0;
	return 0;
}

void reader_close(struct reader *reader)
{
	io_uring_queue_exit(&reader->ring);
}

/* There is an entry for each: the caller's requests are bounded. */
static void queue(struct reader *reader, struct reader_request *request)
{
	uint64_t offset = request->stream ? AT_POSITION :
					    request->offset + request->filled;
	uint8_t *data = request->data + request->filled;
	uint32_t length = request->length - request->filled;
	struct io_uring_sqe *entry;

	if (io_uring_sq_space_left(&reader->ring) < ENTRIES_OF_A_REQUEST)
		io_uring_submit(&reader->ring);
	if (request->poll_first) {
		entry = io_uring_get_sqe(&reader->ring);
		io_uring_prep_poll_add(entry, request->fd, POLLIN);
		io_uring_sqe_set_flags(entry, IOSQE_IO_LINK);
		io_uring_sqe_set_data(entry, NULL);
	}
	entry = io_uring_get_sqe(&reader->ring);
	if (reader->fixed)
		io_uring_prep_read_fixed(entry, request->fd, data, length, offset, 0);
	else
		io_uring_prep_read(entry, request->fd, data, length, offset);
	io_uring_sqe_set_data(entry, request);
}

void reader_start(struct reader *reader, struct reader_request *request)
{
	request->done = false;
	request->end = false;
	request->error = 0;
	request->filled = 0;
	request->poll_first = false;
	queue(reader, request);
}

static void take_in(struct reader *reader, struct reader_request *request, int result)
{
	if (result == -EINTR || result == -EAGAIN) {
		request->poll_first = result == -EAGAIN;
	} else if (result < 0) {
		request->error = result;
		request->done = true;
	} else if (result == 0) {
		request->end = true;
		request->done = true;
	} else {
		request->filled += result;
		request->done = request->filled == request->length;
	}
	if (!request->done)
		queue(reader, request);
}

int reader_wait(struct reader *reader, uint32_t milliseconds)
{
	struct __kernel_timespec timeout = {
		.tv_sec = milliseconds / 1000,
		.tv_nsec = milliseconds % 1000 * 1000000,
	};
	struct io_uring_cqe *completion;
	int error = io_uring_submit(&reader->ring);

	if (error >= 0 && milliseconds)
		error = io_uring_wait_cqe_timeout(&reader->ring, &completion, &timeout);
	while (io_uring_peek_cqe(&reader->ring, &completion) == 0) {
		struct reader_request *request = io_uring_cqe_get_data(completion);
		int result = completion->res;

		io_uring_cqe_seen(&reader->ring, completion);
		if (request)
			take_in(reader, request, result);
	}
	if (error >= 0 || error == -ETIME || error == -EINTR || error == -EAGAIN ||
	    error == -EBUSY)
		return 0;
	explain(-error);
	return error;
}

// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "io_transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include "error.h"

/* The most that io_uring takes as one buffer, and about what one call transfers. */
#define PIECE_BYTES (UINT32_C(1) << 30)
/* io_uring's own limits. */
#define DEPTH_LIMIT	  32768u
#define FIXED_FILES_LIMIT 32768u
#define BUFFER_ALIGNMENT  4096u
#define BUFFER_BYTES	  262144u
#define SQPOLL_IDLE_MS	  20u
#define FEATURES	  (IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP)
#define NS_PER_SECOND	  1000000000u

static const char *how_to_get_io_uring(int error)
{
	switch (error) {
	case EPERM:
		return "; a container's or the system's policy (kernel.io_uring_disabled) "
		       "forbids it";
	case ENOSYS:
		return "; the kernel has none, or a container's filter hides it";
	case ENOMEM:
		return "; raise the limit on locked memory (ulimit -l), or ask for a "
		       "smaller queue_depth";
	default:
		return "";
	}
}

static int open_ring(struct mk_io_ring *ring, const struct mk_io_options *options)
{
	struct io_uring_params params = { 0 };
	int ret;

	if (options->flags & MK_IO_SQPOLL) {
		params.flags = IORING_SETUP_SQPOLL;
		params.sq_thread_idle = SQPOLL_IDLE_MS;
	}
	ret = io_uring_queue_init_params(options->queue_depth, &ring->ring, &params);
	if (ret)
		return mk_fail(-ret, "cannot open an io_uring of %u%s: %s%s",
			       options->queue_depth,
			       options->flags & MK_IO_SQPOLL ? " with MK_IO_SQPOLL" : "",
			       strerror(-ret), how_to_get_io_uring(-ret));
	if ((ring->ring.features & FEATURES) == FEATURES)
		return 0;
	io_uring_queue_exit(&ring->ring);
	return mk_fail(EOPNOTSUPP, "this kernel's io_uring cannot wait with a timeout by "
				   "itself; Linux 5.11 and later can");
}

/* Registered while none is there, so that each can be registered later. */
static uint32_t reserve_files(struct mk_io_ring *ring, uint32_t count)
{
	struct rlimit limit;
	int *none;
	int ret;

	if (count > FIXED_FILES_LIMIT)
		count = FIXED_FILES_LIMIT;
	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < count)
		count = (uint32_t)limit.rlim_cur;
	none = malloc(count * sizeof(*none));
	if (!none)
		return 0;
	for (uint32_t i = 0; i < count; i++)
		none[i] = -1;
	ret = io_uring_register_files(&ring->ring, none, count);
	free(none);
	return ret ? 0 : count;
}

static void plan_buffers(struct mk_io_ring *ring, uint64_t bytes)
{
	uint64_t count = bytes / BUFFER_BYTES;

	ring->buffer_bytes = BUFFER_BYTES;
	ring->buffer_count = count < 1 ? 1 : count > DEPTH_LIMIT ? DEPTH_LIMIT : count;
	if (bytes < BUFFER_BYTES)
		ring->buffer_bytes = (uint32_t)(bytes + BUFFER_ALIGNMENT - 1) /
				     BUFFER_ALIGNMENT * BUFFER_ALIGNMENT;
}

int mk_io_ring_open(struct mk_io_ring *ring, const struct mk_io_options *options,
		    uint32_t files)
{
	int ret;

	memset(ring, 0, sizeof(*ring));
	if (options->queue_depth > DEPTH_LIMIT)
		return mk_fail(EINVAL, "a queue_depth of %u; io_uring has at most %u",
			       options->queue_depth, DEPTH_LIMIT);
	ret = open_ring(ring, options);
	if (ret)
		return ret;
	ring->depth = options->queue_depth;
	ring->fixed_files = reserve_files(ring, files);
	plan_buffers(ring, options->bounce_bytes);
	return 0;
}

void mk_io_ring_close(struct mk_io_ring *ring)
{
	io_uring_queue_exit(&ring->ring);
	free(ring->buffers);
	free(ring->free_buffers);
}

/* Registering ------------------------------------------------------------------ */

bool mk_io_ring_pin(struct mk_io_ring *ring, void *arena, size_t bytes)
{
	size_t count = (bytes + PIECE_BYTES - 1) / PIECE_BYTES;
	struct iovec *pieces = calloc(count, sizeof(*pieces));
	int ret;

	if (!pieces)
		return false;
	for (size_t i = 0; i < count; i++) {
		size_t left = bytes - i * PIECE_BYTES;

		pieces[i].iov_base = (char *)arena + i * PIECE_BYTES;
		pieces[i].iov_len = left < PIECE_BYTES ? left : PIECE_BYTES;
	}
	ret = io_uring_register_buffers(&ring->ring, pieces, (unsigned int)count);
	free(pieces);
	if (ret)
		return false;
	ring->pinned = arena;
	ring->pinned_bytes = bytes;
	return true;
}

bool mk_io_ring_add_file(struct mk_io_ring *ring, uint32_t index, int fd)
{
	return index < ring->fixed_files &&
	       io_uring_register_files_update(&ring->ring, index, &fd, 1) == 1;
}

void mk_io_ring_remove_file(struct mk_io_ring *ring, uint32_t index)
{
	int none = -1;

	io_uring_register_files_update(&ring->ring, index, &none, 1);
}

/* Asking ----------------------------------------------------------------------- */

bool mk_io_ring_has_room(const struct mk_io_ring *ring)
{
	return ring->in_flight < ring->depth && io_uring_sq_space_left(&ring->ring);
}

static void ask(struct mk_io_ring *ring, struct io_uring_sqe *sqe,
		const struct mk_io_target *target, void *user)
{
	if (target->is_registered) {
		sqe->fd = (int)target->index;
		sqe->flags |= IOSQE_FIXED_FILE;
	}
	io_uring_sqe_set_data(sqe, user);
	ring->in_flight++;
	ring->has_unsent = true;
}

/* The number of the registered buffer that @data is in; -1: in none. */
static int find_pinned(const struct mk_io_ring *ring, const char *data, uint32_t *bytes)
{
	size_t offset, left;

	if (!ring->pinned || data < ring->pinned ||
	    data >= ring->pinned + ring->pinned_bytes)
		return -1;
	offset = (size_t)(data - ring->pinned);
	left = PIECE_BYTES - offset % PIECE_BYTES;
	if (*bytes > left)
		*bytes = (uint32_t)left;
	return (int)(offset / PIECE_BYTES);
}

uint32_t mk_io_ring_transfer(struct mk_io_ring *ring, const struct mk_io_target *target,
			     bool write, void *data, uint32_t bytes, uint64_t offset,
			     void *user)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->ring);
	uint32_t piece = bytes < PIECE_BYTES ? bytes : PIECE_BYTES;
	int buffer = find_pinned(ring, data, &piece);

	if (buffer >= 0 && write)
		io_uring_prep_write_fixed(sqe, target->fd, data, piece, offset, buffer);
	else if (buffer >= 0)
		io_uring_prep_read_fixed(sqe, target->fd, data, piece, offset, buffer);
	else if (write)
		io_uring_prep_write(sqe, target->fd, data, piece, offset);
	else
		io_uring_prep_read(sqe, target->fd, data, piece, offset);
	ask(ring, sqe, target, user);
	return piece;
}

int mk_io_read_cached(int fd, void *data, uint32_t bytes, uint64_t offset)
{
	const struct iovec whole = { .iov_base = data, .iov_len = bytes };
	ssize_t ret = preadv2(fd, &whole, 1, (off_t)offset, RWF_NOWAIT);

	if (ret < 0)
		return -errno;
	return ret == (ssize_t)bytes ? 0 : -EAGAIN;
}

void mk_io_ring_sync(struct mk_io_ring *ring, const struct mk_io_target *target,
		     void *user)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->ring);

	io_uring_prep_fsync(sqe, target->fd, IORING_FSYNC_DATASYNC);
	ask(ring, sqe, target, user);
}

bool mk_io_ring_cancel(struct mk_io_ring *ring, void *user)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->ring);

	if (!sqe)
		return false;
	io_uring_prep_cancel(sqe, user, 0);
	io_uring_sqe_set_data(sqe, NULL);
	ring->has_unsent = true;
	return true;
}

int mk_io_ring_submit(struct mk_io_ring *ring)
{
	int ret;

	if (!ring->has_unsent)
		return 0;
	ring->submissions++;
	ret = io_uring_submit(&ring->ring);
	if (ret >= 0) {
		/* A thread of the kernel's takes them when it comes to that. */
		ring->has_unsent = !(ring->ring.flags & IORING_SETUP_SQPOLL) &&
				   io_uring_sq_ready(&ring->ring);
		return 0;
	}
	if (ret == -EAGAIN || ret == -EBUSY || ret == -EINTR)
		return 0;
	return mk_fail(-ret, "io_uring takes no requests: %s", strerror(-ret));
}

/* Ends ------------------------------------------------------------------------- */

bool mk_io_ring_has_ended(const struct mk_io_ring *ring)
{
	return io_uring_cq_ready(&ring->ring);
}

bool mk_io_ring_reap(struct mk_io_ring *ring, void **user, int *result)
{
	struct io_uring_cqe *cqe;

	while (!io_uring_peek_cqe(&ring->ring, &cqe)) {
		*user = io_uring_cqe_get_data(cqe);
		*result = cqe->res;
		io_uring_cqe_seen(&ring->ring, cqe);
		/* How a cancellation went is told by what it was to cancel. */
		if (!*user)
			continue;
		ring->in_flight--;
		return true;
	}
	return false;
}

void mk_io_ring_wait(struct mk_io_ring *ring, uint64_t timeout_ns)
{
	struct __kernel_timespec timeout = {
		.tv_sec = (long long)(timeout_ns / NS_PER_SECOND),
		.tv_nsec = (long long)(timeout_ns % NS_PER_SECOND),
	};
	struct io_uring_cqe *cqe;

	io_uring_wait_cqe_timeout(&ring->ring, &cqe, &timeout);
}

/* Buffers ---------------------------------------------------------------------- */

static int make_buffers(struct mk_io_ring *ring)
{
	size_t bytes = (size_t)ring->buffer_count * ring->buffer_bytes;

	ring->free_buffers = calloc(ring->buffer_count, sizeof(*ring->free_buffers));
	if (ring->free_buffers)
		ring->buffers = aligned_alloc(BUFFER_ALIGNMENT, bytes);
	if (!ring->buffers) {
		free(ring->free_buffers);
		ring->free_buffers = NULL;
		return mk_fail(ENOMEM, "no memory for %zu bytes of bounce buffers",
			       bytes);
	}
	for (uint32_t i = 0; i < ring->buffer_count; i++)
		ring->free_buffers[ring->free_count++] = i;
	return 0;
}

int mk_io_ring_take_buffer(struct mk_io_ring *ring, void **buffer)
{
	int ret = ring->buffers ? 0 : make_buffers(ring);

	if (ret)
		return ret;
	if (!ring->free_count)
		return -EAGAIN;
	*buffer = ring->buffers +
		  (size_t)ring->free_buffers[--ring->free_count] * ring->buffer_bytes;
	return 0;
}

void mk_io_ring_give_buffer(struct mk_io_ring *ring, void *buffer)
{
	size_t offset = (size_t)((char *)buffer - ring->buffers);

	ring->free_buffers[ring->free_count++] = (uint32_t)(offset / ring->buffer_bytes);
}

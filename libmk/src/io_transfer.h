/* SPDX-License-Identifier: MIT */
/*
 * Transfers between files and memory, one piece at a time, by io_uring or at once from the
 * page cache; and the buffers in host memory that they go through where a file and the
 * arena do not go together.
 *
 * For the thread that is in the pump alone, but for adding and removing files.
 */
#ifndef MK_SRC_IO_TRANSFER_H
#define MK_SRC_IO_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <liburing.h>

#include <mk/io.h>

struct mk_io_ring {
	struct io_uring ring;
	uint32_t depth;	      /* the most transfers at a time */
	uint32_t in_flight;   /* with the system, or about to be submitted */
	uint32_t fixed_files; /* indexes that can be registered */
	char *pinned;	      /* the arena, if it is registered */
	size_t pinned_bytes;
	bool has_unsent;
	uint64_t submissions;

	char *buffers; /* NULL before the first is needed */
	uint32_t buffer_bytes;
	uint32_t buffer_count;
	uint32_t free_count;
	uint32_t *free_buffers;
};

/* A file as io_uring knows it. */
struct mk_io_target {
	int fd;
	uint32_t index;
	bool is_registered; /* under the index */
};

/* @files: how many are to be known at a time.  @options have their defaults filled in. */
int mk_io_ring_open(struct mk_io_ring *ring, const struct mk_io_options *options,
		    uint32_t files);
void mk_io_ring_close(struct mk_io_ring *ring);

/* Whether it can be registered; without, transfers need not be fast but work. */
bool mk_io_ring_pin(struct mk_io_ring *ring, void *arena, size_t bytes);
bool mk_io_ring_add_file(struct mk_io_ring *ring, uint32_t index, int fd);
void mk_io_ring_remove_file(struct mk_io_ring *ring, uint32_t index);

/* Whether another one has room. */
bool mk_io_ring_has_room(const struct mk_io_ring *ring);

/*
 * Ask the system for at most @bytes of a transfer, and to tell with @user; returns how
 * many.  These functions need room.
 */
uint32_t mk_io_ring_transfer(struct mk_io_ring *ring, const struct mk_io_target *target,
			     bool write, void *data, uint32_t bytes, uint64_t offset,
			     void *user);
/*
 * Read all of @bytes if the page cache has them: 0, -EAGAIN if it has not, or why this file
 * cannot be read so.  What was read in part is to be read again.
 */
int mk_io_read_cached(int fd, void *data, uint32_t bytes, uint64_t offset);
/* To store what was written. */
void mk_io_ring_sync(struct mk_io_ring *ring, const struct mk_io_target *target,
		     void *user);
/* False: there is no room.  What was asked for with @user ends in any case. */
bool mk_io_ring_cancel(struct mk_io_ring *ring, void *user);

/* Send what was asked for; 0, also when the system wants to be asked later. */
int mk_io_ring_submit(struct mk_io_ring *ring);

bool mk_io_ring_has_ended(const struct mk_io_ring *ring);
/* What has ended: false when nothing has. */
bool mk_io_ring_reap(struct mk_io_ring *ring, void **user, int *result);
void mk_io_ring_wait(struct mk_io_ring *ring, uint64_t timeout_ns);

/* Of ring->buffer_bytes.  -EAGAIN, without a text: all are in use; -ENOMEM. */
int mk_io_ring_take_buffer(struct mk_io_ring *ring, void **buffer);
void mk_io_ring_give_buffer(struct mk_io_ring *ring, void *buffer);

#endif /* MK_SRC_IO_TRANSFER_H */

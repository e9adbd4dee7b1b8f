/* SPDX-License-Identifier: MIT */
/*
 * The host's side of the io queue: what the device may read and write, and the pump that
 * does it.
 *
 * A request of the device names a source and a destination by handles, which are numbers
 * that only the host gives out: for a range of a file, for a range of the arena, for a
 * function of the program's.  Every request is checked against them before anything is
 * touched; one that is wrong is answered with ERROR and a reason, MK_IO_REASON_*, and
 * the others go on.
 *
 *   READ   from a file or a callback, to a range of the arena
 *   WRITE  from a range of the arena, to a file or a callback
 *   FENCE  its destination is any handle: every request that names it and was published
 *          before is answered, and a file that may be written is on its disk
 *
 * A request's offset counts from the start of the file's range; in the arena a transfer
 * begins at the start of the range.  Requests are not ordered among each other but by
 * fences.  Documentation/io.rst has an example.
 *
 * The pump runs either in a thread of its own, mk_io_start(), or whenever the program
 * calls mk_io_run().  A context has one pump at a time, which is proved by a lock, or by a
 * file of mk.ko's in the pump's role; the system drops either when the process is gone.  A
 * child of a fork has it too: while it lives without an exec, no other pump can be opened.
 *
 * Functions may be called from any thread at any time, unless said otherwise, and from
 * callbacks where that is said.  They return 0, or what they are said to give, or a
 * negative errno with a text in mk_error_text().  Times are nanoseconds.
 */
#ifndef MK_IO_H
#define MK_IO_H

#include <stddef.h>
#include <stdint.h>

#include <mk/abi.h>
#include <mk/context.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mk_io;

/* mk_io_options.flags */
#define MK_IO_SQPOLL \
	1u /* a thread of the kernel's submits; it spins while there is work */
#define MK_IO_BOUNCE   2u /* all transfers go through buffers in host memory */
#define MK_IO_UNPINNED 4u /* the arena is not registered, nor pinned in memory by that */

struct mk_io_options {
	size_t size;	       /* sizeof(struct mk_io_options) */
	uint32_t queue_depth;  /* transfers that the system has at a time; 0: 128 */
	uint32_t flags;	       /* MK_IO_SQPOLL, MK_IO_BOUNCE, MK_IO_UNPINNED */
	uint32_t handles;      /* that exist at a time, below 2^24; 0: 4096 */
	uint32_t spin_us;      /* how long an idle pump spins before it rests; 0: 50 */
	uint64_t bounce_bytes; /* of all bounce buffers; 0: 4 MiB */
};

/**
 * mk_io_open() - become the pump of a context
 * @context: of its owner or its engine; must outlive the pump
 * @options: NULL for the defaults
 * @io: receives it; mk_io_close() gives it back
 *
 * Nothing is answered before mk_io_run() or mk_io_start().  What was published before is
 * found then; what a pump that died had claimed is answered with MK_IO_REASON_CANCELLED
 * at once.
 *
 * Unless told not to, the arena is registered with the system, which makes transfers
 * cheaper and pins its pages.  Where that is refused (RLIMIT_MEMLOCK; memory of a device
 * or of mk.ko's) transfers work without, and the counters say so.
 *
 * -EACCES: the context is attached as a producer or an observer
 * -EBUSY: the context has a pump
 * -EINVAL: an option is out of range, or the context has no io slots for requests
 * -EPERM, -ENOSYS, -EOPNOTSUPP, -ENOMEM: the system's io_uring cannot be used so; the
 *         text says why
 */
MK_PUBLIC int mk_io_open(struct mk_context *context, const struct mk_io_options *options,
			 struct mk_io **io);

/**
 * mk_io_close() - stop, cancel what is in flight, and give everything back
 *
 * Requests in flight end or are answered with MK_IO_REASON_CANCELLED, also those that a
 * callback has not answered: call mk_io_answer() no more.  No other thread may be in a
 * call with @io, and this is not for callbacks.  NULL is allowed.
 *
 * -ETIMEDOUT: the system has not ended a transfer yet; nothing is given back, call again
 */
MK_PUBLIC int mk_io_close(struct mk_io *io, uint64_t timeout_ns);

/*
 * Handles ---------------------------------------------------------------
 *
 * A handle is a generation, in the high 8 bits, and an index, which is never 0; so
 * no handle is 0.  An index that is used again gets another generation.  After 256 uses
 * of an index the generation begins anew, and a handle that old passes for the new one:
 * have no requests about that name what was taken back long ago.  Indexes are given out
 * in turn, as far as they are free.
 */

#define MK_IO_READ  1u
#define MK_IO_WRITE 2u

/* What requests may do with a file. */
struct mk_io_file {
	uint64_t offset; /* where in the file the range begins */
	uint64_t bytes;	 /* its length; 0: without an end */
	uint32_t flags;	 /* MK_IO_READ, MK_IO_WRITE */
};

/**
 * mk_io_add_file() - let requests read or write a file
 * @fd: duplicated, so the caller may close it.  A regular file, a block device, or
 *      anything that can be read and written, such as a pipe, where offsets are ignored
 * @file: the range and what is allowed there
 *
 * With O_DIRECT the file's offset, the length and the address in the arena must be
 * aligned as the filesystem wants it, or else the answer is MK_IO_REASON_SYSTEM, EINVAL.
 *
 * -EBADF: no open descriptor
 * -EACCES: it is not open for what @file allows
 * -EINVAL: no flags or unknown ones; open with O_APPEND, which ignores offsets
 * -EOVERFLOW: the range goes beyond what files can have (2^63 - 1)
 * -ENOSPC: no free handle
 * -EMFILE: as from the system
 */
MK_PUBLIC int mk_io_add_file(struct mk_io *io, int fd, const struct mk_io_file *file,
			     uint32_t *handle);

/**
 * mk_io_add_arena() - let requests read and write ranges of the arena
 * @offset: bytes, where the first begins
 * @bytes: of each
 * @stride: bytes from the start of one to the start of the next
 * @count: how many
 * @first: receives the handle of the first; that of the i-th is @first + i
 *
 * -ERANGE: one would lie beyond the arena
 * -EINVAL: no bytes or no ranges
 * -ENOSPC: not as many free handles in a row
 */
MK_PUBLIC int mk_io_add_arena(struct mk_io *io, uint64_t offset, uint64_t bytes,
			      uint64_t stride, uint32_t count, uint32_t *first);

/* A request for a callback, and where in the arena its bytes go or come from. */
struct mk_io_call {
	struct mk_io_request request; /* a copy, checked */
	uint64_t token;		      /* for mk_io_answer() */
	void *data;		      /* request.byte_count bytes of the arena */
};

typedef void (*mk_io_callback)(struct mk_io *io, const struct mk_io_call *call,
			       void *user);

/**
 * mk_io_add_callback() - let requests be answered by a function
 * @function: called in the pump's thread.  It, or anybody later, answers with
 *            mk_io_answer().  It should not take long, for the pump waits for it.
 * @user: passed to it
 *
 * The callback may store to its range for a READ and load from it for a WRITE until it
 * has answered.
 *
 * -ENOSPC: no free handle
 */
MK_PUBLIC int mk_io_add_callback(struct mk_io *io, mk_io_callback function, void *user,
				 uint32_t *handle);

/**
 * mk_io_answer() - answer a callback's request
 * @token: from its struct mk_io_call
 * @reason: 0 for OK, else an MK_IO_REASON_*, as MK_IO_REASON_CALLBACK
 *
 * For callbacks and for everybody else.  What was stored to the range is visible to the
 * device with the answer.
 *
 * -ESTALE: that request was answered
 * -EINVAL: no such reason
 */
MK_PUBLIC int mk_io_answer(struct mk_io *io, uint64_t token, uint32_t reason);

/**
 * mk_io_add_resource() - let LOAD_MISS load a piece of a file into the arena
 * @file: handle of a file that may be read
 * @file_offset: bytes from the start of its range
 * @arena_offset: bytes from the start of the arena
 * @bytes: how many
 * @handle: receives the resource: what LOAD_MISS has in a0
 *
 * What LOAD_MISS asks for is a READ from this handle to this handle, with offset and
 * byte count 0.  Once @file is taken back, such requests are answered with
 * MK_IO_REASON_STALE_HANDLE.
 *
 * -EINVAL: @file is not the handle of a file; no bytes
 * -EACCES: it may not be read
 * -ERANGE: beyond the file's range, or the arena
 * -ENOSPC: no free handle
 */
MK_PUBLIC int mk_io_add_resource(struct mk_io *io, uint32_t file, uint64_t file_offset,
				 uint64_t arena_offset, uint32_t bytes, uint32_t *handle);

/**
 * mk_io_remove() - take a handle back
 *
 * Requests that come later are answered with MK_IO_REASON_STALE_HANDLE.  Those in flight
 * end, or are answered with MK_IO_REASON_CANCELLED; those that a callback has must be
 * answered by it.  When this returns 0 nothing touches what the handle stood for any
 * more, and its callback does not run.
 *
 * Where no thread is in the pump, this waits for transfers itself.  Not for callbacks.
 *
 * -EINVAL: not a handle, or taken back already
 * -EDEADLK: called from a callback
 * -ETIMEDOUT: something is in flight still; the handle is out of use, call again
 */
MK_PUBLIC int mk_io_remove(struct mk_io *io, uint32_t handle, uint64_t timeout_ns);

/* The pump --------------------------------------------------------------- */

/**
 * mk_io_run() - answer requests, in the caller's thread
 * @timeout_ns: how long to wait until there is something to answer; 0: do what there is
 *              to do, and return
 *
 * Transfers belong to the thread that began them: when it ends they are cancelled.
 *
 * Return: how many requests were answered, 0 when none was in time, or
 * -EBUSY: another thread is in the pump
 * -EDEADLK: called from a callback
 * another negative errno: io_uring has failed
 */
MK_PUBLIC int64_t mk_io_run(struct mk_io *io, uint64_t timeout_ns);

/* mk_io_start() - answer requests in a thread of the library's; -EBUSY as mk_io_run(). */
MK_PUBLIC int mk_io_start(struct mk_io *io);

/**
 * mk_io_stop() - end that thread
 *
 * What it has in flight ends, or is answered with MK_IO_REASON_CANCELLED, but for what
 * callbacks have.  What is PUBLISHED stays, for who runs the pump next.  No thread is
 * no error.
 *
 * -EDEADLK: called from a callback
 * -ETIMEDOUT: it has not ended yet; call again
 */
MK_PUBLIC int mk_io_stop(struct mk_io *io, uint64_t timeout_ns);

/**
 * mk_io_descriptor() - a descriptor for epoll and poll, of a pump without a thread
 *
 * It is readable when mk_io_run() may have something to do: when a transfer has ended,
 * and for requests of the device, of which nobody tells the system:
 *
 *   with mk.ko   the module looks at the device's count and tells (MK_IOCTL_ARM)
 *   otherwise    by a timer, after the pause that the pump's own thread would make:
 *                from 20 us while there is work, up to 4 ms after a second without
 *
 * Each mk_io_run() makes it unreadable until the next time.  So loop over the two: call
 * mk_io_run() with 0 once after this, and then whenever the descriptor is readable.
 *
 * Return: the descriptor, @io's own as long as that lives; -EMFILE and the like.
 */
MK_PUBLIC int mk_io_descriptor(struct mk_io *io);

/* What has happened ------------------------------------------------------ */

/* mk_io_counters.flags */
#define MK_IO_FIXED_FILES   1u /* files are registered with the system, at least some */
#define MK_IO_FIXED_BUFFERS 2u /* the arena is */

struct mk_io_counters {
	uint64_t requests; /* claimed */
	uint64_t ok;
	uint64_t errors[MK_IO_REASON_COUNT]; /* by reason */
	uint64_t bytes_read;
	uint64_t bytes_written;
	uint64_t short_transfers; /* pieces that brought less than asked, and went on */
	uint64_t bounced;	  /* pieces that went through a bounce buffer */
	uint64_t submissions;	  /* calls that gave io_uring something to do */
	uint64_t cached;	  /* pieces that the page cache had, without io_uring */
	uint64_t dropped_errors;  /* that mk_io_next_error() will not give */
	uint32_t in_flight;	  /* claimed, and not answered */
	uint32_t flags;		  /* MK_IO_FIXED_FILES, MK_IO_FIXED_BUFFERS */
};

MK_PUBLIC void mk_io_counters(struct mk_io *io, struct mk_io_counters *counters);

/* A request that was answered with ERROR. */
struct mk_io_error {
	struct mk_io_request request;
	uint32_t reason;      /* MK_IO_REASON_* */
	int error;	      /* errno, with MK_IO_REASON_SYSTEM, else 0 */
	uint32_t transferred; /* bytes */
};

/**
 * mk_io_next_error() - the oldest error that was not given yet
 *
 * Of errors that nobody asks for the last 64 are kept.
 *
 * Return: 1 and @error filled, or 0 when there is none.
 */
MK_PUBLIC int mk_io_next_error(struct mk_io *io, struct mk_io_error *error);

/* mk_io_reason_text() - what an MK_IO_REASON_* means, for a person. */
MK_PUBLIC const char *mk_io_reason_text(uint32_t reason);

#ifdef __cplusplus
}
#endif

#endif /* MK_IO_H */

// SPDX-License-Identifier: MIT
#include "io_start.h"

#include <errno.h>
#include <string.h>

#include "io_end.h"

/* Times that one request is tried again where the system has only not come to it. */
#define RETRIES 100

static struct mk_io_target target_of(const struct mk_io *io,
				     const struct mk_io_handle *file)
{
	return (struct mk_io_target){
		.fd = file->file.fd,
		.index = mk_io_handle_index(&io->handles, file),
		.is_registered = file->file.is_registered,
	};
}

char *mk_io_arena_at(const struct mk_io *io, const struct mk_io_pending *pending)
{
	return (char *)io->context->arena + pending->plan.arena_offset + pending->done;
}

bool mk_io_is_fence(const struct mk_io_pending *pending)
{
	return pending->request.op == MK_IO_OP_FENCE;
}

static bool needs_sync(const struct mk_io_pending *fence)
{
	const struct mk_io_handle *handle = fence->plan.outside;

	return handle->kind == MK_IO_KIND_FILE && handle->file.flags & MK_IO_WRITE;
}

static void count_done(struct mk_io *io, struct mk_io_pending *pending, uint32_t bytes)
{
	if (pending->plan.write)
		io->counters.bytes_written += bytes;
	else
		io->counters.bytes_read += bytes;
	pending->done += bytes;
}

void mk_io_count_callback(struct mk_io *io, struct mk_io_pending *pending)
{
	count_done(io, pending, pending->plan.bytes);
}

/* The system has transferred some bytes of a piece. */
static void count_piece(struct mk_io *io, struct mk_io_pending *pending, uint32_t bytes)
{
	if (pending->buffer && !pending->plan.write)
		memcpy(mk_io_arena_at(io, pending), pending->buffer, bytes);
	if (bytes < pending->piece)
		io->counters.short_transfers++;
	pending->retries = 0;
	count_done(io, pending, bytes);
}

/* Try the rest, later or in another way; true if that makes sense after @error. */
static bool try_again(struct mk_io *io, struct mk_io_pending *pending, int error)
{
	struct mk_io_handle *file = pending->plan.outside;

	switch (error) {
	case EAGAIN:
	case EINTR:
		/* Where io_uring can wait it does; who says so for ever is not waited for. */
		if (++pending->retries > RETRIES)
			return false;
		break;
	case EFAULT:
		/* The system cannot reach the arena for this file, so nothing was done. */
		if (pending->buffer || mk_io_is_fence(pending))
			return false;
		file->file.bounces = true;
		break;
	default:
		return false;
	}
	mk_io_enqueue(io, pending);
	return true;
}

static void end_failed(struct mk_io *io, struct mk_io_pending *pending, int error)
{
	bool would_go_on = error == EINTR || error == EAGAIN;

	if (error == ECANCELED || (would_go_on && pending->is_cancelled))
		mk_io_end(io, pending, MK_IO_REASON_CANCELLED, 0);
	else
		mk_io_end(io, pending, MK_IO_REASON_SYSTEM, error);
}

static void end_nothing(struct mk_io *io, struct mk_io_pending *pending)
{
	if (pending->plan.write)
		mk_io_end(io, pending, MK_IO_REASON_SYSTEM, EIO);
	else
		mk_io_end(io, pending, MK_IO_REASON_END_OF_FILE, 0);
}

/* The system has ended what it was asked for. */
static void take_back(struct mk_io *io, struct mk_io_pending *pending, int result)
{
	mk_list_remove(&pending->link);
	io->events++;
	if (!mk_io_is_fence(pending) && result > 0)
		count_piece(io, pending, (uint32_t)result);

	if (result < 0 && !pending->is_cancelled && try_again(io, pending, -result))
		return;
	if (result < 0)
		end_failed(io, pending, -result);
	else if (mk_io_is_fence(pending) || pending->done == pending->plan.bytes)
		mk_io_end(io, pending, 0, 0);
	else if (result)
		/* Where it is cancelled it ends there. */
		mk_io_enqueue(io, pending);
	else
		end_nothing(io, pending);
}

/* False: it has been ended, or has to wait for a buffer. */
static bool prepare_buffer(struct mk_io *io, struct mk_io_pending *pending)
{
	int ret;

	if (pending->buffer)
		return true;
	if (!(io->flags & MK_IO_BOUNCE) && !pending->plan.outside->file.bounces)
		return true;
	ret = mk_io_ring_take_buffer(&io->ring, &pending->buffer);
	if (ret == -EAGAIN)
		mk_list_append(&io->starved, &pending->link);
	else if (ret)
		mk_io_end(io, pending, MK_IO_REASON_SYSTEM, -ret);
	return !ret;
}

bool mk_io_has_others(const struct mk_io *io)
{
	return io->ring.in_flight || !mk_list_is_empty(&io->queued);
}

/*
 * What the page cache has is read sooner without io_uring, by some 0.4 us, if it is one
 * read; several of them go to the system together.  Across a bus a copy of ours is sooner
 * than the system's, by as much.
 */
static bool read_cached(struct mk_io *io, struct mk_io_pending *pending, void *data,
			uint32_t piece)
{
	struct mk_io_handle *file = pending->plan.outside;
	bool is_across = io->context->write_combining;
	int ret;

	if (pending->plan.write || pending->plan.bytes > MK_IO_CACHED_BYTES ||
	    !file->file.is_cached || io->flags & MK_IO_SQPOLL || mk_io_has_others(io))
		return false;
	ret = mk_io_read_cached(file->file.fd, is_across ? io->cached : data, piece,
				pending->plan.file_offset + pending->done);
	if (ret) {
		file->file.is_cached = ret != -EOPNOTSUPP;
		return false;
	}
	if (is_across) {
		mk_ioq_show_claim(&io->queue, pending->request.slot);
		memcpy(data, io->cached, piece);
	}
	io->counters.cached++;
	pending->piece = piece;
	take_back(io, pending, (int)piece);
	return true;
}

static void start_transfer(struct mk_io *io, struct mk_io_pending *pending)
{
	struct mk_io_target target = target_of(io, pending->plan.outside);
	uint64_t offset = pending->plan.file_offset + pending->done;
	uint32_t piece = pending->plan.bytes - pending->done;
	void *data = mk_io_arena_at(io, pending);

	if (!prepare_buffer(io, pending))
		return;
	if (pending->buffer) {
		if (piece > io->ring.buffer_bytes)
			piece = io->ring.buffer_bytes;
		if (pending->plan.write)
			memcpy(pending->buffer, data, piece);
		data = pending->buffer;
		io->counters.bounced++;
	}
	if (read_cached(io, pending, data, piece))
		return;
	mk_ioq_show_claim(&io->queue, pending->request.slot);
	pending->piece = mk_io_ring_transfer(&io->ring, &target, pending->plan.write,
					     data, piece, offset, pending);
	pending->state = MK_IO_AT_SYSTEM;
}

static void start_sync(struct mk_io *io, struct mk_io_pending *fence)
{
	struct mk_io_target target = target_of(io, fence->plan.outside);

	mk_io_ring_sync(&io->ring, &target, fence);
	fence->state = MK_IO_AT_SYSTEM;
}

void mk_io_start_queued(struct mk_io *io)
{
	while (!mk_list_is_empty(&io->queued) && mk_io_ring_has_room(&io->ring)) {
		struct mk_io_pending *pending = mk_list_entry(mk_list_take(&io->queued),
							      struct mk_io_pending, link);

		if (pending->is_cancelled)
			mk_io_end(io, pending, MK_IO_REASON_CANCELLED, 0);
		else if (mk_io_is_fence(pending) && !needs_sync(pending))
			mk_io_end(io, pending, 0, 0);
		else if (mk_io_is_fence(pending))
			start_sync(io, pending);
		else
			start_transfer(io, pending);
	}
}

void mk_io_reap(struct mk_io *io)
{
	void *user;
	int result;

	while (mk_io_ring_reap(&io->ring, &user, &result))
		take_back(io, user, result);
}

void mk_io_send_cancels(struct mk_io *io)
{
	while (!mk_list_is_empty(&io->cancels)) {
		struct mk_list *link = io->cancels.next;

		if (!mk_io_ring_cancel(&io->ring,
				       mk_list_entry(link, struct mk_io_pending, link)))
			return;
		mk_list_remove(link);
	}
}

// SPDX-License-Identifier: MIT
/* What a program does with a pump, but for running it. */
#include <mk/io.h>

#include <errno.h>
#include <stdlib.h>

#include "deadline.h"
#include "error.h"
#include "io_claim.h"
#include "io_end.h"
#include "io_pump.h"
#include "io_start.h"
#include "options.h"
#include "thread.h"

#define QUEUE_DEPTH  128u
#define HANDLES	     4096u
#define SPIN_US	     50u
#define BOUNCE_BYTES 4194304u
#define NS_PER_US    1000u
#define ALL_FLAGS    (MK_IO_SQPOLL | MK_IO_BOUNCE | MK_IO_UNPINNED)

/* Open --------------------------------------------------------------------------- */

static int copy_options(const struct mk_io_options *wanted, struct mk_io_options *options)
{
	int ret = mk_options_copy("struct mk_io_options", options, sizeof(*options),
				  wanted);

	if (ret)
		return ret;
	if (options->flags & ~ALL_FLAGS)
		return mk_fail(EINVAL, "unknown flags 0x%x for a pump; known are 0x%x",
			       options->flags, ALL_FLAGS);
	if (!options->queue_depth)
		options->queue_depth = QUEUE_DEPTH;
	if (!options->handles)
		options->handles = HANDLES;
	if (!options->spin_us)
		options->spin_us = SPIN_US;
	if (!options->bounce_bytes)
		options->bounce_bytes = BOUNCE_BYTES;
	return 0;
}

static int take_context(struct mk_io *io, struct mk_context *context)
{
	struct mk_backing *backing = context->backing;
	int ret = mk_context_check_role(context, MK_ROLE_ENGINE,
					"answer the device's requests");

	if (ret)
		return ret;
	io->held = backing->ops->hold_pump(backing);
	if (io->held == -EBUSY)
		return mk_fail(EBUSY, "the context has a pump; close that one first");
	return io->held < 0 ? io->held : 0;
}

static void init_lists(struct mk_io *io)
{
	mk_list_init(&io->fences);
	mk_list_init(&io->queued);
	mk_list_init(&io->starved);
	mk_list_init(&io->calls);
	mk_list_init(&io->cancels);
	mk_list_init(&io->answers);
}

/* Everything that can be had again by closing, in the reverse order of opening. */
static void free_io(struct mk_io *io)
{
	struct mk_backing *backing = io->context->backing;

	mk_io_descriptor_close(&io->descriptor);
	mk_trace_leave(io->trace);
	if (io->ring.depth)
		mk_io_ring_close(&io->ring);
	mk_io_handles_close(&io->handles);
	mk_ioq_close(&io->queue);
	if (io->held >= 0)
		backing->ops->release_pump(backing, io->held);
	mk_lock_destroy(&io->lock, &io->changed);
	free(io->pending);
	free(io);
}

static int open_parts(struct mk_io *io, const struct mk_io_options *options)
{
	struct mk_context *context = io->context;
	size_t arena_bytes = context->geometry.arena_bytes;
	int ret = mk_ioq_open(&io->queue, context);

	if (ret)
		return ret;
	io->pending = calloc(io->queue.slots, sizeof(*io->pending));
	if (!io->pending)
		return mk_fail(ENOMEM, "no memory for %u io requests", io->queue.slots);
	ret = mk_io_handles_open(&io->handles, options->handles, arena_bytes);
	if (!ret)
		ret = mk_io_ring_open(&io->ring, options, options->handles);
	if (ret)
		return ret;
	if (io->ring.fixed_files)
		io->counters.flags |= MK_IO_FIXED_FILES;
	/* What goes through buffers does not use the registration, nor do devices' BARs. */
	if (arena_bytes && !context->split && !(options->flags & ~MK_IO_SQPOLL) &&
	    mk_io_ring_pin(&io->ring, context->arena, arena_bytes))
		io->counters.flags |= MK_IO_FIXED_BUFFERS;
	return 0;
}

int mk_io_open(struct mk_context *context, const struct mk_io_options *wanted,
	       struct mk_io **result)
{
	struct mk_io_options options;
	struct mk_io *io;
	int ret;

	ret = copy_options(wanted, &options);
	if (ret)
		return ret;
	io = calloc(1, sizeof(*io));
	if (!io)
		return mk_fail(ENOMEM, "no memory for a pump");
	io->context = context;
	io->held = -1;
	io->flags = options.flags;
	io->spin_ns = (uint64_t)options.spin_us * NS_PER_US;
	mk_lock_init(&io->lock, &io->changed);
	mk_io_descriptor_init(&io->descriptor);
	init_lists(io);
	ret = take_context(io, context);
	if (!ret)
		ret = open_parts(io, &options);
	if (ret) {
		free_io(io);
		return ret;
	}
	io->trace = mk_trace_join(context);
	mk_io_inherit(io);
	*result = io;
	return 0;
}

/* Close -------------------------------------------------------------------------- */

/* In the pump, until the system has nothing any more, or the time is over. */
static int settle_all(struct mk_io *io, uint64_t timeout_ns)
{
	uint64_t begin_ns = mk_now_ns();
	uint64_t elapsed;

	for (;;) {
		mk_io_settle(io);
		if (mk_io_is_settled(io))
			return 0;
		elapsed = mk_now_ns() - begin_ns;
		if (elapsed >= timeout_ns)
			return mk_fail(
				ETIMEDOUT,
				"the system has not ended %u transfers in %llu ns; "
				"call again",
				io->ring.in_flight, (unsigned long long)timeout_ns);
		mk_io_rest(io, timeout_ns - elapsed);
	}
}

static void cancel_callbacks(struct mk_io *io)
{
	for (uint32_t slot = 0; slot < io->queue.slots; slot++)
		if (io->pending[slot].state == MK_IO_AT_CALLBACK)
			mk_io_end(io, &io->pending[slot], MK_IO_REASON_CANCELLED, 0);
}

static int end_all(struct mk_io *io, uint64_t timeout_ns)
{
	int ret = mk_io_enter(io);

	if (ret)
		return ret;
	mk_io_cancel_all(io);
	ret = settle_all(io, timeout_ns);
	if (!ret) {
		/* Fences that have waited for these have ended before. */
		cancel_callbacks(io);
		mk_io_store_answers(io);
	}
	mk_io_leave(io);
	return ret;
}

int mk_io_close(struct mk_io *io, uint64_t timeout_ns)
{
	uint64_t begin_ns = mk_now_ns();
	uint64_t elapsed;
	int ret;

	if (!io)
		return 0;
	ret = mk_io_stop(io, timeout_ns);
	if (ret)
		return ret;
	elapsed = mk_now_ns() - begin_ns;
	mk_io_lock(io);
	ret = end_all(io, elapsed < timeout_ns ? timeout_ns - elapsed : 0);
	mk_io_unlock(io);
	if (!ret)
		free_io(io);
	return ret;
}

/* Handles ------------------------------------------------------------------------ */

int mk_io_add_file(struct mk_io *io, int fd, const struct mk_io_file *file,
		   uint32_t *handle)
{
	struct mk_io_handle *entry;
	uint32_t reason;
	int ret;

	mk_io_lock(io);
	ret = mk_io_handles_add_file(&io->handles, fd, file, handle);
	if (!ret) {
		entry = mk_io_handles_find(&io->handles, *handle, &reason);
		entry->file.is_registered = mk_io_ring_add_file(
			&io->ring, mk_io_handle_index(&io->handles, entry),
			entry->file.fd);
	}
	mk_io_unlock(io);
	return ret;
}

int mk_io_add_arena(struct mk_io *io, uint64_t offset, uint64_t bytes, uint64_t stride,
		    uint32_t count, uint32_t *first)
{
	int ret;

	mk_io_lock(io);
	ret = mk_io_handles_add_arena(&io->handles, offset, bytes, stride, count, first);
	mk_io_unlock(io);
	return ret;
}

int mk_io_add_callback(struct mk_io *io, mk_io_callback function, void *user,
		       uint32_t *handle)
{
	int ret;

	mk_io_lock(io);
	ret = mk_io_handles_add_callback(&io->handles, function, user, handle);
	mk_io_unlock(io);
	return ret;
}

int mk_io_add_resource(struct mk_io *io, uint32_t file, uint64_t file_offset,
		       uint64_t arena_offset, uint32_t bytes, uint32_t *handle)
{
	int ret;

	mk_io_lock(io);
	ret = mk_io_handles_add_resource(&io->handles, file, file_offset, arena_offset,
					 bytes, handle);
	mk_io_unlock(io);
	return ret;
}

static bool is_in_use(const struct mk_io *io, const struct mk_io_handle *handle)
{
	return !mk_list_is_empty(&handle->in_flight) || io->calling == handle;
}

/*
 * Wait until nothing is in flight for a handle, as who is in the pump where nobody else
 * is.  @handle becomes NULL when another thread has taken it back meanwhile.
 */
static int wait_for_handle(struct mk_io *io, uint32_t number,
			   struct mk_io_handle **handle, uint64_t timeout_ns)
{
	struct timespec deadline = mk_deadline_after(timeout_ns);
	uint64_t begin_ns = mk_now_ns();
	uint64_t elapsed;
	uint32_t reason;

	while (*handle && is_in_use(io, *handle)) {
		elapsed = mk_now_ns() - begin_ns;
		if (elapsed >= timeout_ns)
			return mk_fail(ETIMEDOUT,
				       "requests for the handle are in flight after %llu "
				       "ns; answer those that its callback has, and call "
				       "again",
				       (unsigned long long)timeout_ns);
		if (io->is_pumped) {
			pthread_cond_timedwait(&io->changed, &io->lock, &deadline);
		} else {
			mk_io_enter(io);
			mk_io_settle(io);
			if (is_in_use(io, *handle))
				mk_io_rest(io, timeout_ns - elapsed);
			mk_io_leave(io);
		}
		*handle = mk_io_handles_find(&io->handles, number, &reason);
	}
	return 0;
}

static int remove_handle(struct mk_io *io, uint32_t number, uint64_t timeout_ns)
{
	struct mk_io_handle *handle;
	uint32_t reason;
	int ret;

	if (mk_io_is_callback(io))
		return mk_fail(EDEADLK, "a callback cannot take a handle back, which may "
					"wait for it; return first");
	handle = mk_io_handles_find(&io->handles, number, &reason);
	if (!handle)
		return mk_fail(EINVAL, "0x%x is no handle: %s", number,
			       mk_io_reason_text(reason));
	handle->is_leaving = true;
	mk_io_cancel_handle(io, handle);
	ret = wait_for_handle(io, number, &handle, timeout_ns);
	if (ret)
		return ret;
	if (!handle)
		return mk_fail(EINVAL, "0x%x was taken back meanwhile", number);
	if (handle->kind == MK_IO_KIND_FILE && handle->file.is_registered)
		mk_io_ring_remove_file(&io->ring,
				       mk_io_handle_index(&io->handles, handle));
	mk_io_handles_free(handle);
	return 0;
}

int mk_io_remove(struct mk_io *io, uint32_t handle, uint64_t timeout_ns)
{
	int ret;

	mk_io_lock(io);
	ret = remove_handle(io, handle, timeout_ns);
	mk_io_unlock(io);
	return ret;
}

/* Answers ------------------------------------------------------------------------ */

static int answer(struct mk_io *io, uint64_t token, uint32_t reason)
{
	uint32_t slot = (uint32_t)token & ((1u << MK_IO_TOKEN_SLOT_BITS) - 1);
	struct mk_io_pending *pending;

	if (reason >= MK_IO_REASON_COUNT)
		return mk_fail(EINVAL, "reason %u; use 0 or an MK_IO_REASON_*", reason);
	if (slot >= io->queue.slots)
		return mk_fail(ESTALE, "token 0x%llx was not given to a callback",
			       (unsigned long long)token);
	pending = &io->pending[slot];
	if (pending->state != MK_IO_AT_CALLBACK || pending->token != token)
		return mk_fail(ESTALE, "the request of token 0x%llx was answered",
			       (unsigned long long)token);
	if (!reason)
		mk_io_count_callback(io, pending);
	mk_io_end(io, pending, reason, 0);
	/* The pump stores what callbacks answer at once together. */
	if (!mk_io_is_callback(io)) {
		mk_io_store_answers(io);
		pthread_cond_broadcast(&io->changed);
	}
	return 0;
}

int mk_io_answer(struct mk_io *io, uint64_t token, uint32_t reason)
{
	int ret;

	mk_io_lock(io);
	ret = answer(io, token, reason);
	mk_io_unlock(io);
	return ret;
}

/* What has happened -------------------------------------------------------------- */

void mk_io_counters(struct mk_io *io, struct mk_io_counters *counters)
{
	mk_io_lock(io);
	*counters = io->counters;
	counters->submissions = io->ring.submissions;
	mk_io_unlock(io);
}

int mk_io_next_error(struct mk_io *io, struct mk_io_error *error)
{
	int ret = 0;

	mk_io_lock(io);
	if (io->error_count) {
		*error = io->errors[io->first_error];
		io->first_error = (io->first_error + 1) % MK_IO_ERRORS_KEPT;
		io->error_count--;
		ret = 1;
	}
	mk_io_unlock(io);
	return ret;
}

const char *mk_io_reason_text(uint32_t reason)
{
	static const char *const texts[MK_IO_REASON_COUNT] = {
		[0] = "no error",
		[MK_IO_REASON_OPERATION] =
			"the operation is neither READ, WRITE nor FENCE",
		[MK_IO_REASON_UNKNOWN_HANDLE] = "a handle was never given out",
		[MK_IO_REASON_STALE_HANDLE] = "a handle was taken back",
		[MK_IO_REASON_WRONG_HANDLE] =
			"a handle names something else than is needed there",
		[MK_IO_REASON_PERMISSION] = "the file was not given for this direction",
		[MK_IO_REASON_RANGE] = "offset and byte count go beyond a handle's range",
		[MK_IO_REASON_LENGTH] = "the request is for no bytes",
		[MK_IO_REASON_END_OF_FILE] = "the file has fewer bytes",
		[MK_IO_REASON_SYSTEM] = "the system has refused or failed",
		[MK_IO_REASON_CANCELLED] = "the request was cancelled",
		[MK_IO_REASON_CALLBACK] = "the callback has refused",
	};

	return reason < MK_IO_REASON_COUNT ? texts[reason] : "an unknown reason";
}

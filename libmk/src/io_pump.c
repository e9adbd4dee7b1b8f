// SPDX-License-Identifier: MIT
#include "io_pump.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "deadline.h"
#include "error.h"
#include "park.h"
#include "thread.h"

#define REST_SHORTEST_NS 20000u
#define REST_LONGEST_NS	 1000000u
/* When nothing was asked for so long, a rest may take longer still. */
#define IDLE_LONG_NS UINT64_C(1000000000)
#define REST_IDLE_NS 4000000u
/* Looks at slots that nobody has counted: a device may die before it counts. */
#define LOOK_NS 10000000u
/* Looks at the queue and at the system between two looks at the clock. */
#define SPIN_LOOKS 64
/* Times that one request is tried again where the system has only not come to it. */
#define RETRIES 100

/* Locking ---------------------------------------------------------------------- */

void mk_io_lock(struct mk_io *io)
{
	atomic_fetch_add(&io->wanted, 1);
	pthread_mutex_lock(&io->lock);
	atomic_fetch_sub(&io->wanted, 1);
}

void mk_io_unlock(struct mk_io *io)
{
	pthread_mutex_unlock(&io->lock);
}

/* A busy pump would hold the lock always, and get it back before others wake up. */
static void give_way(struct mk_io *io)
{
	if (!atomic_load(&io->wanted))
		return;
	pthread_mutex_unlock(&io->lock);
	while (atomic_load(&io->wanted))
		sched_yield();
	pthread_mutex_lock(&io->lock);
}

/* The thread in the pump ------------------------------------------------------- */

bool mk_io_is_callback(const struct mk_io *io)
{
	return io->calling && pthread_equal(io->pumper, pthread_self());
}

int mk_io_enter(struct mk_io *io)
{
	if (mk_io_is_callback(io))
		return mk_fail(EDEADLK, "a callback cannot run the pump that waits for "
					"it; return first");
	if (io->is_pumped)
		return mk_fail(EBUSY, "another thread is in the pump; stop that one "
				      "(mk_io_stop)");
	io->is_pumped = true;
	io->pumper = pthread_self();
	return 0;
}

void mk_io_leave(struct mk_io *io)
{
	io->is_pumped = false;
	pthread_cond_broadcast(&io->changed);
}

/* Ends ------------------------------------------------------------------------- */

static void keep_error(struct mk_io *io, const struct mk_io_pending *pending,
		       uint32_t reason, int error)
{
	uint32_t at = (io->first_error + io->error_count) % MK_IO_ERRORS_KEPT;

	io->counters.errors[reason]++;
	if (io->error_count == MK_IO_ERRORS_KEPT) {
		io->first_error = (io->first_error + 1) % MK_IO_ERRORS_KEPT;
		io->counters.dropped_errors++;
	} else {
		io->error_count++;
	}
	io->errors[at] = (struct mk_io_error){
		.request = pending->request,
		.reason = reason,
		.error = error,
		.transferred = pending->done,
	};
}

static void enqueue(struct mk_io *io, struct mk_io_pending *pending)
{
	pending->state = MK_IO_QUEUED;
	mk_list_remove(&pending->link);
	mk_list_append(&io->queued, &pending->link);
}

/* What is first on a handle's list now may be a fence that waited for that. */
static void pass_turn(struct mk_io *io, struct mk_io_handle *handle)
{
	struct mk_io_pending *first;

	if (mk_list_is_empty(&handle->in_flight)) {
		if (handle->is_leaving)
			pthread_cond_broadcast(&io->changed);
		return;
	}
	first = mk_list_entry(handle->in_flight.next, struct mk_io_name, link)->pending;
	if (first->state == MK_IO_FENCE_WAITS)
		enqueue(io, first);
}

static void leave_handles(struct mk_io *io, struct mk_io_pending *pending)
{
	for (int i = 0; i < 2; i++) {
		if (mk_list_is_empty(&pending->names[i].link))
			continue;
		mk_list_remove(&pending->names[i].link);
		pass_turn(io, pending->plan.names[i]);
	}
}

static void give_buffer(struct mk_io *io, struct mk_io_pending *pending)
{
	struct mk_list *next;

	if (!pending->buffer)
		return;
	mk_io_ring_give_buffer(&io->ring, pending->buffer);
	pending->buffer = NULL;
	next = mk_list_take(&io->starved);
	if (next)
		mk_list_append(&io->queued, next);
}

void mk_io_end(struct mk_io *io, struct mk_io_pending *pending, uint32_t reason,
	       int error)
{
	mk_ioq_show_claim(&io->queue, pending->request.slot);
	give_buffer(io, pending);
	leave_handles(io, pending);
	if (reason) {
		keep_error(io, pending, reason, error);
		mk_ioq_explain(&io->queue, pending->request.slot, reason, (uint32_t)error,
			       pending->done);
	} else {
		io->counters.ok++;
	}
	pending->status = reason ? MK_IO_STATUS_ERROR : MK_IO_STATUS_OK;
	pending->reason = reason;
	pending->error = (uint32_t)error;
	pending->state = MK_IO_ANSWERED;
	mk_list_remove(&pending->link);
	mk_list_append(&io->answers, &pending->link);
	io->events++;
}

/* The data that came before it, too: whoever replays this has no files. */
static void trace_answer(struct mk_io *io, const struct mk_io_pending *pending)
{
	const struct mk_trace_io answer = {
		.request = pending->request,
		.status = pending->status,
		.reason = pending->reason,
		.error = pending->error,
		.done = pending->done,
	};

	if (pending->done && !pending->plan.write)
		mk_trace_io_data(io->trace, pending->request.slot,
				 pending->plan.arena_offset, pending->done);
	mk_trace_io(io->trace, MK_TRACE_IO_ANSWER, &answer);
}

void mk_io_store_answers(struct mk_io *io)
{
	struct mk_list *link;

	if (mk_list_is_empty(&io->answers))
		return;
	/* Data and reasons are sent before the answers that they belong to. */
	if (io->context->write_combining)
		mk_write_fence();
	while ((link = mk_list_take(&io->answers))) {
		struct mk_io_pending *pending =
			mk_list_entry(link, struct mk_io_pending, link);

		pending->state = MK_IO_IDLE;
		if (mk_is_traced(io->trace))
			trace_answer(io, pending);
		mk_ioq_answer(&io->queue, pending->request.slot, pending->status);
		io->counters.in_flight--;
		io->answered++;
	}
	/* Its full fence sends the answers, too. */
	mk_park_wake(io->context);
}

/* Cancelling ------------------------------------------------------------------- */

static void cancel(struct mk_io *io, struct mk_io_pending *pending)
{
	switch (pending->state) {
	case MK_IO_FENCE_WAITS:
	case MK_IO_QUEUED:
		pending->is_cancelled = true;
		enqueue(io, pending);
		break;
	case MK_IO_AT_SYSTEM:
		if (!pending->is_cancelled)
			mk_list_append(&io->cancels, &pending->link);
		pending->is_cancelled = true;
		break;
	case MK_IO_FENCE_FOUND:
		mk_io_end(io, pending, MK_IO_REASON_CANCELLED, 0);
		break;
	case MK_IO_IDLE:
	case MK_IO_AT_CALLBACK:
	case MK_IO_ANSWERED:
		break;
	}
}

void mk_io_cancel_handle(struct mk_io *io, struct mk_io_handle *handle)
{
	struct mk_list *link = handle->in_flight.next;

	for (; link != &handle->in_flight; link = link->next)
		cancel(io, mk_list_entry(link, struct mk_io_name, link)->pending);
	pthread_cond_broadcast(&io->changed);
}

void mk_io_cancel_all(struct mk_io *io)
{
	for (uint32_t slot = 0; slot < io->queue.slots; slot++)
		cancel(io, &io->pending[slot]);
}

static void send_cancels(struct mk_io *io)
{
	while (!mk_list_is_empty(&io->cancels)) {
		struct mk_list *link = io->cancels.next;

		if (!mk_io_ring_cancel(&io->ring,
				       mk_list_entry(link, struct mk_io_pending, link)))
			return;
		mk_list_remove(link);
	}
}

/* Transfers -------------------------------------------------------------------- */

static struct mk_io_target target_of(const struct mk_io *io,
				     const struct mk_io_handle *file)
{
	return (struct mk_io_target){
		.fd = file->file.fd,
		.index = mk_io_handle_index(&io->handles, file),
		.is_registered = file->file.is_registered,
	};
}

static char *arena_at(const struct mk_io *io, const struct mk_io_pending *pending)
{
	return (char *)io->context->arena + pending->plan.arena_offset + pending->done;
}

static bool is_fence(const struct mk_io_pending *pending)
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
		memcpy(arena_at(io, pending), pending->buffer, bytes);
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
		if (pending->buffer || is_fence(pending))
			return false;
		file->file.bounces = true;
		break;
	default:
		return false;
	}
	enqueue(io, pending);
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
	if (!is_fence(pending) && result > 0)
		count_piece(io, pending, (uint32_t)result);

	if (result < 0 && !pending->is_cancelled && try_again(io, pending, -result))
		return;
	if (result < 0)
		end_failed(io, pending, -result);
	else if (is_fence(pending) || pending->done == pending->plan.bytes)
		mk_io_end(io, pending, 0, 0);
	else if (result)
		/* Where it is cancelled it ends there. */
		enqueue(io, pending);
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

static bool has_others(const struct mk_io *io)
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
	    !file->file.is_cached || io->flags & MK_IO_SQPOLL || has_others(io))
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
	void *data = arena_at(io, pending);

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

static void start_queued(struct mk_io *io)
{
	while (!mk_list_is_empty(&io->queued) && mk_io_ring_has_room(&io->ring)) {
		struct mk_io_pending *pending = mk_list_entry(mk_list_take(&io->queued),
							      struct mk_io_pending, link);

		if (pending->is_cancelled)
			mk_io_end(io, pending, MK_IO_REASON_CANCELLED, 0);
		else if (is_fence(pending) && !needs_sync(pending))
			mk_io_end(io, pending, 0, 0);
		else if (is_fence(pending))
			start_sync(io, pending);
		else
			start_transfer(io, pending);
	}
}

static void reap(struct mk_io *io)
{
	void *user;
	int result;

	while (mk_io_ring_reap(&io->ring, &user, &result))
		take_back(io, user, result);
}

/* Claiming --------------------------------------------------------------------- */

static struct mk_io_pending *begin(struct mk_io *io, const struct mk_io_request *request)
{
	struct mk_io_pending *pending = &io->pending[request->slot];

	*pending = (struct mk_io_pending){ .request = *request };
	if (mk_is_traced(io->trace))
		mk_trace_io(io->trace, MK_TRACE_IO_CLAIM,
			    &(struct mk_trace_io){ .request = *request });
	pending->token = ++io->last_token << MK_IO_TOKEN_SLOT_BITS | request->slot;
	mk_list_init(&pending->link);
	for (int i = 0; i < 2; i++) {
		mk_list_init(&pending->names[i].link);
		pending->names[i].pending = pending;
	}
	io->counters.requests++;
	io->counters.in_flight++;
	io->events++;
	return pending;
}

static void join_handles(struct mk_io_pending *pending)
{
	for (int i = 0; i < 2; i++)
		if (pending->plan.names[i])
			mk_list_append(&pending->plan.names[i]->in_flight,
				       &pending->names[i].link);
}

static void accept_transfer(struct mk_io *io, struct mk_io_pending *pending)
{
	uint32_t reason =
		mk_io_handles_check(&io->handles, &pending->request, &pending->plan);

	if (reason) {
		mk_io_end(io, pending, reason, 0);
		return;
	}
	join_handles(pending);
	if (pending->plan.outside->kind == MK_IO_KIND_CALLBACK) {
		mk_ioq_show_claim(&io->queue, pending->request.slot);
		pending->state = MK_IO_AT_CALLBACK;
		mk_list_append(&io->calls, &pending->link);
	} else {
		enqueue(io, pending);
	}
}

static void accept_request(struct mk_io *io, const struct mk_io_request *request)
{
	struct mk_io_pending *pending = begin(io, request);

	if (!is_fence(pending)) {
		accept_transfer(io, pending);
		return;
	}
	pending->state = MK_IO_FENCE_FOUND;
	mk_list_append(&io->fences, &pending->link);
}

/* All that was published before the fence is on its handle's list. */
static void accept_fence(struct mk_io *io, struct mk_io_pending *fence)
{
	uint32_t reason =
		mk_io_handles_check(&io->handles, &fence->request, &fence->plan);

	if (reason) {
		mk_io_end(io, fence, reason, 0);
		return;
	}
	fence->state = MK_IO_FENCE_WAITS;
	join_handles(fence);
	pass_turn(io, fence->plan.outside);
}

/*
 * A READ that comes alone across a bus is begun in this round, and its claim shown then:
 * the first locked instruction behind that store waits for it.
 */
static void accept_requests(struct mk_io *io, const struct mk_io_request *found,
			    uint32_t count)
{
	bool is_begun = count == 1 && found[0].op == MK_IO_OP_READ && !has_others(io) &&
			io->context->write_combining;

	for (uint32_t i = 0; i < count; i++) {
		if (!is_begun)
			mk_ioq_show_claim(&io->queue, found[i].slot);
		accept_request(io, &found[i]);
	}
}

static void claim_hinted(struct mk_io *io)
{
	struct mk_io_request found[MK_IOQ_LOOK_SLOTS];
	uint32_t count;

	do {
		count = mk_ioq_claim_hinted(&io->queue, found);
		accept_requests(io, found, count);
	} while (count == MK_IOQ_LOOK_SLOTS);
}

static void claim_again(struct mk_io *io)
{
	struct mk_io_request found[MK_IOQ_LOOK_SLOTS];

	accept_requests(io, found, mk_ioq_claim_again(&io->queue, found));
}

static void claim_some(struct mk_io *io)
{
	struct mk_io_request found[MK_IOQ_LOOK_SLOTS];

	accept_requests(io, found, mk_ioq_claim(&io->queue, found));
}

static uint32_t looks_at_all(const struct mk_io *io)
{
	return (io->queue.slots + MK_IOQ_LOOK_SLOTS - 1) / MK_IOQ_LOOK_SLOTS;
}

/*
 * Look at all slots after the fences were found: what was published before them is
 * found, too, now.  Fences found meanwhile wait for the next time.
 */
static void claim_before_fences(struct mk_io *io)
{
	struct mk_list *last = io->fences.previous;
	struct mk_list *link;

	for (uint32_t looks = looks_at_all(io); looks; looks--)
		claim_some(io);
	do {
		link = mk_list_take(&io->fences);
		accept_fence(io, mk_list_entry(link, struct mk_io_pending, link));
	} while (link != last);
}

static void claim(struct mk_io *io)
{
	uint32_t looks = looks_at_all(io);

	claim_hinted(io);
	if (!mk_list_is_empty(&io->fences))
		claim_before_fences(io);
	if (mk_ioq_must_look(&io->queue))
		claim_again(io);
	while (looks-- && mk_ioq_must_look(&io->queue))
		claim_some(io);
	if (io->idle_since_ns + io->idle_ns < io->looked_ns + LOOK_NS)
		return;
	io->looked_ns = io->idle_since_ns + io->idle_ns;
	claim_some(io);
}

void mk_io_inherit(struct mk_io *io)
{
	struct mk_io_request request;

	for (uint32_t slot = 0; slot < io->queue.slots; slot++)
		if (mk_ioq_inherit(&io->queue, slot, &request))
			mk_io_end(io, begin(io, &request), MK_IO_REASON_CANCELLED, 0);
	mk_io_store_answers(io);
}

/* Callbacks -------------------------------------------------------------------- */

static void call(struct mk_io *io, const struct mk_io_pending *pending)
{
	const struct mk_io_call made = {
		.request = pending->request,
		.token = pending->token,
		.data = arena_at(io, pending),
	};
	struct mk_io_handle *handle = pending->plan.outside;
	mk_io_callback function = handle->callback.function;
	void *user = handle->callback.user;

	io->calling = handle;
	pthread_mutex_unlock(&io->lock);
	function(io, &made, user);
	pthread_mutex_lock(&io->lock);
	io->calling = NULL;
	pthread_cond_broadcast(&io->changed);
}

static void call_callbacks(struct mk_io *io)
{
	struct mk_list *link;

	while ((link = mk_list_take(&io->calls)))
		call(io, mk_list_entry(link, struct mk_io_pending, link));
}

/* Rounds ----------------------------------------------------------------------- */

static void note_idle(struct mk_io *io, bool is_idle)
{
	uint64_t now = is_idle ? mk_now_ns() : 0;

	if (!io->idle_since_ns || !is_idle)
		io->idle_since_ns = now;
	io->idle_ns = now - io->idle_since_ns;
}

int mk_io_settle(struct mk_io *io)
{
	uint64_t before = io->events;
	int ret;

	reap(io);
	send_cancels(io);
	start_queued(io);
	ret = mk_io_ring_submit(&io->ring);
	/* What was in the page cache has ended already. */
	reap(io);
	mk_io_store_answers(io);
	note_idle(io, io->events == before);
	return ret;
}

/* Do what there is to do. */
static int run_round(struct mk_io *io)
{
	uint64_t before = io->events;
	int ret;

	claim(io);
	ret = mk_io_settle(io);
	call_callbacks(io);
	mk_io_store_answers(io);
	if (io->events != before)
		note_idle(io, false);
	return ret;
}

bool mk_io_is_settled(const struct mk_io *io)
{
	return !io->ring.in_flight && mk_list_is_empty(&io->queued) &&
	       mk_list_is_empty(&io->starved);
}

static uint64_t rest_ns(const struct mk_io *io)
{
	uint64_t longest = io->idle_ns > IDLE_LONG_NS ? REST_IDLE_NS : REST_LONGEST_NS;
	uint64_t rest = io->idle_ns / 8;

	if (rest < REST_SHORTEST_NS)
		return REST_SHORTEST_NS;
	return rest < longest ? rest : longest;
}

static void spin(struct mk_io *io)
{
	pthread_mutex_unlock(&io->lock);
	for (int i = 0; i < SPIN_LOOKS && !mk_ioq_has_requests(&io->queue) &&
			!mk_io_ring_has_ended(&io->ring);
	     i++)
		mk_cpu_relax();
	pthread_mutex_lock(&io->lock);
}

void mk_io_rest(struct mk_io *io, uint64_t limit_ns)
{
	uint64_t rest = rest_ns(io);
	struct timespec until;

	if (rest > limit_ns)
		rest = limit_ns;
	if (io->idle_ns < io->spin_ns) {
		spin(io);
	} else if (io->ring.in_flight) {
		pthread_mutex_unlock(&io->lock);
		mk_io_ring_wait(&io->ring, rest);
		pthread_mutex_lock(&io->lock);
	} else {
		until = mk_deadline_after(rest);
		pthread_cond_timedwait(&io->changed, &io->lock, &until);
	}
}

/* Run -------------------------------------------------------------------------- */

static int64_t run_for(struct mk_io *io, uint64_t timeout_ns)
{
	uint64_t begin_ns = timeout_ns ? mk_now_ns() : 0;
	uint64_t before = io->answered;
	uint64_t elapsed;
	int ret;

	for (;;) {
		ret = run_round(io);
		if (ret || io->answered != before || !timeout_ns)
			break;
		elapsed = mk_now_ns() - begin_ns;
		if (elapsed >= timeout_ns)
			break;
		/* Not where something has just happened, which may have more behind it. */
		if (io->idle_since_ns)
			mk_io_rest(io, timeout_ns - elapsed);
		give_way(io);
	}
	return ret ? ret : (int64_t)(io->answered - before);
}

int64_t mk_io_run(struct mk_io *io, uint64_t timeout_ns)
{
	int64_t ret;

	mk_io_lock(io);
	ret = mk_io_enter(io);
	if (!ret) {
		ret = run_for(io, timeout_ns);
		mk_io_descriptor_arm(&io->descriptor, &io->queue, rest_ns(io));
		mk_io_leave(io);
	}
	mk_io_unlock(io);
	return ret;
}

int mk_io_descriptor(struct mk_io *io)
{
	int ret;

	mk_io_lock(io);
	ret = mk_io_descriptor_open(&io->descriptor, io->context, io->ring.ring.ring_fd);
	mk_io_unlock(io);
	return ret;
}

/* The thread ------------------------------------------------------------------- */

static void *pump_thread(void *data)
{
	struct mk_io *io = data;
	int ret;

	pthread_mutex_lock(&io->lock);
	io->pumper = pthread_self();
	while (!io->stop) {
		ret = run_round(io);
		/* What the system refuses now it may take later. */
		if (ret || io->idle_since_ns)
			mk_io_rest(io, UINT64_MAX);
		give_way(io);
	}
	/* The system would cancel a thread's transfers as it ends, but not wait. */
	mk_io_cancel_all(io);
	while (!mk_io_is_settled(io)) {
		ret = mk_io_settle(io);
		if (ret || io->idle_since_ns)
			mk_io_rest(io, UINT64_MAX);
	}
	mk_io_store_answers(io);
	io->thread_has_ended = true;
	mk_io_leave(io);
	pthread_mutex_unlock(&io->lock);
	return NULL;
}

int mk_io_start(struct mk_io *io)
{
	int ret;

	mk_io_lock(io);
	ret = mk_io_enter(io);
	if (!ret) {
		io->stop = false;
		io->thread_has_ended = false;
		ret = mk_thread_start(&io->thread, pump_thread, io, "the pump's thread");
		io->has_thread = !ret;
		if (ret)
			mk_io_leave(io);
	}
	mk_io_unlock(io);
	return ret;
}

/* With the lock held. */
static int stop_thread(struct mk_io *io, uint64_t timeout_ns)
{
	struct timespec deadline = mk_deadline_after(timeout_ns);
	int error = 0;

	if (!io->has_thread)
		return 0;
	if (mk_io_is_callback(io))
		return mk_fail(EDEADLK, "a callback cannot stop the thread that it runs "
					"in; return first");
	io->stop = true;
	pthread_cond_broadcast(&io->changed);
	while (!io->thread_has_ended && !error)
		error = pthread_cond_timedwait(&io->changed, &io->lock, &deadline);
	if (!io->thread_has_ended)
		return mk_fail(ETIMEDOUT,
			       "the pump's thread has not ended in %llu ns; a callback "
			       "runs, or the system has not ended a transfer",
			       (unsigned long long)timeout_ns);
	io->has_thread = false;
	return 0;
}

int mk_io_stop(struct mk_io *io, uint64_t timeout_ns)
{
	bool had_thread;
	pthread_t thread;
	int ret;

	mk_io_lock(io);
	had_thread = io->has_thread;
	thread = io->thread;
	ret = stop_thread(io, timeout_ns);
	mk_io_unlock(io);
	if (had_thread && !ret)
		pthread_join(thread, NULL);
	return ret;
}

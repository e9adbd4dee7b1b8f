// SPDX-License-Identifier: MIT
#include "io_end.h"

#include "park.h"

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

void mk_io_enqueue(struct mk_io *io, struct mk_io_pending *pending)
{
	pending->state = MK_IO_QUEUED;
	mk_list_remove(&pending->link);
	mk_list_append(&io->queued, &pending->link);
}

void mk_io_pass_turn(struct mk_io *io, struct mk_io_handle *handle)
{
	struct mk_io_pending *first;

	if (mk_list_is_empty(&handle->in_flight)) {
		if (handle->is_leaving)
			pthread_cond_broadcast(&io->changed);
		return;
	}
	first = mk_list_entry(handle->in_flight.next, struct mk_io_name, link)->pending;
	if (first->state == MK_IO_FENCE_WAITS)
		mk_io_enqueue(io, first);
}

static void leave_handles(struct mk_io *io, struct mk_io_pending *pending)
{
	for (int i = 0; i < 2; i++) {
		if (mk_list_is_empty(&pending->names[i].link))
			continue;
		mk_list_remove(&pending->names[i].link);
		mk_io_pass_turn(io, pending->plan.names[i]);
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
		mk_io_enqueue(io, pending);
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

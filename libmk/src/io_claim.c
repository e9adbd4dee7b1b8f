// SPDX-License-Identifier: MIT
#include "io_claim.h"

#include "io_end.h"
#include "io_start.h"

/* Looks at slots that nobody has counted: a device may die before it counts. */
#define LOOK_NS 10000000u

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

/* Put it on the lists of the handles that it names.  False: it must not, and has ended. */
static bool join_handles(struct mk_io *io, struct mk_io_pending *pending)
{
	uint32_t reason =
		mk_io_handles_check(&io->handles, &pending->request, &pending->plan);

	if (reason) {
		mk_io_end(io, pending, reason, 0);
		return false;
	}
	for (int i = 0; i < 2; i++)
		if (pending->plan.names[i])
			mk_list_append(&pending->plan.names[i]->in_flight,
				       &pending->names[i].link);
	return true;
}

static void accept_transfer(struct mk_io *io, struct mk_io_pending *pending)
{
	if (!join_handles(io, pending))
		return;
	if (pending->plan.outside->kind == MK_IO_KIND_CALLBACK) {
		mk_ioq_show_claim(&io->queue, pending->request.slot);
		pending->state = MK_IO_AT_CALLBACK;
		mk_list_append(&io->calls, &pending->link);
	} else {
		mk_io_enqueue(io, pending);
	}
}

static void accept_request(struct mk_io *io, const struct mk_io_request *request)
{
	struct mk_io_pending *pending = begin(io, request);

	if (!mk_io_is_fence(pending)) {
		accept_transfer(io, pending);
		return;
	}
	pending->state = MK_IO_FENCE_FOUND;
	mk_list_append(&io->fences, &pending->link);
}

/* All that was published before the fence is on its handle's list. */
static void accept_fence(struct mk_io *io, struct mk_io_pending *fence)
{
	if (!join_handles(io, fence))
		return;
	fence->state = MK_IO_FENCE_WAITS;
	mk_io_pass_turn(io, fence->plan.outside);
}

/*
 * A READ that comes alone across a bus is begun in this round, and its claim shown then:
 * the first locked instruction behind that store waits for it.
 */
static void accept_requests(struct mk_io *io, const struct mk_io_request *found,
			    uint32_t count)
{
	bool is_begun = count == 1 && found[0].op == MK_IO_OP_READ &&
			!mk_io_has_others(io) && io->context->write_combining;

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

void mk_io_take_requests(struct mk_io *io)
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

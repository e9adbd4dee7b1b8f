// SPDX-License-Identifier: MIT
#include "wait.h"

#include <errno.h>

#include <mk/producer.h>

#include "deadline.h"
#include "error.h"
#include "trace.h"

/* A count is as good as its distance is unambiguous: half of its range. */
#define COUNT_HALF ((MK_CQ_ENTRY_COUNT_MASK + 1) / 2)

int mk_ticket_look(const struct mk_context *context, const struct mk_ticket *ticket)
{
	uint32_t entry = mk_cq_entry(context, ticket->slot);
	uint32_t ahead = (mk_entry_count(entry) - ticket->count) & MK_CQ_ENTRY_COUNT_MASK;

	if (ahead >= COUNT_HALF)
		return -EAGAIN;
	/* The effects may be in the device's memory, for the caller to load. */
	if (context->write_combining)
		mk_read_fence();
	if (ahead)
		return mk_fail(ESTALE,
			       "slot %u has ended and was used %u times since; wait for "
			       "a ticket before publishing a whole ring more",
			       ticket->slot, ahead);
	if ((entry & MK_CQ_ENTRY_STATUS_MASK) == MK_STATUS_FAULT)
		return (int)(entry >> MK_CQ_ENTRY_FAULT_SHIFT & MK_CQ_ENTRY_FAULT_MASK);
	return 0;
}

/*
 * The memory has gone in which a device might find the slot.  Rarely looked at: the engine
 * writes that line of the cq with each dispatch.
 */
static bool is_lost(const struct mk_context *context, const struct mk_poll *poll)
{
	enum { ROUNDS_PER_LOOK = 1024 };

	return poll->rounds % ROUNDS_PER_LOOK == 0 &&
	       mk_cq_load(context, MK_CQ_MEMORY_LOST);
}

int mk_ticket_wait(const struct mk_context *context, const struct mk_ticket *ticket,
		   uint64_t timeout_ns)
{
	struct mk_poll poll = mk_poll_begin(timeout_ns);
	int ret;

	if (ticket->slot >= context->geometry.slots)
		return mk_fail(EINVAL,
			       "a ticket for slot %u of a ring of %u; use what publish "
			       "returned",
			       ticket->slot, context->geometry.slots);
	do {
		ret = mk_ticket_look(context, ticket);
		if (ret == -EAGAIN && is_lost(context, &poll))
			return MK_FAULT_INTERRUPTED;
	} while (ret == -EAGAIN && mk_poll_again(&poll));

	if (ret == -EAGAIN && timeout_ns)
		return mk_fail(ETIMEDOUT,
			       "slot %u has not ended in %llu ns; is an engine "
			       "running, and its tenant authorised?",
			       ticket->slot, (unsigned long long)timeout_ns);
	if (ret == -EAGAIN)
		return mk_fail(EAGAIN, "slot %u has not ended yet", ticket->slot);
	return ret;
}

int mk_context_wait(struct mk_context *context, const struct mk_ticket *ticket,
		    uint64_t timeout_ns)
{
	int ret = mk_ticket_wait(context, ticket, timeout_ns);

	if (mk_is_traced(context->trace))
		mk_trace_context_wait(context, ticket, ret);
	return ret;
}

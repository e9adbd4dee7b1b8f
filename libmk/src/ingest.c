// SPDX-License-Identifier: MIT
#include <mk/ingest.h>

#include <errno.h>
#include <stdlib.h>

#include "context.h"
#include "deadline.h"
#include "error.h"
#include "ingest_groups.h"
#include "options.h"
#include "park.h"
#include "trace.h"

struct mk_ingester {
	struct mk_context *context;
	struct mk_ingest_groups groups;
	struct mk_trace_ring *trace; /* NULL: nothing is traced */
};

int mk_ingester_open(struct mk_context *context, const struct mk_ingester_options *wanted,
		     struct mk_ingester **result)
{
	struct mk_ingester_options options;
	struct mk_ingester *ingester;
	int ret;

	ret = mk_options_copy("struct mk_ingester_options", &options, sizeof(options),
			      wanted);
	if (!ret)
		ret = mk_context_check_role(context, MK_ROLE_PRODUCER, "publish ingests");
	if (ret)
		return ret;
	ingester = calloc(1, sizeof(*ingester));
	if (!ingester)
		return mk_fail(ENOMEM, "no memory for an ingester");
	ingester->context = context;
	ret = mk_ingest_groups_open(context, options.max_groups, &ingester->groups);
	if (ret) {
		free(ingester);
		return ret;
	}
	ingester->trace = mk_trace_join(context);
	*result = ingester;
	return 0;
}

void mk_ingester_close(struct mk_ingester *ingester)
{
	if (!ingester)
		return;
	mk_ingest_groups_close(&ingester->groups);
	mk_trace_leave(ingester->trace);
	free(ingester);
}

void mk_ingester_identity(const struct mk_ingester *ingester,
			  struct mk_producer_identity *identity)
{
	mk_lease_identify(ingester->groups.leases.owner, identity);
}

/* Publishing ------------------------------------------------------------- */

/* In write-combining memory what was stored so far goes before what follows. */
static void fence(const struct mk_context *context)
{
	if (context->write_combining)
		mk_write_fence();
}

static void store_words(const struct mk_context *context, uint32_t slot,
			const struct mk_ingest *ingest)
{
	const uint32_t words[MK_IO_SLOT_WORDS] = {
		[MK_IO_OP] = MK_IO_OP_READ,
		[MK_IO_SOURCE] = ingest->source,
		[MK_IO_DESTINATION] = ingest->destination,
		[MK_IO_OFFSET_LOW] = (uint32_t)ingest->offset,
		[MK_IO_OFFSET_HIGH] = (uint32_t)(ingest->offset >> 32),
		[MK_IO_BYTE_COUNT] = ingest->byte_count,
		[MK_IO_TAG] = ingest->tag,
	};

	/* Nobody looks at these words until the status says so. */
	for (uint32_t i = 0; i < MK_IO_SLOT_WORDS; i++)
		if (i != MK_IO_STATUS)
			atomic_store_explicit(mk_io_word(context, slot, i), words[i],
					      memory_order_relaxed);
}

static void store_status(const struct mk_context *context, uint32_t slot)
{
	atomic_store_explicit(mk_io_word(context, slot, MK_IO_STATUS),
			      MK_STATUS_PUBLISHED, memory_order_release);
}

/* Into slots that were taken: the data before the words, the words before the status. */
static void store(const struct mk_context *context, const struct mk_ingest *ingests,
		  const struct mk_ingest_ticket *tickets, size_t count)
{
	fence(context);
	for (size_t i = 0; i < count; i++)
		store_words(context, tickets[i].slot, &ingests[i]);
	fence(context);
	for (size_t i = 0; i < count; i++)
		store_status(context, tickets[i].slot);
	fence(context);
}

/* Slots to store to at once, as many as are to be had now. */
static size_t take_slots(struct mk_ingester *ingester, bool thorough, size_t most,
			 struct mk_ingest_ticket *tickets)
{
	size_t count;

	if (!mk_ingest_groups_take_slot(&ingester->groups, thorough, &tickets[0]))
		return 0;
	for (count = 1; count < most; count++)
		if (!mk_ingest_groups_take_another(&ingester->groups, &tickets[count]))
			break;
	return count;
}

static size_t wait_for_slots(struct mk_ingester *ingester, uint64_t timeout_ns,
			     size_t most, struct mk_ingest_ticket *tickets)
{
	/* A thorough look disturbs the device and costs system calls: now and then. */
	enum { ROUNDS_PER_THOROUGH_LOOK = 64 };
	struct mk_poll poll = mk_poll_begin(timeout_ns);
	size_t taken;

	do {
		bool thorough = poll.rounds % ROUNDS_PER_THOROUGH_LOOK == 0;

		taken = take_slots(ingester, thorough, most, tickets);
	} while (!taken && mk_poll_again(&poll));

	return taken;
}

/* What is left of a timeout, which begins when this is asked first. */
static uint64_t time_left(uint64_t *begin_ns, uint64_t timeout_ns)
{
	uint64_t now_ns = mk_now_ns();

	if (!*begin_ns)
		*begin_ns = now_ns;
	return now_ns - *begin_ns < timeout_ns ? timeout_ns - (now_ns - *begin_ns) : 0;
}

static int queue_full(const struct mk_ingester *ingester, uint64_t timeout_ns)
{
	if (!timeout_ns)
		return mk_fail(EAGAIN,
			       "no ingest slot is free in the %u groups that this "
			       "ingester may lease, of %u",
			       ingester->groups.max, ingester->groups.leases.count);
	return mk_fail(ETIMEDOUT,
		       "no ingest slot became free in %llu ns; is an engine running that "
		       "takes ingests?",
		       (unsigned long long)timeout_ns);
}

int64_t mk_ingester_publish_many(struct mk_ingester *ingester,
				 const struct mk_ingest *ingests, size_t count,
				 uint64_t timeout_ns, struct mk_ingest_ticket *tickets)
{
	enum { AT_ONCE = 16 };
	struct mk_ingest_ticket taken[AT_ONCE];
	uint64_t begin_ns = 0;
	size_t done = 0;

	while (done < count) {
		size_t most = count - done < AT_ONCE ? count - done : AT_ONCE;
		size_t found = take_slots(ingester, false, most, taken);

		if (!found) {
			/* A parked engine must wake before it can be waited for. */
			mk_park_wake(ingester->context);
			found = wait_for_slots(ingester, time_left(&begin_ns, timeout_ns),
					       most, taken);
		}
		if (!found)
			break;
		for (size_t i = 0; mk_is_traced(ingester->trace) && i < found; i++)
			mk_trace_ingest(ingester->trace, taken[i].slot,
					&ingests[done + i]);
		store(ingester->context, &ingests[done], taken, found);
		for (size_t i = 0; tickets && i < found; i++)
			tickets[done + i] = taken[i];
		done += found;
	}
	mk_park_wake(ingester->context);
	if (!done && count)
		return queue_full(ingester, timeout_ns);
	return (int64_t)done;
}

int mk_ingester_publish(struct mk_ingester *ingester, const struct mk_ingest *ingest,
			uint64_t timeout_ns, struct mk_ingest_ticket *ticket)
{
	int64_t ret = mk_ingester_publish_many(ingester, ingest, 1, timeout_ns, ticket);

	return ret < 0 ? (int)ret : 0;
}

/* Waiting ---------------------------------------------------------------- */

int mk_ingester_wait(struct mk_ingester *ingester, const struct mk_ingest_ticket *ticket,
		     uint64_t timeout_ns)
{
	/* Should a device have died between recycling and counting. */
	enum { ROUNDS_PER_LOOK = 1024 };
	struct mk_context *context = ingester->context;
	struct mk_poll poll = mk_poll_begin(timeout_ns);
	uint32_t seen = 0;
	bool ended;

	if (!ticket->number || ticket->number > ingester->groups.last_number)
		return mk_fail(EINVAL,
			       "a ticket with number %llu, of %llu publishes; use what "
			       "publish returned",
			       (unsigned long long)ticket->number,
			       (unsigned long long)ingester->groups.last_number);
	do {
		uint32_t recycled = mk_cq_load(context, MK_CQ_IO_INGESTS);
		bool look = recycled != seen || poll.rounds % ROUNDS_PER_LOOK == 0;

		ended = mk_ingest_groups_is_recycled(&ingester->groups, ticket, look);
		seen = recycled;
	} while (!ended && mk_poll_again(&poll));

	if (!ended && timeout_ns)
		return mk_fail(ETIMEDOUT,
			       "the ingest in io slot %u was not recycled in %llu ns; is "
			       "an engine running that takes ingests?",
			       ticket->slot, (unsigned long long)timeout_ns);
	if (!ended)
		return mk_fail(EAGAIN, "the ingest in io slot %u is not recycled yet",
			       ticket->slot);
	/* What the handler stored may be in the device's memory, for the caller to load. */
	if (context->write_combining)
		mk_read_fence();
	mk_ingest_groups_settle(&ingester->groups, ticket);
	if (mk_is_traced(ingester->trace))
		mk_trace_ingest_end(ingester->trace, ticket->slot);
	return 0;
}

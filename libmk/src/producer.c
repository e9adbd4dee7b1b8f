// SPDX-License-Identifier: MIT
#include <mk/producer.h>

#include <errno.h>
#include <stdlib.h>

#include "abi.h"
#include "context.h"
#include "deadline.h"
#include "error.h"
#include "line_store.h"
#include "options.h"
#include "park.h"
#include "trace.h"
#include "wait.h"
#include "windows.h"

struct mk_producer {
	struct mk_context *context;
	struct mk_windows windows;
	struct mk_trace_ring *trace; /* NULL: nothing is traced */
	uint32_t tenant;
};

int mk_producer_open(struct mk_context *context, const struct mk_producer_options *wanted,
		     struct mk_producer **result)
{
	struct mk_producer_options options;
	struct mk_producer *producer;
	int ret;

	ret = mk_options_copy("struct mk_producer_options", &options, sizeof(options),
			      wanted);
	if (ret)
		return ret;
	ret = mk_context_check_role(context, MK_ROLE_PRODUCER, "publish");
	if (ret)
		return ret;
	producer = calloc(1, sizeof(*producer));
	if (!producer)
		return mk_fail(ENOMEM, "no memory for a producer");
	producer->context = context;
	producer->tenant = options.tenant;
	ret = mk_windows_open(context, options.max_windows, &producer->windows);
	if (ret) {
		free(producer);
		return ret;
	}
	producer->trace = mk_trace_join(context);
	*result = producer;
	return 0;
}

void mk_producer_close(struct mk_producer *producer)
{
	if (!producer)
		return;
	mk_windows_close(&producer->windows);
	mk_trace_leave(producer->trace);
	free(producer);
}

void mk_producer_identity(const struct mk_producer *producer,
			  struct mk_producer_identity *identity)
{
	mk_lease_identify(producer->windows.leases.owner, identity);
}

/* Publishing ------------------------------------------------------------- */

/* Wait for @least consecutive free slots; returns how many, up to @most, or 0. */
static uint32_t find_slots(struct mk_producer *producer, uint32_t least, uint32_t most,
			   uint64_t timeout_ns, uint32_t *slot)
{
	/* A thorough look disturbs the device and costs system calls: now and then. */
	enum { ROUNDS_PER_THOROUGH_LOOK = 64 };
	struct mk_poll poll;
	uint32_t found;

	found = mk_windows_find_slots(&producer->windows, least, most, false, slot);
	if (found)
		return found;
	poll = mk_poll_begin(timeout_ns);
	do {
		bool thorough = poll.rounds % ROUNDS_PER_THOROUGH_LOOK == 0;

		found = mk_windows_find_slots(&producer->windows, least, most, thorough,
					      slot);
	} while (!found && mk_poll_again(&poll));

	return found;
}

static int ring_full(const struct mk_producer *producer, uint64_t timeout_ns)
{
	if (!timeout_ns)
		return mk_fail(EAGAIN,
			       "the ring is full: no free slot in the %u windows that "
			       "this producer may lease, of %u",
			       producer->windows.max, producer->context->window_count);
	return mk_fail(ETIMEDOUT,
		       "the ring stayed full for %llu ns; is an engine running, and "
		       "is a masked tenant's work filling it?",
		       (unsigned long long)timeout_ns);
}

static int publish_words(struct mk_producer *producer, uint32_t words[MK_SLOT_WORDS],
			 uint64_t timeout_ns, struct mk_ticket *ticket)
{
	uint32_t slot;

	if (!find_slots(producer, 1, 1, timeout_ns, &slot))
		return ring_full(producer, timeout_ns);
	if (mk_is_traced(producer->trace))
		mk_trace_words(producer->trace, slot, words,
			       *mk_windows_counts(&producer->windows));
	mk_slot_store_words(producer->context, slot, words,
			    *mk_windows_counts(&producer->windows));
	mk_windows_use_slots(&producer->windows, 1);
	if (ticket)
		*ticket = mk_windows_promise(&producer->windows, slot);
	mk_park_wake(producer->context);
	return 0;
}

int mk_producer_publish(struct mk_producer *producer, const struct mk_item *item,
			uint64_t timeout_ns, struct mk_ticket *ticket)
{
	uint32_t words[MK_SLOT_WORDS];
	int ret = mk_slot_encode(words, producer->tenant, item);

	return ret ? ret : publish_words(producer, words, timeout_ns, ticket);
}

int mk_producer_publish_packed(struct mk_producer *producer,
			       const struct mk_item *operations, size_t count,
			       uint64_t timeout_ns, struct mk_ticket *ticket)
{
	uint32_t words[MK_SLOT_WORDS];
	int ret = mk_slot_encode_packed(words, producer->tenant, operations, count);

	return ret ? ret : publish_words(producer, words, timeout_ns, ticket);
}

static int check_items(const struct mk_item *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int ret = mk_item_is_plain(&items[i]) ? 0 : mk_item_check(&items[i]);

		if (ret)
			return ret;
	}
	return 0;
}

/* Into the slots from @slot on that were found, but for the first @skipped. */
static void store_items(struct mk_producer *producer, uint32_t slot,
			const struct mk_item *items, uint32_t count, uint32_t skipped)
{
	const uint32_t *counts = mk_windows_counts(&producer->windows) + skipped;

	slot += skipped;
	if (mk_is_traced(producer->trace))
		mk_trace_items(producer->trace, slot, producer->tenant, items, count,
			       counts);
	mk_slots_store(producer->context, slot, producer->tenant, items, count, counts);
}

static void give_tickets(struct mk_producer *producer, uint32_t slot, uint32_t count,
			 struct mk_ticket *tickets)
{
	for (uint32_t i = 0; tickets && i < count; i++)
		tickets[i] = mk_windows_promise(&producer->windows, slot + i);
}

int64_t mk_producer_publish_many(struct mk_producer *producer,
				 const struct mk_item *items, size_t count,
				 uint64_t timeout_ns, struct mk_ticket *tickets)
{
	uint32_t run_limit = producer->context->geometry.window_slots;
	/* A parked engine must wake before this producer may wait for it. */
	uint64_t begin = 0;
	size_t done = 0;
	int ret = check_items(items, count);

	if (ret)
		return ret;
	while (done < count) {
		uint32_t most = count - done < run_limit ? (uint32_t)(count - done) :
							   run_limit;
		uint32_t slot, found;

		found = mk_windows_find_slots(&producer->windows, 1, most, false, &slot);
		if (!found) {
			uint64_t spent;

			mk_park_wake(producer->context);
			if (!begin)
				begin = mk_now_ns();
			spent = mk_now_ns() - begin;
			found = find_slots(producer, 1, most,
					   spent < timeout_ns ? timeout_ns - spent : 0,
					   &slot);
		}
		if (!found)
			break;
		store_items(producer, slot, &items[done], found, 0);
		mk_windows_use_slots(&producer->windows, found);
		give_tickets(producer, slot, found, tickets ? &tickets[done] : NULL);
		done += found;
	}
	mk_park_wake(producer->context);
	if (!done && count)
		return ring_full(producer, timeout_ns);
	return (int64_t)done;
}

int mk_producer_publish_batch(struct mk_producer *producer, const struct mk_item *items,
			      size_t count, uint32_t tag, uint64_t timeout_ns,
			      struct mk_ticket *fence, struct mk_ticket *tickets)
{
	uint32_t limit = producer->context->geometry.window_slots - 1;
	uint32_t fence_args[2] = { (uint32_t)count, tag };
	struct mk_item fence_item = { MK_OP_BATCH_FENCE, 2, fence_args };
	uint32_t slots = (uint32_t)count + 1;
	uint32_t slot;
	int ret;

	if (count > limit)
		return mk_fail(EMSGSIZE,
			       "a batch of %zu operations and a fence does not fit a "
			       "window of %u slots; split it, or create the context "
			       "with larger windows",
			       count, limit + 1);
	ret = check_items(items, count);
	if (ret)
		return ret;
	if (!find_slots(producer, slots, slots, timeout_ns, &slot))
		return ring_full(producer, timeout_ns);

	/* The fence is last: who sees it published sees what it waits for. */
	store_items(producer, slot, items, (uint32_t)count, 0);
	store_items(producer, slot, &fence_item, 1, (uint32_t)count);
	mk_windows_use_slots(&producer->windows, slots);
	give_tickets(producer, slot, (uint32_t)count, tickets);
	give_tickets(producer, slot + (uint32_t)count, 1, fence);
	mk_park_wake(producer->context);
	return 0;
}

/* Waiting ---------------------------------------------------------------- */

int mk_producer_wait(struct mk_producer *producer, const struct mk_ticket *ticket,
		     uint64_t timeout_ns)
{
	int ret = mk_ticket_wait(producer->context, ticket, timeout_ns);

	if (mk_is_traced(producer->trace))
		mk_trace_wait(producer->trace, ticket, ret);
	if (ret >= 0 || ret == -ESTALE)
		mk_windows_settle(&producer->windows, ticket->slot);
	return ret;
}

// SPDX-License-Identifier: MIT
#include <mk/producer.h>

#include <errno.h>
#include <stdlib.h>

#include "abi.h"
#include "context.h"
#include "deadline.h"
#include "error.h"
#include "options.h"
#include "park.h"
#include "wait.h"
#include "windows.h"

struct mk_producer {
	struct mk_context *context;
	struct mk_windows windows;
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
	*result = producer;
	return 0;
}

void mk_producer_close(struct mk_producer *producer)
{
	if (!producer)
		return;
	mk_windows_close(&producer->windows);
	free(producer);
}

/* Publishing ------------------------------------------------------------- */

/* Wait for @count consecutive free slots. */
static int take_slots(struct mk_producer *producer, uint32_t count, uint64_t timeout_ns,
		      uint32_t *slot)
{
	/* A thorough look disturbs the device and costs system calls: now and then. */
	enum { ROUNDS_PER_THOROUGH_LOOK = 64 };
	struct mk_poll poll;

	if (mk_windows_take_slots(&producer->windows, count, false, slot))
		return 0;
	poll = mk_poll_begin(timeout_ns);
	do {
		bool thorough = poll.rounds % ROUNDS_PER_THOROUGH_LOOK == 0;

		if (mk_windows_take_slots(&producer->windows, count, thorough, slot))
			return 0;
	} while (mk_poll_again(&poll));

	return -EAGAIN;
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

/*
 * The slot is free and leased to us, so nobody else stores here.  The payload
 * goes first, and the release makes the device see it before the status.
 */
static void store_slot(struct mk_producer *producer, uint32_t slot,
		       const uint32_t words[MK_SLOT_WORDS], struct mk_ticket *ticket)
{
	mk_word *target =
		&producer->context->regions[MK_REGION_RING].inbound[slot * MK_SLOT_WORDS];
	uint32_t completed = mk_entry_count(mk_cq_entry(producer->context, slot));

	for (uint32_t i = MK_SLOT_STATUS + 1; i < MK_SLOT_WORDS; i++)
		atomic_store_explicit(&target[i], words[i], memory_order_relaxed);
	atomic_store_explicit(&target[MK_SLOT_STATUS], words[MK_SLOT_STATUS],
			      memory_order_release);
	if (ticket) {
		mk_windows_promise(&producer->windows, slot);
		*ticket = (struct mk_ticket){
			.slot = slot,
			.count = (completed + 1) & MK_CQ_ENTRY_COUNT_MASK,
		};
	}
}

static int publish_words(struct mk_producer *producer,
			 const uint32_t words[MK_SLOT_WORDS], uint64_t timeout_ns,
			 struct mk_ticket *ticket)
{
	uint32_t slot;

	if (take_slots(producer, 1, timeout_ns, &slot))
		return ring_full(producer, timeout_ns);
	store_slot(producer, slot, words, ticket);
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
		int ret = mk_item_check(&items[i]);

		if (ret)
			return ret;
	}
	return 0;
}

int64_t mk_producer_publish_many(struct mk_producer *producer,
				 const struct mk_item *items, size_t count,
				 uint64_t timeout_ns, struct mk_ticket *tickets)
{
	/* A parked engine must wake before this producer may wait for it. */
	uint64_t begin = 0;
	size_t done = 0;
	int ret = check_items(items, count);

	if (ret)
		return ret;
	while (done < count) {
		uint32_t words[MK_SLOT_WORDS];
		uint32_t slot;

		if (!mk_windows_take_slots(&producer->windows, 1, false, &slot)) {
			uint64_t spent;

			mk_park_wake(producer->context);
			if (!begin)
				begin = mk_now_ns();
			spent = mk_now_ns() - begin;
			if (take_slots(producer, 1,
				       spent < timeout_ns ? timeout_ns - spent : 0,
				       &slot))
				break;
		}
		mk_slot_encode(words, producer->tenant, &items[done]);
		store_slot(producer, slot, words, tickets ? &tickets[done] : NULL);
		done++;
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
	uint32_t words[MK_SLOT_WORDS];
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
	if (take_slots(producer, (uint32_t)count + 1, timeout_ns, &slot))
		return ring_full(producer, timeout_ns);

	/* The fence is last: who sees it published sees what it waits for. */
	for (size_t i = 0; i < count; i++) {
		mk_slot_encode(words, producer->tenant, &items[i]);
		store_slot(producer, slot + (uint32_t)i, words,
			   tickets ? &tickets[i] : NULL);
	}
	mk_slot_encode(words, producer->tenant, &fence_item);
	store_slot(producer, slot + (uint32_t)count, words, fence);
	mk_park_wake(producer->context);
	return 0;
}

/* Waiting ---------------------------------------------------------------- */

int mk_producer_wait(struct mk_producer *producer, const struct mk_ticket *ticket,
		     uint64_t timeout_ns)
{
	int ret = mk_context_wait(producer->context, ticket, timeout_ns);

	if (ret >= 0 || ret == -ESTALE)
		mk_windows_settle(&producer->windows, ticket->slot);
	return ret;
}

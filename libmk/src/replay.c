// SPDX-License-Identifier: MIT
#include <mk/replay.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "error.h"
#include "ioq.h"
#include "line_store.h"
#include "park.h"

struct mk_replay {
	struct mk_context *context;
	uint32_t *counts; /* completions of each slot once what we published has ended */
	bool has_queue;
	struct mk_ioq queue;
	int held; /* proves that the context has no other pump; -1: nothing does */
	struct mk_io_request found[MK_IOQ_LOOK_SLOTS];
	uint32_t found_count;
	uint32_t found_next;
};

/* Open and close ----------------------------------------------------------------- */

static int open_queue(struct mk_replay *replay)
{
	struct mk_backing *backing = replay->context->backing;
	int ret;

	if (!replay->context->geometry.io_request_slots)
		return 0;
	replay->held = backing->ops->hold_pump(backing);
	if (replay->held == -EBUSY)
		return mk_fail(EBUSY, "the context has a pump; close that one first");
	if (replay->held < 0)
		return replay->held;
	ret = mk_ioq_open(&replay->queue, replay->context);
	replay->has_queue = !ret;
	return ret;
}

static int open_counts(struct mk_replay *replay)
{
	uint32_t slots = replay->context->geometry.slots;

	replay->counts = calloc(slots, sizeof(*replay->counts));
	if (!replay->counts)
		return mk_fail(ENOMEM, "no memory for a replay of %u slots", slots);
	for (uint32_t slot = 0; slot < slots; slot++)
		replay->counts[slot] = mk_entry_count(mk_cq_entry(replay->context, slot));
	return 0;
}

int mk_replay_open(struct mk_context *context, struct mk_replay **result)
{
	struct mk_replay *replay;
	int ret = mk_context_check_role(context, MK_ROLE_ENGINE, "replay");

	if (ret)
		return ret;
	replay = calloc(1, sizeof(*replay));
	if (!replay)
		return mk_fail(ENOMEM, "no memory for a replay");
	replay->context = context;
	replay->held = -1;
	ret = open_counts(replay);
	if (!ret)
		ret = open_queue(replay);
	if (ret)
		mk_replay_close(replay);
	else
		*result = replay;
	return ret;
}

void mk_replay_close(struct mk_replay *replay)
{
	struct mk_backing *backing;

	if (!replay)
		return;
	backing = replay->context->backing;
	if (replay->has_queue)
		mk_ioq_close(&replay->queue);
	if (replay->held >= 0)
		backing->ops->release_pump(backing, replay->held);
	free(replay->counts);
	free(replay);
}

/* Publishing ----------------------------------------------------------------------- */

int mk_replay_publish(struct mk_replay *replay, uint32_t slot,
		      const uint32_t words[MK_SLOT_WORDS], struct mk_ticket *ticket)
{
	struct mk_context *context = replay->context;
	uint32_t copy[MK_SLOT_WORDS];
	uint32_t count;

	if (slot >= context->geometry.slots)
		return mk_fail(EINVAL, "slot %u of a ring of %u", slot,
			       context->geometry.slots);
	/* Acquires: the next words of a slot come after the device has read the last. */
	count = mk_entry_count(mk_cq_entry(context, slot));
	if (count != replay->counts[slot])
		return mk_fail(EBUSY,
			       "what was published in slot %u has not ended; wait for "
			       "its ticket first",
			       slot);
	memcpy(copy, words, sizeof(copy));
	copy[MK_SLOT_STATUS] = MK_STATUS_PUBLISHED;
	mk_slot_store_words(context, slot, copy, count);
	replay->counts[slot] = (count + 1) & MK_CQ_ENTRY_COUNT_MASK;
	*ticket = (struct mk_ticket){ .slot = slot, .count = replay->counts[slot] };
	mk_park_wake(context);
	return 0;
}

/* Requests ------------------------------------------------------------------------- */

static uint32_t find_requests(struct mk_replay *replay)
{
	struct mk_ioq *queue = &replay->queue;
	uint32_t looks = queue->slots / MK_IOQ_LOOK_SLOTS + 1;
	uint32_t count = mk_ioq_claim_hinted(queue, replay->found);

	if (!count && mk_ioq_has_requests(queue))
		count = mk_ioq_claim_again(queue, replay->found);
	while (!count && looks-- && mk_ioq_has_requests(queue))
		count = mk_ioq_claim(queue, replay->found);
	return count;
}

int mk_replay_next_request(struct mk_replay *replay, struct mk_io_request *request)
{
	if (!replay->has_queue)
		return 0;
	if (replay->found_next == replay->found_count) {
		replay->found_next = 0;
		replay->found_count = find_requests(replay);
	}
	if (!replay->found_count)
		return 0;
	*request = replay->found[replay->found_next++];
	mk_ioq_show_claim(&replay->queue, request->slot);
	return 1;
}

int mk_replay_answer(struct mk_replay *replay, uint32_t slot, uint32_t reason,
		     uint32_t error, uint32_t done)
{
	struct mk_context *context = replay->context;

	if (!replay->has_queue || slot >= replay->queue.slots ||
	    !replay->queue.state[slot].is_claimed || !replay->queue.state[slot].is_shown)
		return mk_fail(EINVAL, "no request was claimed in io slot %u", slot);
	if (reason)
		mk_ioq_explain(&replay->queue, slot, reason, error, done);
	/* Data and reasons are sent before the answer that they belong to. */
	if (context->write_combining)
		mk_write_fence();
	mk_ioq_answer(&replay->queue, slot,
		      reason ? MK_IO_STATUS_ERROR : MK_IO_STATUS_OK);
	mk_park_wake(context);
	return 0;
}

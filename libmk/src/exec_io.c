// SPDX-License-Identifier: MIT
#include "exec_io.h"

#include "io_outbox.h"
#include "runnable.h"

/* Request slots that are looked at for a free one before others have their turn. */
#define TAKE_STEPS 64u

static mk_word *io_word(const struct mk_executor *executor, uint32_t io_slot,
			uint32_t word)
{
	return mk_io_word(executor->context, io_slot, word);
}

static uint32_t load(const mk_word *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static void store(mk_word *word, uint32_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
}

static mk_word *owner_word(const struct mk_executor *executor, uint32_t request)
{
	return mk_io_state(executor->context, request, MK_STATE_IO_OWNER);
}

static mk_word *taken_word(const struct mk_executor *executor)
{
	return mk_state_word(executor->context, MK_STATE_IO_TAKEN);
}

/* Requests ----------------------------------------------------------------- */

/* Acquire: who had it before is done with its words. */
static bool take_if_free(const struct mk_executor *executor, uint32_t request)
{
	mk_word *owner = owner_word(executor, request);
	uint32_t nobody = 0;

	return !load(owner) &&
	       atomic_compare_exchange_strong_explicit(owner, &nobody, executor->io.asker,
						       memory_order_acquire,
						       memory_order_relaxed);
}

/* Take a free request slot.  Returns it plus 1, or 0: none was found. */
static uint32_t take_request(struct mk_executor *executor)
{
	uint32_t count = executor->context->geometry.io_request_slots, request;
	uint32_t tries = count < TAKE_STEPS ? count : TAKE_STEPS;

	if (load(taken_word(executor)) >= count)
		return 0;
	request = atomic_fetch_add_explicit(mk_state_word(executor->context,
							  MK_STATE_IO_CURSOR),
					    1, memory_order_relaxed) %
		  count;
	while (tries-- && mk_executor_steps(executor, 1)) {
		if (take_if_free(executor, request)) {
			atomic_fetch_add_explicit(taken_word(executor), 1,
						  memory_order_relaxed);
			return request + 1;
		}
		request = request + 1 < count ? request + 1 : 0;
	}
	return 0;
}

/* By who has it, and is done with its words.  Its status is EMPTY. */
static void leave_request(struct mk_executor *executor, uint32_t request)
{
	atomic_store_explicit(owner_word(executor, request), 0, memory_order_release);
	atomic_fetch_sub_explicit(taken_word(executor), 1, memory_order_relaxed);
}

/* The same: nobody waits for it any more, or it was not published. */
static void free_request(struct mk_executor *executor, uint32_t request)
{
	store(io_word(executor, request, MK_IO_STATUS), MK_STATUS_EMPTY);
	leave_request(executor, request);
}

uint32_t mk_io_ask(struct mk_executor *executor, const struct mk_io_wish *wish)
{
	uint32_t request;

	if (!executor->io.asker)
		return MK_STATUS_FAULT;
	if (!executor->io.asked) {
		executor->io.asked = executor->io.kept;
		executor->io.kept = 0;
	}
	if (!executor->io.asked)
		executor->io.asked = take_request(executor);
	if (!executor->io.asked)
		return MK_STATUS_REQUEUE;
	request = executor->io.asked - 1;
	store(io_word(executor, request, MK_IO_OP), wish->op);
	store(io_word(executor, request, MK_IO_SOURCE), wish->source);
	store(io_word(executor, request, MK_IO_DESTINATION), wish->destination);
	store(io_word(executor, request, MK_IO_OFFSET_LOW), wish->offset_low);
	store(io_word(executor, request, MK_IO_OFFSET_HIGH), wish->offset_high);
	store(io_word(executor, request, MK_IO_BYTE_COUNT), wish->bytes);
	store(io_word(executor, request, MK_IO_TAG), wish->tag);
	return MK_STATUS_WAIT_IO;
}

void mk_io_withdraw(struct mk_executor *executor)
{
	if (executor->io.asked)
		free_request(executor, executor->io.asked - 1);
	executor->io.asked = 0;
}

static void show_published(const struct mk_executor *executor, uint32_t request)
{
	/* Release: its words, and what the operation has stored in the arena. */
	atomic_store_explicit(io_word(executor, request, MK_IO_STATUS),
			      MK_STATUS_PUBLISHED, memory_order_release);
}

static void count_request(const struct mk_executor *executor)
{
	/* Who sees the count finds the request. */
	atomic_thread_fence(memory_order_release);
	mk_counter_add(executor->context, MK_CQ_IO_REQUESTS, 1);
}

/* What was published, as a device across a bus shows it; behind PUBLISHED. */
static void put_into_outbox(const struct mk_executor *executor, uint32_t request)
{
	mk_word *lap = mk_io_state(executor->context, request, MK_STATE_IO_LAP);
	uint32_t words[MK_IO_SLOT_WORDS];

	for (uint32_t i = 0; i < MK_IO_SLOT_WORDS; i++)
		words[i] = load(io_word(executor, request, i));
	store(lap, load(lap) + 1);
	mk_io_outbox_store(executor->context, request, load(lap), words);
}

/* Where to look; behind what is to be found there. */
static void give_hint(const struct mk_executor *executor, uint32_t request)
{
	const struct mk_context *context = executor->context;
	uint32_t n = atomic_fetch_add_explicit(mk_state_word(context, MK_STATE_IO_HINTS),
					       1, memory_order_relaxed);
	uint32_t slot = request < MK_CQ_IO_HINT_SLOT_NONE ? request :
							    MK_CQ_IO_HINT_SLOT_NONE;

	atomic_store_explicit(
		mk_cq_word(context, MK_CQ_IO_HINTS + n % MK_CQ_IO_HINT_COUNT),
		(n + 1) << MK_CQ_IO_HINT_SLOT_BITS | slot, memory_order_release);
}

void mk_io_publish(struct mk_executor *executor)
{
	uint32_t request = executor->io.asked - 1;

	show_published(executor, request);
	if (executor->context->split && request < MK_CQ_IO_OUTBOX_SLOTS)
		put_into_outbox(executor, request);
	if (executor->context->split)
		give_hint(executor, request);
	count_request(executor);
	executor->io.waits = true;
}

/* Answers ------------------------------------------------------------------ */

static void take_answer(struct mk_executor *executor, uint32_t slot)
{
	uint32_t request = executor->io.found;

	executor->io.answer = load(io_word(executor, request, MK_IO_STATUS));
	if (executor->io.answer != MK_IO_STATUS_OK) {
		executor->io.answer = MK_IO_STATUS_ERROR;
		executor->io.reason = load(io_word(executor, request, MK_IO_REASON));
	}
	store(mk_slot_state(executor->context, slot, MK_STATE_IO), 0);
	store(io_word(executor, request, MK_IO_STATUS), MK_STATUS_EMPTY);
	/* It may ask in the same one, unless others want one that is free. */
	if (load(taken_word(executor)) < executor->context->geometry.io_request_slots)
		executor->io.kept = request + 1;
	else
		leave_request(executor, request);
}

void mk_io_begin(struct mk_executor *executor, uint32_t slot, uint32_t status)
{
	mk_io_forbid(executor);
	executor->io.asker = slot + 1;
	if (status == MK_STATUS_WAIT_IO)
		take_answer(executor, slot);
}

void mk_io_finish(struct mk_executor *executor)
{
	if (executor->io.kept)
		leave_request(executor, executor->io.kept - 1);
	executor->io.kept = 0;
}

void mk_io_forbid(struct mk_executor *executor)
{
	executor->io.asker = 0;
	executor->io.asked = 0;
	executor->io.answer = 0;
	executor->io.reason = 0;
}

bool mk_io_find_waiting(struct mk_executor *executor, uint32_t request,
			bool (*worker_has)(const struct mk_executor *, uint32_t slot),
			uint32_t *slot)
{
	const struct mk_context *context = executor->context;
	uint32_t owner = load(owner_word(executor, request));

	*slot = owner - 1;
	if (!owner || *slot >= context->geometry.slots || !worker_has(executor, *slot) ||
	    !mk_io_is_answered(context, request))
		return false;
	if (!mk_slot_waits_for(context, *slot, request)) {
		free_request(executor, request);
		return false;
	}
	executor->io.found = request;
	return mk_tenant_may_run(context,
				 mk_slot_payload(context, *slot, MK_SLOT_TENANT));
}

/* Recovery ----------------------------------------------------------------- */

/*
 * The words of a request come before its slot is WAIT_IO, but for those of a device across
 * a bus, which sends both behind one fence: there nobody knows what was asked for.
 */
static void recover_unpublished(const struct mk_executor *executor, uint32_t request)
{
	if (executor->context->split) {
		store(io_word(executor, request, MK_IO_REASON), MK_IO_REASON_CANCELLED);
		store(io_word(executor, request, MK_IO_ERRNO), 0);
		store(io_word(executor, request, MK_IO_BYTE_COUNT), 0);
		atomic_store_explicit(io_word(executor, request, MK_IO_STATUS),
				      MK_IO_STATUS_ERROR, memory_order_release);
		return;
	}
	show_published(executor, request);
	count_request(executor);
}

/*
 * A request is published after its slot is WAIT_IO, and free again after that is CLAIMED.
 * So one that is not in flight has an owner that waits, or none any more.  One in flight
 * is the host's until it is answered, whoever waits for it.
 */
static void recover_request(struct mk_executor *executor, uint32_t request)
{
	const struct mk_context *context = executor->context;
	uint32_t owner = load(owner_word(executor, request));
	uint32_t status = load(io_word(executor, request, MK_IO_STATUS));
	bool has_owner = owner && owner <= context->geometry.slots;
	bool is_in_flight = status == MK_STATUS_PUBLISHED || status == MK_STATUS_CLAIMED;

	if (has_owner && mk_slot_waits_for(context, owner - 1, request)) {
		if (status == MK_STATUS_EMPTY)
			recover_unpublished(executor, request);
	} else if (!has_owner || !is_in_flight) {
		store(io_word(executor, request, MK_IO_STATUS), MK_STATUS_EMPTY);
		store(owner_word(executor, request), 0);
		return;
	}
	atomic_fetch_add_explicit(taken_word(executor), 1, memory_order_relaxed);
	if (status != MK_STATUS_PUBLISHED)
		return;
	/* It may not have been shown; the host bears one that is twice. */
	if (context->split)
		give_hint(executor, request);
	mk_counter_add(executor->context, MK_CQ_IO_REQUESTS, 1);
}

uint32_t mk_io_recover(struct mk_executor *executor)
{
	const struct mk_geometry *geometry = &executor->context->geometry;
	uint32_t interrupted = 0;

	store(taken_word(executor), 0);
	for (uint32_t i = 0; i < geometry->io_request_slots; i++)
		recover_request(executor, i);
	for (uint32_t i = geometry->io_request_slots; i < geometry->io_slots; i++)
		interrupted += mk_ingest_recover(executor, i);
	mk_write_fence();
	return interrupted;
}

/* What handlers may do ----------------------------------------------------- */

static uint32_t ask(struct mk_call *call, const struct mk_io_wish *wish)
{
	uint32_t status = mk_io_ask(call->executor, wish);

	if (status == MK_STATUS_FAULT)
		call->fault = MK_FAULT_HANDLER;
	return status;
}

uint32_t mk_call_io_read(struct mk_call *call, uint32_t source, uint32_t destination,
			 uint32_t offset_low, uint32_t offset_high, uint32_t bytes)
{
	return ask(call,
		   &(struct mk_io_wish){ MK_IO_OP_READ, source, destination, offset_low,
					 offset_high, bytes, call->slot });
}

uint32_t mk_call_io_write(struct mk_call *call, uint32_t source, uint32_t destination,
			  uint32_t offset_low, uint32_t offset_high, uint32_t bytes)
{
	return ask(call,
		   &(struct mk_io_wish){ MK_IO_OP_WRITE, source, destination, offset_low,
					 offset_high, bytes, call->slot });
}

uint32_t mk_call_io_fence(struct mk_call *call, uint32_t source, uint32_t destination)
{
	return ask(call, &(struct mk_io_wish){ MK_IO_OP_FENCE, source, destination, 0, 0,
					       0, call->slot });
}

uint32_t mk_call_io_answer(const struct mk_call *call)
{
	return call->executor->io.answer;
}

uint32_t mk_call_io_reason(const struct mk_call *call)
{
	return call->executor->io.reason;
}

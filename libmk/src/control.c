// SPDX-License-Identifier: MIT
/* What a context's holder may read and set while it lives. */
#include "context.h"

#include <errno.h>
#include <string.h>

#include "deadline.h"
#include "error.h"
#include "park.h"
#include "trace.h"

/* How long a device may take to end two dispatches that are told to. */
#define WORKERS_TIMEOUT_NS UINT64_C(10000000000)

/* Settings ------------------------------------------------------------------- */

static int check_observable(const struct mk_context *context, uint32_t index)
{
	if (index >= context->geometry.observable_words)
		return mk_fail(ERANGE,
			       "observable %u of a context with %u; create it with "
			       "more observable_words",
			       index, context->geometry.observable_words);
	return 0;
}

int mk_context_observable(const struct mk_context *context, uint32_t index,
			  uint32_t *value)
{
	int ret = check_observable(context, index);

	if (!ret)
		*value = mk_control_load(context, MK_CONTROL_OBSERVABLES + index);
	return ret;
}

static int check_no_engine(const struct mk_context *context, const char *what)
{
	if (context->backing->ops->has_engine(context->backing))
		return mk_fail(
			EBUSY,
			"%s cannot be set while an engine runs (process %u); stop the "
			"engine first",
			what, mk_cq_load(context, MK_CQ_OWNER_PID));
	return 0;
}

int mk_context_set_observable(struct mk_context *context, uint32_t index, uint32_t value)
{
	int ret = check_observable(context, index);

	if (!ret)
		ret = mk_context_check_role(context, MK_ROLE_ENGINE, "set an observable");
	if (!ret)
		ret = check_no_engine(context, "an observable");
	if (ret)
		return ret;
	mk_control_store(context, MK_CONTROL_OBSERVABLES + index, value);
	return 0;
}

/*
 * Across a bus workers keep what they know of the tenants, at most to the end of their
 * dispatch.  So make the one that runs end, and wait until it has: the next but one was
 * certainly not under way yet.
 */
static int wait_for_workers(struct mk_context *context)
{
	struct mk_poll poll = mk_poll_begin(WORKERS_TIMEOUT_NS);
	uint32_t first = mk_cq_load(context, MK_CQ_DISPATCHES);

	while (mk_cq_load(context, MK_CQ_ENGINE_STATE) == MK_ENGINE_RUNNING &&
	       mk_cq_load(context, MK_CQ_DISPATCHES) - first < 2) {
		atomic_store_explicit(mk_state_word(context, MK_STATE_LEAVE), 1,
				      memory_order_relaxed);
		mk_write_fence();
		if (!mk_poll_again(&poll))
			return mk_fail(ETIMEDOUT,
				       "the device has not ended a dispatch in %u s; is "
				       "its engine's process stopped?",
				       (unsigned int)(WORKERS_TIMEOUT_NS / 1000000000u));
	}
	return 0;
}

int mk_context_set_tenant(struct mk_context *context, uint32_t tenant, uint32_t mask)
{
	int ret = mk_context_check_role(context, MK_ROLE_ENGINE, "authorise a tenant");

	if (ret)
		return ret;
	if (tenant >= MK_TENANT_COUNT)
		return mk_fail(ERANGE, "tenant %u; tenants are 0 to %u", tenant,
			       MK_TENANT_COUNT - 1);
	if (mk_is_traced(context->trace))
		mk_trace_control(context, MK_CONTROL_TENANT_MASKS + tenant, mask);
	mk_control_store(context, MK_CONTROL_TENANT_MASKS + tenant, mask);
	mk_park_wake(context);
	if (!context->split || mask ||
	    !context->backing->ops->has_engine(context->backing))
		return 0;
	return wait_for_workers(context);
}

int mk_context_set_priorities(struct mk_context *context,
			      const uint32_t offsets[MK_PRIORITY_COUNT + 1])
{
	uint32_t slots = context->geometry.slots;
	int ret = mk_context_check_role(context, MK_ROLE_ENGINE, "set the priorities");

	if (!ret)
		ret = check_no_engine(context, "the priorities");
	if (ret)
		return ret;
	for (uint32_t i = 0; offsets && i < MK_PRIORITY_COUNT; i++)
		if (offsets[i] > offsets[i + 1])
			return mk_fail(EINVAL,
				       "priority %u begins at slot %u, the next at %u; "
				       "offsets ascend",
				       i, offsets[i], offsets[i + 1]);
	if (offsets && (offsets[0] || offsets[MK_PRIORITY_COUNT] != slots))
		return mk_fail(
			EINVAL,
			"priorities cover the slots %u to %u of a ring of %u; they "
			"begin at 0 and cover all",
			offsets[0], offsets[MK_PRIORITY_COUNT], slots);
	for (uint32_t i = 0; i <= MK_PRIORITY_COUNT; i++)
		mk_control_store(context, MK_CONTROL_PRIORITY_OFFSETS + i,
				 offsets ? offsets[i] : 0);
	return 0;
}

int mk_context_shutdown(struct mk_context *context)
{
	int ret = mk_context_check_role(context, MK_ROLE_ENGINE, "shut it down");

	if (ret)
		return ret;
	if (mk_is_traced(context->trace))
		mk_trace_control(context, MK_CONTROL_SHUTDOWN, 1);
	mk_control_store(context, MK_CONTROL_SHUTDOWN, 1);
	mk_park_wake(context);
	return 0;
}

/* Counters and readback -------------------------------------------------------- */

static uint32_t load_counter(const struct mk_context *context, uint32_t word)
{
	uint32_t value = atomic_load_explicit(mk_counter_word(context, word),
					      memory_order_acquire);

	if (context->write_combining)
		mk_read_fence();
	return value;
}

/*
 * The low word wraps a moment before the high one counts that, so what looks like a
 * step back is a step on.
 */
static uint64_t load_slots_done(const struct mk_context *context)
{
	mk_word64 *told = (mk_word64 *)&context->slots_done;
	uint64_t last = atomic_load(told);
	uint64_t high = load_counter(context, MK_CQ_SLOTS_DONE_HIGH);
	uint64_t done = high << 32 | load_counter(context, MK_CQ_SLOTS_DONE_LOW);

	if (done < last)
		done += UINT64_C(1) << 32;
	while (last < done && !atomic_compare_exchange_weak(told, &last, done))
		;
	return done;
}

void mk_context_counters(const struct mk_context *context, struct mk_counters *counters)
{
	*counters = (struct mk_counters){
		.slots_done = load_slots_done(context),
		.done_count = mk_control_load(context, MK_CONTROL_DONE_COUNT),
		.faults = load_counter(context, MK_CQ_FAULTS),
		.epoch = mk_control_load(context, MK_CONTROL_EPOCH),
		.log_dropped = load_counter(context, MK_CQ_LOG_DROPPED),
		.log_generation = load_counter(context, MK_CQ_LOG_GENERATION),
		.heartbeat = load_counter(context, MK_CQ_HEARTBEAT),
		.dispatches = mk_cq_load(context, MK_CQ_DISPATCHES),
		.engine_state = mk_cq_load(context, MK_CQ_ENGINE_STATE),
	};
}

static void copy_words(const mk_word *from, size_t bytes, uint32_t *words)
{
	for (size_t i = 0; i < bytes / sizeof(*words); i++)
		words[i] = atomic_load_explicit(&from[i], memory_order_acquire);
}

/* An inbox has not got them. */
static void fill_in_statuses(const struct mk_context *context, uint32_t *ring)
{
	for (uint32_t slot = 0; slot < context->geometry.slots; slot++)
		ring[(size_t)slot * MK_SLOT_WORDS + MK_SLOT_STATUS] =
			mk_slot_status(context, slot);
}

int mk_context_readback(const struct mk_context *context, struct mk_readback *storage)
{
	const struct mk_memory *memories = context->backing->memories;

	for (uint32_t i = 0; i < MK_READBACK_BUFFERS; i++) {
		size_t bytes = memories[i].bytes;

		if (storage->buffers[i].capacity < bytes)
			return mk_fail(ENOSPC,
				       "the buffer for %s has room for %zu bytes; it "
				       "needs %zu",
				       mk_memory_name(i), storage->buffers[i].capacity,
				       bytes);
	}
	for (uint32_t i = 0; i < MK_READBACK_BUFFERS; i++) {
		struct mk_buffer *buffer = &storage->buffers[i];

		copy_words(context->regions[i], memories[i].bytes, buffer->data);
		buffer->length = memories[i].bytes;
	}
	if (context->split)
		fill_in_statuses(context, storage->buffers[MK_REGION_RING].data);
	return 0;
}

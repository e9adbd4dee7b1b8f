// SPDX-License-Identifier: MIT
#include "park.h"

static mk_word *park_word(struct mk_context *context)
{
	return mk_cq_word(context, MK_CQ_PARK_FUTEX);
}

void mk_park_wake(struct mk_context *context)
{
	mk_word *word = park_word(context);

	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(word, memory_order_relaxed) != MK_PARK_PARKED)
		return;
	atomic_store_explicit(word, MK_PARK_AWAKE, memory_order_release);
	context->backing->ops->wake(context->backing, MK_REGION_CQ, MK_CQ_PARK_FUTEX);
}

void mk_park_announce(struct mk_context *context)
{
	atomic_store_explicit(park_word(context), MK_PARK_PARKED, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
}

void mk_park_withdraw(struct mk_context *context)
{
	atomic_store_explicit(park_word(context), MK_PARK_AWAKE, memory_order_relaxed);
}

bool mk_park_is_announced(struct mk_context *context)
{
	return atomic_load_explicit(park_word(context), memory_order_acquire) ==
	       MK_PARK_PARKED;
}

void mk_park_sleep(struct mk_context *context, uint64_t timeout_ns)
{
	context->backing->ops->sleep(context->backing, MK_REGION_CQ, MK_CQ_PARK_FUTEX,
				     MK_PARK_PARKED, timeout_ns);
}

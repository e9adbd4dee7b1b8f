// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "park.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The word is in memory that several processes share, so no PRIVATE flag. */
static void futex(mk_word *word, int operation, uint32_t value,
		  const struct timespec *timeout)
{
	syscall(SYS_futex, word, operation, value, timeout, NULL, 0);
}

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
	futex(word, FUTEX_WAKE, INT_MAX, NULL);
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
	struct timespec timeout = {
		.tv_sec = (time_t)(timeout_ns / 1000000000u),
		.tv_nsec = (long)(timeout_ns % 1000000000u),
	};

	/* Every return means the same: look again.  So errors need no telling apart. */
	futex(park_word(context), FUTEX_WAIT, MK_PARK_PARKED, &timeout);
}

// SPDX-License-Identifier: MIT
#include "bell.h"

#include <stdatomic.h>

typedef _Atomic uint32_t word_t;

static word_t *bell_of(struct mk_backing *backing)
{
	return backing->memories[MK_BELL_MEMORY].address;
}

void mk_bell_sleep(struct mk_backing *backing, const void *word, uint32_t value,
		   uint64_t timeout_ns)
{
	uint32_t count = atomic_load_explicit(bell_of(backing), memory_order_acquire);

	if (atomic_load_explicit((const word_t *)word, memory_order_relaxed) == value)
		backing->ops->sleep(backing, MK_BELL_MEMORY, 0, count, timeout_ns);
}

void mk_bell_ring(struct mk_backing *backing)
{
	atomic_fetch_add_explicit(bell_of(backing), 1, memory_order_release);
	backing->ops->wake(backing, MK_BELL_MEMORY, 0);
}

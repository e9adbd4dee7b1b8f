// SPDX-License-Identifier: MIT
#include "lease.h"

static uint32_t owner_id(uint64_t lease)
{
	return (uint32_t)lease;
}

/* Change the lease of @window from @from to @to; false when it is another now. */
static bool swap_lease(struct mk_context *context, uint32_t window, uint64_t from,
		       uint64_t to)
{
	/* What the former owner knew of the window's slots, the next one knows. */
	return atomic_compare_exchange_strong_explicit(mk_cq_lease(context, window),
						       &from, to, memory_order_acq_rel,
						       memory_order_relaxed);
}

static uint64_t load_lease(const struct mk_context *context, uint32_t window)
{
	return atomic_load_explicit(mk_cq_lease(context, window), memory_order_relaxed);
}

void mk_lease_orphan(struct mk_context *context, uint32_t window, uint64_t owner)
{
	swap_lease(context, window, owner, owner - owner_id(owner));
}

/*
 * An id is ours now, so what is leased to it is a dead producer's; but since it is held
 * from now on, nobody could see that any more.
 */
static void orphan_leases_of(struct mk_context *context, uint32_t id)
{
	for (uint32_t window = 0; window < context->window_count; window++) {
		uint64_t lease = load_lease(context, window);

		if (lease && owner_id(lease) == id)
			mk_lease_orphan(context, window, lease);
	}
}

/* Never 0, which with id 0 would be a free lease. */
static uint32_t next_generation(struct mk_context *context)
{
	mk_word *word = mk_cq_word(context, MK_CQ_HINT_GENERATION);
	uint32_t generation = atomic_fetch_add(word, 1) + 1;

	return generation ? generation : atomic_fetch_add(word, 1) + 1;
}

int mk_lease_register(struct mk_context *context, uint64_t *owner)
{
	struct mk_backing *backing = context->backing;
	uint32_t id;
	int held = backing->ops->join(backing, &id);

	if (held < 0)
		return held;
	orphan_leases_of(context, id);
	*owner = (uint64_t)next_generation(context) << 32 | id;
	return held;
}

bool mk_lease_is_free(const struct mk_context *context, uint32_t window)
{
	return !load_lease(context, window);
}

bool mk_lease_take_free(struct mk_context *context, uint32_t window, uint64_t owner)
{
	return mk_lease_is_free(context, window) && swap_lease(context, window, 0, owner);
}

bool mk_lease_take_dead(struct mk_context *context, uint32_t window, uint64_t owner)
{
	struct mk_backing *backing = context->backing;
	uint64_t lease = load_lease(context, window);
	uint32_t id = owner_id(lease);

	if (!lease || id == owner_id(owner) ||
	    (id && backing->ops->is_alive(backing, id)))
		return false;
	/*
	 * The owner is dead.  Should its id have been taken by a new producer
	 * meanwhile, the lease has changed and the swap fails.
	 */
	return swap_lease(context, window, lease, owner);
}

void mk_lease_give_back(struct mk_context *context, uint32_t window, uint64_t owner)
{
	/* Ours alone: only who proves us dead may take it. */
	swap_lease(context, window, owner, 0);
}

// SPDX-License-Identifier: MIT
#include "lease.h"

#include <sched.h>
#include <unistd.h>

#include "deadline.h"

static uint32_t owner_id(uint64_t lease)
{
	return (uint32_t)lease;
}

void mk_lease_identify(uint64_t lease, struct mk_producer_identity *identity)
{
	identity->id = owner_id(lease);
	identity->generation = (uint32_t)(lease >> 32);
}

/* Change a lease from @from to @to; false when it is another now. */
static bool swap_lease(mk_word64 *word, uint64_t from, uint64_t to)
{
	/* What the former owner knew of the place's slots, the next one knows. */
	return atomic_compare_exchange_strong_explicit(
		word, &from, to, memory_order_acq_rel, memory_order_relaxed);
}

static uint64_t load_lease(const mk_word64 *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static void orphan(mk_word64 *word, uint64_t lease)
{
	swap_lease(word, lease, lease - owner_id(lease));
}

/* Becoming a producer -------------------------------------------------------- */

static void orphan_leases_of(mk_word64 *words, uint32_t count, uint32_t id)
{
	for (uint32_t i = 0; i < count; i++) {
		uint64_t lease = load_lease(&words[i]);

		if (lease && owner_id(lease) == id)
			orphan(&words[i], lease);
	}
}

/* Never 0, which with id 0 would be a free lease. */
static uint32_t next_generation(struct mk_context *context)
{
	mk_word *word = mk_cq_word(context, MK_CQ_HINT_GENERATION);
	uint32_t generation = atomic_fetch_add(word, 1) + 1;

	return generation ? generation : atomic_fetch_add(word, 1) + 1;
}

int mk_leases_open(struct mk_context *context, mk_word64 *words, uint32_t count,
		   uint32_t wanted, struct mk_leases *leases)
{
	struct mk_backing *backing = context->backing;
	uint32_t id;
	int held = backing->ops->join(backing, &id);

	if (held < 0)
		return held;
	/*
	 * The id is ours now, so what is leased to it is a dead producer's; but since it
	 * is held from now on, nobody could see that any more.
	 */
	orphan_leases_of(mk_cq_lease(context, 0), context->window_count, id);
	orphan_leases_of(mk_cq_ingest_lease(context, 0), MK_CQ_INGEST_LEASE_COUNT, id);
	*leases = (struct mk_leases){
		.context = context,
		.words = words,
		.count = count,
		.wanted = mk_cq_word(context, wanted),
		.owner = (uint64_t)next_generation(context) << 32 | id,
		.held_file = held,
	};
	/* Begin where nobody else does, as far as that can be guessed. */
	leases->hint =
		atomic_fetch_add(mk_cq_word(context, MK_CQ_HINT_WINDOW), 1) % count;
	return 0;
}

void mk_leases_close(struct mk_leases *leases)
{
	close(leases->held_file);
}

/* Taking --------------------------------------------------------------------- */

uint64_t mk_lease_of_dead(struct mk_context *context, mk_word64 *word)
{
	struct mk_backing *backing = context->backing;
	/* Acquire: what was stored in the place before it was orphaned is seen. */
	uint64_t lease = atomic_load_explicit(word, memory_order_acquire);
	uint32_t id = owner_id(lease);

	return id && backing->ops->is_alive(backing, id) ? 0 : lease;
}

bool mk_lease_free(mk_word64 *word, uint64_t lease)
{
	return swap_lease(word, lease, 0);
}

static bool take_if_free(struct mk_leases *leases, mk_word64 *word)
{
	return !load_lease(word) && swap_lease(word, 0, leases->owner);
}

/*
 * Should the id of the dead owner have been taken by a new producer meanwhile, the lease
 * has changed and the swap fails.
 */
static bool take_if_dead(struct mk_leases *leases, mk_word64 *word)
{
	uint64_t lease;

	if (owner_id(load_lease(word)) == owner_id(leases->owner))
		return false;
	lease = mk_lease_of_dead(leases->context, word);
	return lease && swap_lease(word, lease, leases->owner);
}

/* Who asked may be asleep between two looks, so leave it the place for a while. */
static bool is_others_turn(struct mk_leases *leases, uint32_t place)
{
	enum { OTHERS_TURN_NS = 2000000 };

	if (leases->given != place + 1)
		return false;
	if (!load_lease(&leases->words[place]) &&
	    mk_now_ns() - leases->given_ns < OTHERS_TURN_NS)
		return true;
	leases->given = 0;
	return false;
}

static bool take(struct mk_leases *leases, uint32_t *place,
		 bool (*take_one)(struct mk_leases *leases, mk_word64 *word))
{
	for (uint32_t i = 0; i < leases->count; i++) {
		uint32_t at = leases->hint + i;

		if (at >= leases->count)
			at -= leases->count;
		if (is_others_turn(leases, at))
			continue;
		if (take_one(leases, &leases->words[at])) {
			leases->hint = at;
			*place = at;
			return true;
		}
	}
	return false;
}

bool mk_leases_take_free(struct mk_leases *leases, uint32_t *place)
{
	return take(leases, place, take_if_free);
}

bool mk_leases_take_dead(struct mk_leases *leases, uint32_t *place)
{
	return take(leases, place, take_if_dead);
}

/* Leaving -------------------------------------------------------------------- */

void mk_leases_give_back(struct mk_leases *leases, uint32_t place)
{
	/* Ours alone: only who proves us dead may take it. */
	swap_lease(&leases->words[place], leases->owner, 0);
}

void mk_leases_give_to_others(struct mk_leases *leases, uint32_t place)
{
	leases->given = place + 1;
	leases->given_ns = mk_now_ns();
	atomic_store_explicit(leases->wanted, 0, memory_order_relaxed);
	mk_leases_give_back(leases, place);
	sched_yield();
}

void mk_leases_orphan(struct mk_leases *leases, uint32_t place)
{
	orphan(&leases->words[place], leases->owner);
}

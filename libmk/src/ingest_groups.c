// SPDX-License-Identifier: MIT
#include "ingest_groups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "error.h"

/* The publish of somebody who is dead. */
#define INHERITED UINT64_MAX

/* Sizes ------------------------------------------------------------------- */

static uint32_t ingest_slots(const struct mk_context *context)
{
	return context->geometry.io_slots - context->geometry.io_request_slots;
}

static uint32_t group_slots(const struct mk_context *context)
{
	return MK_INGEST_GROUP_SLOTS(ingest_slots(context));
}

uint32_t mk_ingest_group_count(const struct mk_context *context)
{
	uint32_t size = group_slots(context);

	return (ingest_slots(context) + size - 1) / size;
}

static uint32_t group_first(const struct mk_context *context, uint32_t group)
{
	return context->geometry.io_request_slots + group * group_slots(context);
}

/* The last group may be short. */
static uint32_t group_size(const struct mk_context *context, uint32_t group)
{
	uint32_t left = context->geometry.io_slots - group_first(context, group);
	uint32_t size = group_slots(context);

	return left < size ? left : size;
}

static uint32_t held_first(const struct mk_ingest_groups *groups,
			   const struct mk_held_group *held)
{
	return group_first(groups->context, groups->first_group + held->place);
}

static uint32_t held_size(const struct mk_ingest_groups *groups,
			  const struct mk_held_group *held)
{
	return group_size(groups->context, groups->first_group + held->place);
}

/* Looking ----------------------------------------------------------------- */

/* What no status is, is of nobody's who would ever recycle it. */
static bool is_in_flight(const struct mk_context *context, uint32_t slot)
{
	uint32_t status;

	/* Not before the load of the count that was the reason to look. */
	if (context->write_combining)
		mk_read_fence();
	status = atomic_load_explicit(mk_io_word(context, slot, MK_IO_STATUS),
				      memory_order_acquire);
	return status != MK_STATUS_EMPTY && status <= MK_STATUS_FAULT;
}

uint32_t mk_ingest_group_in_flight(const struct mk_context *context, uint32_t group)
{
	uint32_t first = group_first(context, group);
	uint32_t size = group_size(context, group);
	uint32_t in_flight = 0;

	for (uint32_t i = 0; i < size; i++)
		in_flight += is_in_flight(context, first + i);
	return in_flight;
}

/* Look at one of our slots; true when nothing is in flight in it. */
static bool look_at(const struct mk_ingest_groups *groups, struct mk_held_group *held,
		    uint32_t index)
{
	if (!held->numbers[index])
		return true;
	if (is_in_flight(groups->context, held_first(groups, held) + index))
		return false;
	held->numbers[index] = 0;
	held->in_flight--;
	return true;
}

/*
 * Look for recycled slots, beginning with the one that was published longest ago, as far
 * as that is known, and go on as long as there are some: they come in runs.
 */
static bool look_for_some(const struct mk_ingest_groups *groups,
			  struct mk_held_group *held)
{
	uint32_t size = held_size(groups, held);
	bool found = false;

	for (uint32_t i = 0; i < size; i++) {
		bool is_free = look_at(groups, held, (held->next + i) % size);

		if (found && !is_free)
			break;
		found |= is_free;
	}
	return found;
}

/* Looks no further than the first slot that is in flight. */
static bool is_settled(const struct mk_ingest_groups *groups, struct mk_held_group *held)
{
	uint32_t size = held_size(groups, held);

	for (uint32_t i = 0; i < size && held->in_flight; i++)
		if (!look_at(groups, held, i))
			return false;
	return true;
}

/* Open, close ------------------------------------------------------------- */

/* The first group that this role may write all of. */
static int64_t find_first_group(const struct mk_context *context)
{
	uint32_t count = mk_ingest_group_count(context);
	uint32_t writable = context->backing->writable_io_slot;

	if (!count)
		return mk_fail(ENOSPC,
			       "all %u io slots of the context are request slots; create "
			       "it with more io_slots than io_request_slots",
			       context->geometry.io_slots);
	for (uint32_t group = 0; group < count; group++)
		if (group_first(context, group) >= writable)
			return group;
	return mk_fail(EACCES,
		       "%s of mk.ko's may write those pages of the io queue that hold no "
		       "request slot, and of %u io slots, %u of them for requests, there "
		       "is none; create the context with whole pages of both: ask for "
		       "io_slots 256, io_request_slots 128",
		       mk_role_name(context->backing->role), context->geometry.io_slots,
		       context->geometry.io_request_slots);
}

static int allocate(struct mk_ingest_groups *groups)
{
	uint32_t size = group_slots(groups->context);

	groups->held = calloc(groups->max, sizeof(*groups->held));
	groups->numbers = calloc((size_t)groups->max * size, sizeof(*groups->numbers));
	if (!groups->held || !groups->numbers)
		return mk_fail(ENOMEM, "no memory for %u groups of ingest slots",
			       groups->max);
	for (uint32_t i = 0; i < groups->max; i++)
		groups->held[i].numbers = &groups->numbers[(size_t)i * size];
	return 0;
}

static void release(struct mk_ingest_groups *groups)
{
	free(groups->held);
	free(groups->numbers);
}

int mk_ingest_groups_open(struct mk_context *context, uint32_t max,
			  struct mk_ingest_groups *groups)
{
	int64_t found = find_first_group(context);
	uint32_t first, count;
	int ret;

	if (found < 0)
		return (int)found;
	first = (uint32_t)found;
	count = mk_ingest_group_count(context) - first;
	if (!max)
		max = count / 2;
	if (max > count)
		max = count;
	if (!max)
		max = 1;
	*groups = (struct mk_ingest_groups){ .context = context,
					     .first_group = first,
					     .max = max };
	ret = allocate(groups);
	if (!ret)
		ret = mk_leases_open(context, mk_cq_ingest_lease(context, first), count,
				     MK_CQ_HINT_INGESTS, &groups->leases);
	if (ret)
		release(groups);
	return ret;
}

void mk_ingest_groups_close(struct mk_ingest_groups *groups)
{
	for (uint32_t i = 0; i < groups->count; i++) {
		struct mk_held_group *held = &groups->held[i];

		if (is_settled(groups, held))
			mk_leases_give_back(&groups->leases, held->place);
		else
			mk_leases_orphan(&groups->leases, held->place);
	}
	mk_leases_close(&groups->leases);
	release(groups);
}

/* Leasing ----------------------------------------------------------------- */

static void hold(struct mk_ingest_groups *groups, uint32_t place, bool inherited)
{
	struct mk_held_group *held = &groups->held[groups->count];
	uint32_t first, size;

	groups->current = groups->count++;
	held->place = place;
	held->next = 0;
	held->in_flight = 0;
	first = held_first(groups, held);
	size = held_size(groups, held);
	/* Of a lease that was free nothing is in flight. */
	memset(held->numbers, 0, size * sizeof(*held->numbers));
	for (uint32_t i = 0; inherited && i < size; i++) {
		if (!is_in_flight(groups->context, first + i))
			continue;
		held->numbers[i] = INHERITED;
		held->in_flight++;
	}
}

static bool lease_one(struct mk_ingest_groups *groups, bool from_dead)
{
	uint32_t place;

	if (groups->count == groups->max)
		return false;
	if (!(from_dead ? mk_leases_take_dead(&groups->leases, &place) :
			  mk_leases_take_free(&groups->leases, &place)))
		return false;
	hold(groups, place, from_dead);
	return true;
}

/* Forget a group that is to be given back. */
static uint32_t let_go(struct mk_ingest_groups *groups, uint32_t index)
{
	struct mk_held_group gone = groups->held[index];

	/* The last one takes its place; each place keeps room for numbers. */
	groups->held[index] = groups->held[--groups->count];
	groups->held[groups->count] = gone;
	groups->current = 0;
	return gone.place;
}

/*
 * True when we may go on: a group went back, or nobody asks any more.  For a while
 * nothing is published, so that a group can settle, and then for as long again something
 * is, since it may linger in all of them.
 */
static bool give_way(struct mk_ingest_groups *groups)
{
	enum { PATIENCE_NS = 2000000 };

	if (!mk_leases_are_wanted(&groups->leases)) {
		groups->giving_way_ns = 0;
		return true;
	}
	for (uint32_t i = 0; i < groups->count; i++) {
		if (!is_settled(groups, &groups->held[i]))
			continue;
		groups->giving_way_ns = 0;
		mk_leases_give_to_others(&groups->leases, let_go(groups, i));
		return true;
	}
	if (!groups->giving_way_ns)
		groups->giving_way_ns = mk_now_ns();
	return (mk_now_ns() - groups->giving_way_ns) / PATIENCE_NS % 2;
}

/* Slots ------------------------------------------------------------------- */

/* A group with a slot that is known to be free becomes the current one. */
static bool find_free(struct mk_ingest_groups *groups)
{
	for (uint32_t i = 0; i < groups->count; i++) {
		struct mk_held_group *held = &groups->held[groups->current];

		if (held->in_flight < held_size(groups, held))
			return true;
		groups->current = (groups->current + 1) % groups->count;
	}
	return false;
}

static bool find_recycled(struct mk_ingest_groups *groups, bool thorough)
{
	uint32_t recycled = mk_cq_load(groups->context, MK_CQ_IO_INGESTS);

	if (recycled == groups->recycled && !thorough)
		return false;
	for (uint32_t i = 0; i < groups->count; i++)
		if (look_for_some(groups, &groups->held[i]))
			return find_free(groups);
	groups->recycled = recycled;
	return false;
}

/* Of the current group, which has one. */
static void take_free(struct mk_ingest_groups *groups, struct mk_ingest_ticket *ticket)
{
	struct mk_held_group *held = &groups->held[groups->current];
	uint32_t size = held_size(groups, held);
	uint32_t index = held->next;

	while (held->numbers[index])
		index = (index + 1) % size;
	*ticket = (struct mk_ingest_ticket){ .number = ++groups->last_number,
					     .slot = held_first(groups, held) + index };
	held->numbers[index] = ticket->number;
	held->in_flight++;
	held->next = (index + 1) % size;
	/* The end of a pass is the place to let others in. */
	groups->giving_way = !held->next && mk_leases_are_wanted(&groups->leases);
	mk_leases_ask_no_more(&groups->leases);
}

bool mk_ingest_groups_take_another(struct mk_ingest_groups *groups,
				   struct mk_ingest_ticket *ticket)
{
	if (groups->giving_way || !find_free(groups))
		return false;
	take_free(groups, ticket);
	return true;
}

bool mk_ingest_groups_take_slot(struct mk_ingest_groups *groups, bool thorough,
				struct mk_ingest_ticket *ticket)
{
	if (groups->giving_way && groups->count && !give_way(groups))
		return false;
	groups->giving_way = false;
	if (!find_free(groups) && !find_recycled(groups, thorough) &&
	    !lease_one(groups, false) &&
	    !(thorough && lease_one(groups, true) && find_free(groups))) {
		if (!groups->count)
			mk_leases_ask(&groups->leases);
		return false;
	}
	take_free(groups, ticket);
	return true;
}

static struct mk_held_group *held_group_of(struct mk_ingest_groups *groups, uint32_t slot)
{
	for (uint32_t i = 0; i < groups->count; i++) {
		struct mk_held_group *held = &groups->held[i];

		if (slot - held_first(groups, held) < held_size(groups, held))
			return held;
	}
	return NULL;
}

bool mk_ingest_groups_is_recycled(struct mk_ingest_groups *groups,
				  const struct mk_ingest_ticket *ticket, bool look)
{
	struct mk_held_group *held = held_group_of(groups, ticket->slot);
	uint32_t index;

	/* What went back was recycled; what is in flight there may be a later one. */
	if (!held)
		return true;
	index = ticket->slot - held_first(groups, held);
	if (held->numbers[index] != ticket->number)
		return true;
	return look && look_at(groups, held, index);
}

void mk_ingest_groups_settle(struct mk_ingest_groups *groups,
			     const struct mk_ingest_ticket *ticket)
{
	struct mk_held_group *held = held_group_of(groups, ticket->slot);

	if (held && is_settled(groups, held))
		mk_leases_give_back(&groups->leases,
				    let_go(groups, (uint32_t)(held - groups->held)));
}

/* SPDX-License-Identifier: MIT */
/*
 * The groups of ingest slots that one ingester holds, and which of their slots are free.
 *
 * That is known here, from what was published; the slots' own words are others' to
 * spoil, and a load of one may cross a bus.  A slot is looked at only to learn that it
 * was recycled, and only when cq word 55, which counts recycled ones, has changed.
 * The device stores EMPTY before it counts.
 */
#ifndef MK_SRC_INGEST_GROUPS_H
#define MK_SRC_INGEST_GROUPS_H

#include <mk/ingest.h>

#include "context.h"
#include "lease.h"

struct mk_held_group {
	uint32_t place;	    /* in the leases */
	uint32_t next;	    /* the slot in it to use next */
	uint32_t in_flight; /* slots that were not seen recycled */
	uint64_t *numbers;  /* which publish is in flight in each slot; 0: none */
};

struct mk_ingest_groups {
	struct mk_context *context;
	struct mk_leases leases;
	uint32_t first_group; /* of those that this role may write */
	uint32_t max;
	uint32_t count;
	uint32_t current;	/* index into held */
	uint32_t recycled;	/* cq word 55 before all slots were looked at in vain */
	uint64_t last_number;	/* of publishes */
	bool giving_way;	/* publish nothing until a group went back */
	uint64_t giving_way_ns; /* since when others were heeded */
	struct mk_held_group *held;
	uint64_t *numbers; /* of all of these */
};

/* @max groups at a time; 0 is half of all. */
int mk_ingest_groups_open(struct mk_context *context, uint32_t max,
			  struct mk_ingest_groups *groups);
void mk_ingest_groups_close(struct mk_ingest_groups *groups);

/*
 * Take a free slot, leasing a group if need be; a @thorough look also takes groups from
 * the dead, and looks at slots though none was counted.  It has to be published before
 * the next call: until then its words say that it was recycled.
 */
bool mk_ingest_groups_take_slot(struct mk_ingest_groups *groups, bool thorough,
				struct mk_ingest_ticket *ticket);

/* One more before that, if one is known to be free: without a look at any. */
bool mk_ingest_groups_take_another(struct mk_ingest_groups *groups,
				   struct mk_ingest_ticket *ticket);

/* Whether a ticket's ingest was seen recycled; @look at its slot to see. */
bool mk_ingest_groups_is_recycled(struct mk_ingest_groups *groups,
				  const struct mk_ingest_ticket *ticket, bool look);

/* A ticket's ingest is recycled: give its group back if nothing else is in flight. */
void mk_ingest_groups_settle(struct mk_ingest_groups *groups,
			     const struct mk_ingest_ticket *ticket);

/* For who holds none ---------------------------------------------------------- */

uint32_t mk_ingest_group_count(const struct mk_context *context);

/* How many slots of a group nobody publishes into are not recycled. */
uint32_t mk_ingest_group_in_flight(const struct mk_context *context, uint32_t group);

#endif /* MK_SRC_INGEST_GROUPS_H */

/* SPDX-License-Identifier: MIT */
/*
 * Decoders: pure functions from a view to what its words mean.  They allocate nothing but
 * where it is said, take any words, and end in time that grows with the number of these.
 */
#ifndef MKINSPECT_DECODE_H
#define MKINSPECT_DECODE_H

#include "view.h"

/* Control ------------------------------------------------------------------------ */

struct control_word {
	const char *name; /* of the word, or of the table that it is in */
	uint32_t index;	  /* in the table; 0 for a single word */
	bool is_table;
};

/* What a word of the control region is; a word that is reserved has that for a name. */
void decode_control_word(uint32_t word, struct control_word *control);

/* Ring ---------------------------------------------------------------------------- */

#define PACKED_LIMIT 23 /* inner operations for which the table has room */

struct inner_operation {
	uint32_t opcode;
	uint32_t arg_count;
	uint32_t args[MK_SLOT_ARG_COUNT];
};

struct packed {
	uint32_t count;
	const char *malformed; /* why it is; NULL: it is not */
	struct inner_operation operations[PACKED_LIMIT];
};

/* Unfold what the arguments of a PACKED_SLOT hold. */
void decode_packed(const uint32_t args[MK_SLOT_ARG_COUNT], struct packed *packed);

/* A cq entry, or the one that the device keeps of a slot. */
struct entry {
	uint32_t status;
	uint32_t fault;
	uint32_t count;
};

struct entry decode_entry(uint32_t word);

struct slot {
	uint32_t words[MK_SLOT_WORDS]; /* as in memory */
	uint32_t status;	       /* also where an inbox has not got it */
	uint32_t window;
	uint32_t place; /* the priority that it has by where it lies; NORMAL without any */
	struct entry entry;
	bool has_state;
	uint32_t progress; /* steps done of the operation */
	uint32_t inner;	   /* inner operations done */
	uint32_t io_slot;  /* that it waits for, plus 1; 0 in other statuses */
	bool changed;	   /* while it was copied */
};

/* @index is below view_slots(). */
void decode_slot(const struct view *view, uint32_t index, struct slot *slot);

/* Neither free to be used nor ended. */
static inline bool status_is_in_flight(uint32_t status)
{
	return status != MK_STATUS_EMPTY && status != MK_STATUS_DONE &&
	       status != MK_STATUS_FAULT;
}

/* IO queue --------------------------------------------------------------------------- */

struct io_slot {
	uint32_t words[MK_IO_SLOT_WORDS];
	bool is_request; /* of the device's; else an ingest */
	uint64_t offset; /* bytes; of an ERROR it is reason and errno */
	bool has_reason;
	uint32_t user; /* request: the ring's slot plus 1 that has it, 0: none or unknown */
};

void decode_io_slot(const struct view *view, uint32_t index, struct io_slot *slot);

/* Debug log --------------------------------------------------------------------------- */

struct log_state {
	uint32_t cursor;
	uint32_t records; /* that can be read */
	bool is_damaged;  /* the cursor is not at a record's end, or beyond the last */
	uint32_t generation;
	uint32_t dropped;
};

void decode_log(const struct view *view, struct log_state *log);
/* @index is below log.records; returns the record's four words. */
const uint32_t *decode_log_record(const struct view *view, uint32_t index);

/* CQ ---------------------------------------------------------------------------------- */

struct lease {
	uint32_t id;
	uint32_t generation; /* both 0: free; id 0: the owner has left it behind */
};

struct lease decode_lease(const struct view *view, uint32_t window);
/* Of the io queue's groups of ingest slots; there are MK_CQ_INGEST_LEASE_COUNT. */
struct lease decode_ingest_lease(const struct view *view, uint32_t group);

/* The device's counters, also where it may not add to the cq. */
uint32_t decode_counter(const struct view *view, uint32_t word);
uint64_t decode_slots_done(const struct view *view);

/* Who has leases. */
struct producer {
	struct lease lease;
	uint32_t windows;
	uint32_t ingest_groups;
	uint32_t slots_in_flight; /* in its windows */
};

/*
 * All of them, in the order of their first lease; returns how many, of which the first
 * @capacity are in @producers.
 */
size_t decode_producers(const struct view *view, struct producer *producers,
			size_t capacity);

/* Tenants ------------------------------------------------------------------------------ */

struct tenant {
	uint32_t mask;
	uint32_t quota;
	uint32_t fairness;
	uint32_t slots[MK_STATUS_FAULT + 1]; /* of the ring, by status */
};

/* Of the tenants 0 to MK_TENANT_COUNT - 1, and last of all others. */
void decode_tenants(const struct view *view, struct tenant tenants[MK_TENANT_COUNT + 1]);

/* Statistics ---------------------------------------------------------------------------- */

struct statistics {
	uint32_t slots;
	uint32_t by_status[MK_STATUS_FAULT + 1];
	uint32_t unknown; /* with a status that the format does not know */
	uint32_t in_flight;
	uint32_t masked; /* PUBLISHED by a tenant that is not authorised */
	uint32_t windows;
	uint32_t windows_leased;
	uint32_t io_requests_published;
	uint32_t io_requests_claimed;
	uint32_t io_requests_answered; /* and not taken by the device yet */
	uint32_t ingests_in_flight;
};

void decode_statistics(const struct view *view, struct statistics *statistics);

#endif /* MKINSPECT_DECODE_H */

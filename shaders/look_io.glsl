/* SPDX-License-Identifier: MIT */
/*
 * Looking at the io queue, for answers to requests and for ingests.  A look takes in as
 * many io slots in a row, a block, as a worker has lanes.
 *
 * Answers belong to the worker that has the slot which waits for them, so while there are
 * such slots it looks at all requests.  An ingest belongs to block % workers, of those
 * workers that have blocks of the ring.  A worker that has neither never looks.
 */

uint mk_io_block_count;
uint mk_io_block;
/* The first block of this worker's with ingests; mk_io_block_count: there is none. */
uint mk_first_ingest_block;
uint mk_ingest_workers;
/* Slots of this worker may be waiting. */
bool mk_waits;
/* Looks since something was found. */
uint mk_io_idle;

/* Whether what was found last is from the io queue, and whether to look there next. */
bool mk_found_io;
bool mk_io_turn;
/* Whether a peek saw something that is ready, which mk_find_peeked() finds. */
bool mk_peeked;

#define MK_IO_IN_ORDER_WORD                                                               \
	state[MK_STATE_WINDOW_WORD(parameters.slot_count, mk_worker, MK_STATE_IO_IN_ORDER)]

bool mk_watches_io()
{
	return mk_waits || mk_first_ingest_block < mk_io_block_count;
}

/* How many looks see all. */
uint mk_io_round()
{
	if (mk_waits)
		return mk_io_block_count;
	return (mk_io_block_count - mk_first_ingest_block + mk_ingest_workers - 1u) /
	       mk_ingest_workers;
}

/* A place in this worker's order, at @block or behind. */
uint mk_io_block_from(uint block)
{
	if (!mk_waits)
		block += (mk_worker + mk_ingest_workers - block % mk_ingest_workers) %
			 mk_ingest_workers;
	if (block < mk_io_block_count && (mk_waits || block >= mk_first_ingest_block))
		return block;
	return mk_waits ? 0u : mk_first_ingest_block;
}

/* Somebody waits for answers, and perhaps a slot of this worker. */
void mk_see_who_waits()
{
	bool waits = subgroupBroadcastFirst(MK_LOAD_RELAXED(state[MK_STATE_IO_TAKEN])) != 0u;

	if (waits == mk_waits)
		return;
	mk_waits = waits;
	mk_io_block = mk_io_block_from(mk_io_block);
}

/* Go on where a former dispatch ended, as near as its workers' blocks allow. */
void mk_begin_looking_at_io(uint workers, bool keeps_place)
{
	uint io_slot = keeps_place ? subgroupBroadcastFirst(MK_IO_IN_ORDER_WORD) : 0u;
	uint first = parameters.io_request_slots / mk_lanes;

	mk_io_block_count = (parameters.io_slots + mk_lanes - 1u) / mk_lanes;
	mk_ingest_workers = workers;
	mk_first_ingest_block = first + (mk_worker + workers - first % workers) % workers;
	if (parameters.io_request_slots >= parameters.io_slots)
		mk_first_ingest_block = mk_io_block_count;
	mk_first_ingest_block = min(mk_first_ingest_block, mk_io_block_count);
	mk_io_idle = 0u;
	mk_found_io = mk_found_ingest = mk_peeked = false;
	mk_io_turn = true;
	mk_waits = true;
	mk_io_block = mk_io_block_from(io_slot / mk_lanes);
	mk_see_who_waits();
}

void mk_end_looking_at_io(bool keeps_place)
{
	if (keeps_place && subgroupElect())
		MK_IO_IN_ORDER_WORD = mk_io_block * mk_lanes;
}

/*
 * Whether an answered request is one that a slot of this worker waits for, and may go on
 * with.  One that its slot does not know of was forged, or left by an engine that died.
 */
bool mk_find_waiting(uint request)
{
	uint owner = MK_LOAD_RELAXED(MK_IO_OWNER_WORD(request)), slot = owner - 1u;

	if (owner == 0u || slot >= parameters.slot_count ||
	    slot / mk_lanes % mk_workers != mk_worker)
		return false;
	if (mk_load_status(slot) != MK_STATUS_WAIT_IO ||
	    MK_PROGRESS_WORD(slot, MK_STATE_IO) != request + 1u) {
		mk_free_request(request);
		return false;
	}
	if (mk_tenant_is_masked(MK_PAYLOAD_WORD(slot, MK_SLOT_TENANT)))
		return false;
	mk_found_slot = slot;
	mk_found_status = MK_STATUS_WAIT_IO;
	return true;
}

/*
 * What a look has found, for mk_work_slowly(); that something may be ready, which
 * mk_sort_out_io() says.  That is apart because here it would cost time at each look: see
 * execute.glsl.
 */
bool mk_find_io(uint io_slot, uint status)
{
	bool is_request = io_slot < parameters.io_request_slots;

	mk_found_io_slot = io_slot;
	mk_found_answer = status;
	mk_found_ingest = !is_request && mk_io_block % mk_ingest_workers == mk_worker &&
			  (status == MK_STATUS_PUBLISHED || status == MK_STATUS_CLAIMED);
	mk_found_slow = mk_found_ingest || is_request && mk_is_io_answer(status);
	mk_found_io = subgroupAny(mk_found_slow);
	mk_io_block = mk_io_block_from(mk_io_block + 1u);
	return mk_found_io;
}

/* Take one look; true when something may be ready. */
bool mk_look_at_io()
{
	uint io_slot = mk_io_block * mk_lanes + mk_lane;
	uint status = MK_STATUS_EMPTY;

	if (io_slot < parameters.io_slots)
		status = MK_LOAD_RELAXED(MK_IO_QUEUE_WORD(io_slot, MK_IO_STATUS));
	mk_io_idle++;
	return mk_find_io(io_slot, status);
}

/*
 * Across a bus a look takes in the ring and the io queue at once, and so that its loads
 * are under way together, whose a slot is comes with its status.
 */
uint mk_peeked_slot, mk_peeked_status, mk_peeked_owner;

void mk_peek_at_io()
{
	mk_peeked_slot = mk_io_block * mk_lanes + mk_lane;
	mk_peeked_status = MK_STATUS_EMPTY;
	mk_peeked_owner = 0u;
	if (mk_peeked_slot < parameters.io_slots) {
		mk_peeked_status =
			MK_LOAD_RELAXED(MK_IO_QUEUE_WORD(mk_peeked_slot, MK_IO_STATUS));
		mk_peeked_owner = MK_LOAD_RELAXED(MK_IO_OWNER_WORD(mk_peeked_slot));
	}
}

/* Whether a peek saw an answer for a slot of this worker's, or an ingest. */
bool mk_peeked_is_ready()
{
	uint slot = mk_peeked_owner - 1u;

	if (mk_peeked_slot < parameters.io_request_slots)
		return mk_is_io_answer(mk_peeked_status) && mk_peeked_owner != 0u &&
		       slot < parameters.slot_count &&
		       slot / mk_lanes % mk_workers == mk_worker;
	return mk_io_block % mk_ingest_workers == mk_worker &&
	       (mk_peeked_status == MK_STATUS_PUBLISHED ||
		mk_peeked_status == MK_STATUS_CLAIMED && mk_peeked_owner != 0u);
}

/* When the look's loads have come. */
void mk_end_peek()
{
	mk_peeked = subgroupAny(mk_peeked_is_ready());
	mk_io_idle++;
	if (!mk_peeked)
		mk_io_block = mk_io_block_from(mk_io_block + 1u);
}

/* As mk_look_at_io(); what the slot of an answer is like is seen when it goes on. */
bool mk_find_peeked()
{
	bool ready = mk_peeked_is_ready();

	mk_peeked = false;
	mk_find_io(mk_peeked_slot, mk_peeked_status);
	mk_found_slow = ready;
	mk_found_ingest = ready && mk_found_ingest;
	if (ready && !mk_found_ingest) {
		mk_found_slot = mk_peeked_owner - 1u;
		mk_found_status = MK_STATUS_WAIT_IO;
	}
	return mk_found_io;
}

/* Leave what can go on of what a look has found. */
void mk_sort_out_io()
{
	MK_ACQUIRE();
	if (mk_split)
		return;
	if (mk_found_slow && !mk_found_ingest)
		mk_found_slow = mk_find_waiting(mk_found_io_slot);
	/* What its handler suspended is CLAIMED, too. */
	if (mk_found_ingest && mk_found_answer == MK_STATUS_CLAIMED)
		mk_found_slow = MK_LOAD_RELAXED(MK_IO_OWNER_WORD(mk_found_io_slot)) != 0u;
}

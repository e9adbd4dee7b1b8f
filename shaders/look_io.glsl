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
/* Where this worker's last request is, and looks there for each that takes all in order. */
uint mk_io_hot_block;
uint mk_io_hot_looks;
uint mk_io_hot_left;
/* Where the last look was, and whether it had to give way, and is taken again. */
uint mk_found_io_block;
bool mk_io_is_due;
/* The first block of this worker's with ingests; mk_io_block_count: there is none. */
uint mk_first_ingest_block;
uint mk_ingest_workers;
/* Slots of this worker may be waiting. */
bool mk_waits;
/* Looks since something was found. */
uint mk_io_idle;

/* Whether what was found last is from the io queue. */
bool mk_found_io;
/* Across a bus: whose the request is that was looked at, by the state memory. */
uint mk_found_owner;

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

/*
 * Across a bus, where those slots are taken first that the outbox has room for: looks at
 * the hot block for each in order, while all that are taken can be in it.
 */
#define MK_IO_HOT_LOOKS 3u

/* Somebody waits for answers, and perhaps a slot of this worker. */
void mk_see_who_waits()
{
	uint taken = subgroupBroadcastFirst(MK_LOAD_RELAXED(state[MK_STATE_IO_TAKEN]));
	bool waits = taken != 0u;

	mk_io_is_scarce = taken >= parameters.io_request_slots;
	mk_io_hot_looks = mk_split && taken <= min(MK_CQ_IO_OUTBOX_SLOTS, mk_lanes) ?
				  MK_IO_HOT_LOOKS :
				  1u;
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
	mk_found_io = mk_found_ingest = false;
	mk_found_answer = mk_found_owner = 0u;
	mk_io_is_due = false;
	mk_io_hot_left = 0u;
	mk_found_io_block = 0u;
	mk_io_hot_block = 0u;
	mk_forget_kept_slot();
	mk_waits = true;
	mk_io_block = mk_io_block_from(io_slot / mk_lanes);
	mk_see_who_waits();
}

void mk_end_looking_at_io(bool keeps_place)
{
	if (keeps_place && subgroupElect())
		MK_IO_IN_ORDER_WORD = mk_io_block * mk_lanes;
}

/* Whether an owner's word names a slot of this worker's. */
bool mk_slot_is_ours(uint owner)
{
	uint slot = owner - 1u;

	/* A division takes long, and most often there is one worker. */
	return owner != 0u && slot < parameters.slot_count &&
	       (mk_workers == 1u || slot / mk_lanes % mk_workers == mk_worker);
}

/*
 * Whether an answered request is one that a slot of this worker waits for, and may go on
 * with.  One that its slot does not know of was forged, or left by an engine that died.
 */
bool mk_find_waiting(uint request)
{
	uint owner = MK_LOAD_RELAXED(MK_IO_OWNER_WORD(request)), slot = owner - 1u;

	if (!mk_slot_is_ours(owner))
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

bool mk_is_our_ingest(uint io_slot)
{
	return io_slot / mk_lanes % mk_ingest_workers == mk_worker;
}

/* The slot of an answer across a bus; what it is like is seen when it goes on. */
bool mk_go_by_owner()
{
	mk_found_slot = mk_found_owner - 1u;
	mk_found_status = MK_STATUS_WAIT_IO;
	mk_claim_kept_slot();
	return true;
}

/*
 * The next block.  Some looks take all in order; the others are where this worker has asked
 * last, so that who reads piece after piece does not wait for a whole round.
 */
uint mk_next_io_block()
{
	if (mk_io_is_due) {
		mk_io_is_due = false;
		return mk_found_io_block;
	}
	bool is_hot = mk_waits && mk_io_hot_left != 0u;
	mk_io_hot_left = is_hot ? mk_io_hot_left - 1u : mk_io_hot_looks;
	mk_found_io_block = is_hot ? mk_io_hot_block : mk_io_block;
	if (is_hot)
		return mk_found_io_block;
	mk_io_idle++;
	mk_io_block += mk_waits ? 1u : mk_ingest_workers;
	if (mk_io_block >= mk_io_block_count)
		mk_io_block = mk_waits ? 0u : mk_first_ingest_block;
	return mk_found_io_block;
}

/*
 * Load what a look at the io queue goes by.  There is an io slot to load for each lane, so
 * that no branch keeps back what is loaded next.  Across a bus the owner comes with the
 * status, since to ask for it afterwards would take as long again.
 */
void mk_load_io_block()
{
	uint io_slot = mk_next_io_block() * mk_lanes + mk_lane;
	uint there = min(io_slot, parameters.io_slots - 1u);

	mk_found_answer = MK_LOAD_RELAXED(MK_IO_QUEUE_WORD(there, MK_IO_STATUS));
	mk_found_owner = mk_split ? MK_LOAD_RELAXED(MK_IO_OWNER_WORD(there)) : 0u;
	mk_found_io_slot = io_slot;
}

/* Whether this lane has loaded something to look at closely. */
bool mk_io_is_ready;

/* What comes last takes longest, so it is asked seldom. */
bool mk_io_slot_is_ready()
{
	uint io_slot = mk_found_io_slot;
	uint status = io_slot < parameters.io_slots ? mk_found_answer : MK_STATUS_EMPTY;

	mk_found_answer = status;
	if (io_slot < parameters.io_request_slots)
		mk_io_is_ready = mk_is_io_answer(status) &&
				 (!mk_split || mk_slot_is_ours(mk_found_owner));
	else
		mk_io_is_ready = (status == MK_STATUS_PUBLISHED ||
				  status == MK_STATUS_CLAIMED &&
					  (!mk_split || mk_found_owner != 0u)) &&
				 mk_is_our_ingest(io_slot);
	return mk_io_is_ready;
}

/* Whether something that was looked at is this worker's and ready, for mk_work_slowly(). */
bool mk_examine_io()
{
	uint io_slot = mk_found_io_slot;
	bool is_request = mk_io_is_ready && io_slot < parameters.io_request_slots;
	bool is_ingest = mk_io_is_ready && !is_request;

	/* Across a bus the words that belong to it come later. */
	if (!mk_split)
		MK_ACQUIRE();
	if (is_request)
		is_request = mk_split ? mk_go_by_owner() : mk_find_waiting(io_slot);
	if (!mk_split && is_ingest && mk_found_answer == MK_STATUS_CLAIMED)
		is_ingest = MK_LOAD_RELAXED(MK_IO_OWNER_WORD(io_slot)) != 0u;
	mk_found_ingest = is_ingest;
	mk_found_slow = is_request || is_ingest;
	mk_found_io = subgroupAny(mk_found_slow);
	return mk_found_io;
}

/* SPDX-License-Identifier: MIT */
/*
 * Looking at the ring, for slots that are ready.  A look takes in as many slots in a row, a
 * block, as a worker has lanes.
 */

uint mk_block_count;
/* Looks since something was found. */
uint mk_idle;

/* The blocks of a worker, round and round. */
uint mk_next_block(uint block)
{
	uint next = block + mk_workers;

	return next < mk_block_count ? next : mk_worker;
}

/*
 * Where a worker looks.  A hot block is where something is expected after what was
 * found last: there are two, because a producer that comes to the end of its window
 * goes on in the next one or at the start of the same.  Every other look takes all
 * blocks in order, since a producer may use its slots as it likes and some linger.
 */
uint mk_hot_block, mk_other_hot_block;
uint mk_every_block;
uint mk_found_block;
uint mk_look_count;
/* What the last look has found had to give way, and is looked at again. */
bool mk_ring_is_due;
/*
 * Looks for which the hot blocks rest, because something in them waits or is long:
 * the others must have their turn.
 */
uint mk_rest;
uint mk_rest_looks;
#define MK_REST_LOOKS 64u

#define MK_IN_ORDER_WORD \
	state[MK_STATE_WINDOW_WORD(parameters.slot_count, mk_worker, MK_STATE_IN_ORDER)]
/* Workers beyond the windows begin at their first block. */
bool mk_keeps_place()
{
	return mk_worker < parameters.window_count;
}

/* Go on where a former dispatch ended, as near as its workers' blocks allow. */
void mk_begin_in_order()
{
	uint slot = mk_keeps_place() ? subgroupBroadcastFirst(MK_IN_ORDER_WORD) : 0u;
	uint block = min(slot / mk_lanes, mk_block_count - 1u);

	block += mk_worker - block % mk_workers;
	mk_every_block = block < mk_block_count ? block : mk_worker;
}

void mk_end_in_order()
{
	if (mk_keeps_place() && subgroupElect())
		MK_IN_ORDER_WORD = mk_every_block * mk_lanes;
}

void mk_begin_looking()
{
	uint others = (mk_block_count - mk_worker - 1u) / mk_workers;

	mk_hot_block = mk_other_hot_block = mk_worker;
	mk_begin_in_order();
	mk_look_count = 0u;
	mk_ring_is_due = false;
	mk_rest = 0u;
	mk_rest_looks = min(MK_REST_LOOKS, 2u * others);
}

/* Non-zero: the dispatch is over. */
uint mk_load_leave()
{
	return MK_LOAD_RELAXED(control[MK_CONTROL_SHUTDOWN]) |
	       MK_LOAD_RELAXED(state[MK_STATE_LEAVE]);
}

/* The same, as the last look across a bus has seen it. */
uint mk_seen_leave;

/*
 * Load what a look at the ring goes by.  Across a bus each wait for a load delays who
 * publishes meanwhile, so there the words that say whether to leave are under way at the
 * same time; and there is a slot to load for each lane, so that no branch comes between.
 */
void mk_load_block()
{
	bool in_order = (mk_look_count & 1u) != 0u || mk_rest != 0u;
	uint hot = (mk_look_count & 2u) != 0u ? mk_other_hot_block : mk_hot_block;

	if (!mk_ring_is_due)
		mk_found_block = in_order ? mk_every_block : hot;
	if (!mk_ring_is_due && in_order)
		mk_every_block = mk_next_block(mk_every_block);
	mk_ring_is_due = false;
	mk_found_slot = mk_found_block * mk_lanes + mk_lane;
	uint there = min(mk_found_slot, parameters.slot_count - 1u);
	if (mk_split) {
		mk_found_header = MK_HEADER_QUAD(there);
		mk_found_entry = MK_LOAD_RELAXED(MK_PROGRESS_WORD(there, MK_STATE_ENTRY));
		mk_seen_leave = mk_load_leave();
	} else {
		mk_found_word = MK_LOAD_RELAXED(MK_STATUS_WORD(there));
	}
	mk_look_count++;
	mk_rest -= min(mk_rest, 1u);
}

/*
 * Across a bus a look waits once, for all that it has loaded.  A device that comes to the
 * first use of a word waits there, and asks for nothing that stands behind; where that use
 * is, the compiler decides.  So each word is made to depend on all of them, by bits that
 * are never set and that no compiler can know of.
 */
void mk_await_look()
{
	uint never = uint(-int((parameters.flags & MK_DISPATCH_NEVER) >> 31));

	never &= mk_found_header.x | mk_found_entry | mk_seen_leave | mk_found_answer |
		 mk_found_owner;
	mk_found_header.x |= never;
	mk_found_entry |= never;
	mk_seen_leave |= never;
	mk_found_answer |= never;
	mk_found_owner |= never;
}

/* True for lanes that have loaded a slot that is ready. */
bool mk_slot_is_ready()
{
	if (mk_split)
		mk_found_word = mk_found_header.x;
	mk_found_status = MK_STATUS_EMPTY;
	if (mk_found_slot < parameters.slot_count)
		mk_found_status = mk_status_from(mk_found_word, mk_found_entry);
	return mk_status_is_ready(mk_found_status);
}

/* What was found cannot go on now: others have the first look. */
void mk_pass_over()
{
	mk_rest = mk_rest_looks;
	mk_hot_block = mk_other_hot_block = mk_next_block(mk_hot_block);
}

/*
 * After a claim at CRITICAL or HIGH the blocks are gone through from the first again,
 * which lies in the highest priority; but not for ever.
 */
bool mk_has_urgent_turn()
{
	return mk_streak != 0u && mk_streak < MK_STARVATION_THRESHOLD;
}

/*
 * Something was executed: up to the slot of @last, if its lanes all ended.  Slots that
 * yielded are looked at again first; those that are requeued give way to other blocks.
 */
void mk_expect_after(uint last, bool yielded, bool requeued)
{
	uint next = mk_next_block(mk_found_block);
	bool is_through = last + 1u == mk_lanes && !yielded;
	uint window = mk_found_block * mk_lanes / parameters.window_slots;
	uint first = window * parameters.window_slots / mk_lanes;

	mk_hot_block = is_through || requeued ? next : mk_found_block;
	mk_other_hot_block = is_through && first % mk_workers == mk_worker ? first :
									     mk_hot_block;
	if (subgroupAny(mk_has_urgent_turn()))
		mk_every_block = mk_worker;
	mk_rest = yielded || requeued ? mk_rest_looks : 0u;
	mk_idle = mk_io_idle = 0u;
}

/* SPDX-License-Identifier: MIT */
/*
 * Which worker looks at which slots, and when a dispatch ends.
 *
 * A worker is a subgroup.  It looks at a block of slots at once, as many in a row as
 * it has lanes, and each lane executes its own slot.
 *
 * How many workers of a dispatch are alive at once is for the device to decide, and
 * the others begin only when one of them ends.  So the workers register, the first
 * closes the register after a while, and the blocks belong to who is in it:
 * block % workers == worker.  Who comes later leaves.
 *
 * Loops and what they depend on are the same for all lanes of a worker, but for what
 * mk_execute_whole() does.
 */

uint mk_block_count;

/* Looks since something was found. */
uint mk_idle;
bool mk_voted_idle;

/* How long the first waits for others to register. */
#define MK_REGISTER_STEPS 8192u

/* Before the register is closed no worker looks at a slot. */
void mk_restart_log()
{
	MK_STORE_RELAXED(debug_log[MK_LOG_CURSOR], 0u);
	MK_STORE_RELAXED(state[MK_STATE_LOG_RESERVED], 0u);
	/* Who sees the generation finds the log empty. */
	MK_RELEASE();
	mk_counter_add(MK_CQ_LOG_GENERATION, 1u);
}

/* By one lane: the number of the worker, and perhaps MK_REGISTERED_FROZEN. */
uint mk_add_to_register()
{
	uint seen = MK_ADD(state[MK_STATE_REGISTERED], 1u);

	/* The first in is the only one in, so the log is its own. */
	if (seen == 0u && (parameters.flags & MK_DISPATCH_RESTART_LOG) != 0u)
		mk_restart_log();
	return seen;
}

/* By one lane of the first worker: nobody else gets in.  Returns the workers. */
uint mk_close_register()
{
	uint workers = atomicOr(state[MK_STATE_REGISTERED], MK_REGISTERED_FROZEN,
				gl_ScopeDevice, gl_StorageSemanticsNone,
				gl_SemanticsRelaxed);

	MK_STORE_RELAXED(state[MK_STATE_LIVE_WORKERS], workers);
	/*
	 * Who comes now adds to the register too, so its count is no longer that of
	 * the workers: they find it beside.
	 */
	MK_STORE_RELEASE(state[MK_STATE_WORKERS], workers);
	return workers;
}

bool mk_register()
{
	uint seen = 0u;

	if (subgroupElect())
		seen = mk_add_to_register();
	mk_worker = subgroupBroadcastFirst(seen);
	if ((mk_worker & MK_REGISTERED_FROZEN) != 0u)
		return false;
	if (mk_worker == 0u) {
		uint patience = min(MK_REGISTER_STEPS, mk_budget / 4u), wait = patience;
		uint wanted = gl_NumWorkGroups.x * gl_NumSubgroups, workers = 0u;

		while (wait > 0u && subgroupBroadcastFirst(MK_LOAD_RELAXED(
					    state[MK_STATE_REGISTERED])) != wanted)
			wait--;
		mk_spend(patience - wait);
		if (subgroupElect())
			workers = mk_close_register();
		mk_workers = subgroupBroadcastFirst(workers);
		return true;
	}
	do {
		mk_workers = subgroupBroadcastFirst(
			MK_LOAD_RELAXED(state[MK_STATE_WORKERS]));
		mk_spend(1u);
	} while (mk_workers == 0u && mk_budget > MK_LOOK_STEPS);
	MK_ACQUIRE();
	return mk_workers != 0u;
}

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
/*
 * Looks for which the hot blocks rest, because something in them waits or is long:
 * the others must have their turn.
 */
uint mk_rest;
uint mk_rest_looks;
#define MK_REST_LOOKS 64u

#define MK_IN_ORDER_WORD                                                                  \
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
 * Take one look; true for lanes whose slot is ready.  Across a bus each wait for a load
 * delays who publishes meanwhile, so there the words that say whether to leave are under
 * way at the same time.
 */
bool mk_look()
{
	bool in_order = (mk_look_count & 1u) != 0u || mk_rest != 0u;
	uint hot = (mk_look_count & 2u) != 0u ? mk_other_hot_block : mk_hot_block;

	mk_found_block = in_order ? mk_every_block : hot;
	if (in_order)
		mk_every_block = mk_next_block(mk_every_block);
	mk_found_slot = mk_found_block * mk_lanes + mk_lane;
	mk_found_status = MK_STATUS_EMPTY;
	if (mk_split)
		mk_seen_leave = mk_load_leave();
	if (mk_found_slot < parameters.slot_count) {
		if (mk_split) {
			mk_found_entry = MK_PROGRESS_WORD(mk_found_slot, MK_STATE_ENTRY);
			mk_found_header = MK_HEADER_QUAD(mk_found_slot);
			mk_found_word = mk_found_header.x;
			mk_found_status = mk_status_from(mk_found_word, mk_found_entry);
		} else {
			mk_found_status = MK_LOAD_RELAXED(MK_STATUS_WORD(mk_found_slot));
		}
	}
	mk_look_count++;
	mk_rest -= min(mk_rest, 1u);
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

bool mk_must_leave()
{
	return subgroupAny((mk_split ? mk_seen_leave : mk_load_leave()) != 0u);
}

/*
 * Across a bus looks take long, and a dispatch that ends must not wait for workers that
 * have nothing to do.
 */
bool mk_split_must_leave()
{
	return mk_split && mk_must_leave();
}

/* How many workers have voted idle, with this one or without it. */
void mk_change_vote(bool idle)
{
	uint before = MK_ADD(state[MK_STATE_IDLE_WORKERS], idle ? 1u : 0xffffffffu);

	if (idle && before + 1u == mk_workers)
		MK_STORE_RELAXED(state[MK_STATE_LEAVE], 1u);
}

/* When every worker has found nothing for long, the dispatch is over. */
void mk_vote()
{
	bool idle = mk_idle >= parameters.idle_looks && mk_idle >= 2u * mk_block_count &&
		    mk_io_idle >= mk_io_round();

	if (idle != mk_voted_idle && subgroupElect())
		mk_change_vote(idle);
	mk_voted_idle = idle;
}

/* By one lane of worker 0: tell the host that the kernel lives. */
void mk_beat()
{
	mk_counter_add(MK_CQ_HEARTBEAT, 1u);
}

/*
 * Show in the cq what was gathered beside it.  One worker does that at a time, worker
 * 0, and at the end who leaves last; but the io counters are shown under a lock.
 */
void mk_show_counters()
{
	for (uint i = mk_lane; i < MK_STATE_COUNTER_WORDS; i += mk_lanes) {
		uint word = MK_CQ_HEARTBEAT + i;

		if (word != MK_CQ_IO_REQUESTS && word != MK_CQ_IO_INGESTS)
			MK_STORE_RELAXED(cq[word], MK_LOAD_RELAXED(MK_COUNTER_WORD(word)));
	}
	mk_spend(MK_STATE_COUNTER_WORDS / mk_lanes + 1u);
}

/* What has been shown of these two. */
uvec2 mk_io_shown;

/* The io counters, if they have changed. */
void mk_show_io_changes()
{
	uvec2 counted = uvec2(MK_LOAD_RELAXED(MK_COUNTER_WORD(MK_CQ_IO_REQUESTS)),
			      MK_LOAD_RELAXED(MK_COUNTER_WORD(MK_CQ_IO_INGESTS)));

	if (subgroupElect() && counted != mk_io_shown && mk_show_io_counters())
		mk_io_shown = counted;
	mk_spend(MK_SHOW_PASSES);
}

/* Fruitless looks before a worker does anything else. */
#define MK_LOOKS_PER_TRY   32u
/* Tries between two looks at the rest: whether to leave, and so on. */
#define MK_TRIES_PER_ROUND 16u
/* The same of things that were found and take longer. */
#define MK_BUSY_PER_ROUND  32u

/* Finds for every look at ingests: nobody waits for these. */
#define MK_FINDS_PER_INGESTS 8u
uint mk_finds;

/*
 * Look until a slot is ready, or something in the io queue, but not for ever.  Who waits
 * for an answer looks for it every time, since a look at the ring does not wait for one at
 * the io queue, nor the other way round.  Across a bus that is so for ingests, too; else
 * they take more of a look's time than they are worth.
 */
bool mk_find(out bool saw_io)
{
	bool watches = mk_watches_io(), together = mk_waits || mk_split && watches, found;
	uint left = MK_LOOKS_PER_TRY;

	saw_io = false;
	if (together) {
		do {
			bool is_io_ready = mk_look_at_io();

			found = subgroupAny(mk_look());
			saw_io = subgroupAny(is_io_ready);
			left--;
		} while (!found && !saw_io && left != 0u && !mk_split_must_leave());
	} else {
		do {
			found = subgroupAny(mk_look());
			left--;
		} while (!found && left != 0u && !mk_split_must_leave());
	}
	if (watches && !together && (!found || mk_finds % MK_FINDS_PER_INGESTS == 0u))
		saw_io = subgroupAny(mk_look_at_io());
	mk_finds++;
	/* A device that executes both sides of a branch passes through either loop. */
	mk_spend(MK_LOOKS_PER_TRY - left + 2u);
	mk_idle += MK_LOOKS_PER_TRY - left;
	return found;
}

/* The highest lane of which @which is true; there is one. */
uint mk_last_lane(bool which)
{
	return subgroupBallotFindMSB(subgroupBallot(which));
}

/* After a fruitless try. */
bool mk_may_go_on_looking()
{
	return !subgroupAny(mk_claims != 0u) && !mk_split_must_leave();
}

/* Execute what can be executed quickly of what was found; true when there is something else. */
bool mk_work_on_found()
{
	bool quick = mk_execute_quickly();
	bool slow = subgroupAny(mk_found_slow);

	if (subgroupAny(quick))
		mk_expect_after(mk_last_lane(quick), false, false);
	else if (!slow)
		mk_pass_over();
	return slow;
}

/*
 * Execute what can be executed quickly, in up to @tries; true when something else was
 * found in the ring.
 */
bool mk_work_quickly(inout uint tries, out bool found, out bool saw_io)
{
	bool slow = false;

	do {
		found = mk_find(saw_io);
		if (found)
			slow = mk_work_on_found();
		tries--;
	} while (!slow && !saw_io && tries != 0u && (found || mk_may_go_on_looking()));
	return slow;
}

/* Whether the ring had the last turn. */
bool mk_io_turn;

/*
 * The same, and what was seen in the io queue.  Where both have something they take
 * turns: either may have slots that are ready always.
 */
bool mk_work_and_watch(out bool found)
{
	uint tries = MK_TRIES_PER_ROUND;
	bool saw_io, slow;

	do {
		slow = mk_work_quickly(tries, found, saw_io);
		saw_io = saw_io && (mk_io_turn || !slow);
		if (saw_io)
			slow = mk_examine_io();
		mk_io_turn = !saw_io;
		mk_spend(1u);
	} while (!slow && tries != 0u && (found || saw_io || mk_may_go_on_looking()));
	return slow;
}

/* What is to be done now and then. */
void mk_keep_house()
{
	mk_tell_counts();
	mk_vote();
	if (mk_worker == 0u) {
		if (subgroupElect())
			mk_beat();
		if (mk_split)
			mk_show_counters();
	}
	if (mk_split)
		mk_read_masks();
	mk_see_who_waits();
	if (mk_split && mk_worker == 0u)
		mk_show_io_changes();
}

/* Rounds of a worker that finds something all the time, for each that keeps house. */
#define MK_ROUNDS_PER_HOUSE 32u
uint mk_rounds;

/*
 * Between two rounds; false when it is time to leave.  Who publishes meanwhile waits, so
 * one that was @busy keeps house seldom.
 */
bool mk_end_round(bool busy)
{
	if (!busy || mk_rounds % MK_ROUNDS_PER_HOUSE == 0u)
		mk_keep_house();
	mk_rounds++;
	return mk_budget > MK_LOOK_STEPS && !mk_must_leave();
}

/*
 * Passes of loops in each round of mk_work(), as measured on a device that passes through
 * the loops of branches that are not taken: 12, and 8 of house-keeping.
 */
#define MK_ROUND_STEPS 20u
/* Those that an operation takes besides, and besides what it asks for. */
#define MK_SLOW_STEPS (8u + MK_SHOW_PASSES)

/*
 * Work on the slots of a block that could not be executed quickly.  What lanes do in
 * loops of their own may take as long as all of it together.
 */
void mk_work_slowly()
{
	uint lanes = subgroupBallotBitCount(subgroupBallot(mk_found_slow));
	/* Most often it is one, and a division takes long. */
	uint slice = min(lanes == 1u ? mk_budget : mk_budget / lanes, MK_SLICE_STEPS);
	uint before = mk_executions, status = MK_STATUS_EMPTY;

	mk_spend(MK_SLOW_STEPS);
	mk_slice = slice;
	mk_begin_records();
	if (mk_found_slow && mk_found_ingest)
		status = mk_execute_ingest(mk_found_io_slot);
	if (mk_found_slow && !mk_found_ingest)
		status = mk_execute_whole(mk_found_slot, mk_found_status);
	if (mk_split)
		mk_send_records();
	mk_budget = subgroupMin(mk_budget);
	mk_spend(subgroupAdd(slice - mk_slice));

	bool executed = mk_executions != before;
	if (mk_split && subgroupAny(executed && mk_found_ingest) && subgroupElect())
		mk_show_io_counters();
	uint asked = executed && status == MK_STATUS_WAIT_IO ? mk_io_asked : 0u;
	asked = subgroupMax(asked);
	if (asked != 0u) {
		mk_waits = true;
		mk_io_hot_block = (asked - 1u) / mk_lanes;
	}
	if (mk_found_io && subgroupAny(executed))
		mk_idle = mk_io_idle = 0u;
	else if (!mk_found_io && subgroupAny(executed))
		mk_expect_after(mk_last_lane(executed),
				subgroupAny(executed && status == MK_STATUS_YIELD),
				subgroupAny(executed && status == MK_STATUS_REQUEUE));
	else if (!mk_found_io)
		mk_pass_over();
	mk_found_io = mk_found_ingest = false;
}

/* Leave the dispatch, as do those who found no place in the register's blocks. */
void mk_leave()
{
	uint left = 0u;

	if (!mk_split)
		return;
	MK_RELEASE();
	if (subgroupElect())
		left = MK_ADD(state[MK_STATE_LEFT], 1u);
	if (subgroupBroadcastFirst(left) + 1u != mk_workers)
		return;
	MK_ACQUIRE();
	mk_show_counters();
	if (subgroupElect())
		mk_show_io_counters();
}

/*
 * Some drivers end all loops of an invocation after so many passes, silently.  The steps
 * are counted so that it does not come to that.  Who has been there loops no more, and
 * what was executed last may be wrong: the engine must know.
 */
void mk_find_cut_loops()
{
	uint passes = 0u;

	/* No compiler knows what is loaded, so the loop stays. */
	while (passes < 2u && MK_LOAD_RELAXED(state[MK_STATE_REGISTERED]) != 0u)
		passes++;
	if (passes < 2u && subgroupElect())
		MK_ADD(state[MK_STATE_CUT_LOOPS], 1u);
}

/*
 * Five loops, one in the other: look; execute quickly; look at the io queue; keep
 * house; execute anything.  Only what an inner loop leaves over reaches an outer one.
 */
void mk_work()
{
	uint busy = 0u;
	bool stay, slow, found;

	mk_finds = mk_rounds = 0u;
	mk_io_shown = uvec2(0u);
	mk_io_turn = true;
	mk_begin_looking();
	mk_begin_looking_at_io(min(mk_workers, mk_block_count), mk_keeps_place());
	if (mk_split)
		mk_read_masks();
	do {
		do {
			slow = mk_work_and_watch(found);
			mk_spend(MK_ROUND_STEPS);
			busy = slow ? busy + 1u : MK_BUSY_PER_ROUND;
			stay = mk_budget > MK_LOOK_STEPS;
			if (busy >= MK_BUSY_PER_ROUND) {
				stay = mk_end_round(found && !slow);
				busy = 0u;
			}
		} while (stay && !slow);
		if (slow)
			mk_work_slowly();
	} while (stay);
	mk_find_cut_loops();
	mk_tell_counts();
	mk_end_in_order();
	mk_end_looking_at_io(mk_keeps_place());

	uint executions = subgroupAdd(mk_executions);
	if (subgroupElect()) {
		/* Nobody looks at our blocks now, so the others leave as well. */
		MK_STORE_RELAXED(state[MK_STATE_LEAVE], 1u);
		MK_ADD(state[MK_STATE_EXECUTIONS], executions);
		if (mk_worker == 0u)
			MK_ADD(state[MK_STATE_STEPS], parameters.steps - mk_budget);
	}
}

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
		mk_workers =
			subgroupBroadcastFirst(MK_LOAD_RELAXED(state[MK_STATE_WORKERS]));
		mk_spend(1u);
	} while (mk_workers == 0u && mk_budget > MK_LOOK_STEPS);
	MK_ACQUIRE();
	return mk_workers != 0u;
}

bool mk_must_leave()
{
	return subgroupAny(mk_load_leave() != 0u);
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
			MK_STORE_RELAXED(cq[word],
					 MK_LOAD_RELAXED(MK_COUNTER_WORD(word)));
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
#define MK_LOOKS_PER_TRY 32u
/* Tries between two looks at the rest: whether to leave, and so on. */
#define MK_TRIES_PER_ROUND 16u
/* The same of things that were found and take longer. */
#define MK_BUSY_PER_ROUND 32u

/* Across a bus: finds between two times that a worker keeps house. */
#define MK_FINDS_PER_ROUND 512u

/* Finds for every look at ingests: nobody waits for these. */
#define MK_FINDS_PER_INGESTS 8u
uint mk_finds;

/*
 * Look until a slot is ready, or something in the io queue, but not for ever.  Who waits
 * for an answer looks for it every time, since a look at the ring does not wait for one at
 * the io queue, nor the other way round.  Ingests would take more of a look's time than
 * they are worth.
 */
bool mk_find(out bool saw_io)
{
	bool found;
	uint left = MK_LOOKS_PER_TRY;

	saw_io = false;
	if (mk_waits) {
		do {
			mk_load_io_block();
			mk_load_block();
			found = subgroupAny(mk_slot_is_ready());
			saw_io = subgroupAny(mk_io_slot_is_ready());
			left--;
		} while (!found && !saw_io && left != 0u);
	} else {
		do {
			mk_load_block();
			found = subgroupAny(mk_slot_is_ready());
			left--;
		} while (!found && left != 0u);
	}
	if (!mk_waits && mk_watches_io() &&
	    (!found || mk_finds % MK_FINDS_PER_INGESTS == 0u)) {
		mk_load_io_block();
		saw_io = subgroupAny(mk_io_slot_is_ready());
	}
	mk_finds++;
	/* A device that executes both sides of a branch passes through either loop. */
	mk_spend(MK_LOOKS_PER_TRY - left + 2u);
	mk_idle += MK_LOOKS_PER_TRY - left;
	return found;
}

/* What a look across a bus may see. */
#define MK_SEES_SLOT  1u
#define MK_SEES_IO    2u
#define MK_SEES_LEAVE 4u

/* By each lane, of what the ring's look has loaded. */
uint mk_seen_by_lane()
{
	return (mk_slot_is_ready() ? MK_SEES_SLOT : 0u) |
	       (mk_seen_leave != 0u ? MK_SEES_LEAVE : 0u);
}

/*
 * The same across a bus, where whatever is looked at, ingests too, comes with one wait.
 * One vote for all that may be seen: a compiler knows that its result is the same for all
 * lanes, and that of && it does not know.  What comes behind is some ten times as long on
 * NVIDIA's devices when lanes might go different ways.
 */
uint mk_find_across()
{
	uint left = MK_LOOKS_PER_TRY, sees;

	if (mk_watches_io()) {
		do {
			mk_load_block();
			mk_load_io_block();
			mk_await_look();
			sees = mk_io_slot_is_ready() ? MK_SEES_IO : 0u;
			sees = subgroupOr(sees | mk_seen_by_lane());
			left--;
		} while (sees == 0u && left != 0u);
	} else {
		do {
			mk_load_block();
			mk_await_look();
			sees = subgroupOr(mk_seen_by_lane());
			left--;
		} while (sees == 0u && left != 0u);
	}
	mk_spend(MK_LOOKS_PER_TRY - left + 2u);
	mk_idle += MK_LOOKS_PER_TRY - left;
	return sees;
}

/* The highest lane of which @which is true; there is one. */
uint mk_last_lane(bool which)
{
	return subgroupBallotFindMSB(subgroupBallot(which));
}

/* There is something to tell, so a fruitless try is the last one. */
bool mk_has_counted()
{
	return subgroupAny(mk_claims != 0u);
}

/* Execute what can be executed quickly of what was found; true when there is something else. */
bool mk_work_on_found()
{
	bool quick = mk_execute_quickly();
	bool slow = subgroupAny(mk_found_slow);

	if (mk_split && mk_waits)
		mk_forget_executed(mk_found_block, mk_status_is_ready(mk_found_status));

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
	} while (!slow && !saw_io && tries != 0u && (found || !mk_has_counted()));
	return slow;
}

/* Whether the ring had the last turn. */
bool mk_io_turn;

/*
 * The same, and what was seen in the io queue.  Where both have something they take
 * turns: either may have slots that are ready always.  Who loses a turn is looked at again
 * at the same place, else the turns and the looks might go in step for ever.
 */
bool mk_work_and_watch(out bool found)
{
	uint tries = MK_TRIES_PER_ROUND;
	bool saw_io, slow;

	do {
		slow = mk_work_quickly(tries, found, saw_io);
		mk_io_is_due = saw_io && !mk_io_turn && slow;
		saw_io = saw_io && !mk_io_is_due;
		mk_ring_is_due = saw_io && slow;
		if (saw_io)
			slow = mk_examine_io();
		mk_io_turn = !saw_io;
		mk_spend(1u);
	} while (!slow && tries != 0u && (found || saw_io || !mk_has_counted()));
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
 * Between two rounds.  Who publishes meanwhile waits, so one that was @busy keeps house
 * seldom.
 */
void mk_end_round(bool busy)
{
	if (!busy || mk_rounds % MK_ROUNDS_PER_HOUSE == 0u)
		mk_keep_house();
	mk_rounds++;
}

/*
 * Passes of loops in each round, as measured on a device that passes through the loops of
 * branches that are not taken: 12, and 8 of house-keeping.
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
void mk_work_in_place()
{
	uint busy = 0u;
	bool stay, slow, found;

	do {
		do {
			slow = mk_work_and_watch(found);
			mk_spend(MK_ROUND_STEPS);
			busy = slow ? busy + 1u : MK_BUSY_PER_ROUND;
			stay = mk_budget > MK_LOOK_STEPS;
			if (busy >= MK_BUSY_PER_ROUND) {
				mk_end_round(found && !slow);
				stay = stay && !mk_must_leave();
				busy = 0u;
			}
		} while (stay && !slow);
		if (slow)
			mk_work_slowly();
	} while (stay);
}

/* How much of a round a find has been, or a fruitless try. */
uint mk_weight_of_find(uint sees, bool slow)
{
	if (slow)
		return MK_FINDS_PER_ROUND / MK_BUSY_PER_ROUND;
	return sees != 0u ? 1u : MK_FINDS_PER_ROUND / MK_TRIES_PER_ROUND;
}

/*
 * Two loops: look; do what there is to do.  Each way out of a loop costs a device that is
 * across a bus more than the branches around what is not to be done.
 */
void mk_work_across()
{
	uint left = MK_FINDS_PER_ROUND;
	bool stay = true;

	do {
		uint sees = mk_find_across();
		bool found = (sees & MK_SEES_SLOT) != 0u, slow = false;

		if (found)
			slow = mk_work_on_found();
		bool takes_io = (sees & MK_SEES_IO) != 0u && (mk_io_turn || !slow);
		mk_ring_is_due = takes_io && slow;
		mk_io_is_due = (sees & MK_SEES_IO) != 0u && !takes_io;
		if (takes_io)
			slow = mk_examine_io();
		mk_io_turn = !takes_io;
		if (slow)
			mk_work_slowly();
		mk_spend((parameters.flags & MK_DISPATCH_COUNTS_LOOPS) != 0u ?
				 MK_ROUND_STEPS :
				 1u);
		left -= min(left, mk_weight_of_find(sees, slow));
		if (sees == 0u && mk_has_counted())
			left = 0u;
		stay = mk_budget > MK_LOOK_STEPS && (sees & MK_SEES_LEAVE) == 0u;
		if (left == 0u) {
			mk_keep_house();
			left = MK_FINDS_PER_ROUND;
		}
	} while (stay);
}

void mk_work()
{
	mk_finds = mk_rounds = 0u;
	mk_io_shown = uvec2(0u);
	mk_io_turn = true;
	mk_begin_looking();
	mk_begin_looking_at_io(min(mk_workers, mk_block_count), mk_keeps_place());
	if (mk_split) {
		mk_read_masks();
		mk_work_across();
	} else {
		mk_work_in_place();
	}
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

/* SPDX-License-Identifier: MIT */
/*
 * Which worker looks at which slot, and when a dispatch ends.
 *
 * A worker is a workgroup.  How many of a dispatch's workgroups are alive at once
 * is for the device to decide, and the others begin only when one of them ends.
 * So the workers register, the first closes the register after a while, and the
 * windows belong to who is in it: window % workers == worker.  Who comes later
 * leaves.
 */

uint mk_worker;
uint mk_workers;

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
	MK_STORE_RELAXED(cq[MK_CQ_LOG_GENERATION], cq[MK_CQ_LOG_GENERATION] + 1u);
}

bool mk_register()
{
	uint seen = MK_ADD(state[MK_STATE_REGISTERED], 1u);

	mk_worker = seen;
	if ((seen & MK_REGISTERED_FROZEN) != 0u)
		return false;
	if (seen == 0u) {
		/* The first in is the only one in, so the log is its own. */
		if ((parameters.flags & MK_DISPATCH_RESTART_LOG) != 0u)
			mk_restart_log();
		uint patience = min(MK_REGISTER_STEPS, mk_budget / 4u), wait = patience;
		while (wait > 0u && MK_LOAD_RELAXED(state[MK_STATE_REGISTERED]) !=
					    gl_NumWorkGroups.x)
			wait--;
		mk_spend(patience - wait);
		mk_workers = atomicOr(state[MK_STATE_REGISTERED], MK_REGISTERED_FROZEN,
				      gl_ScopeDevice, gl_StorageSemanticsNone,
				      gl_SemanticsRelaxed);
		MK_STORE_RELAXED(state[MK_STATE_LIVE_WORKERS], mk_workers);
		/*
		 * Who comes now adds to the register too, so its count is no longer
		 * that of the workers: they find it beside.
		 */
		MK_STORE_RELEASE(state[MK_STATE_WORKERS], mk_workers);
		return true;
	}
	do {
		mk_workers = MK_LOAD_ACQUIRE(state[MK_STATE_WORKERS]);
		mk_spend(1u);
	} while (mk_workers == 0u && mk_budget > MK_LOOK_STEPS);
	return mk_workers != 0u;
}

uint mk_window_size(uint window)
{
	return min(parameters.slot_count - window * parameters.window_slots,
		   parameters.window_slots);
}

/* The windows of a worker, round and round. */
uint mk_next_window(uint window)
{
	uint next = window + mk_workers;

	return next < parameters.window_count ? next : mk_worker;
}

#define MK_WINDOW_WORD(window, word)                                                      \
	state[MK_STATE_SLOTS + parameters.slot_count * MK_STATE_SLOT_WORDS +              \
	      (window) * MK_STATE_WINDOW_WORDS + (word)]
/* The slot of a window in which something is expected next. */
#define MK_EXPECTED_WORD(window) MK_WINDOW_WORD(window, MK_STATE_EXPECTED)

uint mk_expected_slot(uint window)
{
	uint offset = MK_EXPECTED_WORD(window);

	return window * parameters.window_slots +
	       (offset < mk_window_size(window) ? offset : 0u);
}

/*
 * Where a worker looks.  The hot slot is where something is expected after what
 * was found last.  Beside it each look takes in one other: by turns what is
 * expected next in one window after the other, and every slot in order, since a
 * producer may use its slots as it likes and some linger.
 */
uint mk_hot_window, mk_hot_slot;
uint mk_next;
uint mk_every_window, mk_every_offset;
uint mk_look_count;
/*
 * Looks for which the hot slot rests, because it waits or is long: the others must
 * have their turn.
 */
uint mk_rest;
#define MK_REST_LOOKS 64u

/* The slot that was found, its window and its status. */
uint mk_found_window, mk_found_slot, mk_found_status;

/* Go on where a former dispatch ended, as near as its workers' windows allow. */
void mk_begin_in_order()
{
	uint slot = MK_WINDOW_WORD(mk_worker, MK_STATE_IN_ORDER);
	uint window = min(slot / parameters.window_slots, parameters.window_count - 1u);

	window += mk_worker - window % mk_workers;
	mk_every_window = window < parameters.window_count ? window : mk_worker;
	mk_every_offset = slot % parameters.window_slots;
	if (mk_every_offset >= mk_window_size(mk_every_window))
		mk_every_offset = 0u;
}

void mk_end_in_order()
{
	MK_WINDOW_WORD(mk_worker, MK_STATE_IN_ORDER) =
		mk_every_window * parameters.window_slots + mk_every_offset;
}

void mk_begin_looking()
{
	mk_hot_window = mk_next = mk_worker;
	mk_hot_slot = mk_expected_slot(mk_worker);
	mk_begin_in_order();
	mk_look_count = 0u;
	mk_rest = 0u;
}

/* Take one look; true when a slot is ready. */
bool mk_look()
{
	bool in_order = (mk_look_count & 1u) != 0u;
	/* Now and then the other comes first, or a busy window would starve the rest. */
	bool others_turn = (mk_look_count & 6u) == 0u;
	uint window = in_order ? mk_every_window : mk_next;
	uint slot = mk_expected_slot(window);

	if (in_order) {
		slot = window * parameters.window_slots + mk_every_offset;
		mk_every_offset++;
		if (mk_every_offset == mk_window_size(window)) {
			mk_every_offset = 0u;
			mk_every_window = mk_next_window(window);
		}
	} else {
		mk_next = mk_next_window(window);
	}
	uint other = MK_LOAD_ACQUIRE(MK_STATUS_WORD(slot));
	uint hot = MK_LOAD_ACQUIRE(MK_STATUS_WORD(mk_hot_slot));
	bool is_hot = mk_status_is_ready(hot) && mk_rest == 0u &&
		      !(others_turn && mk_status_is_ready(other));
	mk_look_count++;
	mk_rest -= min(mk_rest, 1u);
	mk_found_window = is_hot ? mk_hot_window : window;
	mk_found_slot = is_hot ? mk_hot_slot : slot;
	mk_found_status = is_hot ? hot : other;
	return mk_status_is_ready(mk_found_status);
}

/* What was found cannot go on now: others have the first look. */
void mk_pass_over()
{
	mk_rest = MK_REST_LOOKS;
	mk_hot_window = mk_next_window(mk_hot_window);
	mk_hot_slot = mk_expected_slot(mk_hot_window);
}

/*
 * After a claim at CRITICAL or HIGH the windows are gone through from the first
 * again, which lies in the highest priority; but not for ever.
 */
bool mk_has_urgent_turn()
{
	return mk_streak != 0u && mk_streak < MK_STARVATION_THRESHOLD;
}

/*
 * A slot that yielded is looked at again first, or its successor when it has ended.
 * One that is requeued gives way to other windows.
 */
void mk_expect_after(uint status)
{
	uint first = mk_found_window * parameters.window_slots;
	uint offset = mk_found_slot - first;

	if (status != MK_STATUS_YIELD)
		offset = offset + 1u < mk_window_size(mk_found_window) ? offset + 1u : 0u;
	MK_EXPECTED_WORD(mk_found_window) = offset;
	if (status == MK_STATUS_REQUEUE) {
		mk_hot_window = mk_next_window(mk_found_window);
		mk_hot_slot = mk_expected_slot(mk_hot_window);
	} else {
		mk_hot_window = mk_found_window;
		mk_hot_slot = first + offset;
	}
	if (mk_has_urgent_turn())
		mk_next = mk_worker;
	mk_rest = status == MK_STATUS_DONE || status == MK_STATUS_FAULT ? 0u : MK_REST_LOOKS;
	mk_idle = 0u;
}

bool mk_must_leave()
{
	return MK_LOAD_RELAXED(control[MK_CONTROL_SHUTDOWN]) != 0u ||
	       MK_LOAD_RELAXED(state[MK_STATE_LEAVE]) != 0u;
}

/* When every worker has found nothing for long, the dispatch is over. */
void mk_vote()
{
	bool idle = mk_idle >= parameters.idle_looks;

	if (idle != mk_voted_idle) {
		uint before = MK_ADD(state[MK_STATE_IDLE_WORKERS], idle ? 1u : 0xffffffffu);

		if (idle && before + 1u == mk_workers)
			MK_STORE_RELAXED(state[MK_STATE_LEAVE], 1u);
	}
	mk_voted_idle = idle;
}

/* Tell the host that the kernel lives. */
void mk_beat()
{
	if (mk_worker == 0u)
		MK_STORE_RELAXED(cq[MK_CQ_HEARTBEAT], cq[MK_CQ_HEARTBEAT] + 1u);
}

/* Fruitless looks before a worker does anything else. */
#define MK_LOOKS_PER_TRY   32u
/* Tries between two looks at the rest: whether to leave, and so on. */
#define MK_TRIES_PER_ROUND 16u

/* Look until a slot is ready, but not for ever. */
bool mk_find()
{
	uint looks = MK_LOOKS_PER_TRY;
	bool found;

	do {
		found = mk_look();
		looks--;
	} while (!found && looks != 0u);
	mk_spend(MK_LOOKS_PER_TRY - looks + 1u);
	mk_idle += MK_LOOKS_PER_TRY - looks;
	return found;
}

/* Execute what can be executed quickly; true when something else was found. */
bool mk_work_quickly()
{
	uint tries = MK_TRIES_PER_ROUND;
	bool found;
	uint quick;

	do {
		found = mk_find();
		quick = MK_QUICK_WAITS;
		if (found)
			quick = mk_execute_quickly(mk_found_slot, mk_found_status);
		if (quick == MK_QUICK_DONE)
			mk_expect_after(MK_STATUS_DONE);
		if (found && quick == MK_QUICK_WAITS)
			mk_pass_over();
		tries--;
	} while (quick != MK_QUICK_CANNOT && tries != 0u &&
		 (found || !mk_has_counts_to_tell()));
	return quick == MK_QUICK_CANNOT;
}

/* What is to be done now and then; false when it is time to leave. */
bool mk_keep_house()
{
	mk_tell_counts();
	mk_vote();
	mk_beat();
	mk_spend(1u);
	return mk_budget > MK_LOOK_STEPS && !mk_must_leave();
}

void mk_work_slowly()
{
	uint before = mk_executions;

	mk_spend(1u);
	mk_slice = min(mk_budget, MK_SLICE_STEPS);
	mk_budget -= mk_slice;
	uint status = mk_execute_whole(mk_found_slot, mk_found_status);
	mk_budget += mk_slice;
	if (mk_executions != before)
		mk_expect_after(status);
	else
		mk_pass_over();
}

/*
 * Four loops, one in the other: look; execute quickly; keep house; execute
 * anything.  Only what an inner loop leaves over reaches an outer one.
 */
void mk_work()
{
	bool stay, slow;

	mk_begin_looking();
	do {
		do {
			slow = mk_work_quickly();
			stay = mk_keep_house();
		} while (stay && !slow);
		if (slow)
			mk_work_slowly();
	} while (stay);
	mk_tell_counts();
	mk_end_in_order();
	/* Nobody looks at our windows now, so the others leave as well. */
	MK_STORE_RELAXED(state[MK_STATE_LEAVE], 1u);
	MK_ADD(state[MK_STATE_EXECUTIONS], mk_executions);
	if (mk_worker == 0u)
		MK_ADD(state[MK_STATE_STEPS], parameters.steps - mk_budget);
}

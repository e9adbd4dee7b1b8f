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

/* Rounds since something was found. */
uint mk_idle;
bool mk_voted_idle;
/* How long the first waits for others to register. */
#define MK_REGISTER_STEPS 2048u

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
		uint wait = MK_REGISTER_STEPS;
		while (wait > 0u && MK_LOAD_RELAXED(state[MK_STATE_REGISTERED]) !=
					    gl_NumWorkGroups.x)
			wait--;
		mk_budget -= MK_REGISTER_STEPS;
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
		mk_budget--;
	} while (mk_workers == 0u && mk_budget > MK_LOOK_STEPS);
	return mk_workers != 0u;
}

/* A place in the windows that a worker owns. */
struct mk_place {
	uint window;
	uint first;		/* slot of the window */
	uint size;
};

mk_place mk_window_place(uint window)
{
	uint first = window * parameters.window_slots;

	return mk_place(window, first,
			min(parameters.slot_count - first, parameters.window_slots));
}

mk_place mk_next_window(mk_place place)
{
	uint next = place.window + mk_workers;

	return mk_window_place(next < parameters.window_count ? next : mk_worker);
}

/* The slot of a window in which something is expected next. */
#define MK_EXPECTED_WORD(window)                                                          \
	state[MK_STATE_SLOTS + parameters.slot_count * MK_STATE_SLOT_WORDS + (window)]

/* Look at one slot; true when it was worked on. */
bool mk_look(mk_place place, uint offset)
{
	uint slot = place.first + offset;
	uint status = MK_LOAD_ACQUIRE(MK_STATUS_WORD(slot));

	if (!mk_status_is_ready(status))
		return false;
	uint before = mk_executions;
	mk_slice = min(mk_budget, MK_SLICE_STEPS);
	mk_budget -= mk_slice;
	status = mk_work_on(slot, status);
	mk_budget += mk_slice;
	if (mk_executions == before)
		return false;

	mk_idle = 0u;
	/* A slot in mid-air is looked at again first, a finished one's successor. */
	if (status != MK_STATUS_YIELD)
		offset = offset + 1u < place.size ? offset + 1u : 0u;
	MK_EXPECTED_WORD(place.window) = offset;
	return true;
}

bool mk_look_at_expected(mk_place place)
{
	uint offset = MK_EXPECTED_WORD(place.window);

	return mk_look(place, offset < place.size ? offset : 0u);
}

bool mk_must_leave()
{
	return MK_LOAD_RELAXED(control[MK_CONTROL_SHUTDOWN]) != 0u ||
	       MK_LOAD_RELAXED(state[MK_STATE_LEAVE]) != 0u;
}

/* When every worker has found nothing for long, the dispatch is over. */
void mk_vote()
{
	bool idle = mk_idle >= parameters.idle_rounds;

	if (idle == mk_voted_idle)
		return;
	mk_voted_idle = idle;
	if (!idle)
		MK_ADD(state[MK_STATE_IDLE_WORKERS], 0xffffffffu);
	else if (MK_ADD(state[MK_STATE_IDLE_WORKERS], 1u) + 1u == mk_workers)
		MK_STORE_RELAXED(state[MK_STATE_LEAVE], 1u);
}

/*
 * After a claim at CRITICAL or HIGH the windows are gone through from the first
 * again, which lies in the highest priority; but not for ever.
 */
bool mk_has_urgent_turn()
{
	return mk_idle == 0u && mk_streak != 0u && mk_streak < MK_STARVATION_THRESHOLD;
}

#define MK_ROUNDS_PER_BEAT 1024u

void mk_beat(uint round)
{
	if (mk_worker == 0u && round % MK_ROUNDS_PER_BEAT == 0u)
		MK_STORE_RELAXED(cq[MK_CQ_HEARTBEAT], cq[MK_CQ_HEARTBEAT] + 1u);
}

/*
 * Each round looks at three slots: where something was found last, what is
 * expected next in one window after the other, and every slot in turn, since a
 * producer may use its slots as it likes and some linger.
 */
void mk_work()
{
	mk_place hot = mk_window_place(mk_worker);
	mk_place expected = hot, every = hot;
	uint offset = 0u;

	for (uint round = 0u; mk_budget > MK_LOOK_STEPS && !mk_must_leave(); round++) {
		mk_budget--;
		mk_idle++;
		mk_beat(round);

		mk_look_at_expected(hot);
		if (mk_look_at_expected(expected))
			hot = expected;
		expected = mk_next_window(expected);
		if (mk_has_urgent_turn())
			expected = mk_window_place(mk_worker);
		if (mk_look(every, offset))
			hot = every;
		if (++offset == every.size) {
			offset = 0u;
			every = mk_next_window(every);
		}
		mk_vote();
	}
	/* Nobody looks at our windows now, so the others leave as well. */
	MK_STORE_RELAXED(state[MK_STATE_LEAVE], 1u);
	MK_ADD(state[MK_STATE_EXECUTIONS], mk_executions);
}


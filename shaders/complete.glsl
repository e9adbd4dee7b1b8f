/* SPDX-License-Identifier: MIT */
/* Claiming a slot and telling the host how it ended. */

/* Times a slot was worked on. */
uint mk_executions;
/* Claims in a row at CRITICAL or HIGH by this worker, and what the host was told. */
uint mk_streak;
uint mk_streak_stored;
/* First slots of the priorities; all zero when the ring is not partitioned. */
uint mk_first_high, mk_first_normal, mk_first_low, mk_first_idle, mk_partitioned;

void mk_read_priorities()
{
	mk_first_high = MK_LOAD_RELAXED(control[MK_CONTROL_PRIORITY_OFFSETS + 1u]);
	mk_first_normal = MK_LOAD_RELAXED(control[MK_CONTROL_PRIORITY_OFFSETS + 2u]);
	mk_first_low = MK_LOAD_RELAXED(control[MK_CONTROL_PRIORITY_OFFSETS + 3u]);
	mk_first_idle = MK_LOAD_RELAXED(control[MK_CONTROL_PRIORITY_OFFSETS + 4u]);
	mk_partitioned =
		MK_LOAD_RELAXED(control[MK_CONTROL_PRIORITY_OFFSETS + MK_PRIORITY_COUNT]);
}

/* Where a slot lies decides its priority. */
uint mk_slot_priority(uint slot)
{
	if (mk_partitioned == 0u)
		return MK_PRIORITY_NORMAL;
	return uint(slot >= mk_first_high) + uint(slot >= mk_first_normal) +
	       uint(slot >= mk_first_low) + uint(slot >= mk_first_idle);
}

/* Quotas and fairness are counted, not enforced. */
void mk_count_claim(uint slot, uint tenant)
{
	uint priority = mk_slot_priority(slot);

	mk_streak = priority <= MK_PRIORITY_HIGH ? mk_streak + 1u : 0u;
	if (mk_streak != mk_streak_stored)
		MK_STORE_RELAXED(control[MK_CONTROL_STARVATION], mk_streak);
	mk_streak_stored = mk_streak;
	MK_ADD(control[MK_CONTROL_PRIORITY_FAIRNESS + priority], 1u);
	MK_ADD(control[MK_CONTROL_TENANT_FAIRNESS + tenant % MK_TENANT_FAIRNESS_COUNT], 1u);
}

void mk_claim(uint slot, uint status, uint tenant)
{
	MK_PROGRESS_WORD(slot, MK_STATE_COMPLETIONS) =
		cq[MK_CQ_HEADER_WORDS + slot] >> MK_CQ_ENTRY_COUNT_SHIFT;
	MK_STORE_RELEASE(MK_STATUS_WORD(slot), MK_STATUS_CLAIMED);
	/* CLAIMED is visible before the first effect is. */
	memoryBarrier(gl_ScopeDevice, gl_StorageSemanticsBuffer,
		      gl_SemanticsRelease | gl_SemanticsMakeAvailable);
	if (status == MK_STATUS_PUBLISHED)
		mk_count_claim(slot, tenant);
	mk_executions++;
}

void mk_count_done()
{
	MK_ADD(control[MK_CONTROL_DONE_COUNT], 1u);
	if (MK_ADD(cq[MK_CQ_SLOTS_DONE_LOW], 1u) == 0xffffffffu)
		MK_ADD(cq[MK_CQ_SLOTS_DONE_HIGH], 1u);
}

/*
 * Effects, then counters, then the cq entry, then the status.  So counters are
 * exact for who waited for every slot, and the entry is for who sees the status.
 */
void mk_complete(uint slot, uint status, uint fault)
{
	uint entry = MK_CQ_HEADER_WORDS + slot;
	uint completions = MK_PROGRESS_WORD(slot, MK_STATE_COMPLETIONS) + 1u;

	MK_STORE_RELEASE(cq[entry], completions << MK_CQ_ENTRY_COUNT_SHIFT |
					    fault << MK_CQ_ENTRY_FAULT_SHIFT | status);
	MK_STORE_RELEASE(MK_STATUS_WORD(slot), status);
}

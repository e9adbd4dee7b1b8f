/* SPDX-License-Identifier: MIT */
/* Claiming a slot and telling the host how it ended. */

/* Times a slot was worked on. */
uint mk_executions;
/* Claims in a row at CRITICAL or HIGH by this lane, and what the host was told. */
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

/*
 * What a lane has counted and not told yet.  It tells when it finds no more work,
 * and now and then: an atomic for each slot would hold up the stores of all slots
 * before it.
 */
uint mk_done;
uvec3 mk_quick_metrics;		/* of NOP, STORE_U32, ATOMIC_ADD */
uint mk_claims;			/* of one tenant at one priority */
uint mk_claims_tenant, mk_claims_priority;

/* Quotas and fairness are counted, not enforced. */
void mk_tell_claims()
{
	if (mk_claims == 0u)
		return;
	MK_ADD(control[MK_CONTROL_PRIORITY_FAIRNESS + mk_claims_priority], mk_claims);
	MK_ADD(control[MK_CONTROL_TENANT_FAIRNESS +
		       mk_claims_tenant % MK_TENANT_FAIRNESS_COUNT],
	       mk_claims);
	mk_claims = 0u;
}

/* After a slot was worked on that had @status before: nobody waits for this. */
void mk_count_claim(uint slot, uint status, uint tenant)
{
	uint priority = mk_slot_priority(slot);

	mk_executions++;
	if (status != MK_STATUS_PUBLISHED)
		return;

	if (tenant != mk_claims_tenant || priority != mk_claims_priority)
		mk_tell_claims();
	mk_claims_tenant = tenant;
	mk_claims_priority = priority;
	mk_claims++;
	mk_streak = priority <= MK_PRIORITY_HIGH ? mk_streak + 1u : 0u;
	if (mk_streak != mk_streak_stored)
		MK_STORE_RELAXED(control[MK_CONTROL_STARVATION], mk_streak);
	mk_streak_stored = mk_streak;
}

/* By all lanes together, of which one adds what all have counted. */
void mk_tell_counts()
{
	uint done = subgroupAdd(mk_done);
	uvec3 metrics = subgroupAdd(mk_quick_metrics);

	mk_tell_claims();
	mk_quick_metrics = uvec3(0u);
	mk_done = 0u;
	if (done == 0u || !subgroupElect())
		return;
	if (metrics.x != 0u)
		MK_ADD(control[MK_CONTROL_METRICS + MK_OP_NOP], metrics.x);
	if (metrics.y != 0u)
		MK_ADD(control[MK_CONTROL_METRICS + MK_OP_STORE_U32], metrics.y);
	if (metrics.z != 0u)
		MK_ADD(control[MK_CONTROL_METRICS + MK_OP_ATOMIC_ADD], metrics.z);
	MK_ADD(control[MK_CONTROL_DONE_COUNT], done);
	if (mk_counter_add(MK_CQ_SLOTS_DONE_LOW, done) > 0xffffffffu - done)
		mk_counter_add(MK_CQ_SLOTS_DONE_HIGH, 1u);
}

void mk_begin_counting()
{
	mk_done = mk_claims = 0u;
	mk_claims_tenant = mk_claims_priority = 0u;
	mk_quick_metrics = uvec3(0u);
	mk_executions = 0u;
	mk_streak = mk_streak_stored = 0u;
}

/* The entry of a claimed slot that had this status, first word and entry. */
uint mk_entry_of_use(uint status, uint word, uint entry)
{
	uint count = entry >> MK_CQ_ENTRY_COUNT_SHIFT;

	if (status == MK_STATUS_PUBLISHED)
		count = mk_split ? word >> MK_INBOX_COUNT_SHIFT :
				   count + 1u & MK_CQ_ENTRY_COUNT_MASK;
	return count << MK_CQ_ENTRY_COUNT_SHIFT | MK_STATUS_CLAIMED;
}

/*
 * Claim a slot and return its entry.  An effect must be behind a MK_RELEASE() that is
 * behind this: CLAIMED is visible before.
 */
uint mk_claim(uint slot, uint status, uint word, uint entry)
{
	entry = mk_entry_of_use(status, word, entry);
	MK_STORE_RELAXED(MK_PROGRESS_WORD(slot, MK_STATE_ENTRY), entry);
	if (!mk_split)
		MK_STORE_RELEASE(MK_STATUS_WORD(slot), MK_STATUS_CLAIMED);
	return entry;
}

/*
 * Effects come before, by a MK_RELEASE().  Fences go by the status, in the slot or in
 * an inbox's entry.  Producers go by the cq, and may publish anew as soon as they see
 * that, so a status in the slot must not come later.  An inbox has no such status, and
 * the order of these two stores does not matter there.
 */
void mk_complete(uint slot, uint status, uint fault, uint entry)
{
	entry = entry & ~MK_CQ_ENTRY_STATUS_MASK | fault << MK_CQ_ENTRY_FAULT_SHIFT | status;
	MK_STORE_RELAXED(MK_PROGRESS_WORD(slot, MK_STATE_ENTRY), entry);
	if (mk_split) {
		MK_STORE_RELAXED(cq[MK_CQ_HEADER_WORDS + slot], entry);
	} else {
		MK_STORE_RELEASE(MK_STATUS_WORD(slot), status);
		MK_STORE_RELEASE(cq[MK_CQ_HEADER_WORDS + slot], entry);
	}
}

/* SPDX-License-Identifier: MIT */
/* Claiming a slot, running it, and telling the host. */

/* Where a slot lies decides its priority; offsets of 0 mean there are none. */
uint mk_slot_priority(uint slot)
{
	uint priority = MK_PRIORITY_CRITICAL;

	if (MK_LOAD_RELAXED(control[MK_CONTROL_PRIORITY_OFFSETS + MK_PRIORITY_COUNT]) == 0u)
		return MK_PRIORITY_NORMAL;
	while (priority < MK_PRIORITY_IDLE &&
	       slot >= MK_LOAD_RELAXED(
			       control[MK_CONTROL_PRIORITY_OFFSETS + priority + 1u]))
		priority++;
	return priority;
}

/* Times a slot was worked on. */
uint mk_executions;
/* Claims in a row at CRITICAL or HIGH by this worker. */
uint mk_streak;

/* Quotas and fairness are counted, not enforced. */
void mk_count_claim(uint slot, uint tenant)
{
	uint priority = mk_slot_priority(slot);

	mk_streak = priority <= MK_PRIORITY_HIGH ? mk_streak + 1u : 0u;
	if (MK_LOAD_RELAXED(control[MK_CONTROL_STARVATION]) != mk_streak)
		MK_STORE_RELAXED(control[MK_CONTROL_STARVATION], mk_streak);
	MK_ADD(control[MK_CONTROL_PRIORITY_FAIRNESS + priority], 1u);
	MK_ADD(control[MK_CONTROL_TENANT_FAIRNESS + tenant % MK_TENANT_FAIRNESS_COUNT], 1u);
}

void mk_count_end(mk_call call, uint opcode, uint status)
{
	if (status == MK_STATUS_DONE) {
		MK_ADD(control[MK_CONTROL_DONE_COUNT], 1u);
		if (MK_ADD(cq[MK_CQ_SLOTS_DONE_LOW], 1u) == 0xffffffffu)
			MK_ADD(cq[MK_CQ_SLOTS_DONE_HIGH], 1u);
	} else {
		mk_log(MK_LOG_FORMAT_FAULT, mk_fault, opcode, call.slot * MK_SLOT_WORDS);
		MK_ADD(cq[MK_CQ_FAULTS], 1u);
	}
}

/*
 * Effects, then counters, then the cq entry, then the status.  So counters are
 * exact for who waited for every slot, and the entry is for who sees the status.
 */
void mk_complete(mk_call call, uint opcode, uint status)
{
	uint entry = MK_CQ_HEADER_WORDS + call.slot;
	uint completions = (cq[entry] >> MK_CQ_ENTRY_COUNT_SHIFT) + 1u;

	MK_PROGRESS_WORD(call.slot, MK_STATE_PROGRESS) = 0u;
	MK_PROGRESS_WORD(call.slot, MK_STATE_INNER) = 0u;
	mk_count_end(call, opcode, status);
	MK_STORE_RELEASE(cq[entry], completions << MK_CQ_ENTRY_COUNT_SHIFT |
					    mk_fault << MK_CQ_ENTRY_FAULT_SHIFT | status);
	MK_STORE_RELEASE(MK_STATUS_WORD(call.slot), status);
}

/* A slot that goes on later keeps its arguments as its operation left them. */
void mk_suspend(mk_call call, uint status)
{
	mk_spend(MK_SLOT_ARG_COUNT);
	for (uint i = 0u; i < MK_SLOT_ARG_COUNT; i++)
		MK_PAYLOAD_WORD(call.slot, MK_SLOT_ARGS + i) = call.args[i];
	MK_STORE_RELEASE(MK_STATUS_WORD(call.slot), status);
}

/* A fence that waits for others stays PUBLISHED and is looked at again. */
bool mk_must_wait(mk_call call)
{
	return call.opcode == MK_OP_BATCH_FENCE && call.args[0] <= call.slot &&
	       !mk_fence_is_ready(call.slot, call.args[0]);
}

uint mk_execute(inout mk_call call)
{
	if (call.tenant >= MK_TENANT_COUNT)
		return mk_fault_with(MK_FAULT_TENANT);
	if (call.opcode == MK_OP_PACKED_SLOT)
		return mk_execute_packed(call);
	return mk_operate_counted(call);
}

/* No loop: a driver may count its iterations against ours. */
uint[MK_SLOT_ARG_COUNT] mk_load_args(uint first)
{
	return uint[](ring[first], ring[first + 1u], ring[first + 2u], ring[first + 3u],
		      ring[first + 4u], ring[first + 5u], ring[first + 6u],
		      ring[first + 7u], ring[first + 8u], ring[first + 9u],
		      ring[first + 10u], ring[first + 11u]);
}

/* Work on a slot that is ready; returns its status, the old one when it waits. */
uint mk_work_on(uint slot, uint before)
{
	mk_call call;

	call.slot = slot;
	call.opcode = MK_PAYLOAD_WORD(slot, MK_SLOT_OPCODE);
	call.tenant = MK_PAYLOAD_WORD(slot, MK_SLOT_TENANT);
	call.args = mk_load_args(slot * MK_SLOT_WORDS + MK_SLOT_ARGS);
	if (call.tenant < MK_TENANT_COUNT &&
	    (MK_LOAD_RELAXED(control[MK_CONTROL_TENANT_MASKS + call.tenant]) == 0u ||
	     mk_must_wait(call)))
		return before;

	/* CLAIMED is visible before the first effect is. */
	MK_STORE_RELAXED(MK_STATUS_WORD(slot), MK_STATUS_CLAIMED);
	memoryBarrier(gl_ScopeDevice, gl_StorageSemanticsBuffer,
		      gl_SemanticsRelease | gl_SemanticsMakeAvailable);
	if (before == MK_STATUS_PUBLISHED)
		mk_count_claim(slot, call.tenant);

	uint opcode = call.opcode;
	mk_executions++;
	mk_fault = 0u;
	uint status = mk_execute(call);
	if (status == MK_STATUS_DONE || status == MK_STATUS_FAULT)
		mk_complete(call, opcode, status);
	else
		mk_suspend(call, status);
	return status;
}

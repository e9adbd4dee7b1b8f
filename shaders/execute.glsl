/* SPDX-License-Identifier: MIT */
/*
 * Executing a slot, in two ways.  The quick one knows the operations that are
 * over at once and do not fail; the whole one knows all.
 *
 * They are apart because of devices that run both sides of every branch and mask
 * the results: there, code costs time wherever it stands in a loop, taken or not.
 */

/* How mk_execute_quickly() has found a slot. */
#define MK_QUICK_DONE	 0u
#define MK_QUICK_WAITS	 1u	/* its tenant is masked: leave it */
#define MK_QUICK_CANNOT	 2u	/* for mk_execute_whole() */

bool mk_tenant_is_masked(uint tenant)
{
	return tenant < MK_TENANT_COUNT &&
	       MK_LOAD_RELAXED(control[MK_CONTROL_TENANT_MASKS + tenant]) == 0u;
}

uint mk_execute_quickly(uint slot, uint status)
{
	uint opcode = MK_PAYLOAD_WORD(slot, MK_SLOT_OPCODE);
	uint tenant = MK_PAYLOAD_WORD(slot, MK_SLOT_TENANT);
	uint value = MK_PAYLOAD_WORD(slot, MK_SLOT_ARGS);
	uint word = MK_PAYLOAD_WORD(slot, MK_SLOT_ARGS + 1u);
	bool writes = opcode == MK_OP_STORE_U32 || opcode == MK_OP_ATOMIC_ADD;
	bool can = status == MK_STATUS_PUBLISHED && tenant < MK_TENANT_COUNT &&
		   (opcode == MK_OP_NOP || writes && mk_is_observable(word));

	if (mk_tenant_is_masked(tenant))
		return MK_QUICK_WAITS;
	if (!can)
		return MK_QUICK_CANNOT;

	uint completions = mk_claim(slot);
	if (opcode == MK_OP_STORE_U32)
		MK_STORE_RELAXED(control[word], value);
	if (opcode == MK_OP_ATOMIC_ADD)
		MK_ADD(control[word], value);
	mk_quick_metrics += uvec3(opcode == MK_OP_NOP, opcode == MK_OP_STORE_U32,
				  opcode == MK_OP_ATOMIC_ADD);
	mk_done++;
	mk_complete(slot, MK_STATUS_DONE, 0u, completions);
	mk_count_claim(slot, status, tenant);
	return MK_QUICK_DONE;
}

/* No loop: a driver may count its iterations against ours. */
uint[MK_SLOT_ARG_COUNT] mk_load_args(uint slot)
{
	uint first = slot * MK_SLOT_WORDS + MK_SLOT_ARGS;

	return uint[](ring[first], ring[first + 1u], ring[first + 2u], ring[first + 3u],
		      ring[first + 4u], ring[first + 5u], ring[first + 6u],
		      ring[first + 7u], ring[first + 8u], ring[first + 9u],
		      ring[first + 10u], ring[first + 11u]);
}

/* A fence that waits for others stays PUBLISHED and is looked at again. */
bool mk_must_wait(mk_call call)
{
	return call.tenant < MK_TENANT_COUNT && call.opcode == MK_OP_BATCH_FENCE &&
	       call.args[0] <= call.slot && !mk_fence_is_ready(call.slot, call.args[0]);
}

void mk_end(mk_call call, uint opcode, uint status, uint completions)
{
	MK_PROGRESS_WORD(call.slot, MK_STATE_PROGRESS) = 0u;
	MK_PROGRESS_WORD(call.slot, MK_STATE_INNER) = 0u;
	if (status == MK_STATUS_DONE) {
		mk_done++;
	} else {
		mk_log(MK_LOG_FORMAT_FAULT, mk_fault, opcode, call.slot * MK_SLOT_WORDS);
		MK_ADD(cq[MK_CQ_FAULTS], 1u);
	}
	mk_complete(call.slot, status, mk_fault, completions);
}

/* A slot that goes on later keeps its arguments as its operation left them. */
void mk_suspend(mk_call call, uint status)
{
	mk_spend(MK_SLOT_ARG_COUNT);
	for (uint i = 0u; i < MK_SLOT_ARG_COUNT; i++)
		MK_PAYLOAD_WORD(call.slot, MK_SLOT_ARGS + i) = call.args[i];
	MK_STORE_RELEASE(MK_STATUS_WORD(call.slot), status);
}

/* Work on a slot whose tenant may run; returns its status, unchanged if it waits. */
uint mk_execute_whole(uint slot, uint status)
{
	mk_call call;

	call.slot = slot;
	call.opcode = MK_PAYLOAD_WORD(slot, MK_SLOT_OPCODE);
	call.tenant = MK_PAYLOAD_WORD(slot, MK_SLOT_TENANT);
	call.args = mk_load_args(slot);
	if (mk_must_wait(call))
		return status;

	uint opcode = call.opcode;
	uint before = status;
	uint completions = mk_claim(slot);
	mk_fault = 0u;
	status = call.tenant < MK_TENANT_COUNT ? mk_execute(call) :
						 mk_fault_with(MK_FAULT_TENANT);
	if (status == MK_STATUS_DONE || status == MK_STATUS_FAULT)
		mk_end(call, opcode, status, completions);
	else
		mk_suspend(call, status);
	mk_count_claim(slot, before, call.tenant);
	return status;
}

/* SPDX-License-Identifier: MIT */
/*
 * The built-in operations.  Each returns how its slot goes on, as a status; a
 * fault's code is in mk_fault.  Every index is checked before any effect.
 * libmk/src/exec_operations.c says the same in C.
 */

uint mk_fault_with(uint code)
{
	mk_fault = code;
	return MK_STATUS_FAULT;
}

uint mk_control_words()
{
	return MK_CONTROL_OBSERVABLES + parameters.observable_words;
}

/* What operations may write: control words by their index in the region. */
bool mk_is_observable(uint word)
{
	return word >= MK_CONTROL_OBSERVABLES && word < mk_control_words();
}

uint mk_store_u32(uint value, uint word)
{
	if (!mk_is_observable(word))
		return mk_fault_with(MK_FAULT_RANGE);
	MK_STORE_RELAXED(control[word], value);
	return MK_STATUS_DONE;
}

uint mk_atomic_add(uint value, uint word)
{
	if (!mk_is_observable(word))
		return mk_fault_with(MK_FAULT_RANGE);
	MK_ADD(control[word], value);
	return MK_STATUS_DONE;
}

uint mk_load_u32(uint word, uint index)
{
	if (word >= mk_control_words() || index >= parameters.observable_words)
		return mk_fault_with(MK_FAULT_RANGE);
	MK_STORE_RELAXED(control[MK_CONTROL_OBSERVABLES + index],
			 MK_LOAD_RELAXED(control[word]));
	return MK_STATUS_DONE;
}

uint mk_compare_swap(uint word, uint expected, uint value)
{
	/* The old value goes to the observable whose index is that word's index. */
	if (!mk_is_observable(word) || word >= parameters.observable_words)
		return mk_fault_with(MK_FAULT_RANGE);
	uint old = atomicCompSwap(control[word], expected, value, gl_ScopeDevice,
				  gl_StorageSemanticsNone, gl_SemanticsRelaxed,
				  gl_StorageSemanticsNone, gl_SemanticsRelaxed);
	MK_STORE_RELAXED(control[MK_CONTROL_OBSERVABLES + word], old);
	return MK_STATUS_DONE;
}

/* Whether [first, first + count) lies below end. */
bool mk_range_fits(uint first, uint count, uint end)
{
	return first <= end && count <= end - first;
}

uint mk_copy(uint slot, uint from, uint to, uint count)
{
	if (!mk_range_fits(from, count, mk_control_words()) ||
	    !mk_range_fits(to, count, mk_control_words()) || to < MK_CONTROL_OBSERVABLES)
		return mk_fault_with(MK_FAULT_RANGE);
	uint progress = min(MK_PROGRESS_WORD(slot, MK_STATE_PROGRESS), count);
	uint end = progress + mk_steps(count - progress);
	for (; progress < end; progress++)
		MK_STORE_RELAXED(control[to + progress],
				 MK_LOAD_RELAXED(control[from + progress]));
	/* How far it is is counted, not assumed: see mk_find_cut_loops(). */
	if (progress == count)
		return MK_STATUS_DONE;
	MK_PROGRESS_WORD(slot, MK_STATE_PROGRESS) = progress;
	return MK_STATUS_YIELD;
}

uint mk_dfa_step(uint row, uint column, uint table, uint index)
{
	uint carry_column, carry_table;
	uint entry = uaddCarry(row * 256u, column, carry_column);

	entry = uaddCarry(entry, table, carry_table);
	if (row >= 1u << 24 || carry_column + carry_table != 0u ||
	    entry >= parameters.arena_words || index >= parameters.observable_words)
		return mk_fault_with(MK_FAULT_RANGE);
	MK_STORE_RELAXED(control[MK_CONTROL_OBSERVABLES + index], arena[entry]);
	return MK_STATUS_DONE;
}

/* Items seen complete stay seen, so that a fence looks at each just once. */
bool mk_fence_is_ready(uint slot, uint items)
{
	uint progress = min(MK_LOAD_RELAXED(MK_PROGRESS_WORD(slot, MK_STATE_PROGRESS)),
			    items);

	while (progress < items && mk_steps(1u) != 0u &&
	       mk_status_is_final(mk_load_status(slot - items + progress)))
		progress++;
	MK_ACQUIRE();
	MK_PROGRESS_WORD(slot, MK_STATE_PROGRESS) = progress;
	return progress == items;
}

uint mk_batch_fence(uint slot, uint items, uint tag)
{
	if (items > slot)
		return mk_fault_with(MK_FAULT_FENCE);
	if (parameters.observable_words == 0u)
		return mk_fault_with(MK_FAULT_RANGE);
	if (!mk_fence_is_ready(slot, items))
		return MK_STATUS_YIELD;
	MK_ADD(control[MK_CONTROL_EPOCH], 1u);
	MK_STORE_RELAXED(control[MK_CONTROL_OBSERVABLES], tag);
	return MK_STATUS_DONE;
}

uint mk_shut_down()
{
	if ((parameters.context_flags & MK_CONTEXT_ALLOW_SHUTDOWN) == 0u)
		return mk_fault_with(MK_FAULT_PERMISSION);
	MK_STORE_RELAXED(control[MK_CONTROL_SHUTDOWN], 1u);
	return MK_STATUS_DONE;
}

/* A handler may have met a fault and returned anything. */
uint mk_users_operation(inout mk_call call)
{
	uint status = mk_call_handler(call);

	if (status == MK_STATUS_WAIT_IO && mk_fault == 0u && mk_io_asked != 0u)
		return status;
	mk_withdraw();
	if (mk_fault != 0u)
		return MK_STATUS_FAULT;
	if (status == MK_STATUS_DONE || status == MK_STATUS_YIELD ||
	    status == MK_STATUS_REQUEUE)
		return status;
	return mk_fault_with(MK_FAULT_HANDLER);
}

/* All of them in one place, since a compiler copies to each what asking takes. */
uint mk_ask_builtin(uint opcode, uint args[MK_SLOT_ARG_COUNT])
{
	uint op = MK_IO_OP_READ, destination = args[1], tag = args[5];

	if (opcode == MK_OP_IO_WRITE)
		op = MK_IO_OP_WRITE;
	if (opcode == MK_OP_IO_FENCE)
		op = MK_IO_OP_FENCE;
	/* The host knows how long the resource is, and where it goes. */
	if (opcode == MK_OP_LOAD_MISS)
		destination = tag = args[0];
	if (opcode == MK_OP_IO_FENCE || opcode == MK_OP_LOAD_MISS)
		args[2] = args[3] = args[4] = 0u;
	return mk_ask(op, args[0], destination, args[2], args[3], args[4], tag);
}

/* A built-in operation asks once, and ends as it is answered. */
uint mk_operate_io(mk_call call)
{
	if (mk_io_answered == MK_IO_STATUS_OK)
		return MK_STATUS_DONE;
	if (mk_io_answered == MK_IO_STATUS_ERROR)
		return mk_fault_with(MK_FAULT_IO);
	/* That the slots before it have ended is seen before it is claimed. */
	if (call.opcode == MK_OP_IO_FENCE && call.args[4] > call.slot)
		return mk_fault_with(MK_FAULT_FENCE);
	return mk_ask_builtin(call.opcode, call.args);
}

uint mk_operate(inout mk_call call)
{
	switch (call.opcode) {
	case MK_OP_NOP:
		return MK_STATUS_DONE;
	case MK_OP_STORE_U32:
		return mk_store_u32(call.args[0], call.args[1]);
	case MK_OP_ATOMIC_ADD:
		return mk_atomic_add(call.args[0], call.args[1]);
	case MK_OP_LOAD_U32:
		return mk_load_u32(call.args[0], call.args[1]);
	case MK_OP_COMPARE_SWAP:
		return mk_compare_swap(call.args[0], call.args[1], call.args[2]);
	case MK_OP_MEMCPY:
		return mk_copy(call.slot, call.args[0], call.args[1], call.args[2]);
	case MK_OP_DFA_STEP:
		return mk_dfa_step(call.args[0], call.args[1], call.args[2], call.args[3]);
	case MK_OP_BATCH_FENCE:
		return mk_batch_fence(call.slot, call.args[0], call.args[1]);
	case MK_OP_IO_READ:
	case MK_OP_IO_WRITE:
	case MK_OP_IO_FENCE:
	case MK_OP_LOAD_MISS:
		return mk_operate_io(call);
	case MK_OP_PRINTF:
		mk_log(call.args[0], call.args[1], call.args[2],
		       call.slot * MK_SLOT_WORDS);
		return MK_STATUS_DONE;
	case MK_OP_SHUTDOWN:
		return mk_shut_down();
	default:
		return mk_users_operation(call);
	}
}

/* Metrics count operations that executed, inner ones too. */
uint mk_operate_counted(inout mk_call call)
{
	uint status = mk_operate(call);

	if (status == MK_STATUS_DONE && call.opcode < MK_METRIC_COUNT)
		MK_ADD(control[MK_CONTROL_METRICS + call.opcode], 1u);
	return status;
}

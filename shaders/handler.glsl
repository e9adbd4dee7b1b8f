/* SPDX-License-Identifier: MIT */
/*
 * What users' opcodes are written with: Documentation/handlers.rst.  The C twin
 * for the reference executor is <mk/handler.h>.
 *
 *   MK_OPCODE(0x100, name)
 *   {
 *           ...
 *           return MK_STATUS_DONE;
 *   }
 *
 * and, once, MK_INGEST(name) for what the host tells of in the io queue.
 */

/* One call of an operation. */
struct mk_call {
	uint args[MK_SLOT_ARG_COUNT];	/* the slot's; kept over a yield */
	uint opcode;
	uint tenant;
	uint slot;
};

#define MK_OPCODE(number, name) uint name(inout mk_call call)
#define MK_INGEST(name)	       uint name(inout mk_call call)

/* Steps left in this dispatch, and in this look at a slot. */
uint mk_budget;
uint mk_slice;
/* The fault that the operation under way has met; 0 for none. */
uint mk_fault;

/* Ask for loop iterations; returns how many may run now. */
uint mk_steps(uint wanted)
{
	uint granted = min(wanted, mk_slice);

	mk_slice -= granted;
	return granted;
}

/* Account for loop iterations that run in any case. */
void mk_spend(uint iterations)
{
	mk_budget -= min(mk_budget, iterations);
}

uint mk_arena_words()
{
	return parameters.arena_words;
}

/* An index outside reads 0, stores nothing, and faults the slot. */
bool mk_check(bool inside)
{
	if (!inside)
		mk_fault = MK_FAULT_RANGE;
	return inside;
}

uint mk_arena_load(uint word)
{
	return mk_check(word < parameters.arena_words) ? arena[word] : 0u;
}

void mk_arena_store(uint word, uint value)
{
	if (mk_check(word < parameters.arena_words))
		arena[word] = value;
}

/* Adds atomically and returns what was there before. */
uint mk_arena_add(uint word, uint value)
{
	return mk_check(word < parameters.arena_words) ? MK_ADD(arena[word], value) : 0u;
}

uint mk_observable_load(uint index)
{
	if (!mk_check(index < parameters.observable_words))
		return 0u;
	return MK_LOAD_RELAXED(control[MK_CONTROL_OBSERVABLES + index]);
}

void mk_observable_store(uint index, uint value)
{
	if (mk_check(index < parameters.observable_words))
		MK_STORE_RELAXED(control[MK_CONTROL_OBSERVABLES + index], value);
}

uint mk_observable_add(uint index, uint value)
{
	if (!mk_check(index < parameters.observable_words))
		return 0u;
	return MK_ADD(control[MK_CONTROL_OBSERVABLES + index], value);
}

// SPDX-License-Identifier: MIT
// Takes ticks in: adds up the prices that lie in the arena, and counts them.
//
//   args[2]  the arena word of the first price
//   args[5]  bytes of all of them
MK_INGEST(take_ticks)
{
	uint end = call.args[2] + call.args[5] / 4u;

	// A few: more would have to ask for their steps.
	if (call.args[5] > 64u)
		return MK_STATUS_FAULT;
	for (uint word = call.args[2]; word < end; word++)
		mk_observable_add(0u, mk_arena_load(word));
	mk_observable_add(1u, call.args[5] / 4u);
	return MK_STATUS_DONE;
}

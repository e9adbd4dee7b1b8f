// SPDX-License-Identifier: MIT
// A handler that needs as many steps as it is told, for tests of long operations;
// steps_handler() in test_long.c is its twin.
//
//   args[0]  steps left
//   args[1]  the observable that receives the result
//   args[2]  the value that each step turns into the next
//   args[3]  1: end as FAULT; 2: take all steps at once, without asking
MK_OPCODE(0x101, steps)
{
	uint granted = call.args[3] == 2u ? call.args[0] : mk_steps(call.args[0]);

	for (uint i = 0u; i < granted; i++)
		call.args[2] = call.args[2] * 1664525u + 1013904223u;
	call.args[0] -= granted;
	if (call.args[0] != 0u)
		return MK_STATUS_YIELD;
	if (call.args[3] == 1u)
		return MK_STATUS_FAULT;
	mk_observable_store(call.args[1], call.args[2]);
	return MK_STATUS_DONE;
}

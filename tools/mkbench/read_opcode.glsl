// SPDX-License-Identifier: MIT
/*
 * Operations of mkbench io.  read_opcode.c compiles this same text as C for the
 * reference executor, so keep to what both languages share.
 */
#include "read_layout.h"

/*
 * The first and the last word of each piece go into a sum, so that a read that has brought
 * nothing, or something else, ends as a fault.  What the file has is known to who publishes:
 * to load that here as well would be measured with the read.
 */
MK_OPCODE(0x200, read_chain)
{
	uint first = call.args[READ_ARG_TO];
	uint last = first + call.args[READ_ARG_BYTES] / 4u - 1u;

	if (mk_io_answer(call) == MK_IO_STATUS_ERROR)
		return MK_STATUS_FAULT;
	if (mk_io_answer(call) == MK_IO_STATUS_OK) {
		uint first_read = mk_arena_load(first), last_read = mk_arena_load(last);

		call.args[READ_ARG_SUM] =
			READ_ADD(call.args[READ_ARG_SUM], first_read, last_read);
		call.args[READ_ARG_LEFT]--;
		if (call.args[READ_ARG_LEFT] == 0u)
			return call.args[READ_ARG_SUM] == call.args[READ_ARG_CHECK] ?
				       MK_STATUS_DONE :
				       MK_STATUS_FAULT;
		call.args[READ_ARG_OFFSET] += call.args[READ_ARG_STRIDE];
		call.args[READ_ARG_OFFSET] &= call.args[READ_ARG_MASK];
	}
	return mk_io_read(call, call.args[READ_ARG_FILE], call.args[READ_ARG_RANGE],
			  call.args[READ_ARG_OFFSET], 0u, call.args[READ_ARG_BYTES]);
}

MK_OPCODE(0x201, compare)
{
	uint granted = mk_steps(call.args[COMPARE_ARG_LEFT]);

	for (uint i = 0u; i < granted; i++)
		if (mk_arena_load(call.args[COMPARE_ARG_A] + i) !=
		    mk_arena_load(call.args[COMPARE_ARG_B] + i))
			return MK_STATUS_FAULT;
	call.args[COMPARE_ARG_A] += granted;
	call.args[COMPARE_ARG_B] += granted;
	call.args[COMPARE_ARG_LEFT] -= granted;
	return call.args[COMPARE_ARG_LEFT] != 0u ? MK_STATUS_YIELD : MK_STATUS_DONE;
}

/* SPDX-License-Identifier: MIT */
/* An operation with more words of its own than a lane has registers: for test_isa.sh. */
MK_OPCODE(0x100, large)
{
	uint words[512];

	for (uint i = 0u; i < 512u; i++)
		words[i] = mk_arena_load(i);
	for (uint i = 0u; i < 512u; i++)
		mk_arena_store(words[i], words[words[i] & 511u]);
	return MK_STATUS_DONE;
}

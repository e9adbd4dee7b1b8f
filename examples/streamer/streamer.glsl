// SPDX-License-Identifier: MIT
// Brings a block of a file through the arena into another file, in capitals.
//
//   args[0]  how far it is: publish it as 0
//   args[1]  handle of the file to read
//   args[2]  handle of the file to write
//   args[3]  handle of the block's place in the arena, and
//   args[4]  the arena word where that begins
//   args[5]  offset in the files, low half, and
//   args[6]  high half
//   args[7]  bytes
//   args[8]  words done
MK_OPCODE(0x100, capitals)
{
	if (mk_io_answer(call) == MK_IO_STATUS_ERROR)
		return MK_STATUS_FAULT;
	if (mk_io_answer(call) == MK_IO_STATUS_OK)
		call.args[0]++;
	if (call.args[0] == 0u)
		return mk_io_read(call, call.args[1], call.args[3], call.args[5],
				  call.args[6], call.args[7]);
	if (call.args[0] == 2u)
		return MK_STATUS_DONE;

	uint words = (call.args[7] + 3u) / 4u;
	uint end = call.args[8] + mk_steps(words - call.args[8]);

	for (; call.args[8] < end; call.args[8]++) {
		uint at = call.args[4] + call.args[8];
		uint text = mk_arena_load(at);
		// Bit 7 of each byte: whether it is from 'a' to 'z'.
		uint low = text & 0x7f7f7f7fu;
		uint small = (low + 0x1f1f1f1fu) & ~(low + 0x05050505u) & ~text & 0x80808080u;

		mk_arena_store(at, text ^ (small >> 2));
	}
	if (end < words)
		return MK_STATUS_YIELD;
	return mk_io_write(call, call.args[3], call.args[2], call.args[5], call.args[6],
			   call.args[7]);
}

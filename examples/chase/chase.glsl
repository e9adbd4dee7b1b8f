// SPDX-License-Identifier: MIT
// Follows pointers through a file: the first word of each page is the number of the next.
//
//   args[0]  handle of the file
//   args[1]  handle of a page of the arena, and
//   args[2]  the arena word where that begins
//   args[3]  the page to read; in the end the one that was come to
//   args[4]  reads left
MK_OPCODE(0x100, chase)
{
	if (mk_io_answer(call) == MK_IO_STATUS_ERROR)
		return MK_STATUS_FAULT;
	if (mk_io_answer(call) == MK_IO_STATUS_OK) {
		call.args[3] = mk_arena_load(call.args[2]);
		call.args[4]--;
	}
	// Called again when the host has read, or had no room for the request.
	if (call.args[4] != 0u)
		return mk_io_read(call, call.args[0], call.args[1], call.args[3] << 12,
				  call.args[3] >> 20, 4096u);
	mk_observable_store(0u, call.args[3]);
	return MK_STATUS_DONE;
}

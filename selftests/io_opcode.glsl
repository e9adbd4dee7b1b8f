// SPDX-License-Identifier: MIT
// Handlers that ask for io, and one that takes ingests, for test_io_device.c; which
// includes this text as C, too.

// Follows a chain of numbers in a file: each says where the next one is.
//
//   args[0]  reads to make
//   args[1]  where in the file the next number is; in the end the last number
//   args[2]  the arena word that a number is read into
//   args[3]  the observable that receives the last number, or why a read failed
MK_OPCODE(0x20, chase)
{
	if (mk_io_answer(call) == MK_IO_STATUS_ERROR) {
		mk_observable_store(call.args[3], mk_io_reason(call));
		return MK_STATUS_DONE;
	}
	if (mk_io_answer(call) == MK_IO_STATUS_OK) {
		call.args[1] = mk_arena_load(call.args[2]);
		call.args[0]--;
	}
	if (call.args[0] != 0u)
		return mk_io_read(call, 7u, call.args[2], call.args[1], 0u, 4u);
	mk_observable_store(call.args[3], call.args[1]);
	return MK_STATUS_DONE;
}

// Writes, and waits until what was written is safe.
//
//   args[0]  how far it is; publish it as 0
//   args[1]  the file
//   args[2]  the arena word that is written
MK_OPCODE(0x21, save)
{
	if (mk_io_answer(call) == MK_IO_STATUS_ERROR)
		return MK_STATUS_FAULT;
	if (mk_io_answer(call) == MK_IO_STATUS_OK)
		call.args[0]++;
	if (call.args[0] == 0u) {
		mk_arena_store(call.args[2], 0x5a5au);
		return mk_io_write(call, call.args[2], call.args[1], 1u, 2u, 4u);
	}
	if (call.args[0] == 1u)
		return mk_io_fence(call, call.args[2], call.args[1]);
	return MK_STATUS_DONE;
}

// Asks, or does not, and returns something else.
//
//   args[0]  whether it asks
//   args[1]  what it returns
MK_OPCODE(0x22, fickle)
{
	uint status = call.args[0] != 0u ? mk_io_read(call, 1u, 2u, 3u, 4u, 5u) :
					   uint(MK_STATUS_DONE);

	// Without a free request slot it has not asked yet.
	return status == MK_STATUS_REQUEUE ? status : call.args[1];
}

// Adds up args[5] arena words from args[3] on, in args[1], into observable args[2].
// The tag, args[6], may ask for something else.
MK_INGEST(add_up)
{
	uint granted = mk_steps(call.args[5]);

	for (uint i = 0u; i < granted; i++)
		call.args[1] += mk_arena_load(call.args[3] + i);
	call.args[3] += granted;
	call.args[5] -= granted;
	if (call.args[5] != 0u)
		return MK_STATUS_YIELD;
	if (call.args[6] == 0xfa17u)
		return MK_STATUS_FAULT;
	if (call.args[6] == 0xa5cu)
		return mk_io_read(call, 1u, 2u, 3u, 4u, 5u);
	if (call.args[6] == 0xa9a1u) {
		call.args[6] = 0u;
		return MK_STATUS_REQUEUE;
	}
	mk_observable_add(call.args[2], call.args[1]);
	return MK_STATUS_DONE;
}

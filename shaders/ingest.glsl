/* SPDX-License-Identifier: MIT */
/*
 * Ingests: what the host has put into the arena and says so.  The kernel's one ingest
 * handler takes them.  libmk/src/exec_ingest.c says the same in C.
 */

/* The words of the io slot, but for its status, are the arguments. */
mk_call mk_load_ingest(uint io_slot)
{
	uint first = io_slot * MK_IO_SLOT_WORDS;
	mk_call call;

	call.slot = io_slot;
	call.opcode = 0u;
	call.tenant = 0u;
	call.args = uint[](io_queue[first + MK_IO_OP], io_queue[first + MK_IO_SOURCE],
			   io_queue[first + MK_IO_DESTINATION],
			   io_queue[first + MK_IO_OFFSET_LOW],
			   io_queue[first + MK_IO_OFFSET_HIGH],
			   io_queue[first + MK_IO_BYTE_COUNT],
			   io_queue[first + MK_IO_TAG], 0u, 0u, 0u, 0u, 0u);
	return call;
}

/* It stays CLAIMED, and that it is suspended is stored when its arguments are. */
void mk_suspend_ingest(mk_call call)
{
	uint first = call.slot * MK_IO_SLOT_WORDS;

	io_queue[first + MK_IO_OP] = call.args[0];
	io_queue[first + MK_IO_SOURCE] = call.args[1];
	io_queue[first + MK_IO_DESTINATION] = call.args[2];
	io_queue[first + MK_IO_OFFSET_LOW] = call.args[3];
	io_queue[first + MK_IO_OFFSET_HIGH] = call.args[4];
	io_queue[first + MK_IO_BYTE_COUNT] = call.args[5];
	io_queue[first + MK_IO_TAG] = call.args[6];
	MK_RELEASE();
	MK_STORE_RELAXED(MK_IO_OWNER_WORD(call.slot), 1u);
}

void mk_end_ingest(uint io_slot, uint status, uint tag)
{
	if (status == MK_STATUS_FAULT) {
		mk_log(MK_LOG_FORMAT_INGEST_FAULT, mk_fault, io_slot, tag);
		mk_counter_add(MK_CQ_FAULTS, 1u);
	}
	/* Effects come before EMPTY, and that before it is counted. */
	MK_RELEASE();
	MK_STORE_RELAXED(MK_IO_QUEUE_WORD(io_slot, MK_IO_STATUS), MK_STATUS_EMPTY);
	MK_RELEASE();
	mk_counter_add(MK_CQ_IO_INGESTS, 1u);
}

uint mk_call_ingest_checked(inout mk_call call)
{
	uint status;

	mk_fault = 0u;
	/* There is no slot of the ring that could wait for an answer. */
	mk_io_asker = mk_io_asked = mk_io_kept = mk_io_answered = 0u;
	status = mk_call_ingest(call);
	if (mk_fault == 0u && (status == MK_STATUS_DONE || status == MK_STATUS_YIELD ||
			       status == MK_STATUS_REQUEUE))
		return status;
	return mk_fault_with(mk_fault != 0u ? mk_fault : MK_FAULT_HANDLER);
}

/* Work on an ingest slot that is PUBLISHED or suspended; returns how it goes on. */
uint mk_execute_ingest(uint io_slot)
{
	if (mk_split)
		MK_ACQUIRE();
	mk_call call = mk_load_ingest(io_slot);
	uint tag = call.args[6], status;

	MK_STORE_RELAXED(MK_IO_QUEUE_WORD(io_slot, MK_IO_STATUS), MK_STATUS_CLAIMED);
	MK_STORE_RELAXED(MK_IO_OWNER_WORD(io_slot), 0u);
	MK_RELEASE();
	status = mk_call_ingest_checked(call);
	call.slot = io_slot;
	if (status == MK_STATUS_DONE || status == MK_STATUS_FAULT)
		mk_end_ingest(io_slot, status, tag);
	else
		mk_suspend_ingest(call);
	mk_executions++;
	return status;
}

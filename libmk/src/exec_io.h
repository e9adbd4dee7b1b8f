/* SPDX-License-Identifier: MIT */
/*
 * The io queue in the reference executor: exec_io.c is shaders/io.glsl, exec_ingest.c is
 * shaders/ingest.glsl; the looks of look_io.glsl are in exec_cpu.c.
 */
#ifndef MK_SRC_EXEC_IO_H
#define MK_SRC_EXEC_IO_H

#include "exec_cpu.h"

/* What one operation of a ring slot asks for. */
struct mk_io_wish {
	uint32_t op; /* MK_IO_OP_* */
	uint32_t source;
	uint32_t destination;
	uint32_t offset_low;
	uint32_t offset_high;
	uint32_t bytes;
	uint32_t tag;
};

/*
 * What an operation of slot @slot is to know of io.  @status is the slot's: with
 * MK_STATUS_WAIT_IO its request, which mk_io_find_waiting() has found, is the operation's
 * to ask in again.  Only after CLAIMED was stored.
 */
void mk_io_begin(struct mk_executor *executor, uint32_t slot, uint32_t status);

/* The operation has returned: a request that it has not asked in again is free. */
void mk_io_finish(struct mk_executor *executor);

/* What runs now may not ask. */
void mk_io_forbid(struct mk_executor *executor);

/*
 * Take a request slot and write the wish there.  Returns MK_STATUS_WAIT_IO, or
 * MK_STATUS_REQUEUE when none is free, or MK_STATUS_FAULT where nobody may ask.
 */
uint32_t mk_io_ask(struct mk_executor *executor, const struct mk_io_wish *wish);

/* Give back what was taken by an operation that does not wait. */
void mk_io_withdraw(struct mk_executor *executor);

/* After WAIT_IO was stored and with it all that the slot needs to go on. */
void mk_io_publish(struct mk_executor *executor);

/*
 * The slot that may go on because request @request is answered.  @worker_has tells
 * which slots are this worker's.  An answer that nobody waits for is done away with.
 */
bool mk_io_find_waiting(struct mk_executor *executor, uint32_t request,
			bool (*worker_has)(const struct mk_executor *, uint32_t slot),
			uint32_t *slot);

/*
 * Settle what a killed engine left; after the slots of the ring.  Returns how many ingests
 * were interrupted.
 */
uint32_t mk_io_recover(struct mk_executor *executor);

/* exec_ingest.c ------------------------------------------------------------ */

/* Work on an ingest slot that is ready, as much as a slice allows. */
void mk_ingest_execute(struct mk_executor *executor, uint32_t io_slot);

/* Whether it was interrupted. */
bool mk_ingest_recover(struct mk_executor *executor, uint32_t io_slot);

#endif /* MK_SRC_EXEC_IO_H */

/* SPDX-License-Identifier: MIT */
/*
 * The reference executor: what the resident kernel does, in C on the host.  It
 * is an engine of its own and the oracle that the GLSL is compared with, so both
 * are written alike: exec_cpu.c is shaders/look.glsl, schedule.glsl, execute.glsl and
 * complete.glsl, exec_operations.c is shaders/operations.glsl and packed.glsl; exec_io.h
 * says which are those of the io queue.
 */
#ifndef MK_SRC_EXEC_CPU_H
#define MK_SRC_EXEC_CPU_H

#include <mk/handler.h>

#include "context.h"

/* What a worker knows of the io queue. */
struct mk_executor_io {
	uint32_t block;	 /* of io slots, that it looks at next */
	uint32_t asker;	 /* the slot plus 1 whose operation runs; 0: none that may ask */
	uint32_t asked;	 /* the request slot plus 1 that it has taken; 0: none */
	uint32_t found;	 /* the request slot that was found answered */
	uint32_t kept;	 /* that plus 1, until it is asked in again or the call is over */
	uint32_t answer; /* that it is called with: 0 or MK_IO_STATUS_* */
	uint32_t reason; /* of an ERROR */
	bool waits;	 /* slots of this worker may be waiting */
};

/* One worker.  Workers own windows by number: window % workers == worker. */
struct mk_executor {
	struct mk_context *context;
	uint32_t worker;
	uint32_t workers;
	const struct mk_handler_entry *handlers;
	size_t handler_count;
	mk_handler ingest; /* NULL: there is none */

	uint32_t budget;     /* steps left in this dispatch */
	uint32_t slice;	     /* steps left in this look at a slot */
	uint32_t idle;	     /* looks since something was found */
	uint32_t streak;     /* claims in a row at CRITICAL or HIGH */
	uint32_t executions; /* times a slot was worked on */
	bool voted_idle;
	struct mk_executor_io io;
};

/* Run one bounded dispatch of a worker: at most @steps steps. */
void mk_executor_run(struct mk_executor *executor, uint32_t steps, uint32_t idle_looks);

/*
 * Take over from a killed engine or a lost device: end the slots that it left CLAIMED
 * with MK_FAULT_INTERRUPTED, since how far they came is not known, and mend the debug
 * log's end.  Only while no dispatch runs.  Returns how many slots and ingests were
 * interrupted.
 */
uint32_t mk_recover(struct mk_context *context);

/* exec_operations.c ------------------------------------------------------- */

/* How an operation or a slot goes on. */
struct mk_outcome {
	uint32_t status; /* MK_STATUS_DONE, FAULT, YIELD, REQUEUE or WAIT_IO */
	uint32_t fault;	 /* MK_FAULT_*, with FAULT */
};

/* One slot being worked on. */
struct mk_work {
	uint32_t slot;
	uint32_t opcode;
	uint32_t tenant;
	uint32_t args[MK_SLOT_ARG_COUNT];
};

/* Take up to @wanted steps; returns how many. */
uint32_t mk_executor_steps(struct mk_executor *executor, uint32_t wanted);

/* Run the operation of a slot, or as much of it as a slice allows. */
struct mk_outcome mk_execute(struct mk_executor *executor, struct mk_work *work);

/* Whether the @items slots before a fence have ended; @items is at most @slot. */
bool mk_fence_is_ready(struct mk_executor *executor, uint32_t slot, uint32_t items);

/* Append a record to the debug log, or count it as dropped. */
void mk_executor_log(struct mk_executor *executor, uint32_t format, uint32_t a,
		     uint32_t b, uint32_t c);

#endif /* MK_SRC_EXEC_CPU_H */

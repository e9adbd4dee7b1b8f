/* SPDX-License-Identifier: MIT */
/*
 * Users' opcodes for the reference executor: the C twin of what mkcc compiles
 * into the resident kernel.  Documentation/handlers.rst shows both.
 *
 * A handler is called with its slot's arguments and returns how the slot goes
 * on, as a status of the wire format:
 *
 *   MK_STATUS_DONE     it is finished
 *   MK_STATUS_FAULT    it is finished, with fault MK_FAULT_HANDLER
 *   MK_STATUS_YIELD    call it again; its arguments are kept as it left them
 *   MK_STATUS_REQUEUE  the same, after other windows had their turn
 *   what mk_call_io_read() and its like return
 *
 * Nothing may run long: a loop asks for its iterations with mk_call_steps() and
 * yields when it was granted fewer than it needs.
 */
#ifndef MK_HANDLER_H
#define MK_HANDLER_H

#include <stdint.h>

#include <linux/mk_abi.h>
#include <mk/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One call of a handler; lives as long as the call. */
struct mk_call {
	uint32_t args[MK_SLOT_ARG_COUNT];
	uint32_t opcode;
	uint32_t tenant;
	uint32_t slot;
	struct mk_executor *executor; /* the library's */
	uint32_t fault;		      /* the library's */
};

typedef uint32_t (*mk_handler)(struct mk_call *call);

struct mk_handler_entry {
	uint32_t opcode; /* a user's opcode */
	mk_handler handler;
};

/* mk_call_steps() - ask for loop iterations; returns how many may run now. */
MK_PUBLIC uint32_t mk_call_steps(struct mk_call *call, uint32_t wanted);

/*
 * The arena, in words.  An index outside it reads 0, stores nothing, and ends
 * the slot with MK_FAULT_RANGE whatever the handler returns.
 */
MK_PUBLIC uint32_t mk_call_arena_words(struct mk_call *call);
MK_PUBLIC uint32_t mk_call_arena_load(struct mk_call *call, uint32_t word);
MK_PUBLIC void mk_call_arena_store(struct mk_call *call, uint32_t word, uint32_t value);
/* Adds atomically and returns what was there before. */
MK_PUBLIC uint32_t mk_call_arena_add(struct mk_call *call, uint32_t word, uint32_t value);

/* The observables, by index; bounds as for the arena. */
MK_PUBLIC uint32_t mk_call_observable_load(struct mk_call *call, uint32_t index);
MK_PUBLIC void mk_call_observable_store(struct mk_call *call, uint32_t index,
					uint32_t value);
MK_PUBLIC uint32_t mk_call_observable_add(struct mk_call *call, uint32_t index,
					  uint32_t value);

/*
 * Ask the host for io.  A handler returns what these return:
 *
 *   MK_STATUS_WAIT_IO  the request is published when the handler has returned; the
 *                      handler is called again when the host has answered
 *   MK_STATUS_REQUEUE  no request slot was free: nothing was asked, and the handler is
 *                      called again later
 *
 * Arguments are kept as the handler leaves them.  A handler that returns something else
 * has not asked; of several requests in one call only the last counts.  What handles,
 * @offset and @bytes mean is for the host to say; the request's tag is @call->slot.  What
 * the handler stored before is visible to the host with the request, and what the host
 * stored to the handler with the answer.  In the handler of ingests these are faults.
 */
MK_PUBLIC uint32_t mk_call_io_read(struct mk_call *call, uint32_t source,
				   uint32_t destination, uint32_t offset_low,
				   uint32_t offset_high, uint32_t bytes);
MK_PUBLIC uint32_t mk_call_io_write(struct mk_call *call, uint32_t source,
				    uint32_t destination, uint32_t offset_low,
				    uint32_t offset_high, uint32_t bytes);
MK_PUBLIC uint32_t mk_call_io_fence(struct mk_call *call, uint32_t source,
				    uint32_t destination);

/*
 * mk_call_io_answer() - how the host has answered
 *
 * Return: MK_IO_STATUS_OK or MK_IO_STATUS_ERROR in the call that follows an answer, 0 in
 * every other, so also in the first.
 */
MK_PUBLIC uint32_t mk_call_io_answer(const struct mk_call *call);
/* Why it was an ERROR: MK_IO_REASON_*; else 0.  From the host: it may be any number. */
MK_PUBLIC uint32_t mk_call_io_reason(const struct mk_call *call);

#ifdef __cplusplus
}
#endif

#endif /* MK_HANDLER_H */

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

#ifdef __cplusplus
}
#endif

#endif /* MK_HANDLER_H */

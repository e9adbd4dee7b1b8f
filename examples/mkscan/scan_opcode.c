// SPDX-License-Identifier: MIT
/*
 * The C form of the scan opcode.  The handler in scan_opcode.glsl is written so
 * that it is C as well once the kernel's few words are given their C meaning, so
 * that both engines run one text.
 */
#include "scan_opcode.h"

#include <stdbool.h>
#include <sys/types.h> /* uint */

#define MK_OPCODE(number, name) \
	uint32_t name##_handler(struct mk_call *const mk_this_call)
#define call			    (*mk_this_call)

#define mk_steps(wanted)	    mk_call_steps(mk_this_call, wanted)
#define mk_arena_load(word)	    mk_call_arena_load(mk_this_call, word)
#define mk_arena_add(word, value)   mk_call_arena_add(mk_this_call, word, value)
#define mk_arena_store(word, value) mk_call_arena_store(mk_this_call, word, value)

#define mk_io_answer(of)	    mk_call_io_answer(&(of))
#define mk_io_reason(of)	    mk_call_io_reason(&(of))
#define mk_io_read(of, source, destination, offset_low, offset_high, bytes) \
	mk_call_io_read(&(of), source, destination, offset_low, offset_high, bytes)

#include "scan_opcode.glsl"

/* SPDX-License-Identifier: MIT */
/*
 * Compiles the GLSL of a handler as C, for the reference executor, so that it is written
 * once: include this in a C file of its own, and then the file that mkcc compiles.
 *
 *   #include <mk/handler_glsl.h>
 *   #include "sum.glsl"
 *
 *   const struct mk_handler_entry handlers[] = { { 0x100, sum } };
 *
 * MK_OPCODE(number, name) and MK_INGEST(name) become static functions of these names.  The
 * text must be C as well: no vectors or "in" parameters, "uint" and "uint(x)" are there,
 * numbers may end in u, and a call is reached as "call.args[n]", "call.slot" and so on.
 * This defines words that are short, "call" among them: include nothing behind it but
 * such text.
 */
#ifndef MK_HANDLER_GLSL_H
#define MK_HANDLER_GLSL_H

#include <sys/types.h> /* uint */

#include <mk/handler.h>

#define MK_OPCODE(number, name)	    static uint32_t name(struct mk_call *const mk_this_call)
#define MK_INGEST(name)		    static uint32_t name(struct mk_call *const mk_this_call)

#define call			    (*mk_this_call)
#define uint(value)		    ((uint32_t)(value))

#define mk_steps(wanted)	    mk_call_steps(mk_this_call, wanted)
#define mk_arena_words()	    mk_call_arena_words(mk_this_call)
#define mk_arena_load(word)	    mk_call_arena_load(mk_this_call, word)
#define mk_arena_store(word, value) mk_call_arena_store(mk_this_call, word, value)
#define mk_arena_add(word, value)   mk_call_arena_add(mk_this_call, word, value)
#define mk_observable_load(index)   mk_call_observable_load(mk_this_call, index)
#define mk_observable_store(index, value) \
	mk_call_observable_store(mk_this_call, index, value)
#define mk_observable_add(index, value) mk_call_observable_add(mk_this_call, index, value)
#define mk_io_read(this_call, ...)	mk_call_io_read(&this_call, __VA_ARGS__)
#define mk_io_write(this_call, ...)	mk_call_io_write(&this_call, __VA_ARGS__)
#define mk_io_fence(this_call, ...)	mk_call_io_fence(&this_call, __VA_ARGS__)
#define mk_io_answer(this_call)		mk_call_io_answer(&this_call)
#define mk_io_reason(this_call)		mk_call_io_reason(&this_call)

#endif /* MK_HANDLER_GLSL_H */

// SPDX-License-Identifier: MIT
/* The C form of read_opcode.glsl, once the kernel's few words have their C meaning. */
#include "read_opcode.h"

#include <sys/types.h> /* uint */

#include "read_kernel.h"

#define MK_OPCODE(number, name) static uint32_t name(struct mk_call *const mk_this_call)
#define call			(*mk_this_call)
#define mk_steps(wanted)	mk_call_steps(mk_this_call, wanted)
#define mk_arena_load(word)	mk_call_arena_load(mk_this_call, word)
#define mk_io_read(this, ...)	mk_call_io_read(&this, __VA_ARGS__)
#define mk_io_answer(this)	mk_call_io_answer(&this)

#include "read_opcode.glsl"

const struct mk_handler_entry read_handlers[READ_HANDLERS] = {
	{ OP_READ_CHAIN, read_chain },
	{ OP_COMPARE, compare },
};

const uint32_t *read_kernel(size_t *bytes)
{
	*bytes = sizeof(read_kernel_spirv);
	return read_kernel_spirv;
}

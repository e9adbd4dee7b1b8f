// SPDX-License-Identifier: MIT
/* read_opcode.glsl for the reference executor, as C. */
#include "read_opcode.h"

#include "read_kernel.h"

#include <mk/handler_glsl.h>

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

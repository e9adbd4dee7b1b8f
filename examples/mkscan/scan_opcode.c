// SPDX-License-Identifier: MIT
/*
 * The scan opcode for the reference executor: the text of scan_opcode.glsl as C, so that
 * both engines run the same.
 */
#include "scan_opcode.h"

#include <stdbool.h>

#include <mk/handler_glsl.h>

#include "scan_opcode.glsl"
#undef call

uint32_t scan_handler(struct mk_call *call)
{
	return scan(call);
}

/* SPDX-License-Identifier: MIT */
/* The operations of read_opcode.glsl, for both kinds of engine. */
#ifndef MKBENCH_READ_OPCODE_H
#define MKBENCH_READ_OPCODE_H

#include <stddef.h>
#include <stdint.h>

#include <mk/handler.h>

#include "read_layout.h"

#define READ_HANDLERS 2

extern const struct mk_handler_entry read_handlers[READ_HANDLERS];

const uint32_t *read_kernel(size_t *bytes);

#endif /* MKBENCH_READ_OPCODE_H */

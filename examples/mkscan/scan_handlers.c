// SPDX-License-Identifier: MIT
/* The scan opcode as a shared object, for programs that run traces of mkscan's. */
#include <stddef.h>

#include "scan_layout.h"
#include "scan_opcode.h"

__attribute__((visibility("default"))) extern const struct mk_handler_entry mk_handlers[];

const struct mk_handler_entry mk_handlers[] = {
	{ SCAN_OPCODE, scan_handler },
	{ 0, NULL },
};

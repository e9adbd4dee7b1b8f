/* SPDX-License-Identifier: MIT */
#ifndef SCAN_OPCODE_H
#define SCAN_OPCODE_H

#include <mk/handler.h>

/* The scan opcode for the reference executor. */
uint32_t scan_handler(struct mk_call *call);

#endif /* SCAN_OPCODE_H */

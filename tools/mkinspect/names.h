/* SPDX-License-Identifier: MIT */
/* Names of the wire format's numbers; NULL where a number has none. */
#ifndef MKINSPECT_NAMES_H
#define MKINSPECT_NAMES_H

#include <stdbool.h>
#include <stdint.h>

const char *name_status(uint32_t status);
const char *name_builtin(uint32_t opcode); /* NULL for a user's */
const char *name_opcode(uint32_t opcode);  /* "user" for a user's */
const char *name_priority(uint32_t priority);
const char *name_fault(uint32_t code);
const char *name_io_op(uint32_t op);
const char *name_io_status(uint32_t status);
const char *name_io_reason(uint32_t reason);
const char *name_engine_state(uint32_t state);
const char *name_backing(uint32_t kind);
const char *name_role(uint32_t role);
const char *name_reason(uint32_t reason); /* of a snapshot */
const char *name_memory(uint32_t memory);

/* For options, in either case; false when nothing is called so. */
bool find_status(const char *name, uint32_t *status);
bool find_opcode(const char *name, uint32_t *opcode);
bool find_priority(const char *name, uint32_t *priority);

#endif /* MKINSPECT_NAMES_H */

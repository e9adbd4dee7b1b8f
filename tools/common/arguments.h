/* SPDX-License-Identifier: MIT */
/*
 * Values of options.  What is wrong ends the program by argp_error(), with a word on what
 * was had and what was expected.
 */
#ifndef MK_TOOLS_ARGUMENTS_H
#define MK_TOOLS_ARGUMENTS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include <mk/engine.h>

/* A number from @least to @most, in decimal digits or after 0x. */
uint64_t argument_number(struct argp_state *state, const char *option, const char *text,
			 uint64_t least, uint64_t most);

/* Bytes: a number, and perhaps K, M or G behind it, of 1024 each. */
uint64_t argument_bytes(struct argp_state *state, const char *option, const char *text);

/* More than 0, and at most @most. */
double argument_seconds(struct argp_state *state, const char *option, const char *text,
			double most);

/* Which of @choices, which NULL ends. */
int argument_choice(struct argp_state *state, const char *option, const char *text,
		    const char *const *choices);

/* --engine and --import. */
enum mk_engine_kind argument_engine(struct argp_state *state, const char *text);
enum mk_import argument_import(struct argp_state *state, const char *text);

/* What --engine has for it. */
const char *engine_name(enum mk_engine_kind kind);

/* What argument_number() reads, up to @end; false when it is none, or above @most. */
bool argument_read_number(const char *text, uint64_t most, uint64_t *value, char **end);

#endif /* MK_TOOLS_ARGUMENTS_H */

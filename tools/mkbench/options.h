/* SPDX-License-Identifier: MIT */
#ifndef MKBENCH_OPTIONS_H
#define MKBENCH_OPTIONS_H

#include "bench.h"

/**
 * parse_arguments() - what the user asked for
 * @verbs: all that there are; NULL ends them
 * @options: receives the options, the verb's defaults filled in
 *
 * Exits with status 64 on wrong usage, and with 0 after --help or --version.
 */
const struct verb *parse_arguments(int argc, char **argv, const struct verb *const *verbs,
				   struct bench_options *options);

/* "nop" or "add", as an option has it. */
const char *operation_name(enum operation operation);

#endif /* MKBENCH_OPTIONS_H */

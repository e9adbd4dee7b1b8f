/* SPDX-License-Identifier: MIT */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "patterns.h"
#include "scanner.h"

/* What the command line asks for. */
struct options {
	struct pattern_list patterns;
	struct scanner_options scanner;
	const char **files;
	size_t file_count;
	bool json;
	bool verbose;
};

#define EXIT_TROUBLE 2

/* Exits with EXIT_TROUBLE when the command line is wrong. */
void options_parse(struct options *options, int count, char **arguments);
void options_free(struct options *options);

#endif /* OPTIONS_H */

/* SPDX-License-Identifier: MIT */
/* Which trace, and which of its contexts: for commands that read one. */
#ifndef MKINSPECT_TRACE_ARGUMENTS_H
#define MKINSPECT_TRACE_ARGUMENTS_H

#include <argp.h>

/* A parser takes it as its first child's input, on ARGP_KEY_INIT. */
struct trace_arguments {
	const char *path;
	int context; /* -1: the only one */
};

/* FILE and --context; for struct argp's children. */
extern const struct argp_child trace_children[];

#endif /* MKINSPECT_TRACE_ARGUMENTS_H */

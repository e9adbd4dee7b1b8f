/* SPDX-License-Identifier: MIT */
#ifndef MKINSPECT_OPTIONS_H
#define MKINSPECT_OPTIONS_H

#include "object.h"

enum form {
	FORM_TEXT,
	FORM_JSON,   /* one object on one line */
	FORM_PRETTY, /* the same for people */
};

struct options {
	/* Which context; at most one of id, pid, socket and file. */
	uint64_t id;
	uint32_t pid;
	uint64_t token;
	const char *socket;
	const char *file;

	enum form form;
	uint64_t interval_ns;
	uint64_t count; /* of looks; 0: no end */
	struct selection selection;
	const char *formats; /* a file */
	bool follow;
	bool arena;
	const char *device;
	enum verb verb;
	const char *files[2]; /* diff's two, or save's one */
};

/**
 * parse_arguments() - what the user asked for
 * @objects: all that there are; NULL ends them
 * @other: text for --help on what else main.c knows
 *
 * Exits with status 64 on wrong usage, and with 0 after --help or --version.
 */
const struct object *parse_arguments(int argc, char **argv,
				     const struct object *const *objects,
				     const char *other, struct options *options);

const char *verb_name(enum verb verb);

#endif /* MKINSPECT_OPTIONS_H */

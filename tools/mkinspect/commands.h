/* SPDX-License-Identifier: MIT */
/*
 * What mkinspect can do besides OBJECT VERB: commands with options of their own, which
 * take their name in argv[0], say what is wrong on stderr, and return the program's exit
 * status.
 */
#ifndef MKINSPECT_COMMANDS_H
#define MKINSPECT_COMMANDS_H

struct command {
	const char *name;
	const char *summary; /* a line for --help */
	int (*run)(int argc, char **argv);
};

/* A NULL name ends them. */
extern const struct command commands[];

/* For --help: a line for each. */
const char *commands_help(void);

#endif /* MKINSPECT_COMMANDS_H */

// SPDX-License-Identifier: MIT
/* mkinspect: what a resident kernel has done, from a trace. */
#include <stdio.h>
#include <string.h>

#include "trace_commands.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "record", record_command, "run a program and record what it does on contexts" },
	{ "replay", replay_command, "run a trace again and compare what comes out" },
	{ "export", export_command, "write a trace for ui.perfetto.dev" },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *stream)
{
	fputs("Usage: mkinspect COMMAND [OPTION]...\n\nCOMMAND is one of:\n\n", stream);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(stream, "  %-8s %s\n", commands[i].name, commands[i].help);
	fputs("\nmkinspect COMMAND --help says more.  Example:\n\n"
	      "  mkinspect record -o run.trace -- mkscan -e needle haystack\n"
	      "  mkinspect export --perfetto run.trace > run.json\n",
	      stream);
}

int main(int argc, char **argv)
{
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		print_usage(stdout);
		return 0;
	}
	for (size_t i = 0; argc > 1 && i < COMMAND_COUNT; i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	if (argc > 1)
		fprintf(stderr, "mkinspect: had the command \"%s\", expected one of:\n",
			argv[1]);
	print_usage(stderr);
	return EXIT_WRONG_USE;
}

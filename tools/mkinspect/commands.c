// SPDX-License-Identifier: MIT
#include "commands.h"

#include <stddef.h>
#include <stdio.h>

#include "trace_commands.h"

const struct command commands[] = {
	{ "record", "run a program and record what it does on contexts", record_command },
	{ "replay", "run a trace again and compare what comes out", replay_command },
	{ "export", "write a trace for ui.perfetto.dev", export_command },
	{ 0 },
};

const char *commands_help(void)
{
	static char text[2048];
	size_t used = 0;

	for (const struct command *command = commands;
	     command->name && used < sizeof(text); command++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "%s  %-10s %s\n",
					 used ? "" :
						"\nor a command, which --help behind it "
						"tells more of:\n\n",
					 command->name, command->summary);
	return text;
}

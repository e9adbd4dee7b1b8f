// SPDX-License-Identifier: MIT
#include "commands.h"

#include <stddef.h>
#include <stdio.h>

const struct command commands[] = {
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

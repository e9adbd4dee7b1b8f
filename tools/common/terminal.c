// SPDX-License-Identifier: MIT
#include "terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool terminal_can_move(void)
{
	const char *terminal = getenv("TERM");

	return isatty(STDOUT_FILENO) && terminal && strcmp(terminal, "dumb");
}

bool terminal_has_colors(void)
{
	const char *no_color = getenv("NO_COLOR");

	return terminal_can_move() && (!no_color || !*no_color);
}

/* SPDX-License-Identifier: MIT */
/* What standard output can do. */
#ifndef MK_TOOLS_TERMINAL_H
#define MK_TOOLS_TERMINAL_H

#include <stdbool.h>

/* A terminal on which one may go back, which TERM=dumb denies. */
bool terminal_can_move(void);

/* The same, and the user wants colours: NO_COLOR is not set. */
bool terminal_has_colors(void);

#endif /* MK_TOOLS_TERMINAL_H */

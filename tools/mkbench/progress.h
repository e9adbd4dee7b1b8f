/* SPDX-License-Identifier: MIT */
#ifndef MKBENCH_PROGRESS_H
#define MKBENCH_PROGRESS_H

#include <stdint.h>

/*
 * progress_show() - say how far a measurement is
 *
 * Writes to stderr when that is a terminal, once the first second is over, and
 * at most ten times a second: cheap enough for every few thousand operations.
 */
void progress_show(const char *stage, double fraction);

/* progress_end() - take the line away again. */
void progress_end(void);

#endif /* MKBENCH_PROGRESS_H */

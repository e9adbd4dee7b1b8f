/* SPDX-License-Identifier: MIT */
/* A watch that fills the terminal. */
#ifndef MKINSPECT_SCREEN_H
#define MKINSPECT_SCREEN_H

#include <stdbool.h>

#include "options.h"

/* Whether standard input and output are a terminal on which that can be done. */
bool screen_is_possible(void);

/*
 * screen_watch() - show how a context is at each interval, until 'q' is pressed, a signal
 * comes, or it was done often enough
 *
 * Return: 0 or a negative errno, which was told.
 */
int screen_watch(const struct options *options);

#endif /* MKINSPECT_SCREEN_H */

/* SPDX-License-Identifier: MIT */
/* A line on stderr, for a person who waits: only on a terminal, after a second. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdint.h>

/* @total: bytes to come, or 0 when nobody knows. */
void progress_begin(uint64_t total);

/* Cheap enough to be called at every turn. */
void progress_update(uint64_t done);

/* Makes room for another line; the next update draws anew. */
void progress_hide(void);

void progress_end(void);

#endif /* PROGRESS_H */

/* SPDX-License-Identifier: MIT */
#ifndef ELAPSED_H
#define ELAPSED_H

#include <time.h>

/* Seconds since some moment in the past; only differences mean something. */
static inline double elapsed_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec * 1e-9;
}

#endif /* ELAPSED_H */

// SPDX-License-Identifier: MIT
#include "progress.h"

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "bench.h"

#define BAR_CELLS	   30
#define REDRAW_INTERVAL_NS (NS_PER_SECOND / 10)

static uint64_t started_ns;
static uint64_t drawn_ns;

void progress_show(const char *stage, double fraction)
{
	uint64_t now = now_ns();
	int filled;

	if (!started_ns)
		started_ns = now;
	if (now - started_ns < NS_PER_SECOND || now - drawn_ns < REDRAW_INTERVAL_NS ||
	    !isatty(STDERR_FILENO))
		return;
	drawn_ns = now;
	if (fraction > 1)
		fraction = 1;
	filled = (int)(fraction * BAR_CELLS);
	fprintf(stderr, "\r%-14s [", stage);
	for (int cell = 0; cell < BAR_CELLS; cell++)
		fputc(cell < filled ? '#' : ' ', stderr);
	fprintf(stderr, "] %3.0f %%", fraction * 100);
	fflush(stderr);
}

void progress_end(void)
{
	if (drawn_ns)
		fputs("\r\033[K", stderr);
	started_ns = 0;
	drawn_ns = 0;
}

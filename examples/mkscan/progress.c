// SPDX-License-Identifier: MIT
#include "progress.h"

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "elapsed.h"

#define FIRST_SECONDS 1.0
#define EVERY_SECONDS 0.1
#define BAR_CELLS     30

static struct {
	bool wanted;
	bool shown;
	uint64_t total;
	double began;
	double next;
} progress;

void progress_begin(uint64_t total)
{
	progress.wanted = isatty(STDERR_FILENO);
	progress.total = total;
	progress.began = elapsed_seconds();
	progress.next = progress.began + FIRST_SECONDS;
}

static void draw(uint64_t done, double seconds)
{
	double mebibytes = done / 1048576.0;

	if (progress.total) {
		/* A file that grows may take it past its end. */
		double part = done < progress.total ? (double)done / progress.total : 1;
		char bar[BAR_CELLS + 1];

		for (int cell = 0; cell < BAR_CELLS; cell++)
			bar[cell] = cell < part * BAR_CELLS ? '#' : '.';
		bar[BAR_CELLS] = 0;
		fprintf(stderr, "\r[%s] %3.0f %%  ", bar, part * 100);
	} else {
		fputc('\r', stderr);
	}
	fprintf(stderr, "%.0f MiB, %.1f MiB/s\033[K", mebibytes, mebibytes / seconds);
	fflush(stderr);
	progress.shown = true;
}

void progress_update(uint64_t done)
{
	double now;

	if (!progress.wanted)
		return;
	now = elapsed_seconds();
	if (now < progress.next)
		return;
	progress.next = now + EVERY_SECONDS;
	draw(done, now - progress.began);
}

void progress_hide(void)
{
	if (progress.shown)
		fputs("\r\033[K", stderr);
	progress.shown = false;
}

void progress_end(void)
{
	progress_hide();
	progress.wanted = false;
}

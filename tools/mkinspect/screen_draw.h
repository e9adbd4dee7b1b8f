/* SPDX-License-Identifier: MIT */
/* What a full screen shows, drawn by curses; screen.c sees to the terminal. */
#ifndef MKINSPECT_SCREEN_DRAW_H
#define MKINSPECT_SCREEN_DRAW_H

#include "ages.h"
#include "gauges.h"

#define HISTORY 512

/* Rates of the last looks, the latest last. */
struct history {
	double rates[HISTORY];
	uint32_t count;
};

void history_add(struct history *history, double rate);

struct picture {
	const char *title; /* which context it is */
	const struct view *before;
	const struct view *now;
	const struct gauges *gauges;
	const struct history *history;
	const struct ages *ages;
	bool is_paused;
	bool engine_is_gone; /* its process is */
};

/* Once, after initscr(); colours only when they are @wanted and there are any. */
void screen_init_colors(bool wanted);

/* Onto stdscr, whatever size that has; the caller refreshes it. */
void screen_draw(const struct picture *picture);

#endif /* MKINSPECT_SCREEN_DRAW_H */

// SPDX-License-Identifier: MIT
#define _XOPEN_SOURCE_EXTENDED 1
#include "screen_draw.h"

#include <inttypes.h>
#include <langinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <ncurses.h>

#include "common/scaled.h"
#include "names.h"
#include "ring_map.h"

/* Rows above the map, and those below it. */
#define HEAD_ROWS 11
#define FOOT_ROWS 2
#define MARGIN	  1

/* A status in the map: a letter, and a colour. */
static const struct mark {
	char letter;
	short color;
	uint32_t status;
} marks[] = {
	{ '.', COLOR_WHITE, MK_STATUS_EMPTY },
	{ '-', COLOR_GREEN, MK_STATUS_DONE },
	{ 'p', COLOR_CYAN, MK_STATUS_PUBLISHED },
	{ 'C', COLOR_YELLOW, MK_STATUS_CLAIMED },
	{ 'w', COLOR_BLUE, MK_STATUS_WAIT_IO },
	{ 'y', COLOR_MAGENTA, MK_STATUS_YIELD },
	{ 'r', COLOR_MAGENTA, MK_STATUS_REQUEUE },
	{ 'F', COLOR_RED, MK_STATUS_FAULT },
	{ '?', COLOR_RED, MK_STATUS_FAULT + 1 },
};

#define MARKS (sizeof(marks) / sizeof(marks[0]))

static bool has_colors_wanted;
/* Whether the row that is written to is on the screen. */
static bool has_row;

/* Colours --------------------------------------------------------------------------- */

void screen_init_colors(bool wanted)
{
	has_colors_wanted = wanted && has_colors();
	if (!has_colors_wanted)
		return;
	start_color();
	use_default_colors();
	for (short color = COLOR_RED; color <= COLOR_WHITE; color++)
		init_pair(color, color, -1);
}

static void begin_color(short color)
{
	if (has_colors_wanted && color != COLOR_WHITE)
		attron(COLOR_PAIR(color));
}

static void end_color(short color)
{
	if (has_colors_wanted && color != COLOR_WHITE)
		attroff(COLOR_PAIR(color));
}

/* Text that goes no further than the screen ------------------------------------------ */

static void begin_row(int row)
{
	has_row = row < LINES && move(row, MARGIN) == OK;
}

static void put(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void put(const char *format, ...)
{
	int room = COLS - MARGIN - getcurx(stdscr);
	va_list arguments;
	char text[256];

	if (!has_row || room <= 0)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	addnstr(text, room);
}

/* Lines ----------------------------------------------------------------------------- */

void history_add(struct history *history, double rate)
{
	if (history->count == HISTORY) {
		memmove(history->rates, history->rates + 1,
			(HISTORY - 1) * sizeof(history->rates[0]));
		history->count--;
	}
	history->rates[history->count++] = rate;
}

static void draw_title(const struct picture *picture)
{
	uint32_t state = picture->gauges->engine_state;
	const char *name = name_engine_state(state);
	short color = state == MK_ENGINE_LOST || picture->engine_is_gone ? COLOR_RED :
		      state == MK_ENGINE_RUNNING			 ? COLOR_GREEN :
									   COLOR_CYAN;

	begin_row(0);
	put("%s   engine ", picture->title);
	attron(A_BOLD);
	begin_color(color);
	put("%s", name ? name : "in an unknown state");
	if (picture->engine_is_gone)
		put(", its process is gone");
	end_color(color);
	attroff(A_BOLD);
	if (picture->gauges->engine_pid)
		put("   process %" PRIu32, picture->gauges->engine_pid);
	if (picture->is_paused)
		put("   PAUSED");
}

static void draw_rates(const struct gauges *gauges)
{
	char rate[SCALED_BYTES], heartbeats[SCALED_BYTES], dispatches[SCALED_BYTES];
	char requests[SCALED_BYTES], ingests[SCALED_BYTES], faults[SCALED_BYTES];

	begin_row(2);
	put("slots      %10s/s   %" PRIu64 " done", scaled(gauges->slots_per_s, rate),
	    gauges->slots_done);
	begin_row(3);
	put("engine     %10s/s dispatches   %s/s heartbeats",
	    scaled(gauges->dispatches_per_s, dispatches),
	    scaled(gauges->heartbeats_per_s, heartbeats));
	begin_row(4);
	put("io         %10s/s requests   %s/s ingests",
	    scaled(gauges->io_requests_per_s, requests),
	    scaled(gauges->io_ingests_per_s, ingests));
	if (gauges->faults)
		begin_color(COLOR_RED);
	begin_row(5);
	put("faults     %10s/s   %" PRIu32 " in all",
	    scaled(gauges->faults_per_s, faults), gauges->faults);
	if (gauges->faults)
		end_color(COLOR_RED);
	if (gauges->log_dropped)
		put("   %" PRIu32 " debug records dropped", gauges->log_dropped);
	begin_row(6);
	put("producers  %10" PRIu32 "     %" PRIu32 " of %" PRIu32 " windows leased",
	    gauges->producers, gauges->windows_leased, gauges->windows);
}

static void draw_oldest(const struct picture *picture)
{
	struct oldest oldest = { 0 };

	if (picture->ages && picture->ages->slots)
		ages_oldest(picture->ages, picture->now, &oldest);
	if (!oldest.is_found)
		return;
	begin_row(8);
	put("oldest     %8.1f s%s   slot %" PRIu32, (double)oldest.age_ns / 1e9,
	    oldest.is_at_least ? " or more" : "", oldest.slot);
}

static void draw_depth(const struct picture *picture)
{
	const struct gauges *gauges = picture->gauges;
	char mean[SCALED_BYTES];

	if (!gauges->has_ring) {
		begin_row(7);
		put("in flight  not looked at: the ring is in a device's memory");
		return;
	}
	begin_row(7);
	put("in flight  %10" PRIu32 "     of %" PRIu32 " slots",
	    gauges->statistics.in_flight, gauges->statistics.slots);
	/* What is in flight in one look is a small sample. */
	if (gauges->mean_us > 0)
		put("   about %s us each", scaled(gauges->mean_us, mean));
	if (gauges->statistics.masked)
		put("   %" PRIu32 " masked", gauges->statistics.masked);
	draw_oldest(picture);
}

static bool has_unicode(void)
{
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

/* Of several bytes, and one column. */
static void put_bar(const char *bar)
{
	if (has_row && getcurx(stdscr) < COLS - MARGIN)
		addstr(bar);
}

/* One character for each look, its height by the highest that is shown. */
static void draw_history(const struct history *history, int columns)
{
	static const char *const blocks[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char *const letters[] = { "_", ".", ":", "-", "=", "+", "*", "#" };
	const char *const *bars = has_unicode() ? blocks : letters;
	uint32_t shown = columns > 0 ? (uint32_t)columns : 0;
	double most = 0;
	uint32_t first;

	if (shown > history->count)
		shown = history->count;
	first = history->count - shown;
	for (uint32_t i = first; i < history->count; i++)
		if (history->rates[i] > most)
			most = history->rates[i];
	begin_row(9);
	begin_color(COLOR_GREEN);
	for (uint32_t i = first; i < history->count; i++) {
		double level = most > 0 ? history->rates[i] / most * 7.999 : 0;

		put_bar(bars[(int)level]);
	}
	end_color(COLOR_GREEN);
}

/* The map --------------------------------------------------------------------------- */

static const struct mark *mark_of(uint32_t status)
{
	for (size_t i = 0; i < MARKS; i++)
		if (marks[i].status == status)
			return &marks[i];
	return &marks[MARKS - 1];
}

static void draw_letter(char letter, short color)
{
	begin_color(color);
	put("%c", letter);
	end_color(color);
}

static void draw_cell(const struct picture *picture, const struct ring_map *map,
		      uint32_t cell)
{
	uint32_t completions;

	if (picture->gauges->has_ring) {
		const struct mark *mark =
			mark_of(ring_map_status(picture->now, map, cell));

		draw_letter(mark->letter, mark->color);
		return;
	}
	completions = picture->before ? ring_map_completions(picture->before,
							     picture->now, map, cell) :
					0;
	draw_letter(!completions		      ? '.' :
		    completions < map->slots_per_cell ? '+' :
							'#',
		    completions ? COLOR_GREEN : COLOR_WHITE);
}

static void draw_legend(const struct picture *picture, const struct ring_map *map,
			int row)
{
	begin_row(row);
	if (map->slots_per_cell > 1)
		put("%" PRIu32 " slots each   ", map->slots_per_cell);
	if (!picture->gauges->has_ring) {
		put("+ some completed  # all did");
		return;
	}
	for (size_t i = 0; i + 1 < MARKS; i++) {
		draw_letter(marks[i].letter, marks[i].color);
		put(" %s  ", name_status(marks[i].status));
	}
}

static void draw_map(const struct picture *picture, int rows, int columns)
{
	struct ring_map map;
	uint32_t width;

	if (rows <= 0 || columns <= 0)
		return;
	width = (uint32_t)columns;
	map = ring_map_of(picture->now, (uint32_t)rows * width);
	/* Lines that are as long as windows are, or multiples of them, are easier to read. */
	if (map.cells && width > 64 && map.slots_per_cell == 1)
		width = 64;
	for (uint32_t cell = 0; cell < map.cells && cell / width < (uint32_t)rows;
	     cell++) {
		if (cell % width == 0)
			begin_row(HEAD_ROWS + (int)(cell / width));
		draw_cell(picture, &map, cell);
	}
	draw_legend(picture, &map, HEAD_ROWS + rows);
}

void screen_draw(const struct picture *picture)
{
	erase();
	draw_title(picture);
	draw_rates(picture->gauges);
	draw_depth(picture);
	draw_history(picture->history, COLS - 2 * MARGIN);
	draw_map(picture, LINES - HEAD_ROWS - FOOT_ROWS, COLS - 2 * MARGIN);
	begin_row(LINES - 1);
	put("q quits, space pauses");
}

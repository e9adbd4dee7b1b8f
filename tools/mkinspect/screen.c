// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "screen.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <ncurses.h>
#include <term.h>

#include "common/complain.h"
#include "common/terminal.h"
#include "names.h"
#include "screen_draw.h"
#include "source.h"

#define NS_PER_SECOND UINT64_C(1000000000)
#define NS_PER_MS     UINT64_C(1000000)

struct screen {
	const struct options *options;
	struct source source;
	uint32_t memories; /* that are looked at */
	char title[128];
	struct mk_snapshot *before; /* NULL: none yet */
	struct mk_snapshot *now;
	struct gauges gauges;
	struct history history;
	struct ages ages;
	bool is_paused;
};

/* The terminal ---------------------------------------------------------------------- */

bool screen_is_possible(void)
{
	bool is_possible;
	int error;

	if (!isatty(STDIN_FILENO) || !terminal_can_move() ||
	    setupterm(NULL, STDOUT_FILENO, &error) != OK)
		return false;
	is_possible = cursor_address;
	del_curterm(cur_term);
	return is_possible;
}

static volatile sig_atomic_t has_signal;

static void note_signal(int number)
{
	(void)number;
	has_signal = 1;
}

/* Before curses, which would leave at once. */
static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = note_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

/* NULL, after a word: this is no terminal after all. */
static SCREEN *begin_screen(void)
{
	SCREEN *terminal;

	setlocale(LC_ALL, "");
	catch_signals();
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal) {
		complain_of(-ENOTTY, "this terminal cannot be drawn on; use TERM=dumb");
		return NULL;
	}
	cbreak();
	noecho();
	curs_set(0);
	keypad(stdscr, TRUE);
	screen_init_colors(terminal_has_colors());
	return terminal;
}

static void end_screen(SCREEN *terminal)
{
	if (!terminal)
		return;
	endwin();
	delscreen(terminal);
}

/* Looks ----------------------------------------------------------------------------- */

/*
 * Each load from a device's memory holds up who polls there, so there nothing is looked at
 * but the control region and the cq, which is the host's.
 */
static uint32_t memories_of(const struct source *source)
{
	if (!strcmp(mk_context_backing(source->context), "device"))
		return MK_SNAPSHOT_MEMORY(MK_REGION_CONTROL) |
		       MK_SNAPSHOT_MEMORY(MK_REGION_CQ);
	return MK_SNAPSHOT_DEFAULT;
}

static int look(struct screen *screen)
{
	struct mk_snapshot *snapshot;
	struct view before, now;
	int ret = source_take(&screen->source, screen->memories, &snapshot);

	if (ret)
		return ret;
	mk_snapshot_free(screen->before);
	screen->before = screen->now;
	screen->now = snapshot;
	view_of_snapshot(screen->now, &now);
	if (screen->before)
		view_of_snapshot(screen->before, &before);
	gauges_read(screen->before ? &before : NULL, &now, &screen->gauges);
	if (screen->before)
		history_add(&screen->history, screen->gauges.slots_per_s);
	return screen->gauges.has_ring ? ages_note(&screen->ages, &now) : 0;
}

static bool is_gone(uint32_t pid, uint32_t state)
{
	return (state == MK_ENGINE_RUNNING || state == MK_ENGINE_PARKED) && pid &&
	       pid <= INT32_MAX && kill((pid_t)pid, 0) && errno == ESRCH;
}

static void show(const struct screen *screen)
{
	struct view before, now;
	struct picture picture = {
		.title = screen->title,
		.before = screen->before ? &before : NULL,
		.now = &now,
		.gauges = &screen->gauges,
		.history = &screen->history,
		.ages = &screen->ages,
		.is_paused = screen->is_paused,
		.engine_is_gone =
			is_gone(screen->gauges.engine_pid, screen->gauges.engine_state),
	};

	view_of_snapshot(screen->now, &now);
	if (screen->before)
		view_of_snapshot(screen->before, &before);
	screen_draw(&picture);
	/* Only what differs is sent, so that nothing flickers. */
	refresh();
}

/* Keys ------------------------------------------------------------------------------ */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* Until @deadline_ns; false when that is the end. */
static bool hear_keys(struct screen *screen, uint64_t deadline_ns)
{
	uint64_t now = now_ns();

	while (!has_signal && now < deadline_ns) {
		timeout((int)((deadline_ns - now + NS_PER_MS - 1) / NS_PER_MS));
		switch (getch()) {
		case 'q':
		case 'Q':
			return false;
		case ' ':
			screen->is_paused = !screen->is_paused;
			show(screen);
			break;
		case KEY_RESIZE:
			show(screen);
			break;
		default:
			break;
		}
		now = now_ns();
	}
	return !has_signal;
}

static int run(struct screen *screen)
{
	const struct options *options = screen->options;
	uint64_t next = now_ns();
	uint64_t looks = 0;
	int ret = 0;

	do {
		if (!screen->is_paused) {
			ret = look(screen);
			looks++;
		}
		if (ret)
			return ret;
		show(screen);
		if (options->count && looks >= options->count)
			return 0;
		next += options->interval_ns;
		/* Those that were missed are left out. */
		if (next < now_ns())
			next = now_ns();
	} while (hear_keys(screen, next));
	return 0;
}

/* The whole ------------------------------------------------------------------------- */

static void set_title(struct screen *screen)
{
	const struct mk_context *context = screen->source.context;
	uint64_t id = mk_context_id(context);
	const char *backing = mk_context_backing(context);

	if (id)
		snprintf(screen->title, sizeof(screen->title), "context %" PRIu64 " (%s)",
			 id, backing);
	else if (screen->source.pid)
		snprintf(screen->title, sizeof(screen->title),
			 "context of process %" PRIu32 " (%s)", screen->source.pid,
			 backing);
	else
		snprintf(screen->title, sizeof(screen->title), "context %s (%s)",
			 screen->options->socket ? screen->options->socket : "", backing);
}

int screen_watch(const struct options *options)
{
	static struct screen screen;
	SCREEN *terminal;
	int ret;

	screen.options = options;
	ret = source_open(options, &screen.source);
	if (ret)
		return ret;
	screen.memories = memories_of(&screen.source);
	set_title(&screen);
	terminal = begin_screen();
	ret = terminal ? run(&screen) : -ENOTTY;
	end_screen(terminal);
	if (ret && terminal)
		complain("looking again", ret);
	mk_snapshot_free(screen.before);
	mk_snapshot_free(screen.now);
	ages_free(&screen.ages);
	source_close(&screen.source);
	return ret;
}

// SPDX-License-Identifier: MIT
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/arguments.h"
#include "common/json_output.h"
#include "common/scaled.h"
#include "common/terminal.h"

/* Goes up when a key changes its meaning or goes; mkrun(1) lists the keys. */
#define SCHEMA_VERSION	1

#define DEFAULT_COLUMNS 80
#define LINE_ROOM	256

static bool line_is_open;

bool report_is_live(const struct run_options *options)
{
	return !options->quiet && !options->json && terminal_can_move();
}

void report_break_line(void)
{
	if (line_is_open)
		putchar('\n');
	line_is_open = false;
	fflush(stdout);
}

void report_line(const struct status *status, char *line, size_t room)
{
	char rate[SCALED_BYTES], dispatches[SCALED_BYTES];

	snprintf(line, room,
		 "%-7s %8s slots/s, %" PRIu64 " done, %u fault%s, %u producer%s, %s "
		 "dispatches/s",
		 state_name(status->counters.engine_state),
		 scaled(status->slots_per_second, rate), status->counters.slots_done,
		 status->counters.faults, status->counters.faults == 1 ? "" : "s",
		 status->producers, status->producers == 1 ? "" : "s",
		 scaled(status->dispatches_per_second, dispatches));
}

/* For a terminal ------------------------------------------------------------- */

static const char *color_of(const struct status *status)
{
	if (!terminal_has_colors())
		return "";
	switch (status->counters.engine_state) {
	case MK_ENGINE_RUNNING:
		return "\033[32m";
	case MK_ENGINE_LOST:
		return "\033[31m";
	default:
		return "\033[36m";
	}
}

static void write_over(const struct status *status)
{
	const char *color = color_of(status);
	struct winsize size = { 0 };
	char line[LINE_ROOM];
	size_t state = strlen(state_name(status->counters.engine_state));
	int columns = DEFAULT_COLUMNS;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		columns = size.ws_col;
	report_line(status, line, sizeof(line));
	/* One that wraps could not be written over. */
	if ((size_t)columns < sizeof(line))
		line[columns - 1] = '\0';
	if (state > strlen(line))
		state = strlen(line);
	printf("\r%s%.*s%s%s\033[K", color, (int)state, line, *color ? "\033[0m" : "",
	       line + state);
	line_is_open = true;
}

/* For a person ----------------------------------------------------------------- */

static void show_start(const struct instance *instance)
{
	const struct run_options *options = instance->options;
	uint64_t id = mk_context_id(instance->context);

	printf("socket     %s\n", mk_server_path(instance->server));
	if (id)
		printf("context    %" PRIu64 "\n", id);
	printf("backing    %s\n", mk_context_backing(instance->context));
	printf("device     %s\n", instance->info.device);
	printf("driver     %s\n", instance->info.driver);
	printf("placement  %s\n", instance->info.placement);
	printf("workgroups %u\n", instance->info.workgroups);
	if (*instance->info.queue)
		printf("queue      %s\n", instance->info.queue);
	if (instance->io)
		printf("handle     0x%x the arena\n", instance->handles.arena);
	for (uint32_t i = 0; i < options->file_count; i++)
		printf("handle     0x%x %s\n", instance->handles.files[i],
		       options->files[i].path);
}

static void show_text(const struct instance *instance, const struct status *status,
		      enum report_event event)
{
	char line[LINE_ROOM];

	if (event == REPORT_START) {
		show_start(instance);
		return;
	}
	if (event == REPORT_STATUS && report_is_live(instance->options)) {
		write_over(status);
		return;
	}
	report_break_line();
	report_line(status, line, sizeof(line));
	puts(line);
}

/* For a program ---------------------------------------------------------------- */

static void json_io(struct json_output *json, const struct instance *instance,
		    const struct mk_io_counters *io)
{
	const struct run_options *options = instance->options;
	uint64_t errors = 0;

	for (uint32_t i = 0; i < MK_IO_REASON_COUNT; i++)
		errors += io->errors[i];
	json_number(json, "io_requests", io->requests);
	json_number(json, "io_errors", errors);
	json_number(json, "io_in_flight", io->in_flight);
	json_number(json, "io_read_bytes", io->bytes_read);
	json_number(json, "io_written_bytes", io->bytes_written);
	json_begin_rows(json, "handles");
	if (instance->io) {
		json_row(json);
		json_number(json, "handle", instance->handles.arena);
		json_null(json, "path");
	}
	for (uint32_t i = 0; i < options->file_count; i++) {
		json_row(json);
		json_number(json, "handle", instance->handles.files[i]);
		json_text(json, "path", options->files[i].path);
	}
	json_end_rows(json);
}

static void text_or_null(struct json_output *json, const char *key, const char *text)
{
	if (*text)
		json_text(json, key, text);
	else
		json_null(json, key);
}

static bool show_json(const struct instance *instance, const struct status *status,
		      enum report_event event)
{
	static const char *const events[] = {
		[REPORT_START] = "start", [REPORT_STATUS] = "status",
		[REPORT_LOST] = "lost",	  [REPORT_RESTART] = "restart",
		[REPORT_STOP] = "stop",	  [REPORT_REBUILD] = "rebuild",
	};
	const struct mk_counters *counters = &status->counters;
	uint64_t id = mk_context_id(instance->context);
	struct json_output json;

	json_begin(&json, SCHEMA_VERSION);
	json_text(&json, "event", events[event]);
	json_number(&json, "pid", (uint64_t)getpid());
	json_number(&json, "uptime_ns", status->uptime_ns);
	json_text(&json, "name", instance->options->name);
	if (instance->server)
		json_text(&json, "socket", mk_server_path(instance->server));
	else
		json_null(&json, "socket");
	if (id)
		json_number(&json, "context_id", id);
	else
		json_null(&json, "context_id");
	json_text(&json, "backing", mk_context_backing(instance->context));
	json_text(&json, "engine", engine_name(instance->options->engine.kind));
	json_text(&json, "device", instance->info.device);
	json_text(&json, "driver", instance->info.driver);
	json_text(&json, "placement", instance->info.placement);
	text_or_null(&json, "queue", instance->info.queue);
	json_number(&json, "workgroups", instance->info.workgroups);
	json_number(&json, "live_workgroups", instance->info.live_workgroups);
	json_text(&json, "state", state_name(counters->engine_state));
	json_number(&json, "slots_done", counters->slots_done);
	json_decimal(&json, "slots_per_second", status->slots_per_second);
	json_number(&json, "faults", counters->faults);
	json_decimal(&json, "faults_per_second", status->faults_per_second);
	json_number(&json, "dispatches", counters->dispatches);
	json_decimal(&json, "dispatches_per_second", status->dispatches_per_second);
	json_number(&json, "parks", instance->info.parks);
	json_number(&json, "epoch", counters->epoch);
	json_number(&json, "heartbeat", counters->heartbeat);
	json_number(&json, "log_dropped", counters->log_dropped);
	json_number(&json, "producers", status->producers);
	json_number(&json, "windows", status->windows);
	json_number(&json, "windows_leased", status->windows_leased);
	json_number(&json, "clients", instance->served);
	json_number(&json, "restarts", instance->restarts);
	json_number(&json, "rebuilds", instance->info.rebuilds);
	json_number(&json, "interrupted", instance->info.interrupted);
	text_or_null(&json, "rebuild_cause", instance->info.rebuild_cause);
	json_io(&json, instance, &status->io);
	return !json_end(&json, JSON_LINE);
}

bool report_show(const struct instance *instance, const struct status *status,
		 enum report_event event)
{
	if (instance->options->quiet)
		return true;
	if (instance->options->json)
		return show_json(instance, status, event);
	show_text(instance, status, event);
	return !fflush(stdout) && !ferror(stdout);
}

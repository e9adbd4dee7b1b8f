// SPDX-License-Identifier: MIT
/*
 * A trace as Chrome's JSON, which ui.perfetto.dev and chrome://tracing open.  Processes of
 * that are each process that was recorded, with its dispatches, parks and drops; the ring,
 * whose threads are windows; and the io queue, whose threads are io slots.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/complain.h"
#include "names.h"
#include "perfetto_writer.h"
#include "trace_arguments.h"
#include "trace_commands.h"
#include "trace_load.h"
#include "trace_spans.h"

/* Goes up when an argument of an event changes its meaning or goes. */
#define SCHEMA_VERSION 1

/* Above all numbers that Linux gives to a process, so that none which was recorded has one. */
enum { PROCESS_RING = (1 << 22) + 1, PROCESS_IO };
/* From top to bottom: what caused it, and what became of it. */
enum { PLACE_PARTS, PLACE_RING, PLACE_IO };
enum { TRACK_DISPATCHES, TRACK_PARKS, TRACK_DROPS, PART_TRACKS };

struct arguments {
	struct trace_arguments trace;
	const char *output;
	bool perfetto;
};

struct export
{
	struct perfetto_writer writer;
	const struct trace *trace;
	const struct mk_geometry *geometry;
	uint32_t context;
};

/* Tracks --------------------------------------------------------------------------- */

/* Threads have numbers from 1: the ring's lanes, the io slots, and those of each part. */
static struct perfetto_track lane_track(const struct export *export,
					const struct span *span)
{
	return (struct perfetto_track){
		PROCESS_RING,
		1 + span->track * export->geometry->window_slots + span->lane,
	};
}

static struct perfetto_track io_track(const struct export *export, uint32_t slot)
{
	return (struct perfetto_track){ PROCESS_IO, 1 + export->geometry->slots + slot };
}

static struct perfetto_track part_track(const struct export *export, uint32_t part,
					uint32_t which)
{
	return (struct perfetto_track){
		export->trace->parts[part].info.pid,
		1 + export->geometry->slots + export->geometry->io_slots +
			part * PART_TRACKS + which,
	};
}

static void name_lane(struct export *export, const struct span *span)
{
	char name[64];

	if (span->lane)
		snprintf(name, sizeof(name), "window %u, lane %u", span->track,
			 span->lane + 1);
	else
		snprintf(name, sizeof(name), "window %u", span->track);
	perfetto_name_track(&export->writer, lane_track(export, span), name);
}

static void name_io_slot(struct export *export, uint32_t slot, bool is_ingest)
{
	char name[64];

	snprintf(name, sizeof(name), "%s %u", is_ingest ? "ingest slot" : "io slot",
		 slot);
	perfetto_name_track(&export->writer, io_track(export, slot), name);
}

/* Readers show the number of the process behind its name. */
static void name_parts(struct export *export)
{
	static const char *const names[] = {
		[TRACK_DISPATCHES] = "dispatches",
		[TRACK_PARKS] = "parked",
		[TRACK_DROPS] = "records dropped",
	};

	for (uint32_t i = 0; i < export->trace->part_count; i++) {
		if (export->trace->parts[i].context != export->context)
			continue;
		perfetto_name_process(&export->writer, part_track(export, i, 0),
				      "process", PLACE_PARTS);
		for (uint32_t which = 0; which < PART_TRACKS; which++)
			perfetto_name_track(&export->writer, part_track(export, i, which),
					    names[which]);
	}
}

/* Each track that is used is named once. */
static int name_tracks(struct export *export, const struct spans *spans)
{
	bool *tracks = calloc(1 + export->geometry->slots + export->geometry->io_slots,
			      sizeof(*tracks));

	if (!tracks)
		return complain_of(-ENOMEM, "no memory is left for the tracks' names");
	name_parts(export);
	perfetto_name_process(&export->writer, (struct perfetto_track){ PROCESS_RING, 1 },
			      "ring", PLACE_RING);
	perfetto_name_process(&export->writer, io_track(export, 0), "io queue", PLACE_IO);
	for (size_t i = 0; i < spans->count; i++) {
		const struct span *span = &spans->spans[i];
		bool is_slot = span->kind == SPAN_SLOT;
		struct perfetto_track track;

		if (!is_slot && span->kind != SPAN_IO && span->kind != SPAN_INGEST)
			continue;
		track = is_slot ? lane_track(export, span) :
				  io_track(export, span->track);
		if (tracks[track.thread])
			continue;
		tracks[track.thread] = true;
		if (is_slot)
			name_lane(export, span);
		else
			name_io_slot(export, span->track, span->kind == SPAN_INGEST);
	}
	free(tracks);
	return 0;
}

/* Spans ---------------------------------------------------------------------------- */

static const char *const end_names[] = {
	[END_SEEN] = "seen",
	[END_SEEN_LATE] = "seen late",
	[END_BY_REUSE] = "used again",
	[END_UNKNOWN] = "unfinished",
};

static const char *slot_name(const struct span *span, char *text, size_t size)
{
	uint32_t opcode = span->first->publish.words[MK_SLOT_OPCODE];
	const char *known = name_builtin(opcode);

	if (known)
		return known;
	snprintf(text, size, "opcode 0x%x", opcode);
	return text;
}

static void describe_slot(const struct span *span, struct json_object *arguments)
{
	const struct mk_trace_publish *publish = &span->first->publish;
	struct json_object *args = json_object_new_array();

	if (span->last && span->last->completion.fault)
		perfetto_put_named(arguments, "fault", span->last->completion.fault,
				   name_fault(span->last->completion.fault));
	perfetto_put_number(arguments, "slot", publish->slot);
	perfetto_put_number(arguments, "use", publish->use);
	perfetto_put_number(arguments, "tenant", publish->words[MK_SLOT_TENANT]);
	perfetto_put_number(arguments, "publisher_thread", span->first->thread);
	for (uint32_t i = 0; args && i < MK_SLOT_ARG_COUNT; i++)
		json_object_array_add(
			args, json_object_new_uint64(publish->words[MK_SLOT_ARGS + i]));
	json_object_object_add(arguments, "arguments", args);
}

static const char *io_name(const struct span *span)
{
	const char *known = name_io_op(span->first->io.request.op);

	return known ? known : "unknown operation";
}

static void describe_io(const struct span *span, struct json_object *arguments)
{
	const struct mk_io_request *request = &span->first->io.request;

	if (span->last && span->last->io.reason) {
		perfetto_put_named(arguments, "reason", span->last->io.reason,
				   name_io_reason(span->last->io.reason));
	}
	if (span->last && span->last->io.error)
		perfetto_put_number(arguments, "error", span->last->io.error);
	perfetto_put_number(arguments, "source", request->source);
	perfetto_put_number(arguments, "destination", request->destination);
	perfetto_put_number(arguments, "offset_bytes", request->offset);
	perfetto_put_number(arguments, "bytes", request->byte_count);
	perfetto_put_number(arguments, "tag", request->tag);
}

static void describe_ingest(const struct span *span, struct json_object *arguments)
{
	const struct mk_trace_ingest *ingest = &span->first->ingest;

	perfetto_put_number(arguments, "source", ingest->source);
	perfetto_put_number(arguments, "destination", ingest->destination);
	perfetto_put_number(arguments, "offset_bytes", ingest->offset);
	perfetto_put_number(arguments, "bytes", ingest->byte_count);
	perfetto_put_number(arguments, "tag", ingest->tag);
}

static void describe_dispatch(const struct span *span, struct json_object *arguments)
{
	perfetto_put_number(arguments, "steps_allowed", span->first->dispatch.steps);
	if (!span->last)
		return;
	perfetto_put_number(arguments, "steps_taken", span->last->dispatch.steps);
	perfetto_put_number(arguments, "executions", span->last->dispatch.executions);
}

static struct perfetto_track span_track(const struct export *export,
					const struct span *span)
{
	switch (span->kind) {
	case SPAN_SLOT:
		return lane_track(export, span);
	case SPAN_IO:
	case SPAN_INGEST:
		return io_track(export, span->track);
	case SPAN_DISPATCH:
		return part_track(export, span->part, TRACK_DISPATCHES);
	case SPAN_PARK:
		return part_track(export, span->part, TRACK_PARKS);
	default:
		return part_track(export, span->part, TRACK_DROPS);
	}
}

static const char *span_name(const struct span *span, char *text, size_t size)
{
	switch (span->kind) {
	case SPAN_SLOT:
		return slot_name(span, text, size);
	case SPAN_IO:
		return io_name(span);
	case SPAN_INGEST:
		return "ingest";
	case SPAN_DISPATCH:
		return "dispatch";
	case SPAN_PARK:
		return "parked";
	default:
		return "dropped";
	}
}

/* Readers keep the order: what matters most is first. */
static void describe(const struct span *span, struct json_object *arguments)
{
	if (span->kind != SPAN_DROPPED)
		perfetto_put_text(arguments, "end", end_names[span->end]);
	switch (span->kind) {
	case SPAN_SLOT:
		describe_slot(span, arguments);
		break;
	case SPAN_IO:
		describe_io(span, arguments);
		break;
	case SPAN_INGEST:
		describe_ingest(span, arguments);
		break;
	case SPAN_DISPATCH:
		describe_dispatch(span, arguments);
		break;
	case SPAN_PARK:
		break;
	case SPAN_DROPPED:
		perfetto_put_number(arguments, "records", span->first->dropped);
		perfetto_put_number(arguments, "thread", span->first->thread);
		break;
	}
}

static bool has_failed(const struct span *span)
{
	if (span->kind == SPAN_SLOT)
		return span->last && span->last->completion.fault;
	if (span->kind == SPAN_IO)
		return span->last && span->last->io.reason;
	return span->kind == SPAN_DROPPED;
}

static void put_span(struct export *export, const struct span *span)
{
	uint64_t begin_ns = span->begin_ns - export->trace->begin_ns;
	struct perfetto_track track = span_track(export, span);
	struct json_object *arguments = json_object_new_object();
	struct json_object *event;
	char text[32];
	const char *name = span_name(span, text, sizeof(text));

	if (span->kind == SPAN_DROPPED)
		event = perfetto_moment(track, name, begin_ns);
	else
		event = perfetto_span(track, name, begin_ns,
				      span->end_ns - span->begin_ns);
	if (event && has_failed(span))
		perfetto_mark_bad(event);
	if (arguments)
		describe(span, arguments);
	perfetto_put(&export->writer, event, arguments);
}

/* The file ------------------------------------------------------------------------- */

static int write_events(struct export *export, const struct spans *spans)
{
	int ret, end;

	perfetto_begin(&export->writer, SCHEMA_VERSION, export->trace->begin_ns);
	ret = name_tracks(export, spans);
	for (size_t i = 0; !ret && i < spans->count; i++)
		put_span(export, &spans->spans[i]);
	end = perfetto_end(&export->writer);
	return ret ? ret : end;
}

static int export_to(FILE *stream, struct trace *trace, int wanted)
{
	struct export export = { .writer = { .stream = stream }, .trace = trace };
	struct spans spans;
	int ret = trace_choose_context(trace, wanted, &export.context);

	if (ret)
		return ret;
	export.geometry = &trace_first_part(trace, export.context)->info.geometry;
	ret = spans_build(trace, export.geometry, &spans);
	if (ret)
		return ret;
	ret = write_events(&export, &spans);
	spans_free(&spans);
	return ret;
}

/* Command -------------------------------------------------------------------------- */

enum { KEY_PERFETTO = 256 };

static const struct argp_option option_table[] = {
	{ "perfetto", KEY_PERFETTO, NULL, 0,
	  "write JSON for ui.perfetto.dev and chrome://tracing (needed)", 0 },
	{ "output", 'o', "FILE", 0, "where to (default: standard output)", 0 },
	{ 0 },
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->trace;
		return 0;
	case KEY_PERFETTO:
		arguments->perfetto = true;
		return 0;
	case 'o':
		arguments->output = text;
		return 0;
	case ARGP_KEY_END:
		if (!arguments->perfetto)
			argp_error(state, "had no format, expected --perfetto");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void parse_arguments(int argc, char **argv, struct arguments *arguments)
{
	static const struct argp parser = {
		.options = option_table,
		.parser = parse_option,
		.args_doc = "FILE",
		.children = trace_children,
		.doc = "Write a trace in a form that other programs show.\v"
		       "Example:\n\n"
		       "  mkinspect export --perfetto -o run.json run.trace",
	};

	argv[0] = (char *)"mkinspect export";
	argp_parse(&parser, argc, argv, 0, NULL, arguments);
}

static int export_file(const struct arguments *arguments, struct trace *trace)
{
	FILE *stream = arguments->output ? fopen(arguments->output, "we") : stdout;
	int ret;

	if (!stream) {
		perror(arguments->output);
		return EXIT_FAILURE;
	}
	ret = export_to(stream, trace, arguments->trace.context);
	if (arguments->output && fclose(stream) && !ret)
		ret = complain_of(-EIO, "%s could not be written whole",
				  arguments->output);
	return ret ? EXIT_FAILURE : 0;
}

int export_command(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	struct trace trace;
	int status;

	parse_arguments(argc, argv, &arguments);
	if (trace_load(arguments.trace.path, &trace))
		return EXIT_FAILURE;
	if (trace.is_cut_off)
		complain_of(0,
			    "%s is cut off: its process was killed, or it is still being "
			    "written",
			    arguments.trace.path);
	status = export_file(&arguments, &trace);
	trace_free(&trace);
	return status;
}

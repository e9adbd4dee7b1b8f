// SPDX-License-Identifier: MIT
/*
 * A trace as Chrome's JSON, which ui.perfetto.dev and chrome://tracing open.  Processes of
 * that are the ring, whose threads are windows; the io queue, whose threads are io slots;
 * and each process that was recorded, with its dispatches, parks and drops.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <json-c/json.h>

#include "common/complain.h"
#include "names.h"
#include "trace_commands.h"
#include "trace_load.h"
#include "trace_spans.h"

/* Goes up when an argument of an event changes its meaning or goes. */
#define SCHEMA_VERSION 1

enum { PROCESS_RING = 1, PROCESS_IO, PROCESS_FIRST_PART = 10 };
enum { THREAD_DISPATCHES = 1, THREAD_PARKS, THREAD_DROPS };

struct arguments {
	const char *path;
	const char *output;
	bool perfetto;
	int context;
};

struct export
{
	FILE *stream;
	const struct trace *trace;
	const struct mk_geometry *geometry;
	bool has_event;
	bool has_failed; /* no memory */
};

/* Events --------------------------------------------------------------------------- */

static void put_number(struct json_object *object, const char *key, uint64_t number)
{
	json_object_object_add(object, key, json_object_new_uint64(number));
}

static void put_text(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, json_object_new_string(text));
}

/* Microseconds, and nanoseconds behind the point. */
static void put_time(struct json_object *object, const char *key, uint64_t ns)
{
	char digits[40];

	snprintf(digits, sizeof(digits), "%llu.%03u", (unsigned long long)(ns / 1000),
		 (unsigned int)(ns % 1000));
	json_object_object_add(object, key,
			       json_object_new_double_s((double)ns / 1e3, digits));
}

/* An event with what each has; @arguments becomes the event's. */
static void put_event(struct export *export, struct json_object *event,
		      struct json_object *arguments)
{
	if (!event || !arguments) {
		export->has_failed = true;
		json_object_put(event);
		json_object_put(arguments);
		return;
	}
	json_object_object_add(event, "args", arguments);
	fprintf(export->stream, "%s\n%s", export->has_event ? "," : "",
		json_object_to_json_string_ext(event, JSON_C_TO_STRING_PLAIN));
	export->has_event = true;
	json_object_put(event);
}

static struct json_object *new_event(const char *phase, const char *name, uint64_t ns,
				     uint32_t process, uint32_t thread)
{
	struct json_object *event = json_object_new_object();

	if (!event)
		return NULL;
	put_text(event, "ph", phase);
	put_text(event, "name", name);
	put_time(event, "ts", ns);
	put_number(event, "pid", process);
	put_number(event, "tid", thread);
	return event;
}

static void name_it(struct export *export, const char *what, uint32_t process,
		    uint32_t thread, const char *name)
{
	struct json_object *arguments = json_object_new_object();

	if (arguments)
		put_text(arguments, "name", name);
	put_event(export, new_event("M", what, 0, process, thread), arguments);
}

/* Names of tracks ------------------------------------------------------------------ */

static uint32_t lane_thread(const struct export *export, const struct span *span)
{
	return span->track * export->geometry->window_slots + span->lane + 1;
}

static void name_lane(struct export *export, const struct span *span)
{
	char name[64];

	if (span->lane)
		snprintf(name, sizeof(name), "window %u, %u at once", span->track,
			 span->lane + 1);
	else
		snprintf(name, sizeof(name), "window %u", span->track);
	name_it(export, "thread_name", PROCESS_RING, lane_thread(export, span), name);
}

static void name_parts(struct export *export)
{
	for (uint32_t i = 0; i < export->trace->part_count; i++) {
		uint32_t process = PROCESS_FIRST_PART + i;
		char name[64];

		snprintf(name, sizeof(name), "process %u",
			 export->trace->parts[i].info.pid);
		name_it(export, "process_name", process, 0, name);
		name_it(export, "thread_name", process, THREAD_DISPATCHES, "dispatches");
		name_it(export, "thread_name", process, THREAD_PARKS, "parked");
		name_it(export, "thread_name", process, THREAD_DROPS, "records dropped");
	}
}

static void name_io_slot(struct export *export, uint32_t slot, bool is_ingest)
{
	char name[64];

	snprintf(name, sizeof(name), "%s %u", is_ingest ? "ingest slot" : "io slot",
		 slot);
	name_it(export, "thread_name", PROCESS_IO, slot + 1, name);
}

/* Each track that is used is named once. */
static int name_tracks(struct export *export, const struct spans *spans)
{
	bool *lanes = calloc(export->geometry->slots, sizeof(*lanes));
	bool *io_slots = calloc(export->geometry->io_slots, sizeof(*io_slots));

	if (!lanes || !io_slots) {
		free(lanes);
		free(io_slots);
		return complain_of(-ENOMEM, "no memory is left for the tracks' names");
	}
	name_it(export, "process_name", PROCESS_RING, 0, "ring");
	name_it(export, "process_name", PROCESS_IO, 0, "io queue");
	name_parts(export);
	for (size_t i = 0; i < spans->count; i++) {
		const struct span *span = &spans->spans[i];
		bool is_io = span->kind == SPAN_IO || span->kind == SPAN_INGEST;

		if (span->kind == SPAN_SLOT && !lanes[lane_thread(export, span) - 1]) {
			lanes[lane_thread(export, span) - 1] = true;
			name_lane(export, span);
		} else if (is_io && !io_slots[span->track]) {
			io_slots[span->track] = true;
			name_io_slot(export, span->track, span->kind == SPAN_INGEST);
		}
	}
	free(lanes);
	free(io_slots);
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

	put_number(arguments, "slot", publish->slot);
	put_number(arguments, "use", publish->use);
	put_number(arguments, "tenant", publish->words[MK_SLOT_TENANT]);
	put_number(arguments, "publisher_thread", span->first->thread);
	for (uint32_t i = 0; args && i < MK_SLOT_ARG_COUNT; i++)
		json_object_array_add(
			args, json_object_new_uint64(publish->words[MK_SLOT_ARGS + i]));
	json_object_object_add(arguments, "arguments", args);
	if (span->last && span->last->completion.fault)
		put_number(arguments, "fault", span->last->completion.fault);
}

static const char *io_name(const struct span *span)
{
	switch (span->first->io.request.op) {
	case MK_IO_OP_READ:
		return "READ";
	case MK_IO_OP_WRITE:
		return "WRITE";
	case MK_IO_OP_FENCE:
		return "FENCE";
	default:
		return "unknown operation";
	}
}

static void describe_io(const struct span *span, struct json_object *arguments)
{
	const struct mk_io_request *request = &span->first->io.request;

	put_number(arguments, "source", request->source);
	put_number(arguments, "destination", request->destination);
	put_number(arguments, "offset_bytes", request->offset);
	put_number(arguments, "bytes", request->byte_count);
	put_number(arguments, "tag", request->tag);
	if (span->last && span->last->io.reason)
		put_number(arguments, "reason", span->last->io.reason);
}

static void describe_ingest(const struct span *span, struct json_object *arguments)
{
	const struct mk_trace_ingest *ingest = &span->first->ingest;

	put_number(arguments, "source", ingest->source);
	put_number(arguments, "destination", ingest->destination);
	put_number(arguments, "offset_bytes", ingest->offset);
	put_number(arguments, "bytes", ingest->byte_count);
	put_number(arguments, "tag", ingest->tag);
}

static void describe_dispatch(const struct span *span, struct json_object *arguments)
{
	put_number(arguments, "steps_allowed", span->first->dispatch.steps);
	if (!span->last)
		return;
	put_number(arguments, "steps_taken", span->last->dispatch.steps);
	put_number(arguments, "executions", span->last->dispatch.executions);
}

static void put_span(struct export *export, const struct span *span)
{
	uint64_t begin_ns = span->begin_ns - export->trace->begin_ns;
	uint32_t process = PROCESS_FIRST_PART + span->part;
	struct json_object *arguments = json_object_new_object();
	struct json_object *event = NULL;
	char text[32];

	if (!arguments) {
		export->has_failed = true;
		return;
	}
	switch (span->kind) {
	case SPAN_SLOT:
		event = new_event("X", slot_name(span, text, sizeof(text)), begin_ns,
				  PROCESS_RING, lane_thread(export, span));
		describe_slot(span, arguments);
		break;
	case SPAN_IO:
		event = new_event("X", io_name(span), begin_ns, PROCESS_IO,
				  span->track + 1);
		describe_io(span, arguments);
		break;
	case SPAN_INGEST:
		event = new_event("X", "ingest", begin_ns, PROCESS_IO, span->track + 1);
		describe_ingest(span, arguments);
		break;
	case SPAN_DISPATCH:
		event = new_event("X", "dispatch", begin_ns, process, THREAD_DISPATCHES);
		describe_dispatch(span, arguments);
		break;
	case SPAN_PARK:
		event = new_event("X", "parked", begin_ns, process, THREAD_PARKS);
		break;
	case SPAN_DROPPED:
		event = new_event("i", "dropped", begin_ns, process, THREAD_DROPS);
		put_number(arguments, "records", span->first->dropped);
		break;
	}
	if (event && span->kind == SPAN_DROPPED) {
		put_text(event, "s", "p");
	} else if (event) {
		put_time(event, "dur", span->end_ns - span->begin_ns);
		put_text(arguments, "end", end_names[span->end]);
	}
	put_event(export, event, arguments);
}

/* The file ------------------------------------------------------------------------- */

static int write_events(struct export *export, const struct spans *spans)
{
	int ret;

	fprintf(export->stream,
		"{\"displayTimeUnit\":\"ns\",\"otherData\":{\"schema\":%d,"
		"\"begin_monotonic_ns\":%llu},\"traceEvents\":[",
		SCHEMA_VERSION, (unsigned long long)export->trace->begin_ns);
	ret = name_tracks(export, spans);
	for (size_t i = 0; !ret && i < spans->count; i++)
		put_span(export, &spans->spans[i]);
	fputs("\n]}\n", export->stream);
	if (export->has_failed)
		return complain_of(-ENOMEM, "no memory is left for the events");
	if (fflush(export->stream) || ferror(export->stream))
		return complain_of(-EIO, "the events could not be written whole");
	return ret;
}

static int export_to(FILE *stream, struct trace *trace, int wanted)
{
	struct export export = { .stream = stream, .trace = trace };
	struct spans spans;
	uint32_t context;
	int ret = trace_choose_context(trace, wanted, &context);

	if (ret)
		return ret;
	export.geometry = &trace_first_part(trace, context)->info.geometry;
	ret = spans_build(trace, export.geometry, &spans);
	if (ret)
		return ret;
	ret = write_events(&export, &spans);
	spans_free(&spans);
	return ret;
}

/* Command -------------------------------------------------------------------------- */

enum { KEY_PERFETTO = 256, KEY_CONTEXT };

static const struct argp_option option_table[] = {
	{ "perfetto", KEY_PERFETTO, NULL, 0,
	  "write JSON for ui.perfetto.dev and chrome://tracing (needed)", 0 },
	{ "output", 'o', "FILE", 0, "where to (default: standard output)", 0 },
	{ "context", KEY_CONTEXT, "N", 0,
	  "of a trace of several contexts the one to export, from 0", 0 },
	{ 0 },
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	unsigned long number;
	char *end;

	switch (key) {
	case KEY_PERFETTO:
		arguments->perfetto = true;
		return 0;
	case 'o':
		arguments->output = text;
		return 0;
	case KEY_CONTEXT:
		number = strtoul(text, &end, 10);
		if (*text < '0' || *text > '9' || *end || number > INT32_MAX)
			argp_error(state,
				   "--context: had \"%s\", expected a number from "
				   "0",
				   text);
		arguments->context = (int)number;
		return 0;
	case ARGP_KEY_ARG:
		if (arguments->path)
			argp_error(state, "had both %s and %s, expected one trace",
				   arguments->path, text);
		arguments->path = text;
		return 0;
	case ARGP_KEY_END:
		if (!arguments->perfetto)
			argp_error(state, "had no format, expected --perfetto");
		if (!arguments->path)
			argp_error(state, "had no trace, expected a file of mkinspect "
					  "record");
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
	ret = export_to(stream, trace, arguments->context);
	if (arguments->output && fclose(stream) && !ret)
		ret = complain_of(-EIO, "%s could not be written whole",
				  arguments->output);
	return ret ? EXIT_FAILURE : 0;
}

int export_command(int argc, char **argv)
{
	struct arguments arguments = { .context = -1 };
	struct trace trace;
	int status;

	parse_arguments(argc, argv, &arguments);
	if (trace_load(arguments.path, &trace))
		return EXIT_FAILURE;
	if (trace.is_cut_off)
		complain_of(0,
			    "%s is cut off: its process was killed, or it is still being "
			    "written",
			    arguments.path);
	status = export_file(&arguments, &trace);
	trace_free(&trace);
	return status;
}

// SPDX-License-Identifier: MIT
/* Run a trace again on another engine, and say whether the same came out. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <mk/engine.h>

#include "common/arguments.h"
#include "common/complain.h"
#include "common/handlers.h"
#include "names.h"
#include "replay_memory.h"
#include "replay_run.h"
#include "trace_arguments.h"
#include "trace_commands.h"
#include "trace_load.h"

#define SECONDS_DEFAULT 10.0
#define SECONDS_LIMIT	3600.0

struct arguments {
	struct trace_arguments trace;
	const char *handlers;
	double seconds;
	bool json;
	struct mk_engine_options engine;
};

/* Arguments ------------------------------------------------------------------------ */

enum { KEY_ENGINE = 256, KEY_HANDLERS, KEY_DEVICE, KEY_TIMEOUT };

static const struct argp_option option_table[] = {
	{ "engine", KEY_ENGINE, "cpu|vulkan", 0,
	  "the reference executor on host threads (default), or a Vulkan device", 0 },
	{ "handlers", KEY_HANDLERS, "FILE", 0,
	  "users' operations: for cpu a shared object that exports mk_handlers, for vulkan a "
	  "kernel of mkcc's",
	  0 },
	{ "device", KEY_DEVICE, "DEVICE", 0,
	  "a Vulkan device: part of its name, PCI address, DRM node or UUID", 0 },
	{ "timeout", KEY_TIMEOUT, "S", 0,
	  "seconds that one operation may take (default: 10)", 0 },
	{ "json", 'j', NULL, 0, "print JSON; mkinspect-replay(1) lists the keys", 0 },
	{ 0 },
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->trace;
		return 0;
	case KEY_ENGINE:
		arguments->engine.kind = argument_engine(state, text);
		return 0;
	case KEY_HANDLERS:
		arguments->handlers = text;
		return 0;
	case KEY_DEVICE:
		arguments->engine.device = text;
		return 0;
	case KEY_TIMEOUT:
		arguments->seconds =
			argument_seconds(state, "timeout", text, SECONDS_LIMIT);
		return 0;
	case 'j':
		arguments->json = true;
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
		.doc = "Run a trace again, and compare completions, observables at each "
		       "epoch, and observables and the arena at the end.\v"
		       "Example:\n\n"
		       "  mkinspect replay --engine vulkan run.trace\n\n"
		       "Exit status: 0 equal, 2 different, 1 it could not be replayed, "
		       "64 wrong usage.",
	};

	argv[0] = (char *)"mkinspect replay";
	argp_parse(&parser, argc, argv, 0, NULL, arguments);
}

/* Whether it can be replayed --------------------------------------------------------- */

static int check_parts(const struct trace *trace, uint32_t context)
{
	for (uint32_t i = 0; i < trace->part_count; i++) {
		const struct trace_part *part = &trace->parts[i];

		if (part->context != context)
			continue;
		if (!(part->info.flags & MK_TRACE_REPLAY))
			return complain_of(
				-EINVAL,
				"process %u was not recorded for a replay; use "
				"mkinspect record --replay",
				part->info.pid);
		if (part->dropped)
			return complain_of(
				-EINVAL,
				"%llu records of process %u were dropped, so that "
				"it cannot be replayed; record it again",
				(unsigned long long)part->dropped, part->info.pid);
	}
	if (!memory_first(trace).exists)
		return complain_of(-EINVAL,
				   "the trace has no memory to begin with: nothing "
				   "was published while it was recorded");
	return 0;
}

static bool is_handled(const struct arguments *arguments, uint32_t opcode)
{
	if (name_builtin(opcode) || arguments->engine.spirv)
		return true;
	for (size_t i = 0; i < arguments->engine.handler_count; i++)
		if (arguments->engine.handlers[i].opcode == opcode)
			return true;
	return false;
}

static int check_opcodes(const struct trace *trace, const struct arguments *arguments)
{
	for (size_t i = 0; i < trace->count; i++) {
		const struct mk_trace_event *event = &trace->entries[i].event;
		uint32_t opcode;

		if (event->type != MK_TRACE_PUBLISH)
			continue;
		opcode = event->publish.words[MK_SLOT_OPCODE];
		if (!is_handled(arguments, opcode))
			return complain_of(
				-EINVAL,
				"the trace has operations of a user's, 0x%x, "
				"which %s does not have; give their handlers by "
				"--handlers FILE",
				opcode,
				arguments->handlers ? arguments->handlers : "libmk");
	}
	return 0;
}

static int replay(const struct arguments *arguments, struct trace *trace)
{
	struct replay_result result = {
		.engine = engine_name(arguments->engine.kind),
	};
	uint32_t context;
	int ret = trace_choose_context(trace, arguments->trace.context, &context);

	if (!ret)
		ret = check_parts(trace, context);
	if (!ret)
		ret = check_opcodes(trace, arguments);
	if (!ret)
		ret = replay_run(trace, context, &arguments->engine,
				 (uint64_t)(arguments->seconds * 1e9), &result);
	return ret ? EXIT_FAILURE : result_print(&result, arguments->json);
}

int replay_command(int argc, char **argv)
{
	struct arguments arguments = {
		.seconds = SECONDS_DEFAULT,
		.engine = { .size = sizeof(arguments.engine),
			    .kind = MK_ENGINE_KIND_CPU },
	};
	struct handlers handlers;
	struct trace trace;
	int status;

	parse_arguments(argc, argv, &arguments);
	if (handlers_load(arguments.handlers, &arguments.engine, &handlers))
		return EXIT_FAILURE;
	if (trace_load(arguments.trace.path, &trace)) {
		handlers_free(&handlers);
		return EXIT_FAILURE;
	}
	status = replay(&arguments, &trace);
	trace_free(&trace);
	handlers_free(&handlers);
	return status;
}

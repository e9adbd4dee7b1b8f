// SPDX-License-Identifier: MIT
#include "trace_arguments.h"

#include "common/arguments.h"

enum { KEY_CONTEXT = 256 };

static const struct argp_option option_table[] = {
	{ "context", KEY_CONTEXT, "N", 0,
	  "of a trace of several contexts the one to take, from 0", 0 },
	{ 0 },
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct trace_arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		*arguments = (struct trace_arguments){ .context = -1 };
		return 0;
	case KEY_CONTEXT:
		arguments->context =
			(int)argument_number(state, "context", text, 0, INT32_MAX);
		return 0;
	case ARGP_KEY_ARG:
		if (arguments->path)
			argp_error(state, "had both %s and %s, expected one trace",
				   arguments->path, text);
		arguments->path = text;
		return 0;
	case ARGP_KEY_END:
		if (!arguments->path)
			argp_error(state, "had no trace, expected a file of mkinspect "
					  "record");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp parser = { .options = option_table, .parser = parse_option };

const struct argp_child trace_children[] = { { &parser, 0, NULL, 0 }, { 0 } };

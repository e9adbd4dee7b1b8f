// SPDX-License-Identifier: MIT
#include "arguments.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool argument_read_number(const char *text, uint64_t most, uint64_t *value, char **end)
{
	bool is_hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');

	/* strtoull() would take spaces and signs. */
	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*value = strtoull(text, end, is_hexadecimal ? 16 : 10);
	return !errno && *value <= most;
}

uint64_t argument_number(struct argp_state *state, const char *option, const char *text,
			 uint64_t least, uint64_t most)
{
	uint64_t value = 0;
	char *end;

	if (!argument_read_number(text, most, &value, &end) || *end || value < least)
		argp_error(state,
			   "--%s: had \"%s\", expected a number from %" PRIu64
			   " to %" PRIu64,
			   option, text, least, most);
	return value;
}

uint64_t argument_bytes(struct argp_state *state, const char *option, const char *text)
{
	static const char units[] = "KMG";
	uint64_t value = 0;
	char *end = "";
	bool is_good = argument_read_number(text, UINT64_MAX, &value, &end);
	const char *unit = is_good && *end ? strchr(units, *end) : NULL;
	unsigned int shift = unit ? 10 * (unsigned int)(unit - units + 1) : 0;

	if (!is_good || *(unit ? end + 1 : end) || value > UINT64_MAX >> shift)
		argp_error(
			state,
			"--%s: had \"%s\", expected a number of bytes, perhaps with K, "
			"M or G behind it",
			option, text);
	return value << shift;
}

double argument_seconds(struct argp_state *state, const char *option, const char *text,
			double most)
{
	char *end;
	double value;

	errno = 0;
	value = strtod(text, &end);
	if (errno || *end || end == text || !isfinite(value) || value <= 0 ||
	    value > most)
		argp_error(state,
			   "--%s: had \"%s\", expected more than 0 and at most %.0f",
			   option, text, most);
	return value;
}

int argument_choice(struct argp_state *state, const char *option, const char *text,
		    const char *const *choices)
{
	char names[128] = "";
	size_t used = 0;

	for (int i = 0; choices[i]; i++) {
		const char *before = choices[i + 1] ? ", " : " or ";

		if (!strcmp(text, choices[i]))
			return i;
		if (used < sizeof(names))
			used += (size_t)snprintf(names + used, sizeof(names) - used,
						 "%s%s", i ? before : "", choices[i]);
	}
	argp_error(state, "--%s: had \"%s\", expected %s", option, text, names);
	return 0;
}

/* In the order of the enumerations. */
static const char *const engine_names[] = { "vulkan", "cpu", NULL };
static const char *const import_names[] = { "auto", "dma-buf", "host-pointer", NULL };

enum mk_engine_kind argument_engine(struct argp_state *state, const char *text)
{
	return (enum mk_engine_kind)argument_choice(state, "engine", text, engine_names);
}

enum mk_import argument_import(struct argp_state *state, const char *text)
{
	return (enum mk_import)argument_choice(state, "import", text, import_names);
}

const char *engine_name(enum mk_engine_kind kind)
{
	return engine_names[kind];
}

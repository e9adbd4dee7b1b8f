// SPDX-License-Identifier: MIT
/* The command line. */
#define _GNU_SOURCE
#include "options.h"

#include <argp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arguments.h"

#define SAMPLES_LIMIT	  100000000u
#define SECONDS_LIMIT	  3600.0
#define PRODUCERS_LIMIT	  1024u
#define PRODUCERS_DEFAULT 4u

const char *argp_program_version = "mkbench " MK_VERSION;

static const char documentation[] =
	"Measure how fast a resident kernel answers, and what its memory costs.\v"
	"VERB is one of:";

static const char after_verbs[] =
	"\nIn the same run they measure what the numbers are to be compared with: "
	"vkQueueSubmit of an empty dispatch, waited for and polled, which is what a "
	"resident kernel replaces; two threads that answer each other through shared "
	"memory, which is the limit; and with throughput the obvious kernel, in which "
	"each lane polls a slot of its own.  kmod needs the kernel module.\n\n"
	"Examples: How does the CPU's Vulkan driver do with two workgroups?  What goes "
	"through a small ring and a large one?\n\n"
	"  mkbench latency --device llvmpipe --workgroups 2\n"
	"  mkbench throughput --slots 64,4096 --producers 1\n\n"
	"Exit status: 0 measured, 1 failed, 64 wrong usage, 128 + N ended by signal N.";

enum {
	KEY_ENGINE = 256,
	KEY_DEVICE,
	KEY_IMPORT,
	KEY_WORKGROUPS,
	KEY_SECONDS,
	KEY_SAMPLES,
	KEY_SLOTS,
	KEY_PRODUCERS,
	KEY_OPERATION,
	KEY_FILE,
	KEY_DIRECTORY,
};

static const struct argp_option option_table[] = {
	{ "json", 'j', NULL, 0, "print JSON; mkbench(1) lists the keys", 0 },
	{ "engine", KEY_ENGINE, "vulkan|cpu", 0,
	  "the resident kernel on a Vulkan device (default), or the reference executor",
	  0 },
	{ "device", KEY_DEVICE, "DEVICE", 0,
	  "a Vulkan device: part of its name, PCI address, DRM node or UUID, as probe "
	  "lists them (default: what MK_DEVICE says, or the first that fits)",
	  0 },
	{ "import", KEY_IMPORT, "auto|dma-buf|host-pointer", 0,
	  "how memory reaches the device (default: auto)", 0 },
	{ "workgroups", KEY_WORKGROUPS, "N", 0,
	  "workgroups or host threads (default: one less than the cores)", 0 },
	{ "slots", KEY_SLOTS, "N[,N]...", 0,
	  "slots of the ring (default: 1024); throughput takes a list, each size in its "
	  "turn (default: 256,1024,4096)",
	  0 },
	{ "producers", KEY_PRODUCERS, "N", 0,
	  "threads that publish: 1, 2, 4, ... up to N (default: the cores, at most 4)",
	  0 },
	{ "operation", KEY_OPERATION, "nop|add", 0,
	  "what they publish: operations that do nothing, or that add to an observable "
	  "(default)",
	  0 },
	{ "file", KEY_FILE, "PATH", 0,
	  "what to read, of 1 MiB or more (default: a temporary file)", 0 },
	{ "directory", KEY_DIRECTORY, "DIR", 0,
	  "where to make a temporary file (default: $TMPDIR, or /var/tmp)", 0 },
	{ "seconds", KEY_SECONDS, "S", 0,
	  "how long to stream, or at most to read, each time (default: 3 with latency, else 1)",
	  0 },
	{ "samples", KEY_SAMPLES, "N", 0,
	  "round trips, batches, reads or contexts to measure, each time; mkbench(1) lists the "
	  "defaults",
	  0 },
	{ 0 },
};

/* Which verbs know an option, and of these, which a list of values. */
static const struct {
	int key;
	unsigned int verbs;
} option_users[] = {
	{ KEY_ENGINE, TAKES_ENGINE },	 { KEY_DEVICE, TAKES_ENGINE | TAKES_DEVICE },
	{ KEY_IMPORT, TAKES_ENGINE },	 { KEY_WORKGROUPS, TAKES_ENGINE },
	{ KEY_SLOTS, TAKES_SLOTS },	 { KEY_PRODUCERS, TAKES_STREAM },
	{ KEY_OPERATION, TAKES_STREAM }, { KEY_SECONDS, TAKES_SECONDS },
	{ KEY_SAMPLES, TAKES_SAMPLES },	 { KEY_FILE, TAKES_FILE },
	{ KEY_DIRECTORY, TAKES_FILE },
};

#define OPTION_COUNT (sizeof(option_users) / sizeof(option_users[0]))

struct arguments {
	const struct verb *const *verbs;
	const struct verb *verb;
	struct bench_options *options;
	bool given[OPTION_COUNT];
};

/* In the order of enum operation. */
static const char *const operation_names[] = { "nop", "add", NULL };

const char *operation_name(enum operation operation)
{
	return operation_names[operation];
}

/* Values ------------------------------------------------------------------ */

static uint32_t parse_count(struct argp_state *state, const char *option,
			    const char *text, uint32_t limit)
{
	return (uint32_t)argument_number(state, option, text, 1, limit);
}

static void parse_slots(struct argp_state *state, const char *text,
			struct bench_options *options)
{
	const char *at = text;

	options->ring_count = 0;
	for (;;) {
		uint64_t slots;
		char *end;

		if (!argument_read_number(at, MK_ENCODE_LIMIT, &slots, &end) || !slots ||
		    (*end && *end != ','))
			argp_error(state,
				   "--slots: had \"%s\", expected numbers from 1 to %u "
				   "with commas between them",
				   text, MK_ENCODE_LIMIT);
		if (options->ring_count == RING_SIZES_LIMIT)
			argp_error(state, "--slots: had more than %d sizes",
				   RING_SIZES_LIMIT);
		options->slots[options->ring_count++] = (uint32_t)slots;
		if (!*end)
			return;
		at = end + 1;
	}
}

/* Verbs ------------------------------------------------------------------- */

/* "latency, throughput, kmod"; NULL without memory. */
static char *list_verbs(const struct arguments *arguments)
{
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);

	if (!stream)
		return NULL;
	for (size_t i = 0; arguments->verbs[i]; i++)
		fprintf(stream, "%s%s", i ? ", " : "", arguments->verbs[i]->name);
	fclose(stream);
	return text;
}

static void refuse_verb(const struct arguments *arguments, const char *had,
			struct argp_state *state)
{
	char *names = list_verbs(arguments);

	argp_error(state, "had %s, expected a verb: %s", had,
		   names ? names : "--help lists them");
	free(names);
}

static void take_verb(struct arguments *arguments, const char *name,
		      struct argp_state *state)
{
	if (arguments->verb)
		argp_error(state, "had both \"%s\" and \"%s\", expected one verb",
			   arguments->verb->name, name);
	for (size_t i = 0; arguments->verbs[i]; i++)
		if (!strcmp(name, arguments->verbs[i]->name))
			arguments->verb = arguments->verbs[i];
	if (!arguments->verb) {
		char had[64];

		snprintf(had, sizeof(had), "\"%.50s\"", name);
		refuse_verb(arguments, had, state);
	}
}

/* What follows the options in --help. */
static char *describe_verbs(int key, const char *text, void *input)
{
	const struct arguments *arguments = input;
	char *help = NULL;
	size_t length;
	FILE *stream;

	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	stream = open_memstream(&help, &length);
	if (!stream)
		return (char *)text;
	fprintf(stream, "%s\n\n", text);
	for (size_t i = 0; arguments->verbs[i]; i++)
		fprintf(stream, "  %-10s %s\n", arguments->verbs[i]->name,
			arguments->verbs[i]->summary);
	fputs(after_verbs, stream);
	fclose(stream);
	return help;
}

/* Options ----------------------------------------------------------------- */

static const char *option_name(int key)
{
	for (const struct argp_option *option = option_table; option->name; option++)
		if (option->key == key)
			return option->name;
	return "";
}

static void note_option(struct arguments *arguments, int key)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (option_users[i].key == key)
			arguments->given[i] = true;
}

static void check_options(const struct arguments *arguments, struct argp_state *state)
{
	const struct verb *verb = arguments->verb;

	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (arguments->given[i] && !(option_users[i].verbs & verb->options))
			argp_error(state, "--%s is not for %s",
				   option_name(option_users[i].key), verb->name);
	if (arguments->options->ring_count > 1 && !(verb->options & TAKES_SLOTS_LIST))
		argp_error(state, "--slots: %s takes one size, not a list", verb->name);
	if (arguments->options->file && arguments->options->directory)
		argp_error(state, "had both --file and --directory, expected one: a file "
				  "is made only where none is named");
}

static uint32_t default_producers(void)
{
	cpu_set_t cores;
	uint32_t count = 1;

	if (!sched_getaffinity(0, sizeof(cores), &cores))
		count = (uint32_t)CPU_COUNT(&cores);
	return count < PRODUCERS_DEFAULT ? count : PRODUCERS_DEFAULT;
}

static void finish_arguments(struct arguments *arguments, struct argp_state *state)
{
	struct bench_options *options = arguments->options;

	if (!arguments->verb) {
		refuse_verb(arguments, "none", state);
		return;
	}
	check_options(arguments, state);
	if (!options->samples)
		options->samples = arguments->verb->samples;
	if (options->seconds == 0)
		options->seconds = arguments->verb->seconds;
	if (!options->producers)
		options->producers = default_producers();
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	struct bench_options *options = arguments->options;

	note_option(arguments, key);
	switch (key) {
	case 'j':
		options->json = true;
		return 0;
	case KEY_ENGINE:
		options->engine = argument_engine(state, text);
		return 0;
	case KEY_DEVICE:
		options->device = text;
		return 0;
	case KEY_IMPORT:
		options->import = argument_import(state, text);
		return 0;
	case KEY_WORKGROUPS:
		options->workgroups = parse_count(state, "workgroups", text, UINT16_MAX);
		return 0;
	case KEY_SECONDS:
		options->seconds =
			argument_seconds(state, "seconds", text, SECONDS_LIMIT);
		return 0;
	case KEY_SAMPLES:
		options->samples = parse_count(state, "samples", text, SAMPLES_LIMIT);
		return 0;
	case KEY_SLOTS:
		parse_slots(state, text, options);
		return 0;
	case KEY_PRODUCERS:
		options->producers =
			parse_count(state, "producers", text, PRODUCERS_LIMIT);
		return 0;
	case KEY_OPERATION:
		options->operation = (enum operation)argument_choice(
			state, "operation", text, operation_names);
		return 0;
	case KEY_FILE:
		options->file = text;
		return 0;
	case KEY_DIRECTORY:
		options->directory = text;
		return 0;
	case ARGP_KEY_ARG:
		take_verb(arguments, text, state);
		return 0;
	case ARGP_KEY_END:
		finish_arguments(arguments, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct verb *parse_arguments(int argc, char **argv, const struct verb *const *verbs,
				   struct bench_options *options)
{
	static const struct argp parser = {
		.options = option_table,
		.parser = parse_option,
		.args_doc = "VERB",
		.doc = documentation,
		.help_filter = describe_verbs,
	};
	struct arguments arguments = { .verbs = verbs, .options = options };

	*options = (struct bench_options){ .operation = OPERATION_ADD };
	argp_parse(&parser, argc, argv, 0, NULL, &arguments);
	return arguments.verb;
}

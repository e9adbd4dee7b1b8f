// SPDX-License-Identifier: MIT
#include "options.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	KEY_ENGINE = 256,
	KEY_IO,
	KEY_WORKGROUPS,
	KEY_DEVICE,
	KEY_BLOCK_BYTES,
};

#define TEXT(name)	 TEXT_OF(name)
#define TEXT_OF(value)	 #value
#define WORKGROUPS_LIMIT 65535

static const char documentation[] =
	"Count how often each PATTERN occurs in all FILEs together.\n"
	"A pattern is a string of 1 to " TEXT(
		PATTERN_BYTES_MAX) " bytes and means just these. "
				   "Occurrences may overlap.  A FILE of - is standard input.  Each line of "
				   "output is COUNT<TAB>PATTERN, in the order given."
				   "\v"
				   "Example: mkscan -e error -e warning /var/log/*.log\n\n"
				   "Exit status: 0 when every file was scanned, whatever was found; 2 when "
				   "something went wrong, after the other files were scanned all the same; 130 "
				   "or 143 after SIGINT or SIGTERM.";

static const struct argp_option descriptions[] = {
	{ "pattern", 'e', "PATTERN", 0, "Count this byte string", 0 },
	{ "pattern-file", 'f', "FILE", 0, "Count each line of FILE; - is standard input",
	  0 },
	{ "json", 'j', NULL, 0, "Print JSON, in which any pattern is exact", 0 },
	{ "verbose", 'v', NULL, 0, "Print throughput and slot statistics to stderr", 0 },
	{ "engine", KEY_ENGINE, "vulkan|cpu", 0,
	  "Scan on a Vulkan device (the default) or on host threads", 1 },
	{ "io", KEY_IO, "host|device", 0,
	  "Read files on the host (the default), or let the scanning slots ask for them",
	  1 },
	{ "device", KEY_DEVICE, "DEVICE", 0,
	  "Use the Vulkan device with this as part of its name, PCI address, DRM node or "
	  "UUID",
	  1 },
	{ "workgroups", KEY_WORKGROUPS, "N", 0,
	  "Scan with N workgroups or threads (default: cores less one)", 1 },
	{ "block-bytes", KEY_BLOCK_BYTES, "N", 0,
	  "Read and scan N bytes at a time (default: " TEXT(SCANNER_BLOCK_BYTES) ")", 1 },
	{ 0 },
};

struct parsing {
	struct options *options;
	bool patterns_from_stdin;
};

static void patterns_from_file(struct argp_state *state, const char *path)
{
	struct parsing *parsing = state->input;

	if (strcmp(path, "-") == 0) {
		if (parsing->patterns_from_stdin)
			argp_error(state, "-f - is given twice, but standard input can "
					  "be read only once; give it once");
		parsing->patterns_from_stdin = true;
	}
	if (pattern_list_add_file(&parsing->options->patterns, path) != 0)
		exit(EXIT_TROUBLE);
}

static uint32_t number(struct argp_state *state, const char *option, const char *text,
		       uint32_t max)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || value < 1 || value > max)
		argp_error(state, "%s is '%s'; expected a number from 1 to %u", option,
			   text, max);
	return value;
}

static enum mk_engine_kind engine_kind(struct argp_state *state, const char *text)
{
	if (strcmp(text, "vulkan") == 0)
		return MK_ENGINE_KIND_VULKAN;
	if (strcmp(text, "cpu") != 0)
		argp_error(state, "--engine is '%s'; expected vulkan or cpu", text);
	return MK_ENGINE_KIND_CPU;
}

static enum scanner_io io_kind(struct argp_state *state, const char *text)
{
	if (strcmp(text, "device") == 0)
		return SCANNER_IO_DEVICE;
	if (strcmp(text, "host") != 0)
		argp_error(state, "--io is '%s'; expected host or device", text);
	return SCANNER_IO_HOST;
}

static void check(struct argp_state *state)
{
	struct parsing *parsing = state->input;
	struct options *options = parsing->options;

	if (options->patterns.given_count == 0)
		argp_error(state, "there is no pattern; add -e PATTERN or -f FILE");
	if (options->file_count == 0)
		argp_error(state, "there is no file to scan; name one, or - for standard "
				  "input");
	for (size_t i = 0; parsing->patterns_from_stdin && i < options->file_count; i++) {
		if (strcmp(options->files[i], "-") == 0)
			argp_error(state, "both -f - and the file - read standard input; "
					  "put the patterns in a file");
	}
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct parsing *parsing = state->input;
	struct options *options = parsing->options;

	switch (key) {
	case 'e':
		if (pattern_list_add(&options->patterns, argument, strlen(argument),
				     "-e") != 0)
			exit(EXIT_TROUBLE);
		break;
	case 'f':
		patterns_from_file(state, argument);
		break;
	case 'j':
		options->json = true;
		break;
	case 'v':
		options->verbose = true;
		break;
	case KEY_ENGINE:
		options->scanner.engine = engine_kind(state, argument);
		break;
	case KEY_IO:
		options->scanner.io = io_kind(state, argument);
		break;
	case KEY_DEVICE:
		options->scanner.device = argument;
		break;
	case KEY_WORKGROUPS:
		options->scanner.workgroups =
			number(state, "--workgroups", argument, WORKGROUPS_LIMIT);
		break;
	case KEY_BLOCK_BYTES:
		options->scanner.block_bytes =
			number(state, "--block-bytes", argument, SCANNER_BLOCK_BYTES_MAX);
		break;
	case ARGP_KEY_ARG:
		options->files[options->file_count++] = argument;
		break;
	case ARGP_KEY_END:
		check(state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

void options_parse(struct options *options, int count, char **arguments)
{
	static const struct argp argp = { descriptions, parse, "FILE...", documentation,
					  NULL,		NULL,  NULL };
	struct parsing parsing = { .options = options };

	*options = (struct options){ .scanner.engine = MK_ENGINE_KIND_VULKAN };
	argp_program_version = "mkscan " MK_VERSION;
	argp_err_exit_status = EXIT_TROUBLE;
	options->files = calloc(count, sizeof(*options->files));
	if (!options->files || argp_parse(&argp, count, arguments, 0, NULL, &parsing))
		exit(EXIT_TROUBLE);
}

void options_free(struct options *options)
{
	pattern_list_free(&options->patterns);
	free(options->files);
}

// SPDX-License-Identifier: MIT
/*
 * mkbench: how fast the resident kernel answers, and what its memory costs, next to
 * what they replace.
 */
#include <argp.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "kmod.h"

#define SAMPLES_LIMIT 100000000u
#define SECONDS_LIMIT 3600.0
/* What the verb is not about is measured too, but shortly. */
#define SHORT_SAMPLES 20000u
#define SHORT_SECONDS 0.5
#define FULL_SAMPLES  200000u
#define FULL_SECONDS  3.0
#define KMOD_SAMPLES  5000u

static const char kmod_verb[] = "kmod";

const char *argp_program_version = "mkbench " MK_VERSION;

static const char documentation[] =
	"Measure how fast a resident kernel answers, and what its memory costs.\v"
	"latency    the time from an operation's publish until its completion is seen\n"
	"throughput operations per second, streamed from one thread\n"
	"kmod       the time that the memory of a context takes until it is in use\n\n"
	"The first two also measure, in the same run, vkQueueSubmit + vkWaitForFences of "
	"an empty dispatch, which is what a resident kernel replaces, and two threads "
	"that answer each other through shared memory, which is the limit.  The third "
	"needs the kernel module, compares it with memfd + udmabuf and with memfd alone, "
	"and takes --json and --samples only.\n\n"
	"Example: how does the CPU's Vulkan driver do with two workgroups?\n\n"
	"  mkbench latency --device llvmpipe --workgroups 2\n\n"
	"Exit status: 0 measured, 1 failed, 64 wrong usage, 128 + N ended by signal N.";

enum {
	KEY_ENGINE = 256,
	KEY_DEVICE,
	KEY_IMPORT,
	KEY_WORKGROUPS,
	KEY_SECONDS,
	KEY_SAMPLES,
	KEY_SLOTS,
};

static const struct argp_option option_table[] = {
	{ "json", 'j', NULL, 0, "print JSON; mkbench(1) lists the keys", 0 },
	{ "engine", KEY_ENGINE, "vulkan|cpu", 0,
	  "the resident kernel on a Vulkan device (default), or the reference executor",
	  0 },
	{ "device", KEY_DEVICE, "NAME", 0,
	  "part of the Vulkan device's name (default: the first that fits)", 0 },
	{ "import", KEY_IMPORT, "auto|dma-buf|host-pointer", 0,
	  "how memory reaches the device (default: auto)", 0 },
	{ "workgroups", KEY_WORKGROUPS, "N", 0,
	  "workgroups or host threads (default: one less than the cores)", 0 },
	{ "seconds", KEY_SECONDS, "S", 0,
	  "how long to stream (default: 3; with latency 0.5)", 0 },
	{ "samples", KEY_SAMPLES, "N", 0,
	  "round trips or contexts to measure (default: 200000; with throughput 20000, "
	  "with kmod 5000)",
	  0 },
	{ "slots", KEY_SLOTS, "N", 0, "slots of the ring (default: 1024)", 0 },
	{ 0 },
};

struct arguments {
	struct bench_options options;
	const char *verb;
	const char *engine_option; /* the last that was given, of those about engines */
};

static volatile sig_atomic_t ended_by;

static void note_signal(int number)
{
	ended_by = number;
}

bool interrupted(void)
{
	return ended_by != 0;
}

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

int complain(const char *what, int error)
{
	const char *text = mk_error_text();

	fprintf(stderr, "mkbench: %s: %s%s%s\n", what, text, *text ? ": " : "",
		strerror(-error));
	return error;
}

static uint32_t parse_count(struct argp_state *state, const char *option,
			    const char *text, uint32_t limit)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end || text[0] < '0' || text[0] > '9' || !value || value > limit)
		argp_error(state, "--%s: had \"%s\", expected a number from 1 to %u",
			   option, text, limit);
	return (uint32_t)value;
}

static double parse_seconds(struct argp_state *state, const char *text)
{
	char *end;
	double value;

	errno = 0;
	value = strtod(text, &end);
	if (errno || *end || end == text || !isfinite(value) || value <= 0 ||
	    value > SECONDS_LIMIT)
		argp_error(state,
			   "--seconds: had \"%s\", expected more than 0 and at most %.0f",
			   text, SECONDS_LIMIT);
	return value;
}

static int parse_choice(struct argp_state *state, const char *option, const char *text,
			const char *const *choices, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(text, choices[i]))
			return (int)i;
	argp_error(state, "--%s: had \"%s\", expected one of those that --help names",
		   option, text);
	return 0;
}

/* In the order of the enumerations in <mk/engine.h>. */
static const char *const engine_names[] = { "vulkan", "cpu" };
static const char *const import_names[] = { "auto", "dma-buf", "host-pointer" };

static void take_verb(struct arguments *arguments, const char *verb,
		      struct argp_state *state)
{
	if (arguments->verb)
		argp_error(state, "had both \"%s\" and \"%s\", expected one verb",
			   arguments->verb, verb);
	if (strcmp(verb, "latency") && strcmp(verb, "throughput") &&
	    strcmp(verb, kmod_verb))
		argp_error(state, "had \"%s\", expected latency, throughput or kmod",
			   verb);
	arguments->verb = verb;
}

static bool about_memory(const struct arguments *arguments)
{
	return !strcmp(arguments->verb, kmod_verb);
}

static uint32_t default_samples(const struct arguments *arguments)
{
	if (about_memory(arguments))
		return KMOD_SAMPLES;
	return strcmp(arguments->verb, "latency") ? SHORT_SAMPLES : FULL_SAMPLES;
}

static void fill_defaults(struct arguments *arguments)
{
	bool latency = !strcmp(arguments->verb, "latency");
	struct bench_options *options = &arguments->options;

	if (!options->samples)
		options->samples = default_samples(arguments);
	if (options->seconds == 0)
		options->seconds = latency ? SHORT_SECONDS : FULL_SECONDS;
}

static void finish_arguments(struct arguments *arguments, struct argp_state *state)
{
	if (!arguments->verb)
		argp_error(state, "expected a verb: latency, throughput or kmod");
	if (about_memory(arguments) && arguments->engine_option)
		argp_error(state, "--%s is about engines, and kmod runs none",
			   arguments->engine_option);
	fill_defaults(arguments);
}

/* Notes that an option was given which only runs with an engine know. */
static void note_engine_option(struct arguments *arguments, int key)
{
	for (const struct argp_option *option = option_table; option->name; option++)
		if (option->key == key && key != 'j' && key != KEY_SAMPLES)
			arguments->engine_option = option->name;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	struct bench_options *options = &arguments->options;

	note_engine_option(arguments, key);
	switch (key) {
	case 'j':
		options->json = true;
		return 0;
	case KEY_ENGINE:
		options->engine = (enum mk_engine_kind)parse_choice(state, "engine", text,
								    engine_names, 2);
		return 0;
	case KEY_DEVICE:
		options->device = text;
		return 0;
	case KEY_IMPORT:
		options->import = (enum mk_import)parse_choice(state, "import", text,
							       import_names, 3);
		return 0;
	case KEY_WORKGROUPS:
		options->workgroups = parse_count(state, "workgroups", text, UINT16_MAX);
		return 0;
	case KEY_SECONDS:
		options->seconds = parse_seconds(state, text);
		return 0;
	case KEY_SAMPLES:
		options->samples = parse_count(state, "samples", text, SAMPLES_LIMIT);
		return 0;
	case KEY_SLOTS:
		options->slots = parse_count(state, "slots", text, MK_ENCODE_LIMIT);
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

static int measure_engine(const struct bench_options *options, struct mk_context *context,
			  struct mk_engine *engine, struct bench_results *results)
{
	/* One producer, and it may have the whole ring. */
	const struct mk_producer_options producer_options = {
		.size = sizeof(producer_options),
		.max_windows = UINT32_MAX,
	};
	struct mk_producer *producer;
	int error;

	error = mk_producer_open(context, &producer_options, &producer);
	if (error)
		return complain("become a producer", error);
	error = measure_round_trip(producer, options->samples, &results->round_trip);
	if (!error)
		error = measure_stream(context, producer, options->seconds, results);
	mk_engine_info(engine, &results->info);
	mk_producer_close(producer);
	return error;
}

static int run_engine(const struct bench_options *options, struct mk_context *context,
		      struct bench_results *results)
{
	const struct mk_engine_options engine_options = {
		.size = sizeof(engine_options),
		.kind = options->engine,
		.import = options->import,
		.workgroups = options->workgroups,
		.device = options->device,
	};
	struct mk_engine *engine;
	int error, stopped;

	error = mk_engine_start(context, &engine_options, &engine);
	if (error)
		return complain("start the engine", error);
	error = measure_engine(options, context, engine, results);
	stopped = mk_engine_stop(engine, PATIENCE_NS);
	if (stopped) {
		/* The device may still write into the context: nothing is freed. */
		complain("stop the engine", stopped);
		fflush(NULL);
		_Exit(EXIT_FAILURE);
	}
	return error;
}

/* The Vulkan baseline is worth having beside the reference executor, not a must. */
static int measure_baselines(const struct bench_options *options,
			     struct bench_results *results)
{
	bool vulkan = options->engine == MK_ENGINE_KIND_VULKAN;
	const char *device = vulkan ? results->info.device : options->device;
	int error = measure_submit_wait(device, &results->submit_wait);

	if (error == -EINTR || (error && vulkan))
		return error;
	if (error)
		fprintf(stderr,
			"mkbench: without Vulkan there is no submit + wait to compare\n");
	return measure_ping_pong(&results->ping_pong);
}

static int run_with_engine(const struct arguments *arguments)
{
	const struct bench_options *options = &arguments->options;
	const struct mk_geometry geometry = {
		.size = sizeof(geometry),
		.slots = options->slots,
	};
	struct bench_results results = {
		.verb = arguments->verb,
		.engine = engine_names[options->engine],
	};
	struct mk_context *context;
	int error;

	error = mk_context_create(&geometry, &context);
	if (error)
		return complain("make a context", error);
	error = run_engine(options, context, &results);
	mk_context_close(context);
	if (!error)
		error = measure_baselines(options, &results);
	if (error)
		return error;
	return options->json ? report_json(&results) : report_table(&results);
}

static int run_kmod(const struct bench_options *options)
{
	struct kmod_results results = { 0 };
	int error = measure_kmod(options->samples, &results);

	if (error)
		return error;
	return options->json ? report_kmod_json(&results) : report_kmod_table(&results);
}

static int run(const struct arguments *arguments)
{
	return about_memory(arguments) ? run_kmod(&arguments->options) :
					 run_with_engine(arguments);
}

int main(int argc, char **argv)
{
	static const struct argp parser = {
		.options = option_table,
		.parser = parse_option,
		.args_doc = "latency|throughput|kmod",
		.doc = documentation,
	};
	const struct sigaction action = { .sa_handler = note_signal };
	struct arguments arguments = { 0 };

	argp_parse(&parser, argc, argv, 0, NULL, &arguments);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (run(&arguments) == 0)
		return EXIT_SUCCESS;
	return ended_by ? 128 + ended_by : EXIT_FAILURE;
}

// SPDX-License-Identifier: MIT
/* The command line. */
#include "options.h"

#include <argp.h>
#include <string.h>

#include "common/arguments.h"

#define RESTARTS_LIMIT 1000000u
#define SECONDS_LIMIT  86400.0

const char *argp_program_version = "mkrun " MK_VERSION;

static const char documentation[] =
	"Keep a resident kernel for producers of other processes.\v"
	"The context is handed out at a socket, $XDG_RUNTIME_DIR/mk/NAME.sock, to who calls "
	"mk_context_connect(\"NAME\", role, &context) as the same user.  With the kernel "
	"module it can be opened by its id, too.\n\n"
	"SIGTERM and SIGINT stop it, a second one at once; SIGHUP has it say how it is, and "
	"SIGQUIT write a snapshot for mkinspect.\n\n"
	"Example: a ring of 4096 slots, 16 MiB of arena, and a file that operations may "
	"read.\n\n"
	"  mkrun --name=words --slots=4096 --arena=16M --io=/var/log/syslog\n\n"
	"Exit status: 0 stopped when it was told to, 1 could not start, 2 the engine was "
	"lost, 3 the device did not stop, 64 wrong usage, 128 + N stopped at once by a "
	"second signal N.";

enum {
	KEY_SLOTS = 256,
	KEY_WINDOW_SLOTS,
	KEY_LOG_RECORDS,
	KEY_IO_SLOTS,
	KEY_IO_REQUEST_SLOTS,
	KEY_OBSERVABLES,
	KEY_ARENA,
	KEY_TENANT,
	KEY_ALLOW_SHUTDOWN,
	KEY_BACKING,
	KEY_PLACEMENT,
	KEY_ENGINE,
	KEY_DEVICE,
	KEY_IMPORT,
	KEY_WORKGROUPS,
	KEY_PARK_AFTER,
	KEY_HANDLERS,
	KEY_FORMATS,
	KEY_ROLES,
	KEY_IO,
	KEY_RESTART,
	KEY_SNAPSHOTS,
	KEY_INTERVAL,
};

static const struct argp_option option_table[] = {
	{ NULL, 0, NULL, 0, "Who may use it:", 1 },
	{ "name", 'n', "NAME", 0, "of the server, or a path (default: default)", 0 },
	{ "roles", KEY_ROLES, "ROLE[,ROLE]...", 0,
	  "what it hands out: producer, observer, engine (default: producer,observer)",
	  0 },
	{ "tenant", KEY_TENANT, "N", 0,
	  "authorise tenant N, from 0 to 28; may be given several times (default: 0)",
	  0 },
	{ "allow-shutdown", KEY_ALLOW_SHUTDOWN, NULL, 0,
	  "let the operation SHUTDOWN end it", 0 },
	{ NULL, 0, NULL, 0, "Sizes:", 2 },
	{ "slots", KEY_SLOTS, "N", 0, "of the ring (default: 1024)", 0 },
	{ "window-slots", KEY_WINDOW_SLOTS, "N", 0,
	  "that a producer leases together (default: 32)", 0 },
	{ "log-records", KEY_LOG_RECORDS, "N", 0, "of the debug log (default: 64)", 0 },
	{ "io-slots", KEY_IO_SLOTS, "N", 0, "of the io queue (default: 64)", 0 },
	{ "io-request-slots", KEY_IO_REQUEST_SLOTS, "N", 0,
	  "of these, for the device's requests (default: half)", 0 },
	{ "observables", KEY_OBSERVABLES, "N", 0, "words of results (default: 0)", 0 },
	{ "arena", KEY_ARENA, "BYTES", 0,
	  "for data, with K, M or G behind it if you like (default: 0)", 0 },
	{ NULL, 0, NULL, 0, "What runs it, and where:", 3 },
	{ "engine", KEY_ENGINE, "vulkan|cpu", 0,
	  "the resident kernel on a Vulkan device (default), or the reference executor",
	  0 },
	{ "device", KEY_DEVICE, "DEVICE", 0,
	  "a Vulkan device: part of its name, PCI address, DRM node or UUID (default: what "
	  "MK_DEVICE says, or the first that fits)",
	  2 },
	{ "handlers", KEY_HANDLERS, "FILE", 0,
	  "operations of yours: what mkcc makes, or with --engine=cpu a shared object",
	  0 },
	{ "backing", KEY_BACKING, "auto|memfd|kmod|device", 0,
	  "where the memory comes from (default: auto, or what MK_BACKING says)", 0 },
	{ "placement", KEY_PLACEMENT, "N", 0,
	  "with --backing=device: one of those that mkbench probe shows", 0 },
	{ "import", KEY_IMPORT, "auto|dma-buf|host-pointer", 0,
	  "how memory reaches the device (default: auto)", 0 },
	{ "workgroups", KEY_WORKGROUPS, "N", 0,
	  "workgroups or host threads (default: one less than the cores)", 0 },
	{ "park-after", KEY_PARK_AFTER, "US", 0,
	  "microseconds without work until it parks (default: 2000)", 0 },
	{ "io", KEY_IO, "FILE[:r|:w|:rw]", 0,
	  "answer requests of the device for this file, to be read (default) or written, "
	  "and for the arena; may be given several times",
	  0 },
	{ NULL, 0, NULL, 0, "What it does and says:", 4 },
	{ "restart", KEY_RESTART, "N", 0,
	  "start a lost engine again, N times at most (default: 0)", 0 },
	{ "formats", KEY_FORMATS, "FILE", 0,
	  "texts of debug records, for mkinspect: lines of a number and a format in quotes",
	  0 },
	{ "snapshots", KEY_SNAPSHOTS, "DIR", 0,
	  "where snapshots go, also one when the engine is lost (default: what "
	  "MK_SNAPSHOT_DIR says)",
	  0 },
	{ "interval", KEY_INTERVAL, "S", 0,
	  "seconds between two reports (default: 1 on a terminal, else 10)", 0 },
	{ "json", 'j', NULL, 0, "report in JSON; mkrun(1) lists the keys", 0 },
	{ "quiet", 'q', NULL, 0, "report nothing but errors", 0 },
	{ NULL, 0, NULL, 0, "Help:", -1 },
	{ 0 },
};

/* In the order of the enumerations. */
static const char *const backing_names[] = { "auto", "memfd", "kmod", "device", NULL };
static const char *const role_names[] = { "engine", "producer", "observer" };

static void parse_roles(struct argp_state *state, const char *text,
			struct run_options *options)
{
	const char *at = text;

	options->roles = 0;
	for (;;) {
		size_t length = strcspn(at, ",");
		uint32_t role = 0;

		for (uint32_t i = 0; i < 3; i++)
			if (strlen(role_names[i]) == length &&
			    !strncmp(role_names[i], at, length))
				role = MK_SERVE_ROLE(MK_ROLE_ENGINE + i);
		if (!role)
			argp_error(state,
				   "--roles: had \"%s\", expected producer, observer and "
				   "engine with commas between them",
				   text);
		options->roles |= role;
		if (!at[length])
			return;
		at += length + 1;
	}
}

/* @text is the program's own, and ends at the colon from then on. */
static void parse_file(struct argp_state *state, char *text, struct run_options *options)
{
	static const struct {
		const char *ending;
		uint32_t flags;
	} endings[] = {
		{ ":r", MK_IO_READ },
		{ ":w", MK_IO_WRITE },
		{ ":rw", MK_IO_READ | MK_IO_WRITE },
	};
	struct file_option *file = &options->files[options->file_count];
	char *colon = strrchr(text, ':');

	if (options->file_count == FILES_LIMIT)
		argp_error(state, "--io: had more than %d files", FILES_LIMIT);
	*file = (struct file_option){ text, MK_IO_READ };
	for (size_t i = 0; colon && i < sizeof(endings) / sizeof(endings[0]); i++) {
		if (strcmp(colon, endings[i].ending))
			continue;
		file->flags = endings[i].flags;
		*colon = '\0';
		break;
	}
	options->file_count++;
}

static uint32_t parse_count(struct argp_state *state, const char *option,
			    const char *text, uint32_t most)
{
	return (uint32_t)argument_number(state, option, text, 1, most);
}

static void finish(struct run_options *options, struct argp_state *state)
{
	struct mk_geometry *geometry = &options->geometry;

	if (options->engine.kind == MK_ENGINE_KIND_CPU &&
	    (options->engine.device || options->engine.import))
		argp_error(state,
			   "had --engine=cpu, with --kernel, --device or --import, "
			   "which are for Vulkan; leave one out");
	if (geometry->placement && geometry->backing != MK_BACKING_DEVICE)
		argp_error(state, "had --placement without --backing=device");
	if (options->quiet && options->json)
		argp_error(state, "had both --quiet and --json, expected one");
	if (options->file_count && !geometry->arena_bytes)
		argp_error(state,
			   "had --io without --arena, which is where data goes and "
			   "comes from");
	geometry->device = options->engine.device;
	geometry->engine = options->engine.kind;
	if (!options->tenants)
		options->tenants = 1;
}

static error_t parse_sizes(int key, const char *text, struct argp_state *state,
			   struct mk_geometry *geometry)
{
	const struct {
		int key;
		const char *name;
		uint32_t *value;
		uint32_t most;
	} sizes[] = {
		{ KEY_SLOTS, "slots", &geometry->slots, MK_ENCODE_LIMIT },
		{ KEY_WINDOW_SLOTS, "window-slots", &geometry->window_slots,
		  MK_ENCODE_LIMIT },
		{ KEY_LOG_RECORDS, "log-records", &geometry->log_records,
		  MK_ENCODE_LIMIT },
		{ KEY_IO_SLOTS, "io-slots", &geometry->io_slots, MK_ENCODE_LIMIT },
		{ KEY_IO_REQUEST_SLOTS, "io-request-slots", &geometry->io_request_slots,
		  MK_ENCODE_LIMIT },
		{ KEY_OBSERVABLES, "observables", &geometry->observable_words,
		  MK_ENCODE_LIMIT },
		{ KEY_PLACEMENT, "placement", &geometry->placement, UINT32_MAX },
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (sizes[i].key != key)
			continue;
		*sizes[i].value = parse_count(state, sizes[i].name, text, sizes[i].most);
		return 0;
	}
	if (key != KEY_ARENA)
		return ARGP_ERR_UNKNOWN;
	geometry->arena_bytes = argument_bytes(state, "arena", text);
	return 0;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct run_options *options = state->input;

	switch (key) {
	case 'n':
		options->name = text;
		return 0;
	case 'j':
		options->json = true;
		return 0;
	case 'q':
		options->quiet = true;
		return 0;
	case KEY_ROLES:
		parse_roles(state, text, options);
		return 0;
	case KEY_TENANT:
		options->tenants |= 1u << argument_number(state, "tenant", text, 0,
							  MK_TENANT_COUNT - 1);
		return 0;
	case KEY_ALLOW_SHUTDOWN:
		options->geometry.flags |= MK_CONTEXT_ALLOW_SHUTDOWN;
		return 0;
	case KEY_BACKING:
		options->geometry.backing = (enum mk_backing_kind)argument_choice(
			state, "backing", text, backing_names);
		return 0;
	case KEY_ENGINE:
		options->engine.kind = argument_engine(state, text);
		return 0;
	case KEY_IMPORT:
		options->engine.import = argument_import(state, text);
		return 0;
	case KEY_DEVICE:
		options->engine.device = text;
		return 0;
	case KEY_WORKGROUPS:
		options->engine.workgroups =
			parse_count(state, "workgroups", text, UINT16_MAX);
		return 0;
	case KEY_PARK_AFTER:
		options->engine.park_after_us =
			parse_count(state, "park-after", text, UINT32_MAX);
		return 0;
	case KEY_HANDLERS:
		options->handlers = text;
		return 0;
	case KEY_FORMATS:
		options->formats = text;
		return 0;
	case KEY_IO:
		parse_file(state, text, options);
		return 0;
	case KEY_RESTART:
		options->restarts = (uint32_t)argument_number(state, "restart", text, 0,
							      RESTARTS_LIMIT);
		return 0;
	case KEY_SNAPSHOTS:
		options->snapshots = text;
		options->engine.snapshot_directory = text;
		return 0;
	case KEY_INTERVAL:
		options->interval_s =
			argument_seconds(state, "interval", text, SECONDS_LIMIT);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "had \"%s\", expected options only", text);
		return 0;
	case ARGP_KEY_END:
		finish(options, state);
		return 0;
	default:
		return parse_sizes(key, text, state, &options->geometry);
	}
}

void parse_arguments(int argc, char **argv, struct run_options *options)
{
	static const struct argp parser = {
		.options = option_table,
		.parser = parse_option,
		.doc = documentation,
	};

	*options = (struct run_options){
		.name = "default",
		.roles = MK_SERVE_ROLE(MK_ROLE_PRODUCER) |
			 MK_SERVE_ROLE(MK_ROLE_OBSERVER),
		.geometry = { .size = sizeof(struct mk_geometry) },
		.engine = { .size = sizeof(struct mk_engine_options) },
	};
	argp_parse(&parser, argc, argv, 0, NULL, options);
}

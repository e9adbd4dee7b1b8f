// SPDX-License-Identifier: MIT
/* The command line. */
#define _GNU_SOURCE
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arguments.h"
#include "names.h"

#define INTERVAL_LIMIT_S 3600.0
#define NS_PER_SECOND	 1e9

const char *argp_program_version = "mkinspect " MK_VERSION;

static const char documentation[] =
	"See what a resident kernel is doing, live or afterwards.  Nothing is ever written "
	"to the context.\v"
	"OBJECT is one of:";

static const char after_objects[] =
	"\nRANGES are FIRST, or FIRST-LAST, of slots, records or words; several with "
	"commas.  Without an option that says which context, it is the only one there is.\n\n"
	"Examples: What waits in the ring of process 4711?  What happens there?  What was "
	"different between two snapshots?\n\n"
	"  mkinspect ring show --pid 4711 --status published\n"
	"  mkinspect stats watch --pid 4711 --interval 0.5\n"
	"  mkinspect snapshot save before.mksnap && mkinspect snapshot save after.mksnap\n"
	"  mkinspect ring diff before.mksnap after.mksnap\n\n"
	"Exit status: 0 done, 1 failed, 64 wrong usage; of doctor 0 nothing found, 1 "
	"findings, 2 no context could be looked at.";

enum {
	KEY_ID = 256,
	KEY_PID,
	KEY_TOKEN,
	KEY_SOCKET,
	KEY_FILE,
	KEY_INTERVAL,
	KEY_COUNT,
	KEY_STATUS,
	KEY_OPCODE,
	KEY_TENANT,
	KEY_PRIORITY,
	KEY_ALL,
	KEY_FORMATS,
	KEY_FOLLOW,
	KEY_ARENA,
	KEY_DEVICE,
};

static const struct argp_option option_table[] = {
	{ NULL, 0, NULL, 0, "Which context:", 1 },
	{ "id", KEY_ID, "ID", 0, "one of mk.ko's, as 'ctx list' has it", 1 },
	{ "pid", KEY_PID, "PID", 0, "that of a process", 1 },
	{ "token", KEY_TOKEN, "TOKEN", 0,
	  "of a process with several, or without --pid of any process", 1 },
	{ "socket", KEY_SOCKET, "NAME", 0, "one that a server hands out (mkrun)", 1 },
	{ "file", KEY_FILE, "FILE", 0, "a snapshot", 1 },
	{ NULL, 0, NULL, 0, "How it is shown:", 2 },
	{ "json", 'j', NULL, 0, "JSON, an object on a line", 2 },
	{ "pretty", 'p', NULL, 0, "JSON for people", 2 },
	{ "interval", KEY_INTERVAL, "S", 0, "seconds between two looks (default: 1)", 2 },
	{ "count", KEY_COUNT, "N", 0, "looks of a watch (default: without end)", 2 },
	{ NULL, 0, NULL, 0, "What is shown:", 3 },
	{ "status", KEY_STATUS, "NAME", 0, "slots with a status, as DONE", 3 },
	{ "opcode", KEY_OPCODE, "NAME", 0, "slots with an opcode: a name or a number",
	  3 },
	{ "tenant", KEY_TENANT, "N", 0, "slots of a tenant", 3 },
	{ "priority", KEY_PRIORITY, "NAME", 0, "slots that lie at a priority", 3 },
	{ "all", KEY_ALL, NULL, 0, "also what is empty or 0", 3 },
	{ "formats", KEY_FORMATS, "FILE", 0,
	  "texts of debug records: lines of a number and a format in quotes", 3 },
	{ "follow", KEY_FOLLOW, NULL, 0, "go on with debug records as they come", 3 },
	{ "arena", KEY_ARENA, NULL, 0, "put the arena into a snapshot too", 3 },
	{ "device", KEY_DEVICE, "DEVICE", 0,
	  "devices to probe: part of the name, PCI address, DRM node or UUID", 3 },
	{ 0 },
};

static const struct {
	int key;
	unsigned int option;
} option_users[] = {
	{ KEY_STATUS, TAKES_STATUS }, { KEY_OPCODE, TAKES_OPCODE },
	{ KEY_TENANT, TAKES_TENANT }, { KEY_PRIORITY, TAKES_PRIORITY },
	{ KEY_ALL, TAKES_ALL },	      { KEY_FORMATS, TAKES_FORMATS },
	{ KEY_FOLLOW, TAKES_FOLLOW }, { KEY_ARENA, TAKES_ARENA },
	{ KEY_DEVICE, TAKES_DEVICE },
};

/* In the order of enum verb. */
static const char *const verb_names[VERB_COUNT + 1] = {
	"show", "dump", "watch", "diff", "list", "save", NULL,
};

struct arguments {
	const struct object *const *objects;
	const char *other;
	const struct object *object;
	struct options *options;
	const char *words[2];
	int word_count;
	unsigned int given; /* TAKES_* */
	int contexts;	    /* options that choose one */
	bool has_verb;
	bool has_interval;
	bool has_count;
};

const char *verb_name(enum verb verb)
{
	return verb_names[verb];
}

/* Help ------------------------------------------------------------------------------ */

static void print_verbs(const struct object *object, const char *between, FILE *stream)
{
	bool is_first = true;

	for (int verb = 0; verb < VERB_COUNT; verb++) {
		if (!(object->verbs & HAS(verb)))
			continue;
		fprintf(stream, "%s%s", is_first ? "" : between, verb_names[verb]);
		is_first = false;
	}
}

static void print_objects(const struct arguments *arguments, FILE *stream)
{
	for (size_t i = 0; arguments->objects[i]; i++) {
		fprintf(stream, "  %-10s %s: ", arguments->objects[i]->name,
			arguments->objects[i]->summary);
		print_verbs(arguments->objects[i], ", ", stream);
		fputc('\n', stream);
	}
	fputs(arguments->other, stream);
}

/* What follows the options in --help. */
static char *describe_objects(int key, const char *text, void *input)
{
	char *help = NULL;
	size_t length;
	FILE *stream;

	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	stream = open_memstream(&help, &length);
	if (!stream)
		return (char *)text;
	fprintf(stream, "%s\n\n", text);
	print_objects(input, stream);
	fputs(after_objects, stream);
	fclose(stream);
	return help;
}

/* Words that are no options ------------------------------------------------------------ */

static void take_object(struct arguments *arguments, const char *name,
			struct argp_state *state)
{
	for (size_t i = 0; arguments->objects[i]; i++)
		if (!strcmp(name, arguments->objects[i]->name))
			arguments->object = arguments->objects[i];
	if (!arguments->object)
		argp_error(state, "had \"%.50s\", expected an object; --help lists them",
			   name);
}

static void take_verb(struct arguments *arguments, const char *name,
		      struct argp_state *state)
{
	const struct object *object = arguments->object;
	char *names = NULL;
	size_t length;
	FILE *stream;

	arguments->has_verb = true;
	for (int verb = 0; verb < VERB_COUNT; verb++) {
		if (strcmp(name, verb_names[verb]) || !(object->verbs & HAS(verb)))
			continue;
		arguments->options->verb = (enum verb)verb;
		return;
	}
	stream = open_memstream(&names, &length);
	if (stream) {
		print_verbs(object, ", ", stream);
		fclose(stream);
	}
	argp_error(state, "had %s \"%.50s\", expected one of: %s", object->name, name,
		   names ? names : "--help lists them");
	free(names);
}

static void take_ranges(struct selection *selection, const char *text,
			struct argp_state *state)
{
	const char *at = text;

	for (;;) {
		struct range *range = &selection->ranges[selection->range_count];
		uint64_t first, last;
		char *end;

		if (selection->range_count == RANGES_LIMIT)
			argp_error(state, "had more than %d ranges", RANGES_LIMIT);
		if (!argument_read_number(at, UINT32_MAX, &first, &end))
			break;
		last = first;
		if (*end == '-' &&
		    !argument_read_number(end + 1, UINT32_MAX, &last, &end))
			break;
		if (last < first || (*end && *end != ','))
			break;
		*range = (struct range){ (uint32_t)first, (uint32_t)last };
		selection->range_count++;
		if (!*end)
			return;
		at = end + 1;
	}
	argp_error(state, "had \"%.50s\", expected ranges as 7 or 0-31,40", text);
}

static void take_word(struct arguments *arguments, const char *word,
		      struct argp_state *state)
{
	if (!arguments->object)
		take_object(arguments, word, state);
	else if (!arguments->has_verb)
		take_verb(arguments, word, state);
	else if (arguments->word_count < 2)
		arguments->words[arguments->word_count++] = word;
	else
		argp_error(state, "had \"%.50s\" after all that is expected", word);
}

static void take_words(struct arguments *arguments, struct argp_state *state)
{
	struct options *options = arguments->options;
	int files = options->verb == VERB_DIFF ? 2 : options->verb == VERB_SAVE;

	if (files && arguments->word_count != files)
		argp_error(state, "had %d files, expected %d: %s %s %s",
			   arguments->word_count, files, arguments->object->name,
			   verb_name(options->verb), files == 2 ? "FILE FILE" : "FILE");
	for (int i = 0; i < arguments->word_count; i++) {
		if (files)
			options->files[i] = arguments->words[i];
		else if (arguments->object->options & TAKES_RANGES)
			take_ranges(&options->selection, arguments->words[i], state);
		else
			argp_error(state, "had \"%.50s\"; %s %s takes nothing more",
				   arguments->words[i], arguments->object->name,
				   verb_name(options->verb));
	}
}

/* Checks ------------------------------------------------------------------------------ */

static const char *option_name(int key)
{
	for (size_t i = 0; i + 1 < sizeof(option_table) / sizeof(option_table[0]); i++)
		if (option_table[i].key == key)
			return option_table[i].name;
	return "";
}

static void check_options(const struct arguments *arguments, struct argp_state *state)
{
	const struct options *options = arguments->options;
	const struct object *object = arguments->object;
	bool watches = options->verb == VERB_WATCH || options->follow;

	for (size_t i = 0; i < sizeof(option_users) / sizeof(option_users[0]); i++)
		if (arguments->given & option_users[i].option & ~object->options)
			argp_error(state, "--%s is not for %s",
				   option_name(option_users[i].key), object->name);
	if (arguments->contexts > 1)
		argp_error(state, "had several of --id, --pid, --socket and --file, "
				  "expected one");
	if (options->token && (options->id || options->socket || options->file))
		argp_error(state, "--token goes with --pid, or alone");
	if ((arguments->contexts || options->token) &&
	    (object->options & TAKES_NO_CONTEXT || options->verb == VERB_LIST ||
	     options->verb == VERB_DIFF))
		argp_error(state, "%s %s is not of one context", object->name,
			   verb_name(options->verb));
	if (arguments->has_count && !watches)
		argp_error(state, "--count is for watch and --follow");
	if (arguments->has_interval && !watches &&
	    !(object->needs_two && options->verb == VERB_SHOW))
		argp_error(state, "--interval is for watch, --follow, stats and doctor");
	if (watches && options->file)
		argp_error(state, "a snapshot does not change; use show");
	if (options->form == FORM_PRETTY && watches)
		argp_error(state,
			   "--pretty is not for watch and --follow, which print an "
			   "object on a line");
	if (options->follow && options->verb != VERB_SHOW)
		argp_error(state, "--follow is for log show");
	if (options->verb == VERB_DUMP && arguments->given)
		argp_error(state, "dump takes ranges only");
}

static void finish_arguments(struct arguments *arguments, struct argp_state *state)
{
	struct options *options = arguments->options;

	if (!arguments->object) {
		argp_error(state, "had no object; --help lists them");
		return;
	}
	if (!arguments->has_verb)
		options->verb = arguments->object->verbs & HAS(VERB_SHOW) ? VERB_SHOW :
									    VERB_LIST;
	take_words(arguments, state);
	check_options(arguments, state);
}

/* Options ------------------------------------------------------------------------------ */

static struct choice choose(struct argp_state *state, const char *option,
			    const char *text,
			    bool (*find)(const char *name, uint32_t *value))
{
	struct choice choice = { .is_given = true };

	if (!find(text, &choice.value))
		choice.value =
			(uint32_t)argument_number(state, option, text, 0, UINT32_MAX);
	return choice;
}

static uint64_t parse_token(struct argp_state *state, const char *text)
{
	char *end;
	uint64_t token = strtoull(text, &end, 16);

	if (!token || *end || strlen(text) > 16)
		argp_error(state,
			   "--token: had \"%.50s\", expected a number of 16 "
			   "hexadecimal digits, as 'ctx list' has it",
			   text);
	return token;
}

static bool parse_context(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	struct options *options = arguments->options;

	switch (key) {
	case KEY_ID:
		options->id = argument_number(state, "id", text, 1, UINT64_MAX);
		break;
	case KEY_PID:
		options->pid =
			(uint32_t)argument_number(state, "pid", text, 1, INT32_MAX);
		break;
	case KEY_SOCKET:
		options->socket = text;
		break;
	case KEY_FILE:
		options->file = text;
		break;
	default:
		return false;
	}
	arguments->contexts++;
	return true;
}

static bool parse_selection(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	struct options *options = arguments->options;
	struct selection *selection = &options->selection;

	switch (key) {
	case KEY_STATUS:
		selection->status = choose(state, "status", text, find_status);
		break;
	case KEY_OPCODE:
		selection->opcode = choose(state, "opcode", text, find_opcode);
		break;
	case KEY_TENANT:
		selection->tenant = (struct choice){
			true,
			(uint32_t)argument_number(state, "tenant", text, 0, UINT32_MAX)
		};
		break;
	case KEY_PRIORITY:
		selection->priority = choose(state, "priority", text, find_priority);
		break;
	case KEY_ALL:
		selection->all = true;
		break;
	case KEY_FORMATS:
		options->formats = text;
		break;
	case KEY_FOLLOW:
		options->follow = true;
		break;
	case KEY_ARENA:
		options->arena = true;
		break;
	case KEY_DEVICE:
		options->device = text;
		break;
	default:
		return false;
	}
	for (size_t i = 0; i < sizeof(option_users) / sizeof(option_users[0]); i++)
		if (option_users[i].key == key)
			arguments->given |= option_users[i].option;
	return true;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	struct options *options = arguments->options;

	if (parse_context(key, text, state) || parse_selection(key, text, state))
		return 0;
	switch (key) {
	case KEY_TOKEN:
		options->token = parse_token(state, text);
		return 0;
	case 'j':
		if (options->form == FORM_TEXT)
			options->form = FORM_JSON;
		return 0;
	case 'p':
		options->form = FORM_PRETTY;
		return 0;
	case KEY_INTERVAL:
		options->interval_ns =
			(uint64_t)(argument_seconds(state, "interval", text,
						    INTERVAL_LIMIT_S) *
				   NS_PER_SECOND);
		arguments->has_interval = true;
		return 0;
	case KEY_COUNT:
		options->count = argument_number(state, "count", text, 1, UINT32_MAX);
		arguments->has_count = true;
		return 0;
	case ARGP_KEY_ARG:
		take_word(arguments, text, state);
		return 0;
	case ARGP_KEY_END:
		finish_arguments(arguments, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct object *parse_arguments(int argc, char **argv,
				     const struct object *const *objects,
				     const char *other, struct options *options)
{
	static const struct argp parser = {
		.options = option_table,
		.parser = parse_option,
		.args_doc = "OBJECT [VERB] [RANGES|FILE...]",
		.doc = documentation,
		.help_filter = describe_objects,
	};
	struct arguments arguments = { .objects = objects,
				       .other = other,
				       .options = options };

	*options = (struct options){ .interval_ns = (uint64_t)NS_PER_SECOND };
	argp_parse(&parser, argc, argv, 0, NULL, &arguments);
	return arguments.object;
}

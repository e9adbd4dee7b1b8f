// SPDX-License-Identifier: MIT
/* mkinspect: see what a resident kernel is doing, live or afterwards. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "look.h"
#include "options.h"
#include "screen.h"

/* In the order of --help. */
static const struct object *const objects[] = {
	&ctx_object,	   &control_object,
	&ring_object,	   &ioq_object,
	&log_object,	   &cq_object,
	&producers_object, &tenants_object,
	&metrics_object,   &stats_object,
	&probe_object,	   &snapshot_object,
	&doctor_object,	   NULL,
};

static int run(const struct object *object, const struct options *options)
{
	bool is_look = options->verb != VERB_LIST && options->verb != VERB_SAVE &&
		       object->build;

	if (!is_look)
		return object->run(object, options);
	if (options->follow)
		return look_again(object, options);
	switch (options->verb) {
	case VERB_DUMP:
		return look_dump(object, options);
	case VERB_WATCH:
		if (object->has_screen && options->form == FORM_TEXT &&
		    screen_is_possible())
			return screen_watch(options);
		return look_again(object, options);
	case VERB_DIFF:
		return look_diff(object, options);
	default:
		return look_once(object, options);
	}
}

int main(int argc, char **argv)
{
	const struct object *object;
	struct options options;
	int ret;

	for (const struct command *command = commands; argc > 1 && command->name;
	     command++)
		if (!strcmp(argv[1], command->name))
			return command->run(argc - 1, argv + 1);
	object = parse_arguments(argc, argv, objects, commands_help(), &options);
	ret = run(object, &options);
	return ret < 0 ? EXIT_FAILURE : ret;
}

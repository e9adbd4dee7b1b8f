// SPDX-License-Identifier: MIT
/*
 * mkbench: how fast the resident kernel answers, and what its memory costs, next to
 * what they replace.
 */
#include <stdlib.h>

#include "bench.h"
#include "options.h"

/* In the order of --help. */
static const struct verb *const verbs[] = {
	&latency_verb, &throughput_verb, &batch_verb, &handover_verb, &park_verb,
	&io_verb,      &trace_verb,	 &probe_verb, &kmod_verb,     NULL,
};

int main(int argc, char **argv)
{
	struct bench_options options;
	const struct verb *verb = parse_arguments(argc, argv, verbs, &options);

	note_signals();
	if (verb->run(&options) == 0)
		return EXIT_SUCCESS;
	return interrupted() ? 128 + interrupted_by() : EXIT_FAILURE;
}

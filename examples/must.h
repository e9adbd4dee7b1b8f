/* SPDX-License-Identifier: MIT */
/* How the small examples treat errors: they say what went wrong, and end. */
#ifndef MK_EXAMPLES_MUST_H
#define MK_EXAMPLES_MUST_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <mk/mk.h>

static inline void must(int64_t result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "%s: cannot %s: %s\n", program_invocation_short_name, what,
		mk_error_text());
	exit(EXIT_FAILURE);
}

/* For what mk_producer_wait() returns, which may be a fault's code. */
static inline void must_end(int result, const char *what)
{
	must(result, what);
	if (!result)
		return;
	fprintf(stderr, "%s: cannot %s: the device ended it with fault %d\n",
		program_invocation_short_name, what, result);
	exit(EXIT_FAILURE);
}

#endif /* MK_EXAMPLES_MUST_H */

// SPDX-License-Identifier: MIT
/* What snapshot.c takes from a live context, which a fuzzer has none of. */
#include <stdlib.h>

#include "backing.h"

void mk_context_counters(const struct mk_context *context, struct mk_counters *counters)
{
	(void)context;
	(void)counters;
	abort();
}

const char *mk_memory_name(uint32_t memory)
{
	(void)memory;
	return "a memory";
}

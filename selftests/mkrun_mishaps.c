// SPDX-License-Identifier: MIT
/*
 * Preloaded into mkrun: devices that are lost, or that do not stop, as MKRUN_MISHAP says.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <mk/mk.h>

static bool happens(const char *mishap)
{
	const char *wanted = getenv("MKRUN_MISHAP");

	return wanted && !strcmp(wanted, mishap);
}

int mk_engine_failure(const struct mk_engine *engine)
{
	int (*real)(const struct mk_engine *);

	*(void **)&real = dlsym(RTLD_NEXT, "mk_engine_failure");
	if (happens("lost"))
		return -EIO;
	return real ? real(engine) : -ENOSYS;
}

int mk_engine_stop(struct mk_engine *engine, uint64_t timeout_ns)
{
	int (*real)(struct mk_engine *, uint64_t);

	*(void **)&real = dlsym(RTLD_NEXT, "mk_engine_stop");
	if (happens("stuck"))
		return -ETIMEDOUT;
	return real ? real(engine, timeout_ns) : -ENOSYS;
}

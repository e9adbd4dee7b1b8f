// SPDX-License-Identifier: MIT
/*
 * Preloaded into mkbench: observables that hold twice what was added to them, and files
 * that begin a block later, so that its checks have something to find.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>

#include <mk/mk.h>

int mk_context_observable(const struct mk_context *context, uint32_t index,
			  uint32_t *value)
{
	int (*real)(const struct mk_context *, uint32_t, uint32_t *);
	int error;

	*(void **)&real = dlsym(RTLD_NEXT, "mk_context_observable");
	error = real ? real(context, index, value) : -ENOSYS;
	*value *= 2;
	return error;
}

int mk_io_add_file(struct mk_io *io, int fd, const struct mk_io_file *file,
		   uint32_t *handle)
{
	int (*real)(struct mk_io *, int, const struct mk_io_file *, uint32_t *);
	struct mk_io_file moved = *file;

	moved.offset += 512;
	*(void **)&real = dlsym(RTLD_NEXT, "mk_io_add_file");
	return real ? real(io, fd, &moved, handle) : -ENOSYS;
}

/* SPDX-License-Identifier: MIT */
/*
 * Users' operations from a file: for the reference executor a shared object, for a Vulkan
 * device a kernel that mkcc has compiled.  A shared object has the symbol
 *
 *   const struct mk_handler_entry mk_handlers[];	the last one's handler is NULL
 *
 * and may have
 *
 *   const mk_handler mk_ingest_handler;
 */
#ifndef MK_TOOLS_HANDLERS_H
#define MK_TOOLS_HANDLERS_H

#include <mk/engine.h>

struct handlers {
	void *object;
	uint32_t *kernel;
};

/* Fills what @options has for that; @path NULL: nothing.  -errno, which was told. */
int handlers_load(const char *path, struct mk_engine_options *options,
		  struct handlers *handlers);
void handlers_free(struct handlers *handlers);

#endif /* MK_TOOLS_HANDLERS_H */

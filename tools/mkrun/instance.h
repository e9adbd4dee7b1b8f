/* SPDX-License-Identifier: MIT */
/* What mkrun keeps: a context, its engine, its server and its pump. */
#ifndef MKRUN_INSTANCE_H
#define MKRUN_INSTANCE_H

#include "common/handlers.h"
#include "files.h"
#include "options.h"

struct instance {
	const struct run_options *options;
	struct handlers handlers;
	struct mk_engine_options engine_options;
	struct mk_context *context;
	struct mk_engine *engine;
	struct mk_engine_info info; /* the last that is known */
	struct mk_server *server;
	struct mk_io *io; /* NULL: no files */
	struct file_handles handles;
	uint32_t restarts; /* so far */
	uint64_t served;   /* contexts handed out so far */
};

/* Make all of it; 0, or a negative errno that was told. */
int instance_open(const struct run_options *options, struct instance *instance);

/* Let in who has asked. */
void instance_serve(struct instance *instance);

/* What became of the engine. */
enum engine_fate {
	ENGINE_RUNS,
	ENGINE_ENDED, /* SHUTDOWN was stored */
	ENGINE_LOST,  /* mk_engine_failure() says why */
};
enum engine_fate instance_look(struct instance *instance);

/* Start a lost engine again; 0, or a negative errno that was told. */
int instance_restart(struct instance *instance);

/*
 * Stop the engine; false when it still runs after @timeout_ns.  Then call again, or leave
 * by _exit(): the device may write into the context.
 */
bool instance_stop(struct instance *instance, uint64_t timeout_ns);

/* Let nobody in any more. */
void instance_stop_serving(struct instance *instance);

/* Give everything back, the engine must be stopped; others see that it has ended. */
void instance_close(struct instance *instance);

#endif /* MKRUN_INSTANCE_H */

// SPDX-License-Identifier: MIT
#include "instance.h"

#include <errno.h>

#include "common/complain.h"
#include "common/formats.h"

#define TIMEOUT_NS UINT64_C(10000000000)

/* Parts --------------------------------------------------------------------- */

static int set_tenants(struct instance *instance)
{
	for (uint32_t i = 0; i < MK_TENANT_COUNT; i++) {
		bool is_allowed = instance->options->tenants >> i & 1;
		int ret = mk_context_set_tenant(instance->context, i,
						is_allowed ? MK_TENANT_MASK_ALL : 0);

		if (ret)
			return complain("authorise tenants", ret);
	}
	return 0;
}

static int register_formats(const char *path, struct mk_context *context)
{
	struct formats formats;
	int ret = formats_read(path, &formats);

	if (ret)
		return ret;
	ret = mk_context_register_formats(context, formats.formats, formats.count);
	formats_free(&formats);
	return ret ? complain("register formats", ret) : 0;
}

static int make_context(struct instance *instance)
{
	const struct run_options *options = instance->options;
	int ret = mk_context_create(&options->geometry, &instance->context);

	if (ret)
		return complain("make a context", ret);
	ret = set_tenants(instance);
	if (!ret && options->formats)
		ret = register_formats(options->formats, instance->context);
	return ret;
}

static int start_engine(struct instance *instance)
{
	int ret = mk_engine_start(instance->context, &instance->engine_options,
				  &instance->engine);

	if (ret)
		return complain("start the engine", ret);
	mk_engine_info(instance->engine, &instance->info);
	return 0;
}

static int start_server(struct instance *instance)
{
	const struct run_options *options = instance->options;
	int ret = mk_server_open(instance->context, options->name, options->roles,
				 &instance->server);

	return ret ? complain("hand out the context", ret) : 0;
}

/* The whole ----------------------------------------------------------------- */

int instance_open(const struct run_options *options, struct instance *instance)
{
	int ret;

	*instance = (struct instance){
		.options = options,
		.engine_options = options->engine,
	};
	ret = handlers_load(options->handlers, &instance->engine_options,
			    &instance->handlers);
	if (!ret)
		ret = make_context(instance);
	if (!ret && options->file_count)
		ret = files_open(options, instance->context, &instance->io,
				 &instance->handles);
	if (!ret)
		ret = start_engine(instance);
	/* Last: who is let in finds everything there. */
	if (!ret)
		ret = start_server(instance);
	if (ret && instance_stop(instance, TIMEOUT_NS))
		instance_close(instance);
	return ret;
}

void instance_serve(struct instance *instance)
{
	int ret = mk_server_run(instance->server, 0);

	if (ret < 0)
		complain("let somebody in", ret);
	else
		instance->served += (uint32_t)ret;
}

/* Only the two together say so: producers may write the cq, but not the control region. */
static bool is_shut_down(const struct instance *instance)
{
	const volatile uint32_t *control =
		mk_context_memory(instance->context, MK_REGION_CONTROL, NULL);
	struct mk_counters counters;

	mk_context_counters(instance->context, &counters);
	return counters.engine_state == MK_ENGINE_STOPPED && control[MK_CONTROL_SHUTDOWN];
}

enum engine_fate instance_look(struct instance *instance)
{
	if (mk_engine_failure(instance->engine))
		return ENGINE_LOST;
	mk_engine_info(instance->engine, &instance->info);
	return is_shut_down(instance) ? ENGINE_ENDED : ENGINE_RUNS;
}

int instance_restart(struct instance *instance)
{
	if (!instance_stop(instance, TIMEOUT_NS))
		return -ETIMEDOUT;
	instance->restarts++;
	return start_engine(instance);
}

bool instance_stop(struct instance *instance, uint64_t timeout_ns)
{
	if (mk_engine_stop(instance->engine, timeout_ns) == -ETIMEDOUT)
		return false;
	instance->engine = NULL;
	return true;
}

void instance_stop_serving(struct instance *instance)
{
	mk_server_close(instance->server);
	instance->server = NULL;
}

void instance_close(struct instance *instance)
{
	instance_stop_serving(instance);
	if (instance->io) {
		int ret = mk_io_close(instance->io, TIMEOUT_NS);

		/* The system still has the arena: it goes with the process. */
		if (ret) {
			complain("end the pump", ret);
			return;
		}
	}
	if (instance->context)
		mk_context_shutdown(instance->context);
	mk_context_close(instance->context);
	handlers_free(&instance->handlers);
}

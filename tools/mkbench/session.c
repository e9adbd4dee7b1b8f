// SPDX-License-Identifier: MIT
#include "session.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/arguments.h"
#include "options.h"

static int start_engine(const struct bench_options *options,
			const struct session_wants *wants, struct session *session)
{
	const struct mk_engine_options engine_options = {
		.size = sizeof(engine_options),
		.kind = options->engine,
		.import = options->import,
		.workgroups = options->workgroups,
		.dispatch_steps = wants->dispatch_steps,
		.device = options->device,
		.spirv = wants->spirv,
		.spirv_bytes = wants->spirv_bytes,
		.handlers = wants->handlers,
		.handler_count = wants->handler_count,
	};
	int error = mk_engine_start(session->context, &engine_options, &session->engine);

	return error ? complain("start the engine", error) : 0;
}

static void stop_engine(const struct session *session, struct mk_engine_info *info)
{
	int error;

	mk_engine_info(session->engine, info);
	error = mk_engine_stop(session->engine, PATIENCE_NS);
	if (error) {
		/* The device may still write into the context: nothing is freed. */
		complain("stop the engine", error);
		fflush(NULL);
		_Exit(EXIT_FAILURE);
	}
}

int session_run(const struct bench_options *options, const struct session_wants *wants,
		session_measure measure, void *argument, struct mk_engine_info *info)
{
	const struct mk_geometry geometry = {
		.size = sizeof(geometry),
		.slots = wants->slots,
		.observable_words = wants->observable_words,
		.io_slots = wants->io_slots,
		.io_request_slots = wants->io_slots,
		.arena_bytes = wants->arena_bytes,
		.device = options->device,
		.engine = options->engine,
	};
	struct session session;
	int error = mk_context_create(&geometry, &session.context);

	if (error)
		return complain("make a context", error);
	error = wants->trace ? mk_trace_start(session.context, wants->trace) : 0;
	error = error ? complain("start a trace", error) :
			start_engine(options, wants, &session);
	if (!error) {
		error = measure(options, &session, argument);
		stop_engine(&session, info);
	}
	mk_context_close(session.context);
	return error;
}

int session_producer(const struct session *session, uint32_t max_windows,
		     struct mk_producer **producer)
{
	const struct mk_producer_options options = {
		.size = sizeof(options),
		.max_windows = max_windows,
	};
	int error = mk_producer_open(session->context, &options, producer);

	return error ? complain("become a producer", error) : 0;
}

uint32_t session_windows(const struct session *session)
{
	const struct mk_geometry *geometry = mk_context_geometry(session->context);

	return (geometry->slots + geometry->window_slots - 1) / geometry->window_slots;
}

void json_engine(struct json_output *json, const struct bench_options *options,
		 const struct mk_engine_info *info)
{
	json_text(json, "engine", engine_name(options->engine));
	json_text(json, "device", info->device);
	json_text(json, "driver", info->driver);
	json_text(json, "placement", info->placement);
	json_number(json, "workgroups", info->workgroups);
	json_number(json, "live_workgroups", info->live_workgroups);
}

void table_engine(const struct mk_engine_info *info)
{
	printf("device     %s\n", info->device);
	printf("driver     %s\n", info->driver);
	printf("placement  %s\n", info->placement);
	printf("workgroups %u, of these running at once %u\n\n", info->workgroups,
	       info->live_workgroups);
}

/* SPDX-License-Identifier: MIT */
/* A context with a running engine, as the user's options want it. */
#ifndef MKBENCH_SESSION_H
#define MKBENCH_SESSION_H

#include "bench.h"
#include "output.h"

/* A field of 0 takes libmk's default. */
struct session_wants {
	uint32_t slots;
	uint32_t observable_words;
	uint32_t dispatch_steps;
	uint32_t io_slots; /* all of them for requests */
	uint64_t arena_bytes;
	/* Of a kernel with operations beside the library's, and of the other engine. */
	const uint32_t *spirv;
	size_t spirv_bytes;
	const struct mk_handler_entry *handlers;
	size_t handler_count;
	const struct mk_trace_options *trace; /* of all of it; NULL: none */
};

struct session {
	struct mk_context *context;
	struct mk_engine *engine;
};

typedef int (*session_measure)(const struct bench_options *options,
			       const struct session *session, void *argument);

/*
 * session_run() - make the context, start the engine, measure, and end both
 * @measure: returns 0 or a negative errno that was told; closes its producers
 * @info: receives what the engine said last
 *
 * Ends the program when the engine does not stop: the device may then still write into
 * the context.
 *
 * Return: 0 or a negative errno that was told.
 */
int session_run(const struct bench_options *options, const struct session_wants *wants,
		session_measure measure, void *argument, struct mk_engine_info *info);

/*
 * session_producer() - become a producer that may lease @max_windows, all if there are
 * fewer; 0 or a negative errno that was told
 */
int session_producer(const struct session *session, uint32_t max_windows,
		     struct mk_producer **producer);

/* session_windows() - windows of the ring: as many producers can be at work at once. */
uint32_t session_windows(const struct session *session);

/* What a run was about: engine, device, driver, placement, workgroups. */
void json_engine(struct json_output *json, const struct bench_options *options,
		 const struct mk_engine_info *info);
void table_engine(const struct mk_engine_info *info);

#endif /* MKBENCH_SESSION_H */

/* SPDX-License-Identifier: MIT */
/* What the parts of mkbench hand to each other. */
#ifndef MKBENCH_BENCH_H
#define MKBENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mk/mk.h>

#include "statistics.h"

#define NS_PER_SECOND UINT64_C(1000000000)

/* What nothing may take longer than: an operation, a dispatch, an engine's end. */
#define PATIENCE_NS (10 * NS_PER_SECOND)
/* What ends a measurement early on a machine too slow for its samples. */
#define STAGE_LIMIT_NS (30 * NS_PER_SECOND)

struct bench_options {
	enum mk_engine_kind engine;
	enum mk_import import;
	const char *device;
	uint32_t workgroups;
	uint32_t slots;
	uint32_t samples; /* round trips */
	double seconds;	  /* of streaming */
	bool json;
};

struct bench_results {
	const char *verb;
	const char *engine;
	struct mk_engine_info info;
	struct distribution round_trip;
	struct distribution submit_wait; /* no samples: there was no Vulkan device */
	struct distribution ping_pong;
	uint64_t streamed_slots;
	uint64_t streamed_ns;
};

/*
 * Each measurement returns 0 or a negative errno and has said why on stderr;
 * -EINTR when the user ended it.
 */
int measure_round_trip(struct mk_producer *producer, uint32_t samples,
		       struct distribution *result);
int measure_stream(struct mk_context *context, struct mk_producer *producer,
		   double seconds, struct bench_results *results);
int measure_submit_wait(const char *device, struct distribution *result);
int measure_ping_pong(struct distribution *result);

int report_json(const struct bench_results *results);
int report_table(const struct bench_results *results);

uint64_t now_ns(void);

/* Says what failed, and the library's text, on stderr; returns @error. */
int complain(const char *what, int error);

/* From SIGINT or SIGTERM: whoever loops looks. */
bool interrupted(void);

#endif /* MKBENCH_BENCH_H */

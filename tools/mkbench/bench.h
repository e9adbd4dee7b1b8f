/* SPDX-License-Identifier: MIT */
/* What the parts of mkbench hand to each other. */
#ifndef MKBENCH_BENCH_H
#define MKBENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mk/mk.h>

#include "common/complain.h"

#define NS_PER_SECOND UINT64_C(1000000000)

/* What nothing may take longer than: an operation, a dispatch, an engine's end. */
#define PATIENCE_NS (10 * NS_PER_SECOND)
/* What ends a measurement early on a machine too slow for its samples. */
#define STAGE_LIMIT_NS	 (30 * NS_PER_SECOND)

#define RING_SIZES_LIMIT 16

enum operation {
	OPERATION_NOP,
	OPERATION_ADD,
};

/* As given, or as the verb has them for a default; 0 and NULL leave it to libmk. */
struct bench_options {
	enum mk_engine_kind engine;
	enum mk_import import;
	const char *device;
	uint32_t workgroups;
	uint32_t slots[RING_SIZES_LIMIT]; /* of rings */
	uint32_t ring_count;		  /* 0: the verb's own choice */
	uint32_t producers;		  /* threads */
	enum operation operation;
	uint32_t samples;
	double seconds;
	const char *file;      /* to read; NULL: one made for that */
	const char *directory; /* where; NULL: the usual one for temporary files */
	bool json;
};

/*
 * What mkbench can measure.  A new one is a file with its struct, a line in main.c,
 * and its words in the man page and the completion.
 */
struct verb {
	const char *name;
	const char *summary;  /* a line for --help */
	unsigned int options; /* TAKES_*: those that it knows, besides --json */
	uint32_t samples;     /* the defaults */
	double seconds;
	/* Returns 0 or a negative errno, and has said why on stderr. */
	int (*run)(const struct bench_options *options);
};

#define TAKES_ENGINE	 (1u << 0) /* what mk_engine_start() is told */
#define TAKES_SLOTS	 (1u << 1)
#define TAKES_SLOTS_LIST (1u << 2)
#define TAKES_STREAM	 (1u << 3) /* producers, and what they publish */
#define TAKES_SECONDS	 (1u << 4)
#define TAKES_SAMPLES	 (1u << 5)
#define TAKES_DEVICE	 (1u << 6) /* of these, the device alone */
#define TAKES_FILE	 (1u << 7) /* which one, or where it is made */

extern const struct verb latency_verb;
extern const struct verb throughput_verb;
extern const struct verb batch_verb;
extern const struct verb handover_verb;
extern const struct verb park_verb;
extern const struct verb io_verb;
extern const struct verb trace_verb;
extern const struct verb probe_verb;
extern const struct verb kmod_verb;

uint64_t now_ns(void);
uint64_t seconds_as_ns(double seconds);
/* How many a second, when @count took @ns. */
double per_second(uint64_t count, uint64_t ns);

/* From SIGINT or SIGTERM: whoever loops looks. */
void note_signals(void);
bool interrupted(void);
/* The signal, or 0. */
int interrupted_by(void);

#endif /* MKBENCH_BENCH_H */

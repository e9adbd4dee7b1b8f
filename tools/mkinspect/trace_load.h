/* SPDX-License-Identifier: MIT */
/* A whole trace in memory, in the order of time. */
#ifndef MKINSPECT_TRACE_LOAD_H
#define MKINSPECT_TRACE_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mk/trace.h>

/* What one process has recorded of one context. */
struct trace_part {
	struct mk_trace_info info;
	uint32_t context; /* index: parts of the same context have the same */
	bool has_end;
	uint64_t dropped;
};

struct trace_entry {
	struct mk_trace_event event; /* its data is a copy */
	uint32_t part;
	uint64_t number; /* in the file */
};

struct trace {
	struct trace_entry *entries;
	size_t count;
	size_t capacity;
	struct trace_part *parts;
	uint32_t part_count;
	uint32_t context_count;
	uint64_t begin_ns;
	uint64_t end_ns;
	bool is_cut_off;
};

/* -errno, which was told. */
int trace_load(const char *path, struct trace *trace);
void trace_free(struct trace *trace);

/*
 * trace_choose_context() - leave only what belongs to one context
 * @wanted: its index; negative: the only one that there is
 *
 * Parts keep their numbers.  -errno, which was told.
 */
int trace_choose_context(struct trace *trace, int wanted, uint32_t *context);

/* The first part of a context: where its geometry stands. */
const struct trace_part *trace_first_part(const struct trace *trace, uint32_t context);

#endif /* MKINSPECT_TRACE_LOAD_H */

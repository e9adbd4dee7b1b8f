/* SPDX-License-Identifier: MIT */
/*
 * What the rest of the library tells a trace.
 *
 * Who publishes, waits, dispatches or answers holds a ring, or NULL where nothing is
 * traced, and looks at that before it calls one of these.  Each is for one thread at a
 * time, as is what holds the ring.
 */
#ifndef MK_SRC_TRACE_H
#define MK_SRC_TRACE_H

#include <mk/ingest.h>
#include <mk/producer.h>
#include <mk/trace.h>

#include "context.h"

struct mk_trace_ring;

/* So that what is traced lies off the path that is not. */
#define mk_is_traced(ring) __builtin_expect((ring) != NULL, 0)

/* As MK_TRACE says; 0 when that is not set. */
int mk_trace_start_by_environment(struct mk_context *context);

/* NULL where there is no trace, or no memory for a ring, which counts as a drop. */
struct mk_trace_ring *mk_trace_join(struct mk_context *context);
/* NULL is allowed. */
void mk_trace_leave(struct mk_trace_ring *ring);

/* Before they are stored: the slots' words, and how often each has completed so far. */
void mk_trace_words(struct mk_trace_ring *ring, uint32_t slot, const uint32_t *words,
		    uint32_t count);
void mk_trace_items(struct mk_trace_ring *ring, uint32_t slot, uint32_t tenant,
		    const struct mk_item *items, size_t count, const uint32_t *counts);
/* A wait has returned @result. */
void mk_trace_wait(struct mk_trace_ring *ring, const struct mk_ticket *ticket,
		   int result);

void mk_trace_dispatch(struct mk_trace_ring *ring, enum mk_trace_type type,
		       uint32_t steps, uint32_t executions);
/* PARK or UNPARK. */
void mk_trace_mark(struct mk_trace_ring *ring, enum mk_trace_type type);

void mk_trace_io(struct mk_trace_ring *ring, enum mk_trace_type type,
		 const struct mk_trace_io *io);
/* Before its answer: what a request has brought to the arena. */
void mk_trace_io_data(struct mk_trace_ring *ring, uint32_t slot, uint64_t offset,
		      uint32_t bytes);
void mk_trace_ingest(struct mk_trace_ring *ring, uint32_t slot,
		     const struct mk_ingest *ingest);
void mk_trace_ingest_end(struct mk_trace_ring *ring, uint32_t slot);

/* For who holds no ring; from any thread.  Only where context->trace is not NULL. */
void mk_trace_context_wait(struct mk_context *context, const struct mk_ticket *ticket,
			   int result);
void mk_trace_control(struct mk_context *context, uint32_t word, uint32_t value);

#endif /* MK_SRC_TRACE_H */

/* SPDX-License-Identifier: MIT */
/*
 * Rings of records: one writer each, and one reader, which is the trace's thread.
 *
 *   word      stored by   ordering
 *   head      the writer  release, after the record; the reader acquires
 *   tail      the reader  release, after the record was copied; the writer acquires
 *   dropped   the writer  relaxed: a number for people
 *   off       the trace   relaxed: records that come a moment later are nobody's loss
 *   is_left   the writer  release, after its last record; the reader acquires
 *
 * Writer and reader each have a reference, and who drops the last frees the ring: so each
 * may leave at any time.
 */
#ifndef MK_SRC_TRACE_RING_H
#define MK_SRC_TRACE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "list.h"
#include "trace_record.h"

struct mk_trace;

struct mk_trace_ring {
	struct mk_trace *trace; /* valid while it is not off */
	uint32_t bytes;		/* a power of two */
	atomic_uint references;
	atomic_bool off;
	atomic_bool is_left;

	/* The writer's line. */
	_Alignas(64) _Atomic uint64_t head;
	_Atomic uint64_t dropped;
	uint64_t known_tail;
	uint64_t reserved; /* the head once what was reserved is there */

	/* The reader's line. */
	_Alignas(64) _Atomic uint64_t tail;
	uint64_t dropped_told;
	struct mk_list link;

	_Alignas(64) uint8_t data[];
};

/* NULL: no memory.  Two references. */
struct mk_trace_ring *mk_trace_ring_new(struct mk_trace *trace, uint32_t bytes);
void mk_trace_ring_put(struct mk_trace_ring *ring);

/*
 * Room for a record of @bytes, whole units, at most a quarter of the ring: its head is
 * left to the caller.  NULL: there is none now.
 */
void *mk_trace_ring_reserve(struct mk_trace_ring *ring, uint32_t bytes);
void mk_trace_ring_commit(struct mk_trace_ring *ring);

/*
 * Bytes that lie behind each other, whole records and @most at most, and where; 0: there
 * are none.  They are the writer's again after mk_trace_ring_take().
 */
uint32_t mk_trace_ring_peek(struct mk_trace_ring *ring, uint32_t most, const void **data);
void mk_trace_ring_take(struct mk_trace_ring *ring, uint32_t bytes);

#endif /* MK_SRC_TRACE_RING_H */

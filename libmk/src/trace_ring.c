// SPDX-License-Identifier: MIT
#define _POSIX_C_SOURCE 200809L
#include "trace_ring.h"

#include <stdlib.h>

#include "error.h"

struct mk_trace_ring *mk_trace_ring_new(struct mk_trace *trace, uint32_t bytes)
{
	struct mk_trace_ring *ring =
		aligned_alloc(_Alignof(struct mk_trace_ring), sizeof(*ring) + bytes);

	if (!ring)
		return NULL;
	*ring = (struct mk_trace_ring){ .trace = trace, .bytes = bytes, .references = 2 };
	mk_list_init(&ring->link);
	return ring;
}

void mk_trace_ring_put(struct mk_trace_ring *ring)
{
	if (atomic_fetch_sub(&ring->references, 1) == 1)
		free(ring);
}

/* Writing ------------------------------------------------------------------ */

static bool has_room(struct mk_trace_ring *ring, uint64_t end)
{
	if (end - ring->known_tail <= ring->bytes)
		return true;
	ring->known_tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
	return end - ring->known_tail <= ring->bytes;
}

void *mk_trace_ring_reserve(struct mk_trace_ring *ring, uint32_t bytes)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	uint32_t at = (uint32_t)head & (ring->bytes - 1);
	uint32_t left = ring->bytes - at;

	/* A record does not go round the end: a pad leaves that out. */
	if (bytes > left) {
		if (!has_room(ring, head + left + bytes))
			return NULL;
		mk_trace_put_head(&ring->data[at], MK_TRACE_PAD, 0, 0, 0);
		head += left;
		at = 0;
	} else if (!has_room(ring, head + bytes)) {
		return NULL;
	}
	ring->reserved = head + bytes;
	return &ring->data[at];
}

void mk_trace_ring_commit(struct mk_trace_ring *ring)
{
	atomic_store_explicit(&ring->head, ring->reserved, memory_order_release);
}

/* Reading ------------------------------------------------------------------ */

static uint32_t record_bytes(const struct mk_trace_ring *ring, uint32_t at)
{
	const struct mk_trace_head *head = (const void *)&ring->data[at];

	return head->type == MK_TRACE_PAD ? 0 : head->units * MK_TRACE_UNIT;
}

uint32_t mk_trace_ring_peek(struct mk_trace_ring *ring, uint32_t most, const void **data)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	uint32_t at = (uint32_t)tail & (ring->bytes - 1);
	uint32_t bytes = 0;

	if (tail != head && !record_bytes(ring, at)) {
		mk_trace_ring_take(ring, ring->bytes - at);
		tail += ring->bytes - at;
		at = 0;
	}
	*data = &ring->data[at];
	while (tail + bytes != head && at + bytes < ring->bytes) {
		uint32_t next = record_bytes(ring, at + bytes);

		if (!next || bytes + next > most)
			break;
		bytes += next;
	}
	return bytes;
}

void mk_trace_ring_take(struct mk_trace_ring *ring, uint32_t bytes)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

	atomic_store_explicit(&ring->tail, tail + bytes, memory_order_release);
}

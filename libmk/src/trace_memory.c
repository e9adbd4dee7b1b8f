// SPDX-License-Identifier: MIT
/* What a trace for replay records of the memory itself. */
#include "trace_state.h"

#include <string.h>

#include "deadline.h"
#include "trace_record.h"

/* Whole, at once -------------------------------------------------------------- */

static void copy_shared(const void *from, void *to, size_t bytes)
{
	const mk_word *words = from;
	uint32_t *copy = to;

	for (size_t i = 0; i < bytes / sizeof(*copy); i++)
		copy[i] = atomic_load_explicit(&words[i], memory_order_relaxed);
}

static void write_piece(struct mk_trace *trace, uint32_t memory, bool is_end,
			uint64_t time_ns, uint64_t offset, uint32_t bytes)
{
	const struct mk_memory *from = &trace->context->backing->memories[memory];
	uint32_t size = mk_trace_whole_units(
		(uint32_t)sizeof(struct mk_trace_data_record) + bytes);
	struct mk_trace_data_record *record = mk_trace_file_reserve(&trace->file, size);

	if (!record)
		return;
	mk_trace_put_head(record, MK_TRACE_MEMORY, time_ns, mk_trace_thread_id(), size);
	record->offset = offset;
	record->bytes = bytes;
	record->where = (uint16_t)memory;
	record->more = is_end;
	copy_shared((const char *)from->address + offset, record + 1, bytes);
}

void mk_trace_write_memory(struct mk_trace *trace, bool is_end)
{
	static const uint32_t taken[] = { MK_REGION_CONTROL, MK_ARENA };
	uint64_t time_ns = mk_now_ns();

	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		uint64_t bytes = trace->context->backing->memories[taken[i]].bytes;

		for (uint64_t offset = 0; offset < bytes; offset += MK_TRACE_MEMORY_MAX) {
			uint64_t left = bytes - offset;

			write_piece(trace, taken[i], is_end, time_ns, offset,
				    left < MK_TRACE_MEMORY_MAX ? (uint32_t)left :
								 MK_TRACE_MEMORY_MAX);
		}
	}
}

void mk_trace_take_memory(struct mk_trace *trace)
{
	pthread_mutex_lock(&trace->lock);
	if (!trace->stop && !atomic_load(&trace->memory_is_taken)) {
		/*
		 * Who stores from now on notes that; what was stored by who saw this
		 * unset is in the copy.
		 */
		atomic_store(&trace->memory_is_begun, true);
		atomic_thread_fence(memory_order_seq_cst);
		mk_trace_write_memory(trace, false);
		atomic_store(&trace->memory_is_taken, true);
	}
	pthread_mutex_unlock(&trace->lock);
}

/* In pieces, through rings ------------------------------------------------------ */

static uint32_t piece_limit(const struct mk_trace_ring *ring)
{
	enum { LONGEST = 65536 };
	uint32_t limit = ring->bytes / 8;

	return limit < LONGEST ? limit : LONGEST;
}

void mk_trace_copy_arena(struct mk_trace_ring *ring, enum mk_trace_type type,
			 uint32_t slot, uint64_t offset, uint64_t bytes)
{
	const struct mk_trace *trace = ring->trace;
	uint64_t arena_bytes = trace->context->geometry.arena_bytes;
	uint32_t limit = piece_limit(ring);

	atomic_thread_fence(memory_order_seq_cst);
	if (!(trace->flags & MK_TRACE_REPLAY) || !atomic_load(&trace->memory_is_begun) ||
	    offset > arena_bytes || bytes > arena_bytes - offset)
		return;
	while (bytes) {
		uint32_t piece = bytes < limit ? (uint32_t)bytes : limit;
		struct mk_trace_data_record *record = mk_trace_begin_record(
			ring, type, mk_now_ns(), sizeof(*record) + piece);

		if (!record)
			return;
		record->offset = offset;
		record->bytes = piece;
		record->where = (uint16_t)slot;
		record->more = (uint16_t)(slot >> 16);
		memcpy(record + 1, (const char *)trace->context->arena + offset, piece);
		mk_trace_ring_commit(ring);
		offset += piece;
		bytes -= piece;
	}
}

static bool write_observables(struct mk_trace_ring *ring, uint64_t begin_ns,
			      uint32_t epoch, uint32_t first, uint32_t count)
{
	const struct mk_context *context = ring->trace->context;
	struct mk_trace_epoch_record *record;
	uint32_t bytes = sizeof(*record) + count * (uint32_t)sizeof(uint32_t);
	uint32_t *words;

	record = mk_trace_begin_record(ring, MK_TRACE_EPOCH, begin_ns, bytes);
	if (!record)
		return false;
	*record = (struct mk_trace_epoch_record){
		.head = record->head,
		.begin_ns = begin_ns,
		.epoch = epoch,
		.first = first,
		.count = count,
		.total = context->geometry.observable_words,
	};
	words = (uint32_t *)(record + 1);
	for (uint32_t i = 0; i < count; i++)
		words[i] = mk_control_load(context, MK_CONTROL_OBSERVABLES + first + i);
	record->head.time_ns = mk_now_ns();
	mk_trace_ring_commit(ring);
	return true;
}

void mk_trace_look_at_epoch(struct mk_trace_ring *ring)
{
	struct mk_trace *trace = ring->trace;
	uint32_t total = trace->context->geometry.observable_words;
	uint32_t limit = piece_limit(ring) / sizeof(uint32_t);
	uint32_t epoch = mk_control_load(trace->context, MK_CONTROL_EPOCH);
	uint32_t last = atomic_load(&trace->epoch);
	uint64_t begin_ns = mk_now_ns();

	/* Of several that see a new one, one records it. */
	if (epoch == last || !atomic_compare_exchange_strong(&trace->epoch, &last, epoch))
		return;
	for (uint32_t first = 0; first < total; first += limit) {
		uint32_t left = total - first;

		if (!write_observables(ring, begin_ns, epoch, first,
				       left < limit ? left : limit))
			return;
	}
}

// SPDX-License-Identifier: MIT
/* Records of what happens, into rings. */
#include "trace.h"

#include <errno.h>
#include <string.h>

#include "abi.h"
#include "deadline.h"
#include "trace_state.h"

/* Writing rings ------------------------------------------------------------------ */

static void *wait_for_room(struct mk_trace_ring *ring, uint32_t bytes)
{
	struct mk_trace *trace = ring->trace;
	void *record;

	pthread_mutex_lock(&trace->lock);
	while (!(record = mk_trace_ring_reserve(ring, bytes)) && !trace->stop &&
	       !trace->file.error) {
		trace->is_wanted = true;
		pthread_cond_signal(&trace->wanted);
		pthread_cond_wait(&trace->drained, &trace->lock);
	}
	pthread_mutex_unlock(&trace->lock);
	return record;
}

void *mk_trace_begin_record(struct mk_trace_ring *ring, enum mk_trace_type type,
			    uint64_t time_ns, uint32_t bytes)
{
	uint32_t whole = mk_trace_whole_units(bytes);
	void *record;

	if (atomic_load_explicit(&ring->off, memory_order_relaxed))
		return NULL;
	record = mk_trace_ring_reserve(ring, whole);
	if (!record && ring->trace->flags & MK_TRACE_REPLAY)
		record = wait_for_room(ring, whole);
	if (!record) {
		atomic_store_explicit(
			&ring->dropped,
			atomic_load_explicit(&ring->dropped, memory_order_relaxed) + 1,
			memory_order_relaxed);
		return NULL;
	}
	/* The end of the last unit may be nobody's. */
	memset((char *)record + whole - MK_TRACE_UNIT, 0, MK_TRACE_UNIT);
	mk_trace_put_head(record, type, time_ns, mk_trace_thread_id(), whole);
	return record;
}

/* For who holds no ring ------------------------------------------------------- */

/* NULL: nothing is traced here. */
static struct mk_trace_ring *common_ring(struct mk_trace *trace)
{
	if (!trace || mk_trace_is_copy(trace))
		return NULL;
	pthread_mutex_lock(&trace->common_lock);
	return trace->common;
}

static void leave_common(struct mk_trace *trace)
{
	pthread_mutex_unlock(&trace->common_lock);
}

/* Slots -------------------------------------------------------------------------- */

static void put_publish(struct mk_trace_ring *ring, uint64_t time_ns, uint32_t slot,
			uint32_t count, const uint32_t *words)
{
	struct mk_trace_publish_record *record =
		mk_trace_begin_record(ring, MK_TRACE_PUBLISH, time_ns, sizeof(*record));

	if (!record)
		return;
	record->slot = slot;
	record->use = (count + 1) & MK_CQ_ENTRY_COUNT_MASK;
	memcpy(record->words, words, sizeof(record->words));
	record->words[MK_SLOT_STATUS] = MK_STATUS_PUBLISHED;
	memset(record->zero, 0, sizeof(record->zero));
	mk_trace_ring_commit(ring);
}

static void before_publish(struct mk_trace_ring *ring)
{
	struct mk_trace *trace = ring->trace;

	if (trace->flags & MK_TRACE_REPLAY && !atomic_load(&trace->memory_is_taken))
		mk_trace_take_memory(trace);
}

void mk_trace_words(struct mk_trace_ring *ring, uint32_t slot, const uint32_t *words,
		    uint32_t count)
{
	before_publish(ring);
	put_publish(ring, mk_now_ns(), slot, count, words);
}

void mk_trace_items(struct mk_trace_ring *ring, uint32_t slot, uint32_t tenant,
		    const struct mk_item *items, size_t count, const uint32_t *counts)
{
	uint32_t words[MK_SLOT_WORDS];
	uint64_t time_ns;

	before_publish(ring);
	time_ns = mk_now_ns();
	for (size_t i = 0; i < count; i++) {
		mk_slot_lay_out(words, tenant, &items[i]);
		put_publish(ring, time_ns, slot + (uint32_t)i, counts[i], words);
	}
}

void mk_trace_wait(struct mk_trace_ring *ring, const struct mk_ticket *ticket, int result)
{
	struct mk_trace_completion_record *record;

	/* What has not ended says nothing. */
	if (result < 0 && result != -ESTALE)
		return;
	record = mk_trace_begin_record(ring, MK_TRACE_COMPLETION, mk_now_ns(),
				       sizeof(*record));
	if (record) {
		record->slot = ticket->slot;
		record->use = ticket->count;
		record->status = result < 0 ? 0 :
				 result	    ? MK_STATUS_FAULT :
					      MK_STATUS_DONE;
		record->fault = result > 0 ? (uint16_t)result : 0;
		record->flags = 0;
		mk_trace_ring_commit(ring);
	}
	if (ring->trace->flags & MK_TRACE_REPLAY)
		mk_trace_look_at_epoch(ring);
}

void mk_trace_context_wait(struct mk_context *context, const struct mk_ticket *ticket,
			   int result)
{
	struct mk_trace_ring *ring = common_ring(context->trace);

	if (!ring)
		return;
	mk_trace_wait(ring, ticket, result);
	leave_common(context->trace);
}

/* Engines ------------------------------------------------------------------------ */

void mk_trace_dispatch(struct mk_trace_ring *ring, enum mk_trace_type type,
		       uint32_t steps, uint32_t executions)
{
	struct mk_trace_dispatch_record *record =
		mk_trace_begin_record(ring, type, mk_now_ns(), sizeof(*record));

	if (!record)
		return;
	record->steps = steps;
	record->executions = executions;
	memset(record->zero, 0, sizeof(record->zero));
	mk_trace_ring_commit(ring);
}

void mk_trace_mark(struct mk_trace_ring *ring, enum mk_trace_type type)
{
	if (mk_trace_begin_record(ring, type, mk_now_ns(), sizeof(struct mk_trace_head)))
		mk_trace_ring_commit(ring);
}

/* Io ----------------------------------------------------------------------------- */

void mk_trace_io(struct mk_trace_ring *ring, enum mk_trace_type type,
		 const struct mk_trace_io *io)
{
	struct mk_trace_io_record *record =
		mk_trace_begin_record(ring, type, mk_now_ns(), sizeof(*record));

	if (!record)
		return;
	*record = (struct mk_trace_io_record){
		.head = record->head,
		.slot = io->request.slot,
		.op = io->request.op,
		.source = io->request.source,
		.destination = io->request.destination,
		.offset = io->request.offset,
		.byte_count = io->request.byte_count,
		.tag = io->request.tag,
		.status = io->status,
		.reason = io->reason,
		.error = io->error,
		.done = io->done,
	};
	mk_trace_ring_commit(ring);
}

void mk_trace_io_data(struct mk_trace_ring *ring, uint32_t slot, uint64_t offset,
		      uint32_t bytes)
{
	mk_trace_copy_arena(ring, MK_TRACE_IO_DATA, slot, offset, bytes);
}

static void put_ingest(struct mk_trace_ring *ring, enum mk_trace_type type, uint32_t slot,
		       const struct mk_ingest *ingest)
{
	struct mk_trace_ingest_record *record =
		mk_trace_begin_record(ring, type, mk_now_ns(), sizeof(*record));

	if (!record)
		return;
	*record = (struct mk_trace_ingest_record){
		.head = record->head,
		.slot = slot,
		.source = ingest->source,
		.destination = ingest->destination,
		.byte_count = ingest->byte_count,
		.offset = ingest->offset,
		.tag = ingest->tag,
	};
	mk_trace_ring_commit(ring);
}

void mk_trace_ingest(struct mk_trace_ring *ring, uint32_t slot,
		     const struct mk_ingest *ingest)
{
	before_publish(ring);
	put_ingest(ring, MK_TRACE_INGEST, slot, ingest);
}

void mk_trace_ingest_end(struct mk_trace_ring *ring, uint32_t slot)
{
	static const struct mk_ingest nothing;

	put_ingest(ring, MK_TRACE_INGEST_END, slot, &nothing);
}

/* Contexts ----------------------------------------------------------------------- */

void mk_trace_control(struct mk_context *context, uint32_t word, uint32_t value)
{
	struct mk_trace_control_record *record;
	struct mk_trace_ring *ring = common_ring(context->trace);

	if (!ring)
		return;
	record = mk_trace_begin_record(ring, MK_TRACE_CONTROL, mk_now_ns(),
				       sizeof(*record));
	if (record) {
		record->word = word;
		record->value = value;
		memset(record->zero, 0, sizeof(record->zero));
		mk_trace_ring_commit(ring);
	}
	leave_common(context->trace);
}

void mk_trace_arena(struct mk_context *context, uint64_t offset, uint64_t bytes)
{
	struct mk_trace_ring *ring = common_ring(context->trace);

	if (!ring)
		return;
	mk_trace_copy_arena(ring, MK_TRACE_ARENA, 0, offset, bytes);
	leave_common(context->trace);
}

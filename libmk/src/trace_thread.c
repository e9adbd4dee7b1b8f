// SPDX-License-Identifier: MIT
/* A trace's thread, which takes the rings to the file, and sees what nobody waits for. */
#include "trace_state.h"

#include "deadline.h"
#include "thread.h"

/* How often rings are emptied that nobody waits for. */
#define DRAIN_NS 10000000u

static void note_publish(struct mk_trace *trace, uint32_t slot, uint32_t use)
{
	struct mk_trace_slot *known = &trace->slots[slot];

	trace->unseen += known->published == known->seen;
	known->published = use;
	known->round = trace->round;
}

static void note_completion(struct mk_trace *trace, uint32_t slot, uint32_t use)
{
	struct mk_trace_slot *known = &trace->slots[slot];

	if (known->published == known->seen || known->published != use)
		return;
	known->seen = use;
	trace->unseen--;
}

static void note_records(struct mk_trace *trace, const uint8_t *records, uint32_t bytes)
{
	for (uint32_t at = 0; at < bytes;) {
		const struct mk_trace_head *head = (const void *)&records[at];
		const struct mk_trace_publish_record *publish = (const void *)head;
		const struct mk_trace_completion_record *completion = (const void *)head;

		if (head->type == MK_TRACE_PUBLISH)
			note_publish(trace, publish->slot, publish->use);
		else if (head->type == MK_TRACE_COMPLETION)
			note_completion(trace, completion->slot, completion->use);
		at += head->units * MK_TRACE_UNIT;
	}
}

void mk_trace_write_dropped(struct mk_trace *trace, uint64_t count)
{
	struct mk_trace_dropped_record *record =
		mk_trace_file_reserve(&trace->file, sizeof(*record));

	if (!record)
		return;
	mk_trace_put_head(record, MK_TRACE_DROPPED, mk_now_ns(), mk_trace_thread_id(),
			  sizeof(*record));
	record->count = count;
}

static void drain_ring(struct mk_trace *trace, struct mk_trace_ring *ring)
{
	/* What was there at the beginning: a writer may be as fast as we are. */
	uint64_t left = atomic_load_explicit(&ring->head, memory_order_acquire) -
			atomic_load_explicit(&ring->tail, memory_order_relaxed);
	uint64_t dropped;
	const void *records;
	uint32_t bytes;

	while (left && (bytes = mk_trace_ring_peek(ring, MK_TRACE_BLOCK_MAX, &records))) {
		note_records(trace, records, bytes);
		mk_trace_file_append(&trace->file, records, bytes);
		mk_trace_ring_take(ring, bytes);
		left -= bytes < left ? bytes : left;
	}
	dropped = atomic_load_explicit(&ring->dropped, memory_order_relaxed);
	if (dropped == ring->dropped_told)
		return;
	mk_trace_write_dropped(trace, dropped - ring->dropped_told);
	trace->dropped += dropped - ring->dropped_told;
	ring->dropped_told = dropped;
}

static void write_late(struct mk_trace *trace, uint32_t slot, uint32_t entry)
{
	struct mk_trace_completion_record *record =
		mk_trace_file_reserve(&trace->file, sizeof(*record));

	if (!record)
		return;
	mk_trace_put_head(record, MK_TRACE_COMPLETION, mk_now_ns(), mk_trace_thread_id(),
			  sizeof(*record));
	record->slot = slot;
	record->use = mk_entry_count(entry);
	record->status = entry & MK_CQ_ENTRY_STATUS_MASK;
	record->fault = entry >> MK_CQ_ENTRY_FAULT_SHIFT & MK_CQ_ENTRY_FAULT_MASK;
	record->flags = MK_TRACE_SEEN_LATE;
}

/*
 * Completions that nobody has waited for, of what was published before the last round:
 * who waits has had some time to say so better.
 */
static void look_for_completions(struct mk_trace *trace, bool all)
{
	uint32_t slots = trace->context->geometry.slots;

	for (uint32_t slot = 0; trace->unseen && slot < slots; slot++) {
		const struct mk_trace_slot *known = &trace->slots[slot];
		uint32_t entry;

		if (known->published == known->seen ||
		    (known->round == trace->round && !all))
			continue;
		entry = mk_cq_entry(trace->context, slot);
		if (mk_entry_count(entry) != known->published)
			continue;
		write_late(trace, slot, entry);
		note_completion(trace, slot, known->published);
	}
}

void mk_trace_drop_ring(struct mk_trace_ring *ring)
{
	mk_list_remove(&ring->link);
	mk_trace_ring_put(ring);
}

void mk_trace_drain(struct mk_trace *trace, bool last)
{
	struct mk_list *link = trace->rings.next;

	trace->round++;
	while (link != &trace->rings) {
		struct mk_trace_ring *ring =
			mk_list_entry(link, struct mk_trace_ring, link);
		bool is_left = atomic_load_explicit(&ring->is_left, memory_order_acquire);

		link = link->next;
		drain_ring(trace, ring);
		if (is_left)
			mk_trace_drop_ring(ring);
	}
	look_for_completions(trace, last);
	mk_trace_file_flush(&trace->file);
}

void *mk_trace_thread(void *data)
{
	struct mk_trace *trace = data;
	struct timespec until;
	int error;

	pthread_mutex_lock(&trace->lock);
	while (!trace->stop) {
		trace->is_wanted = false;
		mk_trace_drain(trace, false);
		pthread_cond_broadcast(&trace->drained);
		until = mk_deadline_after(DRAIN_NS);
		error = 0;
		while (!trace->stop && !trace->is_wanted && !error)
			error = pthread_cond_timedwait(&trace->wanted, &trace->lock,
						       &until);
	}
	pthread_mutex_unlock(&trace->lock);
	return NULL;
}

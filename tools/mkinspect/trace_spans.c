// SPDX-License-Identifier: MIT
#include "trace_spans.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/complain.h"

#define NONE SIZE_MAX

/* Which span is open on each track, by index; NONE: there is none. */
struct builder {
	struct spans *spans;
	const struct trace *trace;
	const struct mk_geometry *geometry;
	size_t *slots;
	size_t *requests;
	size_t *ingests;
	size_t *parks;	    /* by part */
	size_t *dispatches; /* by part: the oldest; the next begins when it ends */
	size_t *queued;	    /* by part: the one behind it */
};

static int add(struct builder *builder, const struct trace_entry *entry,
	       enum span_kind kind, uint32_t track, size_t *index)
{
	struct spans *spans = builder->spans;

	if (spans->count == spans->capacity) {
		size_t capacity = spans->capacity ? spans->capacity * 2 : 1024;
		struct span *grown = realloc(spans->spans, capacity * sizeof(*grown));

		if (!grown)
			return complain_of(-ENOMEM, "no memory is left for the spans");
		spans->spans = grown;
		spans->capacity = capacity;
	}
	*index = spans->count++;
	spans->spans[*index] = (struct span){
		.kind = kind,
		.end = END_UNKNOWN,
		.begin_ns = entry->event.time_ns,
		.end_ns = builder->trace->end_ns,
		.part = entry->part,
		.track = track,
		.first = &entry->event,
	};
	return 0;
}

static void end(struct builder *builder, size_t *index, uint64_t time_ns,
		enum span_end how, const struct mk_trace_event *last)
{
	struct span *span = *index == NONE ? NULL : &builder->spans->spans[*index];

	if (!span)
		return;
	span->end_ns = time_ns > span->begin_ns ? time_ns : span->begin_ns;
	span->end = how;
	span->last = last;
	*index = NONE;
}

/* Events --------------------------------------------------------------------------- */

static int take_publish(struct builder *builder, const struct trace_entry *entry)
{
	uint32_t slot = entry->event.publish.slot;
	size_t *open = &builder->slots[slot];

	end(builder, open, entry->event.time_ns, END_BY_REUSE, NULL);
	return add(builder, entry, SPAN_SLOT, slot / builder->geometry->window_slots,
		   open);
}

static void take_completion(struct builder *builder, const struct mk_trace_event *event)
{
	const struct mk_trace_completion *completion = &event->completion;
	size_t *open = &builder->slots[completion->slot];
	bool is_late = completion->flags & MK_TRACE_SEEN_LATE;

	if (*open == NONE ||
	    builder->spans->spans[*open].first->publish.use != completion->use)
		return;
	end(builder, open, event->time_ns, is_late ? END_SEEN_LATE : END_SEEN, event);
}

/* The oldest has ended: what waits behind it begins. */
static void end_dispatch(struct builder *builder, uint32_t part, uint64_t time_ns,
			 enum span_end how, const struct mk_trace_event *last)
{
	end(builder, &builder->dispatches[part], time_ns, how, last);
	if (builder->queued[part] != NONE)
		builder->spans->spans[builder->queued[part]].begin_ns = time_ns;
	builder->dispatches[part] = builder->queued[part];
	builder->queued[part] = NONE;
}

/* One runs while the next waits.  Where a third comes, the first one's end was dropped. */
static int take_dispatch(struct builder *builder, const struct trace_entry *entry)
{
	const struct mk_trace_event *event = &entry->event;
	size_t *oldest = &builder->dispatches[entry->part];
	size_t *queued = &builder->queued[entry->part];

	if (event->type == MK_TRACE_DISPATCH_END) {
		end_dispatch(builder, entry->part, event->time_ns, END_SEEN, event);
		return 0;
	}
	if (*queued != NONE)
		end_dispatch(builder, entry->part, event->time_ns, END_BY_REUSE, NULL);
	return add(builder, entry, SPAN_DISPATCH, entry->part,
		   *oldest == NONE ? oldest : queued);
}

/* Of two that have not ended the second has not begun. */
static void end_queued(struct builder *builder)
{
	for (uint32_t i = 0; i < builder->trace->part_count; i++)
		if (builder->queued[i] != NONE)
			builder->spans->spans[builder->queued[i]].begin_ns =
				builder->trace->end_ns;
}

static int take_event(struct builder *builder, const struct trace_entry *entry)
{
	const struct mk_trace_event *event = &entry->event;
	size_t moment;
	int ret = 0;

	switch (event->type) {
	case MK_TRACE_PUBLISH:
		return take_publish(builder, entry);
	case MK_TRACE_COMPLETION:
		take_completion(builder, event);
		return 0;
	case MK_TRACE_DISPATCH_BEGIN:
	case MK_TRACE_DISPATCH_END:
		return take_dispatch(builder, entry);
	case MK_TRACE_PARK:
		end(builder, &builder->parks[entry->part], event->time_ns, END_BY_REUSE,
		    NULL);
		return add(builder, entry, SPAN_PARK, entry->part,
			   &builder->parks[entry->part]);
	case MK_TRACE_UNPARK:
		end(builder, &builder->parks[entry->part], event->time_ns, END_SEEN,
		    event);
		return 0;
	case MK_TRACE_IO_CLAIM:
		end(builder, &builder->requests[event->io.request.slot], event->time_ns,
		    END_BY_REUSE, NULL);
		return add(builder, entry, SPAN_IO, event->io.request.slot,
			   &builder->requests[event->io.request.slot]);
	case MK_TRACE_IO_ANSWER:
		end(builder, &builder->requests[event->io.request.slot], event->time_ns,
		    END_SEEN, event);
		return 0;
	case MK_TRACE_INGEST:
		end(builder, &builder->ingests[event->ingest.slot], event->time_ns,
		    END_BY_REUSE, NULL);
		return add(builder, entry, SPAN_INGEST, event->ingest.slot,
			   &builder->ingests[event->ingest.slot]);
	case MK_TRACE_INGEST_END:
		end(builder, &builder->ingests[event->ingest.slot], event->time_ns,
		    END_SEEN, event);
		return 0;
	case MK_TRACE_DROPPED:
		ret = add(builder, entry, SPAN_DROPPED, entry->part, &moment);
		if (!ret)
			end(builder, &moment, event->time_ns, END_SEEN, event);
		return ret;
	default:
		return 0;
	}
}

/* Lanes ---------------------------------------------------------------------------- */

static int compare(const void *one, const void *two)
{
	const struct span *a = one;
	const struct span *b = two;

	if (a->begin_ns != b->begin_ns)
		return a->begin_ns < b->begin_ns ? -1 : 1;
	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	return 0;
}

/*
 * Slots of a window are in flight together, so a window is as many lanes as that takes: no
 * more than it has slots.
 */
static int give_lanes(const struct mk_geometry *geometry, struct spans *spans)
{
	uint64_t *free_ns = calloc(geometry->slots, sizeof(*free_ns));

	if (!free_ns)
		return complain_of(-ENOMEM, "no memory is left for the tracks");
	for (size_t i = 0; i < spans->count; i++) {
		struct span *span = &spans->spans[i];
		uint64_t *lanes = free_ns + span->track * geometry->window_slots;

		if (span->kind != SPAN_SLOT)
			continue;
		while (lanes[span->lane] > span->begin_ns)
			span->lane++;
		lanes[span->lane] = span->end_ns;
	}
	free(free_ns);
	return 0;
}

/* Life ----------------------------------------------------------------------------- */

static size_t *new_tracks(uint32_t count)
{
	size_t *tracks = malloc(count * sizeof(*tracks));

	for (uint32_t i = 0; tracks && i < count; i++)
		tracks[i] = NONE;
	return tracks;
}

static int take_all(struct builder *builder)
{
	int ret = 0;

	builder->slots = new_tracks(builder->geometry->slots);
	builder->requests = new_tracks(builder->geometry->io_slots);
	builder->ingests = new_tracks(builder->geometry->io_slots);
	builder->parks = new_tracks(builder->trace->part_count);
	builder->dispatches = new_tracks(builder->trace->part_count);
	builder->queued = new_tracks(builder->trace->part_count);
	if (!builder->slots || !builder->requests || !builder->ingests ||
	    !builder->parks || !builder->dispatches || !builder->queued)
		ret = complain_of(-ENOMEM, "no memory is left for the tracks");
	for (size_t i = 0; !ret && i < builder->trace->count; i++)
		ret = take_event(builder, &builder->trace->entries[i]);
	if (!ret)
		end_queued(builder);
	free(builder->slots);
	free(builder->requests);
	free(builder->ingests);
	free(builder->parks);
	free(builder->dispatches);
	free(builder->queued);
	return ret;
}

int spans_build(const struct trace *trace, const struct mk_geometry *geometry,
		struct spans *spans)
{
	struct builder builder = {
		.spans = spans,
		.trace = trace,
		.geometry = geometry,
	};
	int ret;

	*spans = (struct spans){ 0 };
	ret = take_all(&builder);
	if (!ret && spans->count) {
		qsort(spans->spans, spans->count, sizeof(*spans->spans), compare);
		ret = give_lanes(geometry, spans);
	}
	if (ret)
		spans_free(spans);
	return ret;
}

void spans_free(struct spans *spans)
{
	free(spans->spans);
	*spans = (struct spans){ 0 };
}

/* SPDX-License-Identifier: MIT */
/* From a trace's events, which are moments, to spans of time on tracks. */
#ifndef MKINSPECT_TRACE_SPANS_H
#define MKINSPECT_TRACE_SPANS_H

#include "trace_load.h"

enum span_kind {
	SPAN_SLOT,     /* from publish to completion; a track is a lane of a window */
	SPAN_IO,       /* from claim to answer; a track is an io slot */
	SPAN_INGEST,   /* from publish to its end */
	SPAN_DISPATCH, /* a track is the process that runs the engine */
	SPAN_PARK,
	SPAN_DROPPED, /* a moment */
};

/* How the end of a span is known. */
enum span_end {
	END_SEEN,
	END_SEEN_LATE, /* by the trace's thread, which looks now and then */
	END_BY_REUSE,  /* nobody saw it before the slot was used again */
	END_UNKNOWN,   /* the trace ends before */
};

struct span {
	enum span_kind kind;
	enum span_end end;
	uint64_t begin_ns;
	uint64_t end_ns;
	uint32_t part;	/* that began it */
	uint32_t track; /* window, io slot or part */
	uint32_t lane;	/* of the window: spans of a lane do not overlap */
	const struct mk_trace_event *first;
	const struct mk_trace_event *last; /* NULL: there is none */
};

struct spans {
	struct span *spans; /* in the order of their beginning */
	size_t count;
	size_t capacity;
};

/* Of a trace of one context.  -errno, which was told. */
int spans_build(const struct trace *trace, const struct mk_geometry *geometry,
		struct spans *spans);
void spans_free(struct spans *spans);

#endif /* MKINSPECT_TRACE_SPANS_H */

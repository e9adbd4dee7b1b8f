/* SPDX-License-Identifier: MIT */
/* The inside of a trace, for the files that it consists of. */
#ifndef MK_SRC_TRACE_STATE_H
#define MK_SRC_TRACE_STATE_H

#include <pthread.h>

#include "context.h"
#include "trace_file.h"
#include "trace_ring.h"

#define MK_TRACE_RING_BYTES_MOST (1u << 30)

/* What the trace's thread knows of a slot. */
struct mk_trace_slot {
	uint32_t published; /* use */
	uint32_t seen;	/* use whose completion is in the file, or was never published */
	uint32_t round; /* in which the publish was found */
};

struct mk_trace {
	struct mk_context *context;
	uint32_t flags;
	uint32_t ring_bytes;
	int pid; /* a child of a fork has a copy without a thread */
	/* One for the context, one for each writer of a ring: who waits for room looks here. */
	atomic_uint references;

	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t wanted;
	pthread_cond_t drained;
	bool is_wanted;
	bool stop;
	struct mk_list rings;
	struct mk_trace_file file;
	uint64_t dropped;

	pthread_t thread;
	struct mk_trace_slot *slots; /* the thread's own */
	uint32_t unseen;
	uint32_t round;

	/* Of threads that hold no ring. */
	pthread_mutex_t common_lock;
	struct mk_trace_ring *common;

	/* The memory before the first publish. */
	atomic_bool memory_is_begun;
	atomic_bool memory_is_taken;
	_Atomic uint32_t epoch; /* the last that was recorded */
};

uint32_t mk_trace_thread_id(void);

/*
 * In a child of a fork a trace is a copy: its thread is the parent's, and its locks may be
 * held by threads that do not exist here.
 */
bool mk_trace_is_copy(const struct mk_trace *trace);

/* As mk_trace_start(); @number: as for mk_trace_file_open(). */
int mk_trace_start_numbered(struct mk_context *context,
			    const struct mk_trace_options *options, uint32_t number);

/* What pthread_create() wants. */
void *mk_trace_thread(void *trace);

/*
 * With the lock held, these.  Draining takes to the file what is in the rings; @last: say
 * what is known of all slots.
 */
void mk_trace_drain(struct mk_trace *trace, bool last);
void mk_trace_drop_ring(struct mk_trace_ring *ring);
void mk_trace_write_dropped(struct mk_trace *trace, uint64_t count);
void mk_trace_write_part(struct mk_trace *trace);
void mk_trace_write_end(struct mk_trace *trace);

/* Room in a ring, its head filled in; NULL: the record is dropped. */
void *mk_trace_begin_record(struct mk_trace_ring *ring, enum mk_trace_type type,
			    uint64_t time_ns, uint32_t bytes);

/* In a trace for replay: take the memory as it is before the first publish. */
void mk_trace_take_memory(struct mk_trace *trace);
/* With the lock held: the memory as it is now. */
void mk_trace_write_memory(struct mk_trace *trace, bool is_end);
/* Record the observables if there is a new epoch. */
void mk_trace_look_at_epoch(struct mk_trace_ring *ring);
/* Record bytes of the arena; @type is IO_DATA or ARENA. */
void mk_trace_copy_arena(struct mk_trace_ring *ring, enum mk_trace_type type,
			 uint32_t slot, uint64_t offset, uint64_t bytes);

#endif /* MK_SRC_TRACE_STATE_H */

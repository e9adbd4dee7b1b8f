// SPDX-License-Identifier: MIT
/* A trace's life. */
#define _GNU_SOURCE
#include "trace.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "deadline.h"
#include "error.h"
#include "options.h"
#include "thread.h"
#include "trace_state.h"

#define RING_BYTES	 (4u << 20)
#define RING_BYTES_LEAST 4096u

/* Processes ----------------------------------------------------------------- */

static _Thread_local uint32_t thread_id;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The process as of the last fork: system calls are too slow for each record. */
static pid_t process;

static void note_fork(void)
{
	thread_id = 0;
	process = getpid();
}

static void watch_forks(void)
{
	process = getpid();
	pthread_atfork(NULL, NULL, note_fork);
}

uint32_t mk_trace_thread_id(void)
{
	if (!thread_id)
		thread_id = (uint32_t)gettid();
	return thread_id;
}

bool mk_trace_is_copy(const struct mk_trace *trace)
{
	return trace->pid != process;
}

/* Life -------------------------------------------------------------------------- */

static void put_trace(struct mk_trace *trace)
{
	if (atomic_fetch_sub(&trace->references, 1) != 1)
		return;
	pthread_cond_destroy(&trace->drained);
	mk_lock_destroy(&trace->lock, &trace->wanted);
	pthread_mutex_destroy(&trace->common_lock);
	free(trace->slots);
	free(trace);
}

static struct mk_trace *new_trace(struct mk_context *context,
				  const struct mk_trace_options *options)
{
	struct mk_trace *trace = calloc(1, sizeof(*trace));

	if (!trace)
		return NULL;
	trace->slots = calloc(context->geometry.slots, sizeof(*trace->slots));
	if (!trace->slots) {
		free(trace);
		return NULL;
	}
	trace->context = context;
	trace->flags = options->flags;
	trace->ring_bytes = options->ring_bytes;
	trace->references = 1;
	trace->pid = getpid();
	trace->epoch = mk_control_load(context, MK_CONTROL_EPOCH);
	mk_lock_init(&trace->lock, &trace->wanted);
	pthread_cond_init(&trace->drained, NULL);
	pthread_mutex_init(&trace->common_lock, NULL);
	mk_list_init(&trace->rings);
	return trace;
}

struct mk_trace_ring *mk_trace_join(struct mk_context *context)
{
	struct mk_trace *trace = context->trace;
	struct mk_trace_ring *ring;

	if (!trace || mk_trace_is_copy(trace))
		return NULL;
	ring = mk_trace_ring_new(trace, trace->ring_bytes);
	pthread_mutex_lock(&trace->lock);
	if (ring) {
		atomic_fetch_add(&trace->references, 1);
		mk_list_append(&trace->rings, &ring->link);
	} else {
		mk_trace_write_dropped(trace, 1);
		trace->dropped++;
	}
	pthread_mutex_unlock(&trace->lock);
	return ring;
}

void mk_trace_leave(struct mk_trace_ring *ring)
{
	struct mk_trace *trace;

	if (!ring)
		return;
	trace = ring->trace;
	atomic_store_explicit(&ring->is_left, true, memory_order_release);
	mk_trace_ring_put(ring);
	put_trace(trace);
}

static int check_options(struct mk_trace_options *options)
{
	if (!options->path || !*options->path)
		return mk_fail(EINVAL, "a trace without a path; name the file to write");
	if (options->flags & ~MK_TRACE_REPLAY)
		return mk_fail(EINVAL, "unknown flags 0x%x for a trace; known are 0x%x",
			       options->flags, MK_TRACE_REPLAY);
	if (!options->ring_bytes)
		options->ring_bytes = RING_BYTES;
	if (options->ring_bytes < RING_BYTES_LEAST ||
	    options->ring_bytes > MK_TRACE_RING_BYTES_MOST ||
	    options->ring_bytes & (options->ring_bytes - 1))
		return mk_fail(EINVAL,
			       "rings of %u bytes for a trace; use a power of two from "
			       "%u to %u",
			       options->ring_bytes, RING_BYTES_LEAST,
			       MK_TRACE_RING_BYTES_MOST);
	return 0;
}

static int open_parts(struct mk_trace *trace, const char *path, uint32_t number)
{
	int ret = mk_trace_file_open(&trace->file, path, number);

	if (ret)
		return ret;
	mk_trace_write_part(trace);
	mk_trace_file_flush(&trace->file);
	trace->context->trace = trace;
	trace->common = mk_trace_join(trace->context);
	ret = trace->common ? 0 : mk_fail(ENOMEM, "no memory for a trace");
	if (!ret)
		ret = mk_thread_start(&trace->thread, mk_trace_thread, trace,
				      "the trace's thread");
	if (!ret)
		return 0;
	trace->context->trace = NULL;
	if (trace->common) {
		mk_trace_drop_ring(trace->common);
		mk_trace_leave(trace->common);
	}
	mk_trace_file_close(&trace->file);
	return ret;
}

int mk_trace_start_numbered(struct mk_context *context,
			    const struct mk_trace_options *wanted, uint32_t number)
{
	struct mk_trace_options options;
	struct mk_trace *trace;
	int ret = mk_options_copy("struct mk_trace_options", &options, sizeof(options),
				  wanted);

	if (!ret)
		ret = check_options(&options);
	if (ret)
		return ret;
	if (context->trace)
		return mk_fail(EBUSY, "a trace of the context runs; stop that one first");
	pthread_once(&once, watch_forks);
	trace = new_trace(context, &options);
	if (!trace)
		return mk_fail(ENOMEM, "no memory for a trace");
	ret = open_parts(trace, options.path, number);
	if (ret)
		put_trace(trace);
	return ret;
}

int mk_trace_start(struct mk_context *context, const struct mk_trace_options *options)
{
	return mk_trace_start_numbered(context, options, 0);
}

int mk_trace_stop(struct mk_context *context)
{
	struct mk_trace *trace = context->trace;
	int ret;

	if (!trace)
		return 0;
	context->trace = NULL;
	/* In a child of a fork both the thread and the file are the parent's. */
	if (mk_trace_is_copy(trace))
		return 0;
	pthread_mutex_lock(&trace->lock);
	trace->stop = true;
	pthread_cond_signal(&trace->wanted);
	pthread_cond_broadcast(&trace->drained);
	pthread_mutex_unlock(&trace->lock);
	pthread_join(trace->thread, NULL);

	pthread_mutex_lock(&trace->lock);
	mk_trace_drain(trace, true);
	if (trace->flags & MK_TRACE_REPLAY)
		mk_trace_write_memory(trace, true);
	mk_trace_write_end(trace);
	ret = mk_trace_file_close(&trace->file);
	while (!mk_list_is_empty(&trace->rings)) {
		struct mk_trace_ring *ring =
			mk_list_entry(trace->rings.next, struct mk_trace_ring, link);

		atomic_store_explicit(&ring->off, true, memory_order_relaxed);
		mk_trace_drop_ring(ring);
	}
	pthread_mutex_unlock(&trace->lock);
	mk_trace_leave(trace->common);
	put_trace(trace);
	return ret;
}

void mk_trace_counters(struct mk_context *context, struct mk_trace_counters *counters)
{
	struct mk_trace *trace = context->trace;

	*counters = (struct mk_trace_counters){ 0 };
	if (!trace || mk_trace_is_copy(trace))
		return;
	pthread_mutex_lock(&trace->lock);
	counters->records = trace->file.record_count;
	counters->dropped = trace->dropped;
	counters->bytes = trace->file.bytes;
	pthread_mutex_unlock(&trace->lock);
}

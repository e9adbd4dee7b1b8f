// SPDX-License-Identifier: MIT
/* A trace's life, and its thread, which takes the rings to the file. */
#define _GNU_SOURCE
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "deadline.h"
#include "error.h"
#include "options.h"
#include "thread.h"
#include "trace_state.h"

#define RING_BYTES	 (4u << 20)
#define RING_BYTES_LEAST 4096u
#define RING_BYTES_MOST	 (1u << 30)
/* How often rings are emptied that nobody waits for. */
#define DRAIN_NS 10000000u

/* Threads ---------------------------------------------------------------------- */

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

/* Taking rings to the file --------------------------------------------------------- */

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

static void write_dropped(struct mk_trace *trace, uint64_t count)
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
	write_dropped(trace, dropped - ring->dropped_told);
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

static void drop_ring(struct mk_trace_ring *ring)
{
	mk_list_remove(&ring->link);
	mk_trace_ring_put(ring);
}

static void drain(struct mk_trace *trace, bool last)
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
			drop_ring(ring);
	}
	look_for_completions(trace, last);
	mk_trace_file_flush(&trace->file);
}

static void *trace_thread(void *data)
{
	struct mk_trace *trace = data;
	struct timespec until;
	int error;

	pthread_mutex_lock(&trace->lock);
	while (!trace->stop) {
		trace->is_wanted = false;
		drain(trace, false);
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

/* The first and the last record ----------------------------------------------------- */

static void read_boot_id(uint8_t id[16])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
	int had = 1;

	for (int i = 0; file && had == 1 && i < 16; i++) {
		unsigned int byte;

		had = fscanf(file, "%2x", &byte);
		id[i] = had == 1 ? (uint8_t)byte : 0;
		if (i == 3 || i == 5 || i == 7 || i == 9)
			had = fgetc(file) == '-';
	}
	if (file)
		fclose(file);
}

/* The same in all processes that use the context: mk.ko's id, or the file of the cq. */
static void identify(const struct mk_context *context, uint64_t numbers[3])
{
	struct stat status;
	int fd;

	numbers[0] = mk_context_id(context);
	if (numbers[0])
		return;
	fd = mk_context_export(context, MK_REGION_CQ, MK_EXPORT_READ);
	if (fd < 0)
		return;
	if (!fstat(fd, &status)) {
		numbers[1] = status.st_dev;
		numbers[2] = status.st_ino;
	}
	close(fd);
}

static uint64_t real_time_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void write_part(struct mk_trace *trace)
{
	const struct mk_geometry *geometry = &trace->context->geometry;
	struct mk_trace_part_record *record =
		mk_trace_file_reserve(&trace->file, sizeof(*record));

	if (!record)
		return;
	*record = (struct mk_trace_part_record){
		.magic = MK_TRACE_MAGIC,
		.version = MK_TRACE_VERSION,
		.abi_version = MK_ABI_VERSION,
		.pid = (uint32_t)getpid(),
		.flags = trace->flags,
		.begin_real_ns = real_time_ns(),
		.arena_bytes = geometry->arena_bytes,
		.slots = geometry->slots,
		.window_slots = geometry->window_slots,
		.log_records = geometry->log_records,
		.io_slots = geometry->io_slots,
		.io_request_slots = geometry->io_request_slots,
		.observable_words = geometry->observable_words,
		.tenants = geometry->tenants,
		.context_flags = geometry->flags,
		.backing = geometry->backing,
		.engine = geometry->engine,
	};
	mk_trace_put_head(record, MK_TRACE_PART, mk_now_ns(), mk_trace_thread_id(),
			  sizeof(*record));
	read_boot_id(record->boot_id);
	identify(trace->context, record->context);
}

static void write_end(struct mk_trace *trace)
{
	struct mk_trace_end_record *record =
		mk_trace_file_reserve(&trace->file, sizeof(*record));

	if (!record)
		return;
	mk_trace_put_head(record, MK_TRACE_END, mk_now_ns(), mk_trace_thread_id(),
			  sizeof(*record));
	record->records = trace->file.record_count;
	record->dropped = trace->dropped;
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
		write_dropped(trace, 1);
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
	    options->ring_bytes > RING_BYTES_MOST ||
	    options->ring_bytes & (options->ring_bytes - 1))
		return mk_fail(EINVAL,
			       "rings of %u bytes for a trace; use a power of two from "
			       "%u to %u",
			       options->ring_bytes, RING_BYTES_LEAST, RING_BYTES_MOST);
	return 0;
}

static int open_parts(struct mk_trace *trace, const char *path, uint32_t number)
{
	int ret = mk_trace_file_open(&trace->file, path, number);

	if (ret)
		return ret;
	write_part(trace);
	mk_trace_file_flush(&trace->file);
	trace->context->trace = trace;
	trace->common = mk_trace_join(trace->context);
	ret = trace->common ? 0 : mk_fail(ENOMEM, "no memory for a trace");
	if (!ret)
		ret = mk_thread_start(&trace->thread, trace_thread, trace,
				      "the trace's thread");
	if (!ret)
		return 0;
	trace->context->trace = NULL;
	if (trace->common) {
		drop_ring(trace->common);
		mk_trace_leave(trace->common);
	}
	mk_trace_file_close(&trace->file);
	return ret;
}

static int start(struct mk_context *context, const struct mk_trace_options *wanted,
		 uint32_t number)
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
	return start(context, options, 0);
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
	drain(trace, true);
	if (trace->flags & MK_TRACE_REPLAY)
		mk_trace_write_memory(trace, true);
	write_end(trace);
	ret = mk_trace_file_close(&trace->file);
	while (!mk_list_is_empty(&trace->rings)) {
		struct mk_trace_ring *ring =
			mk_list_entry(trace->rings.next, struct mk_trace_ring, link);

		atomic_store_explicit(&ring->off, true, memory_order_relaxed);
		drop_ring(ring);
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

/* By environment ------------------------------------------------------------------ */

static int take_option(const char *text, size_t length, struct mk_trace_options *options)
{
	static const char replay[] = "replay", ring_bytes[] = "ring_bytes=";
	const size_t prefix = sizeof(ring_bytes) - 1;
	char *end = NULL;
	unsigned long value;

	if (length == sizeof(replay) - 1 && !strncmp(text, replay, length)) {
		options->flags |= MK_TRACE_REPLAY;
		return 0;
	}
	if (length > prefix && !strncmp(text, ring_bytes, prefix)) {
		value = strtoul(text + prefix, &end, 10);
		if (end == text + length && value <= RING_BYTES_MOST) {
			options->ring_bytes = (uint32_t)value;
			return 0;
		}
	}
	return mk_fail(EINVAL,
		       "the environment variable MK_TRACE_OPTIONS has \"%.*s\"; it has "
		       "replay, ring_bytes=N, or both with a comma between them",
		       (int)length, text);
}

/* The first of a process has the name as it is, if no other process has that. */
static int start_numbered(struct mk_context *context,
			  const struct mk_trace_options *options)
{
	static atomic_uint count;
	static atomic_int counted_by;
	uint32_t number;
	int ret;

	/* A child of a fork counts its own. */
	if (atomic_exchange(&counted_by, getpid()) != getpid())
		atomic_store(&count, 0);
	number = atomic_load(&count);
	do {
		ret = start(context, options, number++);
	} while (ret == -EBUSY);
	if (!ret)
		atomic_store(&count, number);
	return ret;
}

int mk_trace_start_by_environment(struct mk_context *context)
{
	const char *path = getenv("MK_TRACE");
	const char *text = getenv("MK_TRACE_OPTIONS");
	struct mk_trace_options options = { .size = sizeof(options), .path = path };

	if (!path || !*path)
		return 0;
	while (text && *text) {
		size_t length = strcspn(text, ",");
		int ret = take_option(text, length, &options);

		if (ret)
			return ret;
		text += length + (text[length] == ',');
	}
	return start_numbered(context, &options);
}

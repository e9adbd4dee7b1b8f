// SPDX-License-Identifier: MIT
/* Traces: what is recorded, what is dropped, and files that are no longer what they were. */
#define _GNU_SOURCE
#include "live.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zstd.h>

#include "children.h"
#include "trace_record.h"

#define THREADS	    4
#define ROUNDS	    500
#define SMALL_RING  4096
#define FEW	    20
#define EVENT_LIMIT 1000000

static char path[] = "/tmp/mk-test-trace-XXXXXX";

/* Recording ------------------------------------------------------------------------ */

static void start_trace(struct live *live, uint32_t flags, uint32_t ring_bytes)
{
	const struct mk_trace_options options = {
		.size = sizeof(options),
		.path = path,
		.flags = flags,
		.ring_bytes = ring_bytes,
	};

	live_ok(mk_trace_start(live->context, &options));
}

static struct mk_trace_reader *open_trace(int fd)
{
	struct mk_trace_reader *reader = NULL;

	live_ok(mk_trace_open(fd, &reader));
	return reader;
}

/* All of a file, for tests of what is in it. */
struct gathered {
	struct mk_trace_event *events; /* without their data */
	size_t count;
	uint64_t dropped;
	bool has_end;
};

static struct gathered gather(void (*each)(const struct mk_trace_event *, void *),
			      void *argument)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct gathered all = { 0 };
	struct mk_trace_reader *reader;
	int ret;

	assert_true(fd >= 0);
	reader = open_trace(fd);
	all.events = calloc(EVENT_LIMIT, sizeof(*all.events));
	assert_non_null(all.events);
	while ((ret = mk_trace_next(reader, &all.events[all.count])) == 1) {
		const struct mk_trace_event *event = &all.events[all.count];

		assert_true(++all.count < EVENT_LIMIT);
		all.has_end |= event->type == MK_TRACE_END;
		if (event->type == MK_TRACE_DROPPED)
			all.dropped += event->dropped;
		if (each)
			each(event, argument);
	}
	live_expect(0, ret);
	assert_false(mk_trace_is_cut_off(reader));
	mk_trace_close(reader);
	close(fd);
	return all;
}

static size_t count_type(const struct gathered *all, enum mk_trace_type type)
{
	size_t count = 0;

	for (size_t i = 0; i < all->count; i++)
		count += all->events[i].type == type;
	return count;
}

static const struct mk_trace_event *completion_of(const struct gathered *all,
						  const struct mk_trace_publish *publish)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct mk_trace_event *event = &all->events[i];

		if (event->type == MK_TRACE_COMPLETION &&
		    event->completion.slot == publish->slot &&
		    event->completion.use == publish->use)
			return event;
	}
	return NULL;
}

/* Tests of recording ----------------------------------------------------------------- */

static size_t thread_count(void)
{
	struct stat status;

	/* A folder has a link of each in it, and two of its own. */
	assert_int_equal(0, stat("/proc/self/task", &status));
	return status.st_nlink - 2;
}

static void nothing_is_allocated_without(void **state)
{
	struct live *live = *state;
	struct mk_trace_counters counters;
	struct mk_producer *producer;
	size_t before, threads;

	live_create(live, NULL);
	producer = live_producer(live, 0, 0);
	live_ok(mk_producer_publish(producer, &LIVE_NOP, LIVE_TIMEOUT_NS, NULL));
	threads = thread_count();
	before = mallinfo2().uordblks;
	for (int i = 0; i < FEW; i++)
		live_ok(mk_producer_publish(producer, &LIVE_NOP, LIVE_TIMEOUT_NS, NULL));
	mk_trace_arena(live->context, 0, 1);
	assert_int_equal(before, mallinfo2().uordblks);
	assert_int_equal(threads, thread_count());
	mk_trace_counters(live->context, &counters);
	assert_int_equal(0, counters.records);
	live_ok(mk_trace_stop(live->context));
}

struct worker {
	struct mk_producer *producer;
	uint32_t index;
	int result;
};

static void *add_often(void *data)
{
	struct worker *worker = data;

	for (uint32_t i = 0; i < ROUNDS && !worker->result; i++)
		worker->result = live_run(worker->producer,
					  &LIVE_ITEM(MK_OP_ATOMIC_ADD, worker->index + 1,
						     LIVE_OBSERVABLE(worker->index)));
	return NULL;
}

static void producers_in_threads(void **state)
{
	const struct mk_geometry geometry = { .observable_words = THREADS };
	struct worker workers[THREADS] = { 0 };
	pthread_t threads[THREADS];
	struct live *live = *state;
	struct gathered all;
	uint32_t seen[THREADS] = { 0 };

	live_create(live, &geometry);
	start_trace(live, 0, 0);
	live_start(live, NULL);
	for (uint32_t i = 0; i < THREADS; i++) {
		workers[i].index = i;
		workers[i].producer = live_producer(live, 0, 0);
		assert_int_equal(0, pthread_create(&threads[i], NULL, add_often,
						   &workers[i]));
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(0, workers[i].result);
		assert_int_equal(ROUNDS * (i + 1), live_observable(live, i));
	}
	live_stop(live);
	live_close_producers(live);
	live_ok(mk_trace_stop(live->context));

	all = gather(NULL, NULL);
	assert_true(all.has_end);
	assert_int_equal(0, all.dropped);
	assert_int_equal(MK_TRACE_PART, all.events[0].type);
	assert_int_equal(THREADS * ROUNDS, count_type(&all, MK_TRACE_PUBLISH));
	assert_true(count_type(&all, MK_TRACE_DISPATCH_BEGIN) > 0);
	assert_int_equal(count_type(&all, MK_TRACE_DISPATCH_BEGIN),
			 count_type(&all, MK_TRACE_DISPATCH_END));
	assert_int_equal(count_type(&all, MK_TRACE_PARK),
			 count_type(&all, MK_TRACE_UNPARK));
	for (size_t i = 0; i < all.count; i++) {
		const struct mk_trace_event *event = &all.events[i];
		const struct mk_trace_event *completion;
		uint32_t worker;

		if (event->type != MK_TRACE_PUBLISH)
			continue;
		assert_int_equal(MK_OP_ATOMIC_ADD, event->publish.words[MK_SLOT_OPCODE]);
		worker = event->publish.words[MK_SLOT_ARGS] - 1;
		assert_true(worker < THREADS);
		seen[worker]++;
		completion = completion_of(&all, &event->publish);
		assert_non_null(completion);
		assert_int_equal(MK_STATUS_DONE, completion->completion.status);
		assert_true(completion->time_ns > event->time_ns);
	}
	for (uint32_t i = 0; i < THREADS; i++)
		assert_int_equal(ROUNDS, seen[i]);
	free(all.events);
}

struct slots_wanted {
	struct live *live;
	uint64_t done;
};

static bool are_done(void *argument)
{
	struct slots_wanted *wanted = argument;
	struct mk_counters counters;

	mk_context_counters(wanted->live->context, &counters);
	return counters.slots_done == wanted->done;
}

static void wait_until_done(struct live *live, uint64_t slots)
{
	struct slots_wanted wanted = { live, slots };

	assert_true(live_eventually(are_done, &wanted));
}

static void drops_are_counted(void **state)
{
	struct live *live = *state;
	struct mk_trace_counters counters = { 0 };
	struct mk_item items[64];
	struct mk_producer *producer;
	struct gathered all;
	uint64_t published = 0, begin = live_now_ns();

	for (size_t i = 0; i < 64; i++)
		items[i] = LIVE_NOP;
	live_create(live, NULL);
	/* Started before, so that the one ring that fills is the producer's. */
	live_start(live, NULL);
	start_trace(live, 0, SMALL_RING);
	producer = live_producer(live, 0, 0);
	while (!counters.dropped) {
		int64_t count = mk_producer_publish_many(producer, items, 64,
							 LIVE_TIMEOUT_NS, NULL);

		assert_int_equal(64, count);
		published += 64;
		assert_true(live_now_ns() - begin < LIVE_TIMEOUT_NS);
		mk_trace_counters(live->context, &counters);
	}
	wait_until_done(live, published);
	live_close_producers(live);
	live_ok(mk_trace_stop(live->context));

	all = gather(NULL, NULL);
	assert_true(all.dropped > 0);
	assert_int_equal(published, count_type(&all, MK_TRACE_PUBLISH) + all.dropped);
	free(all.events);
}

static void what_nobody_waits_for_is_seen_late(void **state)
{
	struct live *live = *state;
	struct mk_producer *producer;
	struct gathered all;

	live_create(live, NULL);
	start_trace(live, 0, 0);
	producer = live_producer(live, 0, 0);
	for (int i = 0; i < FEW; i++)
		live_ok(mk_producer_publish(producer, i ? &LIVE_NOP : &LIVE_ITEM(0x777),
					    LIVE_TIMEOUT_NS, NULL));
	live_start(live, NULL);
	wait_until_done(live, FEW - 1);
	live_stop(live);
	live_close_producers(live);
	live_ok(mk_trace_stop(live->context));

	all = gather(NULL, NULL);
	assert_int_equal(FEW, count_type(&all, MK_TRACE_PUBLISH));
	assert_int_equal(FEW, count_type(&all, MK_TRACE_COMPLETION));
	for (size_t i = 0; i < all.count; i++) {
		const struct mk_trace_event *event = &all.events[i];
		const struct mk_trace_event *completion;
		bool is_fault;

		if (event->type != MK_TRACE_PUBLISH)
			continue;
		completion = completion_of(&all, &event->publish);
		assert_non_null(completion);
		is_fault = event->publish.words[MK_SLOT_OPCODE] != MK_OP_NOP;
		assert_int_equal(MK_TRACE_SEEN_LATE, completion->completion.flags);
		assert_int_equal(is_fault ? MK_STATUS_FAULT : MK_STATUS_DONE,
				 completion->completion.status);
		assert_int_equal(is_fault ? MK_FAULT_OPCODE : 0,
				 completion->completion.fault);
	}
	free(all.events);
}

/* What a trace for replay has besides. */
struct memory_seen {
	uint64_t arena[2]; /* bytes at the beginning, at the end */
	uint32_t word[2];
	uint32_t noted;
	uint32_t epochs;
	uint32_t observables[3]; /* at the last epoch */
};

static void see_memory(const struct mk_trace_event *event, void *argument)
{
	struct memory_seen *seen = argument;

	if (event->type == MK_TRACE_MEMORY && event->data.memory == MK_MEMORY_ARENA(0)) {
		if (!event->data.offset)
			memcpy(&seen->word[event->data.is_end], event->data.data,
			       sizeof(seen->word[0]));
		seen->arena[event->data.is_end] += event->data.bytes;
	}
	if (event->type == MK_TRACE_ARENA) {
		assert_int_equal(4, event->data.offset);
		assert_int_equal(4, event->data.bytes);
		memcpy(&seen->noted, event->data.data, sizeof(seen->noted));
	}
	if (event->type == MK_TRACE_EPOCH) {
		assert_int_equal(3, event->epoch.total);
		assert_int_equal(3, event->epoch.count);
		assert_true(event->epoch.begin_ns <= event->time_ns);
		memcpy(seen->observables, event->epoch.data, sizeof(seen->observables));
		seen->epochs++;
	}
}

static void replays_have_all(void **state)
{
	enum { BATCHES = 100, ARENA_BYTES = 1 << 20 };
	const struct mk_geometry geometry = { .observable_words = 3,
					      .arena_bytes = ARENA_BYTES };
	struct mk_ticket fence;
	struct memory_seen seen = { 0 };
	struct live *live = *state;
	struct mk_producer *producer;
	struct gathered all;
	uint32_t *arena;

	live_create(live, &geometry);
	/* A ring that is too small, but nothing may be lost. */
	start_trace(live, MK_TRACE_REPLAY, SMALL_RING);
	arena = mk_context_arena(live->context);
	arena[0] = 11;
	live_start(live, NULL);
	producer = live_producer(live, 0, 0);
	for (uint32_t i = 1; i <= BATCHES; i++) {
		live_ok(mk_producer_publish_batch(
			producer, &LIVE_ITEM(MK_OP_ATOMIC_ADD, 2, LIVE_OBSERVABLE(1)), 1,
			i, LIVE_TIMEOUT_NS, &fence, NULL));
		live_ok(mk_producer_wait(producer, &fence, LIVE_TIMEOUT_NS));
		arena[1] = i;
		mk_trace_arena(live->context, 4, 4);
	}
	/* Beyond the end: nothing. */
	mk_trace_arena(live->context, ARENA_BYTES, 4);
	mk_trace_arena(live->context, 0, UINT64_MAX);
	arena[0] = 12;
	live_stop(live);
	live_close_producers(live);
	live_ok(mk_trace_stop(live->context));

	all = gather(see_memory, &seen);
	assert_int_equal(0, all.dropped);
	assert_int_equal(2 * BATCHES, count_type(&all, MK_TRACE_PUBLISH));
	assert_int_equal(BATCHES, count_type(&all, MK_TRACE_ARENA));
	assert_int_equal(ARENA_BYTES, seen.arena[0]);
	assert_int_equal(ARENA_BYTES, seen.arena[1]);
	assert_int_equal(11, seen.word[0]);
	assert_int_equal(12, seen.word[1]);
	assert_int_equal(BATCHES, seen.noted);
	assert_int_equal(BATCHES, seen.epochs);
	assert_int_equal(BATCHES, seen.observables[0]);
	assert_int_equal(2 * BATCHES, seen.observables[1]);
	free(all.events);
}

static void what_is_open_outlives_a_trace(void **state)
{
	struct live *live = *state;
	struct mk_producer *producer;
	struct gathered all;

	live_create(live, NULL);
	start_trace(live, 0, 0);
	live_expect(-EBUSY,
		    mk_trace_start(live->context,
				   &(struct mk_trace_options){
					   .size = sizeof(struct mk_trace_options),
					   .path = path }));
	live_start(live, NULL);
	producer = live_producer(live, 0, 0);
	live_ok(live_run(producer, &LIVE_NOP));
	live_ok(mk_trace_stop(live->context));
	live_ok(live_run(producer, &LIVE_NOP));
	all = gather(NULL, NULL);
	assert_int_equal(1, count_type(&all, MK_TRACE_PUBLISH));
	free(all.events);
	/* And what is opened between two traces is part of neither. */
	start_trace(live, MK_TRACE_REPLAY, 0);
	live_ok(live_run(producer, &LIVE_NOP));
	live_ok(mk_trace_stop(live->context));
	all = gather(NULL, NULL);
	assert_int_equal(0, count_type(&all, MK_TRACE_PUBLISH));
	free(all.events);
}

/* What a child publishes on what it has from its parent is nobody's record. */
/* A body, in a fork. */
static int publish_as_child(const struct child_self *self)
{
	struct mk_context *context = self->argument;
	struct mk_producer *producer;
	struct mk_ticket ticket;

	if (mk_producer_open(context, NULL, &producer))
		return 1;
	for (int i = 0; i < ROUNDS; i++)
		if (mk_producer_publish(producer, &LIVE_NOP, LIVE_TIMEOUT_NS, &ticket) ||
		    mk_context_wait(context, &ticket, LIVE_TIMEOUT_NS) ||
		    mk_producer_wait(producer, &ticket, LIVE_TIMEOUT_NS))
			return 2;
	mk_trace_arena(context, 0, 0);
	mk_producer_close(producer);
	return mk_trace_stop(context) ? 3 : 0;
}

static void children_are_not_traced(void **state)
{
	struct live *live = *state;
	struct gathered all;
	struct child child;

	live_create(live, NULL);
	start_trace(live, MK_TRACE_REPLAY, SMALL_RING);
	live_start(live, NULL);
	live_ok(live_run(live_producer(live, 0, 0), &LIVE_NOP));
	child_fork(&child, publish_as_child, live->context);
	child_expect_success(&child);
	live_stop(live);
	live_close_producers(live);
	live_ok(mk_trace_stop(live->context));
	all = gather(NULL, NULL);
	assert_true(all.has_end);
	assert_int_equal(1, count_type(&all, MK_TRACE_PUBLISH));
	free(all.events);
}

static void bad_options_are_refused(void **state)
{
	const struct mk_trace_options bad[] = {
		{ .size = sizeof(bad[0]) },
		{ .size = sizeof(bad[0]), .path = "" },
		{ .size = sizeof(bad[0]), .path = path, .flags = 1u << 31 },
		{ .size = sizeof(bad[0]), .path = path, .ring_bytes = 5000 },
		{ .size = sizeof(bad[0]), .path = path, .ring_bytes = 2048 },
	};
	const struct mk_trace_options nowhere = { .size = sizeof(nowhere),
						  .path = "/nonexistent/trace" };
	struct live *live = *state;

	live_create(live, NULL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		live_expect(-EINVAL, mk_trace_start(live->context, &bad[i]));
	live_expect(-ENOENT, mk_trace_start(live->context, &nowhere));
}

/* The environment -------------------------------------------------------------------- */

static void the_environment_starts_traces(void **state)
{
	struct live *live = *state;
	struct mk_context *second = NULL;
	char pattern[64], first[64], next[96];

	snprintf(pattern, sizeof(pattern), "%s-%%p", path);
	snprintf(first, sizeof(first), "%s-%d", path, (int)getpid());
	snprintf(next, sizeof(next), "%s.%d.1", first, (int)getpid());
	setenv("MK_TRACE", pattern, 1);
	setenv("MK_TRACE_OPTIONS", "replay,ring_bytes=5000", 1);
	live_expect(-EINVAL, mk_context_create(NULL, &second));
	setenv("MK_TRACE_OPTIONS", "fast", 1);
	live_expect(-EINVAL, mk_context_create(NULL, &second));
	setenv("MK_TRACE", "/nonexistent/trace", 1);
	setenv("MK_TRACE_OPTIONS", "", 1);
	live_expect(-ENOENT, mk_context_create(NULL, &second));
	setenv("MK_TRACE", pattern, 1);
	setenv("MK_TRACE_OPTIONS", "replay,ring_bytes=8192", 1);
	live_create(live, NULL);
	second = live_attach(live, MK_ROLE_OBSERVER);
	mk_context_close(second);
	unsetenv("MK_TRACE");
	unsetenv("MK_TRACE_OPTIONS");
	live_ok(mk_trace_stop(live->context));
	live_ok(unlink(first));
	live_ok(unlink(next));
}

/* Files that are no longer what they were ------------------------------------------------ */

struct file {
	uint8_t *data;
	size_t bytes;
};

static struct file read_file(void)
{
	struct file file = { 0 };
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_int_equal(0, fstat(fd, &status));
	file.bytes = (size_t)status.st_size;
	file.data = malloc(file.bytes);
	assert_int_equal(file.bytes, read(fd, file.data, file.bytes));
	close(fd);
	return file;
}

/* Times and numbers of each event, so that two readings can be compared. */
struct reading {
	int ret;
	bool is_cut_off;
	size_t count;
	uint64_t hashes[256];
};

static uint64_t hash_event(const struct mk_trace_event *event)
{
	const uint8_t *bytes = (const uint8_t *)&event->publish;
	uint64_t hash = event->time_ns * 31 + event->type;

	if (event->type == MK_TRACE_PUBLISH || event->type == MK_TRACE_COMPLETION)
		for (size_t i = 0; i < sizeof(event->completion); i++)
			hash = hash * 1099511628211u + bytes[i];
	return hash;
}

static void read_bytes(int fd, const uint8_t *data, size_t bytes, struct reading *reading)
{
	struct mk_trace_reader *reader;
	struct mk_trace_event event;

	*reading = (struct reading){ 0 };
	assert_int_equal(0, ftruncate(fd, 0));
	assert_int_equal(bytes, pwrite(fd, data, bytes, 0));
	reading->ret = mk_trace_open(fd, &reader);
	if (reading->ret)
		return;
	while ((reading->ret = mk_trace_next(reader, &event)) == 1) {
		assert_true(reading->count < 256);
		reading->hashes[reading->count++] = hash_event(&event);
	}
	reading->is_cut_off = mk_trace_is_cut_off(reader);
	/* An error stays. */
	if (reading->ret)
		assert_int_equal(reading->ret, mk_trace_next(reader, &event));
	mk_trace_close(reader);
}

static bool is_prefix(const struct reading *of, const struct reading *reading)
{
	return reading->count <= of->count &&
	       !memcmp(of->hashes, reading->hashes,
		       reading->count * sizeof(of->hashes[0]));
}

/* A file of several blocks. */
static struct file record_some(struct live *live)
{
	const struct mk_geometry geometry = { .slots = 64, .window_slots = 8 };
	struct mk_trace_counters counters;
	struct mk_producer *producer;

	live_create(live, &geometry);
	live_start(live, NULL);
	start_trace(live, 0, 0);
	producer = live_producer(live, 0, 0);
	for (int i = 0; i < FEW; i++) {
		live_ok(live_run(producer, &LIVE_NOP));
		do {
			mk_trace_counters(live->context, &counters);
		} while (i == FEW / 2 && counters.records < FEW);
	}
	live_close_producers(live);
	live_ok(mk_trace_stop(live->context));
	return read_file();
}

static void every_truncation_is_a_prefix(void **state)
{
	struct file file = record_some(*state);
	int fd = memfd_create("trace", MFD_CLOEXEC);
	struct reading whole, part;
	size_t whole_blocks = 0;

	read_bytes(fd, file.data, file.bytes, &whole);
	assert_int_equal(0, whole.ret);
	assert_false(whole.is_cut_off);
	assert_true(whole.count >= 2 * FEW);
	for (size_t bytes = 0; bytes < file.bytes; bytes++) {
		read_bytes(fd, file.data, bytes, &part);
		assert_true(is_prefix(&whole, &part));
		assert_true(part.count < whole.count);
		if (part.ret) {
			/* Not even the first block. */
			assert_int_equal(-EPROTO, part.ret);
			assert_int_equal(0, part.count);
		}
		whole_blocks += !part.ret && !part.is_cut_off;
	}
	/* Between blocks a file cannot know that it is cut off; it lacks its end. */
	assert_true(whole_blocks >= 2);
	close(fd);
	free(file.data);
}

static void every_flipped_byte_is_found(void **state)
{
	struct file file = record_some(*state);
	int fd = memfd_create("trace", MFD_CLOEXEC);
	struct reading whole, part;
	size_t unnoticed = 0;

	read_bytes(fd, file.data, file.bytes, &whole);
	for (size_t at = 0; at < file.bytes; at++) {
		for (int bit = 0; bit < 9; bit++) {
			uint8_t mask = bit == 8 ? 0xff : (uint8_t)(1 << bit);

			file.data[at] ^= mask;
			read_bytes(fd, file.data, file.bytes, &part);
			file.data[at] ^= mask;
			assert_true(is_prefix(&whole, &part));
			if (!part.ret && !part.is_cut_off) {
				/* zstd has a bit that means nothing, in each frame. */
				assert_int_equal(whole.count, part.count);
				unnoticed++;
			}
		}
	}
	assert_true(unnoticed * 100 < file.bytes * 9);
	close(fd);
	free(file.data);
}

/* A file of one block with these records. */
static int read_records(int fd, const void *records, size_t bytes)
{
	size_t bound = ZSTD_compressBound(bytes);
	uint8_t *file = malloc(bound + MK_TRACE_BLOCK_HEADER);
	uint32_t header[2] = { MK_TRACE_BLOCK_MAGIC, 0 };
	struct reading reading;
	size_t stored;

	stored = ZSTD_compress(file + sizeof(header), bound, records, bytes, 1);
	assert_false(ZSTD_isError(stored));
	header[1] = (uint32_t)stored;
	memcpy(file, header, sizeof(header));
	read_bytes(fd, file, sizeof(header) + stored, &reading);
	free(file);
	return reading.ret;
}

struct two_records {
	struct mk_trace_part_record part;
	union {
		struct mk_trace_head head;
		struct mk_trace_publish_record publish;
		struct mk_trace_completion_record completion;
		struct mk_trace_io_record io;
		struct mk_trace_data_record data;
		struct mk_trace_epoch_record epoch;
		struct mk_trace_control_record control;
		uint8_t bytes[256];
	};
};

static struct two_records good_records(enum mk_trace_type type)
{
	struct two_records records = {
		.part = {
			.magic = MK_TRACE_MAGIC,
			.version = MK_TRACE_VERSION,
			.abi_version = MK_ABI_VERSION,
			.slots = 64,
			.window_slots = 32,
			.log_records = 8,
			.io_slots = 8,
			.io_request_slots = 4,
			.observable_words = 16,
			.arena_bytes = 4096,
		},
	};

	mk_trace_put_head(&records.part, MK_TRACE_PART, 1, 1, sizeof(records.part));
	mk_trace_put_head(&records.head, type, 2, 1, sizeof(records.bytes));
	return records;
}

#define EXPECT_RECORD(expected, type, change)                           \
	do {                                                            \
		struct two_records r = good_records(type);              \
		change;                                                 \
		live_expect(expected, read_records(fd, &r, sizeof(r))); \
	} while (0)

static void records_that_cannot_be_are_refused(void **state)
{
	const struct mk_trace_head head = { 0 };
	int fd = memfd_create("trace", MFD_CLOEXEC);

	(void)state;
	EXPECT_RECORD(-EBADMSG, MK_TRACE_PUBLISH, r.publish.slot = 1);
	EXPECT_RECORD(0, MK_TRACE_PUBLISH, r.publish.words[0] = MK_STATUS_PUBLISHED);
	EXPECT_RECORD(-EBADMSG, MK_TRACE_PUBLISH,
		      (r.publish.words[0] = MK_STATUS_PUBLISHED, r.publish.slot = 64));
	EXPECT_RECORD(0, MK_TRACE_COMPLETION, r.completion.slot = 63);
	EXPECT_RECORD(-EBADMSG, MK_TRACE_COMPLETION, r.completion.slot = UINT32_MAX);
	EXPECT_RECORD(-EBADMSG, MK_TRACE_COMPLETION, r.completion.status = 2);
	EXPECT_RECORD(0, MK_TRACE_IO_CLAIM, r.io.slot = 7);
	EXPECT_RECORD(-EBADMSG, MK_TRACE_IO_ANSWER, r.io.slot = 8);
	EXPECT_RECORD(0, MK_TRACE_ARENA, (r.data.offset = 4000, r.data.bytes = 96));
	EXPECT_RECORD(-EBADMSG, MK_TRACE_ARENA,
		      (r.data.offset = 4000, r.data.bytes = 97));
	EXPECT_RECORD(-EBADMSG, MK_TRACE_ARENA,
		      (r.data.offset = UINT64_MAX, r.data.bytes = 2));
	EXPECT_RECORD(-EBADMSG, MK_TRACE_ARENA, r.data.bytes = 250);
	EXPECT_RECORD(-EBADMSG, MK_TRACE_ARENA, r.data.bytes = 0);
	EXPECT_RECORD(-EBADMSG, MK_TRACE_IO_DATA, (r.data.bytes = 1, r.data.more = 1));
	EXPECT_RECORD(-EBADMSG, MK_TRACE_MEMORY, (r.data.bytes = 1, r.data.where = 99));
	EXPECT_RECORD(0, MK_TRACE_EPOCH, (r.epoch.count = 16, r.epoch.total = 16));
	EXPECT_RECORD(-EBADMSG, MK_TRACE_EPOCH,
		      (r.epoch.first = 1, r.epoch.count = 16, r.epoch.total = 16));
	EXPECT_RECORD(-EBADMSG, MK_TRACE_EPOCH, r.epoch.total = 17);
	EXPECT_RECORD(-EBADMSG, MK_TRACE_CONTROL, r.control.word = 160);
	EXPECT_RECORD(-EBADMSG, MK_TRACE_TYPE_COUNT, r.head.time_ns = 0);
	EXPECT_RECORD(-EBADMSG, MK_TRACE_PARK, r.head.units = 0);
	EXPECT_RECORD(-EBADMSG, MK_TRACE_PARK, r.head.units = 17);
	EXPECT_RECORD(-EPROTO, MK_TRACE_PARK, r.part.version++);
	EXPECT_RECORD(-EPROTO, MK_TRACE_PARK, r.part.abi_version++);
	EXPECT_RECORD(-EBADMSG, MK_TRACE_PARK, r.part.magic++);
	EXPECT_RECORD(-EBADMSG, MK_TRACE_PARK, r.part.slots = 0);
	EXPECT_RECORD(-EBADMSG, MK_TRACE_PARK, r.part.slots = UINT32_MAX);
	EXPECT_RECORD(-EBADMSG, MK_TRACE_PARK, r.part.backing = 9);
	EXPECT_RECORD(-EBADMSG, MK_TRACE_PARK, r.part.head.type = MK_TRACE_UNPARK);
	live_expect(-EBADMSG, read_records(fd, &head, sizeof(head)));
	live_expect(-EBADMSG, read_records(fd, &head, sizeof(head) - 1));
	close(fd);
}

/* Any bytes in records, with right checksums: never more than an error. */
static void random_records_do_no_harm(void **state)
{
	int fd = memfd_create("trace", MFD_CLOEXEC);
	uint64_t seed = 1;
	int counts[2] = { 0 };

	(void)state;
	for (int round = 0; round < 5000; round++) {
		struct two_records records =
			good_records(live_random(&seed) % (MK_TRACE_TYPE_COUNT + 1));
		uint8_t *bytes = (uint8_t *)&records;
		int ret;

		for (uint32_t i = live_random(&seed) % 8; i; i--)
			bytes[live_random(&seed) % sizeof(records)] =
				(uint8_t)live_random(&seed);
		ret = read_records(fd, &records, sizeof(records));
		assert_true(!ret || ret == -EBADMSG || ret == -EPROTO);
		counts[!ret]++;
	}
	assert_true(counts[0] > 100 && counts[1] > 100);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIVE_TEST(nothing_is_allocated_without),
		LIVE_TEST(producers_in_threads),
		LIVE_TEST(drops_are_counted),
		LIVE_TEST(what_nobody_waits_for_is_seen_late),
		LIVE_TEST(replays_have_all),
		LIVE_TEST(what_is_open_outlives_a_trace),
		LIVE_TEST(children_are_not_traced),
		LIVE_TEST(bad_options_are_refused),
		LIVE_TEST(the_environment_starts_traces),
		LIVE_TEST(every_truncation_is_a_prefix),
		LIVE_TEST(every_flipped_byte_is_found),
		cmocka_unit_test(records_that_cannot_be_are_refused),
		cmocka_unit_test(random_records_do_no_harm),
	};
	int fd = mkstemp(path);
	int ret;

	if (fd < 0) {
		perror(path);
		return EXIT_FAILURE;
	}
	close(fd);
	ret = live_main(tests);
	unlink(path);
	return ret;
}

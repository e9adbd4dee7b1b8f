// SPDX-License-Identifier: MIT
/*
 * Snapshots: what is in them is what was in the context, and of a file nothing is believed.
 * And contexts that are found and attached to by looking into a process.
 */
#define _GNU_SOURCE
#include "live.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "snapshot_layout.h"

#define MEMORIES (MK_MEMORY_ARENA(0) + 1)

static const struct mk_geometry small = {
	.size = sizeof(small),
	.slots = 64,
	.observable_words = 16,
	.arena_bytes = 8192,
};

/* A file's bytes. */
struct file {
	uint8_t *bytes;
	size_t length;
};

/* A context on which something was done, and what it looks like now. */
static struct mk_snapshot *take(struct live *live, uint32_t memories)
{
	const struct mk_snapshot_options options = { .size = sizeof(options),
						     .memories = memories };
	struct mk_snapshot *snapshot;
	struct mk_producer *producer;

	live_create(live, &small);
	live_start(live, NULL);
	producer = live_producer(live, 0, 0);
	live_ok(live_run(producer, &LIVE_ITEM(MK_OP_ATOMIC_ADD, 5, LIVE_OBSERVABLE(1))));
	live_ok(live_run(producer, &LIVE_ITEM(MK_OP_PRINTF, 7, 8, 9)));
	live_expect(MK_FAULT_RANGE,
		    live_run(producer, &LIVE_ITEM(MK_OP_STORE_U32, 1, 0xffffff)));
	live_close_producers(live);
	live_stop(live);
	live_ok(mk_snapshot_take(live->context, &options, &snapshot));
	return snapshot;
}

static int file_of(const struct mk_snapshot *snapshot)
{
	int fd = memfd_create("snapshot", MFD_CLOEXEC);

	assert_true(fd >= 0);
	live_ok(mk_snapshot_write(snapshot, fd));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static struct file bytes_of(const struct mk_snapshot *snapshot)
{
	int fd = file_of(snapshot);
	struct stat stat;
	struct file file;

	assert_int_equal(fstat(fd, &stat), 0);
	file.length = (size_t)stat.st_size;
	file.bytes = malloc(file.length);
	assert_non_null(file.bytes);
	assert_int_equal(read(fd, file.bytes, file.length), file.length);
	close(fd);
	return file;
}

/* Read the first @length bytes as a file of their own; what came out is thrown away. */
static int read_bytes(const uint8_t *bytes, size_t length)
{
	int fd = memfd_create("snapshot", MFD_CLOEXEC);
	struct mk_snapshot *snapshot;
	int ret;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	ret = mk_snapshot_read(fd, &snapshot);
	close(fd);
	if (!ret)
		mk_snapshot_free(snapshot);
	return ret;
}

/* Taken ----------------------------------------------------------------------------- */

static void test_has_what_the_context_has(void **state)
{
	struct live *live = *state;
	struct mk_snapshot *snapshot = take(live, 0);
	const struct mk_snapshot_info *info = mk_snapshot_info(snapshot);
	const uint32_t *words;
	size_t count;

	assert_int_equal(info->geometry.slots, 64);
	assert_int_equal(info->memories, MK_SNAPSHOT_DEFAULT);
	assert_int_equal(info->tear.slots_changed, 0);
	assert_int_equal(info->tear.io_slots_changed, 0);
	assert_int_equal(info->pid, getpid());
	words = mk_snapshot_words(snapshot, MK_REGION_CONTROL, &count);
	assert_int_equal(count, MK_CONTROL_OBSERVABLES + 16);
	assert_int_equal(words[LIVE_OBSERVABLE(1)], 5);
	words = mk_snapshot_words(snapshot, MK_REGION_CQ, &count);
	assert_int_equal(words[MK_CQ_MAGIC], MK_CQ_MAGIC_VALUE);
	assert_null(mk_snapshot_words(snapshot, MK_MEMORY_ARENA(0), &count));
	assert_int_equal(count, 0);
	assert_null(mk_snapshot_words(snapshot, 1000, &count));
	mk_snapshot_free(snapshot);
	mk_snapshot_free(NULL);
}

static void test_ring_is_as_read_back(void **state)
{
	struct live *live = *state;
	struct mk_snapshot *snapshot = take(live, 0);
	uint32_t storage[MK_READBACK_BUFFERS][2048];
	struct mk_readback readback;
	const uint32_t *ring;
	size_t count;

	for (int i = 0; i < MK_READBACK_BUFFERS; i++)
		readback.buffers[i] =
			(struct mk_buffer){ storage[i], 0, sizeof(storage[i]) };
	live_ok(mk_context_readback(live->context, &readback));
	ring = mk_snapshot_ring(snapshot, &count);
	assert_int_equal(count * sizeof(*ring), readback.buffers[MK_REGION_RING].length);
	assert_memory_equal(ring, storage[MK_REGION_RING], count * sizeof(*ring));
	mk_snapshot_free(snapshot);
}

static void test_takes_what_is_asked_for(void **state)
{
	struct live *live = *state;
	struct mk_snapshot *snapshot = take(live, MK_SNAPSHOT_MEMORY(MK_MEMORY_ARENA(0)));
	struct mk_snapshot_options options = { .size = sizeof(options) };
	size_t count;

	assert_non_null(mk_snapshot_words(snapshot, MK_MEMORY_ARENA(0), &count));
	assert_int_equal(count, 8192 / sizeof(uint32_t));
	assert_non_null(mk_snapshot_words(snapshot, MK_REGION_CQ, &count));
	assert_null(mk_snapshot_ring(snapshot, &count));
	mk_snapshot_free(snapshot);
	options.memories = 1u << 30;
	live_expect(-EINVAL, mk_snapshot_take(live->context, &options, &snapshot));
	options = (struct mk_snapshot_options){ .size = sizeof(options), .reason = 9 };
	live_expect(-EINVAL, mk_snapshot_take(live->context, &options, &snapshot));
}

/* Files ------------------------------------------------------------------------------ */

static void assert_same(const struct mk_snapshot *one, const struct mk_snapshot *two)
{
	const struct mk_snapshot_info *first = mk_snapshot_info(one);
	const struct mk_snapshot_info *second = mk_snapshot_info(two);
	size_t count, other;

	for (uint32_t i = 0; i < MEMORIES; i++) {
		const uint32_t *words = mk_snapshot_words(one, i, &count);
		const uint32_t *same = mk_snapshot_words(two, i, &other);

		assert_int_equal(count, other);
		assert_int_equal(!words, !same);
		if (words)
			assert_memory_equal(words, same, count * sizeof(*words));
	}
	assert_non_null(mk_snapshot_changed(one, &count));
	assert_int_equal(count, 2);
	assert_memory_equal(mk_snapshot_changed(one, &count),
			    mk_snapshot_changed(two, &other), 2 * sizeof(uint32_t));
	assert_memory_equal(&first->tear, &second->tear, sizeof(first->tear));
	assert_int_equal(first->geometry.backing, second->geometry.backing);
	assert_int_equal(first->geometry.slots, second->geometry.slots);
	assert_int_equal(first->geometry.arena_bytes, second->geometry.arena_bytes);
	assert_int_equal(first->id, second->id);
	assert_int_equal(first->taken_ns, second->taken_ns);
	assert_int_equal(first->monotonic_ns, second->monotonic_ns);
	assert_int_equal(first->copy_ns, second->copy_ns);
	assert_int_equal(first->pid, second->pid);
	assert_int_equal(first->memories, second->memories);
	assert_int_equal(first->reason, second->reason);
	assert_int_equal(first->is_split, second->is_split);
}

static void test_round_trip(void **state)
{
	struct mk_snapshot *snapshot = take(
		*state, MK_SNAPSHOT_DEFAULT | MK_SNAPSHOT_MEMORY(MK_MEMORY_ARENA(0)));
	struct mk_snapshot *copy;
	int fd = file_of(snapshot);
	size_t count;

	live_ok(mk_snapshot_read(fd, &copy));
	close(fd);
	assert_same(snapshot, copy);
	assert_memory_equal(mk_snapshot_ring(snapshot, &count),
			    mk_snapshot_ring(copy, &count),
			    64 * MK_SLOT_WORDS * sizeof(uint32_t));
	mk_snapshot_free(copy);
	mk_snapshot_free(snapshot);
}

static void test_every_truncation_is_told(void **state)
{
	struct mk_snapshot *snapshot = take(*state, 0);
	struct file file = bytes_of(snapshot);

	for (size_t length = 0; length < file.length; length++)
		live_expect(-EBADMSG, read_bytes(file.bytes, length));
	live_ok(read_bytes(file.bytes, file.length));
	free(file.bytes);
	mk_snapshot_free(snapshot);
}

static void test_every_flipped_bit_is_told(void **state)
{
	struct mk_snapshot *snapshot = take(*state, 0);
	struct file file = bytes_of(snapshot);

	for (size_t bit = 0; bit < file.length * 8; bit++) {
		int ret;

		file.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ret = read_bytes(file.bytes, file.length);
		if (ret != -EBADMSG && ret != -EPROTO)
			fail_msg("bit %zu: %d, %s", bit, ret, mk_error_text());
		file.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	free(file.bytes);
	mk_snapshot_free(snapshot);
}

static void test_what_follows_is_told(void **state)
{
	struct mk_snapshot *snapshot = take(*state, 0);
	struct file file = bytes_of(snapshot);

	file.bytes = realloc(file.bytes, file.length + 1);
	assert_non_null(file.bytes);
	file.bytes[file.length] = 0;
	live_expect(-EBADMSG, read_bytes(file.bytes, file.length + 1));
	free(file.bytes);
	mk_snapshot_free(snapshot);
}

/* Checksums that are right, so that it is the words which are refused. */
static int read_with_header(struct file *file, uint32_t word, uint32_t value)
{
	uint32_t *header = (uint32_t *)(void *)file->bytes;
	uint32_t before[HEADER_WORDS];
	uint64_t checksum;
	int ret;

	memcpy(before, header, sizeof(before));
	header[word] = value;
	checksum = XXH64(header, HEADER_CHECKSUM * sizeof(*header), 0);
	memcpy(&header[HEADER_CHECKSUM], &checksum, sizeof(checksum));
	ret = read_bytes(file->bytes, file->length);
	memcpy(header, before, sizeof(before));
	return ret;
}

static void test_hostile_headers(void **state)
{
	static const uint32_t values[] = {
		0,	  1,	    2,		63,	    65,		0x1000,
		0x100000, 0x100001, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff
	};
	static const uint32_t fatal[] = { HEADER_VERSION, HEADER_BYTES,
					  HEADER_ABI_VERSION };
	struct mk_snapshot *snapshot = take(*state, 0);
	struct file file = bytes_of(snapshot);

	for (uint32_t word = 0; word < HEADER_CHECKSUM; word++) {
		for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
			int ret = read_with_header(&file, word, values[i]);

			/* Some words may be anything, such as the time. */
			if (ret && ret != -EPROTO && ret != -EBADMSG)
				fail_msg("word %u = 0x%x: %d, %s", word, values[i], ret,
					 mk_error_text());
		}
	}
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		live_expect(-EPROTO, read_with_header(&file, fatal[i], 0x7fff));
	live_expect(-EPROTO, read_with_header(&file, HEADER_SLOTS, 0));
	live_expect(-EPROTO, read_with_header(&file, HEADER_SLOTS, 0xffffffff));
	live_expect(-EPROTO, read_with_header(&file, HEADER_WINDOW_SLOTS, 65));
	live_expect(-EPROTO, read_with_header(&file, HEADER_BACKING, 4));
	live_expect(-EPROTO, read_with_header(&file, HEADER_IS_SPLIT, 2));
	live_expect(-EPROTO, read_with_header(&file, HEADER_REASON, 3));
	live_expect(-EPROTO, read_with_header(&file, HEADER_RESERVED, 1));
	live_expect(-EPROTO, read_with_header(&file, HEADER_MEMORIES, 0));
	/* All the memory in the world is promised, and none of it comes. */
	live_expect(-EBADMSG, read_with_header(&file, HEADER_SLOTS, 0x100000));
	free(file.bytes);
	mk_snapshot_free(snapshot);
}

/* Saved ------------------------------------------------------------------------------- */

static int count_files(const char *directory)
{
	DIR *stream = opendir(directory);
	const struct dirent *entry;
	int count = 0;

	assert_non_null(stream);
	while ((entry = readdir(stream)))
		count += entry->d_name[0] != '.';
	closedir(stream);
	return count;
}

static int read_file(const char *path, struct mk_snapshot **snapshot)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret;

	assert_true(fd >= 0);
	ret = mk_snapshot_read(fd, snapshot);
	close(fd);
	return ret;
}

static void test_saves_and_never_overwrites(void **state)
{
	struct live *live = *state;
	char directory[] = "/tmp/mk-snapshot-XXXXXX";
	char paths[3][MK_SNAPSHOT_PATH_BYTES];
	struct mk_snapshot *snapshot;
	struct stat stat;

	mk_snapshot_free(take(live, 0));
	assert_non_null(mkdtemp(directory));
	for (int i = 0; i < 3; i++)
		live_ok(mk_snapshot_save(live->context, directory, MK_SNAPSHOT_SIGNAL,
					 paths[i]));
	assert_int_equal(count_files(directory), 3);
	live_ok(read_file(paths[2], &snapshot));
	assert_int_equal(mk_snapshot_info(snapshot)->reason, MK_SNAPSHOT_SIGNAL);
	mk_snapshot_free(snapshot);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(lstat(paths[i], &stat), 0);
		assert_int_equal(stat.st_mode & 0777, 0600);
		assert_int_equal(unlink(paths[i]), 0);
	}
	assert_int_equal(rmdir(directory), 0);
	live_expect(-ENOENT, mk_snapshot_save(live->context, directory,
					      MK_SNAPSHOT_SIGNAL, paths[0]));
}

static atomic_bool may_go_on;

/* A handler that hangs, as far as the engine can see. */
static uint32_t hang(struct mk_call *call)
{
	(void)call;
	while (!atomic_load(&may_go_on))
		live_pause_ns(LIVE_NS_PER_MS);
	return MK_STATUS_DONE;
}

static void test_is_left_when_the_device_is_lost(void **state)
{
	const struct mk_handler_entry handlers[] = { { .opcode = 0x100,
						       .handler = hang } };
	struct live *live = *state;
	char directory[] = "/tmp/mk-snapshot-XXXXXX";
	struct mk_engine_options options = { .size = sizeof(options),
					     .kind = MK_ENGINE_KIND_CPU,
					     .handlers = handlers,
					     .handler_count = 1,
					     .snapshot_directory = directory };
	struct mk_snapshot *snapshot;
	struct mk_producer *producer;
	const char *path;

	if (!live_slow() || live_engine_kind() != MK_ENGINE_KIND_CPU) {
		print_message("a device is given up after 10 s, here a host thread: for "
			      "MK_SLOW and the reference executor\n");
		skip();
	}
	assert_non_null(mkdtemp(directory));
	live_create(live, &small);
	live_start(live, &options);
	producer = live_producer(live, 0, 0);
	live_ok(live_run(producer, &LIVE_NOP));
	/* The first dispatch may take longer, for a compiler's sake. */
	assert_true(live_reaches_state(live, MK_ENGINE_PARKED));
	live_ok(mk_producer_publish(producer, &LIVE_ITEM(0x100), LIVE_TIMEOUT_NS, NULL));
	assert_true(live_reaches_state(live, MK_ENGINE_LOST));
	while (!strstr(mk_engine_failure(live->engine) ? mk_error_text() : "",
		       "snapshot"))
		live_pause_ns(LIVE_NS_PER_MS);
	path = strstr(mk_error_text(), directory);
	assert_non_null(path);
	live_ok(read_file(path, &snapshot));
	assert_int_equal(mk_snapshot_info(snapshot)->reason, MK_SNAPSHOT_LOST);
	mk_snapshot_free(snapshot);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(directory), 0);
	atomic_store(&may_go_on, true);
}

/* Processes ---------------------------------------------------------------------------- */

/* Contexts in memfds of this process. */
static size_t find_own(struct mk_found_context found[8])
{
	size_t count;

	live_ok(mk_contexts_find((uint32_t)getpid(), found, 8, &count));
	return count;
}

static void test_attaches_by_looking_into_a_process(void **state)
{
	struct live *live = *state;
	struct mk_found_context found[8];
	struct mk_context *other, *second;

	live_create(live, &(struct mk_geometry){ .size = sizeof(struct mk_geometry),
						 .slots = 64,
						 .observable_words = 4,
						 .backing = MK_BACKING_MEMFD });
	live_ok(mk_context_set_observable(live->context, 2, 77));
	assert_int_equal(find_own(found), 1);
	assert_int_equal(found[0].backing, MK_BACKING_MEMFD);
	assert_int_equal(found[0].pid, getpid());
	assert_true(found[0].token && !found[0].id);
	live_ok(mk_context_attach_process((uint32_t)getpid(), 0, &other));
	assert_int_equal(mk_context_role(other), MK_ROLE_OBSERVER);
	live_expect(-EACCES, mk_context_set_tenant(other, 1, 1));
	assert_int_equal(*((uint32_t *)mk_context_memory(other, MK_REGION_CONTROL, NULL) +
			   LIVE_OBSERVABLE(2)),
			 77);
	/* The same context, by another file of its. */
	assert_int_equal(find_own(found), 1);
	live_ok(mk_context_create(
		&(struct mk_geometry){ .size = sizeof(struct mk_geometry),
				       .slots = 32,
				       .backing = MK_BACKING_MEMFD },
		&second));
	assert_int_equal(find_own(found), 2);
	mk_context_close(other);
	live_expect(-EEXIST, mk_context_attach_process((uint32_t)getpid(), 0, &other));
	for (int i = 0; i < 2; i++) {
		live_ok(mk_context_attach_process((uint32_t)getpid(), found[i].token,
						  &other));
		mk_context_close(other);
	}
	live_expect(-ENOENT, mk_context_attach_process((uint32_t)getpid(),
						       found[0].token + 1, &other));
	mk_context_close(second);
	/* No process has such a number. */
	live_expect(-ESRCH, mk_context_attach_process(0x7fffffff, 0, &other));
}

static const struct mk_holder *find_holder(const struct mk_holder *holders, size_t count,
					   enum mk_holder_kind kind, uint32_t id)
{
	for (size_t i = 0; i < count; i++)
		if (holders[i].kind == kind && holders[i].id == id)
			return &holders[i];
	return NULL;
}

static void test_tells_who_holds_what(void **state)
{
	struct live *live = *state;
	struct mk_producer_identity identity;
	struct mk_holder holders[32];
	size_t count;

	live_create(live, &small);
	live_start(live, NULL);
	mk_producer_identity(live_producer(live, 0, 0), &identity);
	live_ok(mk_context_holders(live->context, holders, 32, &count));
	assert_non_null(find_holder(holders, count, MK_HOLDER_PRODUCER, identity.id));
	assert_int_equal(
		find_holder(holders, count, MK_HOLDER_PRODUCER, identity.id)->pid,
		getpid());
	live_expect(-ENOSPC, mk_context_holders(live->context, holders, 0, &count));
	live_close_producers(live);
	live_ok(mk_context_holders(live->context, holders, 32, &count));
	assert_null(find_holder(holders, count, MK_HOLDER_PRODUCER, identity.id));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		LIVE_TEST(test_has_what_the_context_has),
		LIVE_TEST(test_ring_is_as_read_back),
		LIVE_TEST(test_takes_what_is_asked_for),
		LIVE_TEST(test_round_trip),
		LIVE_TEST(test_every_truncation_is_told),
		LIVE_TEST(test_every_flipped_bit_is_told),
		LIVE_TEST(test_what_follows_is_told),
		LIVE_TEST(test_hostile_headers),
		LIVE_TEST(test_saves_and_never_overwrites),
		LIVE_TEST(test_is_left_when_the_device_is_lost),
		LIVE_TEST(test_attaches_by_looking_into_a_process),
		LIVE_TEST(test_tells_who_holds_what),
	};

	return live_main(tests);
}

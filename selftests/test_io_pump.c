// SPDX-License-Identifier: MIT
/* Transfers, their order and their errors, as a device sees them. */
#define _GNU_SOURCE
#include "io_device.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FILE_BYTES = 1 << 20, BLOCK = 4096, SEED = 7 };

static unsigned char *copy_of_file(int fd, size_t bytes)
{
	unsigned char *data = malloc(bytes);

	assert_non_null(data);
	assert_int_equal(pread(fd, data, bytes, 0), bytes);
	return data;
}

/* Transfers -------------------------------------------------------------------- */

static void copies_both_ways(struct io_test *test)
{
	int from = io_file(FILE_BYTES, SEED);
	int to = io_file(0, SEED);
	unsigned char *expected = copy_of_file(from, FILE_BYTES);
	unsigned char *copy;
	uint32_t input = io_add_file(test, from, MK_IO_READ);
	uint32_t output = io_add_file(test, to, MK_IO_WRITE);
	uint32_t arena = io_add_arena(test, 1000, FILE_BYTES);

	io_expect_ok(io_do(test, IO_REQUEST(READ, input, arena, 0, FILE_BYTES)));
	assert_memory_equal(test->arena + 1000, expected, FILE_BYTES);
	io_expect_ok(io_do(test, IO_REQUEST(WRITE, arena, output, 0, FILE_BYTES)));
	copy = copy_of_file(to, FILE_BYTES);
	assert_memory_equal(copy, expected, FILE_BYTES);
	/* Nothing beside what was asked for. */
	memset(test->arena, 0xee, 8192);
	io_expect_ok(io_do(test, IO_REQUEST(READ, input, arena, 77, 1)));
	assert_int_equal(test->arena[999], 0xee);
	assert_int_equal(test->arena[1000], expected[77]);
	assert_int_equal(test->arena[1001], 0xee);
	free(copy);
	free(expected);
	close(from);
	close(to);
}

static void test_copies(void **state)
{
	struct io_test *test = io_start(state, 4, NULL);
	struct mk_io_counters counters;

	copies_both_ways(test);
	counters = io_counters(test);
	assert_int_equal(counters.requests, 3);
	assert_int_equal(counters.ok, 3);
	assert_int_equal(counters.in_flight, 0);
	assert_int_equal(counters.bytes_read, FILE_BYTES + 1);
	assert_int_equal(counters.bytes_written, FILE_BYTES);
	assert_int_equal(counters.bounced, 0);
	assert_true(counters.flags & MK_IO_FIXED_FILES);
	print_message("arena registered: %s\n",
		      counters.flags & MK_IO_FIXED_BUFFERS ? "yes" : "no");
}

static void test_copies_unpinned(void **state)
{
	const struct mk_io_options options = { .flags = MK_IO_UNPINNED };
	struct io_test *test = io_start(state, 4, &options);

	copies_both_ways(test);
	assert_false(io_counters(test).flags & MK_IO_FIXED_BUFFERS);
}

/* Of many handles, only some can be known to the system by their index. */
static void test_copies_with_many_handles(void **state)
{
	const struct mk_io_options options = { .handles = 40000 };
	struct io_test *test = io_start(state, 4, &options);
	uint32_t first;

	live_ok(mk_io_add_arena(test->io, 0, 1, 1, 39000, &first));
	copies_both_ways(test);
}

/* A buffer is smaller than the transfer, and there is one. */
static void test_copies_by_bounce_buffers(void **state)
{
	const struct mk_io_options options = { .flags = MK_IO_BOUNCE,
					       .bounce_bytes = 10000 };
	struct io_test *test = io_start(state, 4, &options);

	copies_both_ways(test);
	assert_int_equal(io_counters(test).bounced,
			 2 * ((FILE_BYTES + 12287) / 12288) + 1);
}

static void test_copies_by_a_kernel_thread(void **state)
{
	const struct mk_io_options options = { .size = sizeof(options),
					       .flags = MK_IO_SQPOLL };
	struct io_test *test = io_create(state, 4);
	int ret = mk_io_open(test->live.context, &options, &test->io);

	if (ret == -EPERM) {
		print_message("# SKIP the kernel has no SQPOLL for us: %s\n",
			      mk_error_text());
		skip();
	}
	live_ok(ret);
	live_ok(mk_io_start(test->io));
	copies_both_ways(test);
}

/* What one of many in flight is to bring. */
struct transfer {
	bool is_used;
	bool write;
	uint32_t slot;
	uint64_t offset;
	uint32_t bytes;
	uint32_t range;
};

enum { RANGES = 8, RANGE_BYTES = 65536 };

static void check_transfer(struct io_test *test, const struct transfer *transfer,
			   unsigned char *expected)
{
	unsigned char *data = test->arena + transfer->range * RANGE_BYTES;

	io_expect_ok(io_take(&test->device, transfer->slot));
	if (!transfer->write)
		assert_memory_equal(data, expected + transfer->offset, transfer->bytes);
}

/* Ranges have parts of the file of their own, so that all at a time can be compared. */
static void start_transfer(struct io_test *test, struct transfer *transfer,
			   uint32_t range, uint32_t file, uint32_t arena,
			   unsigned char *expected, uint64_t *seed)
{
	uint32_t part = FILE_BYTES / RANGES;
	unsigned char *data = test->arena + range * RANGE_BYTES;

	*transfer = (struct transfer){
		.is_used = true,
		.write = live_random(seed) % 2,
		.bytes = 1 + live_random(seed) % RANGE_BYTES,
		.range = range,
	};
	transfer->offset =
		range * part + live_random(seed) % (part - transfer->bytes + 1);
	if (transfer->write) {
		io_fill(data, transfer->bytes, *seed);
		memcpy(expected + transfer->offset, data, transfer->bytes);
		transfer->slot =
			io_ask(test, IO_REQUEST(WRITE, arena + range, file,
						transfer->offset, transfer->bytes));
	} else {
		memset(data, 0, transfer->bytes);
		transfer->slot =
			io_ask(test, IO_REQUEST(READ, file, arena + range,
						transfer->offset, transfer->bytes));
	}
}

static void many_requests(void **state, const struct mk_io_options *options,
			  uint32_t count)
{
	struct io_test *test = io_start(state, RANGES, options);
	int fd = io_file(FILE_BYTES, SEED);
	unsigned char *expected = copy_of_file(fd, FILE_BYTES);
	unsigned char *found;
	uint32_t file = io_add_file(test, fd, MK_IO_READ | MK_IO_WRITE);
	struct transfer transfers[RANGES] = { 0 };
	uint64_t seed = SEED;
	uint32_t arena;

	live_ok(mk_io_add_arena(test->io, 0, RANGE_BYTES, RANGE_BYTES, RANGES, &arena));
	/* Else the pump takes it that all is there, and does not wait for records. */
	if (test->device.is_across_bus)
		test->device.cq[MK_CQ_ENGINE_STATE] = MK_ENGINE_RUNNING;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t range = live_random(&seed) % RANGES;

		if (transfers[range].is_used)
			check_transfer(test, &transfers[range], expected);
		start_transfer(test, &transfers[range], range, file, arena, expected,
			       &seed);
	}
	for (uint32_t range = 0; range < RANGES; range++)
		if (transfers[range].is_used)
			check_transfer(test, &transfers[range], expected);
	found = copy_of_file(fd, FILE_BYTES);
	assert_memory_equal(found, expected, FILE_BYTES);
	assert_int_equal(io_counters(test).ok, count);
	free(found);
	free(expected);
	close(fd);
}

static void test_many_requests_in_few_slots(void **state)
{
	/* Less than the slots, so that some have to wait for room. */
	const struct mk_io_options options = { .queue_depth = 4 };

	many_requests(state, &options, 3000);
}

static void test_many_requests_in_few_buffers(void **state)
{
	const struct mk_io_options options = { .flags = MK_IO_BOUNCE,
					       .bounce_bytes = 600000 };

	many_requests(state, &options, 1000);
}

static void test_loads_resources(void **state)
{
	struct io_test *test = io_start(state, 4, NULL);
	int fd = io_file(FILE_BYTES, SEED);
	unsigned char *expected = copy_of_file(fd, FILE_BYTES);
	const struct mk_io_file range = { 1000, 5000, MK_IO_READ };
	uint32_t file, resource;

	live_ok(mk_io_add_file(test->io, fd, &range, &file));
	live_ok(mk_io_add_resource(test->io, file, 100, 8192, 4900, &resource));
	io_expect_ok(io_do(test, IO_REQUEST(READ, resource, resource, 0, 0)));
	assert_memory_equal(test->arena + 8192, expected + 1100, 4900);
	live_ok(mk_io_remove(test->io, file, LIVE_TIMEOUT_NS));
	io_expect_error(io_do(test, IO_REQUEST(READ, resource, resource, 0, 0)),
			MK_IO_REASON_STALE_HANDLE, 0, 0);
	free(expected);
	close(fd);
}

/* What is read in pieces, because a pipe has no more, is one transfer. */
static void test_goes_on_after_short_reads(void **state)
{
	struct io_test *test = io_start(state, 4, NULL);
	unsigned char data[300];
	uint32_t arena = io_add_arena(test, 0, sizeof(data));
	int pipe_fds[2];
	uint32_t slot;

	io_fill(data, sizeof(data), SEED);
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK), 0);
	slot = io_ask(test, IO_REQUEST(READ, io_add_file(test, pipe_fds[0], MK_IO_READ),
				       arena, 0, sizeof(data)));
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(write(pipe_fds[1], data + 100 * i, 100), 100);
		/* The next piece comes when this one was taken. */
		while (i < 2 && io_counters(test).short_transfers != i + 1)
			live_pause_ns(LIVE_NS_PER_MS);
	}
	io_expect_ok(io_take(&test->device, slot));
	assert_memory_equal(test->arena, data, sizeof(data));
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

static bool has_cached_reads(int fd)
{
	char byte;
	const struct iovec one = { &byte, 1 };

	return preadv2(fd, &one, 1, 0, RWF_NOWAIT) == 1;
}

/*
 * A read that comes alone needs no io_uring for what is in memory, on filesystems that can
 * tell.
 */
static void test_reads_what_is_cached(void **state)
{
	struct io_test *test = io_start(state, 4, NULL);
	int fd = io_file(2 * BLOCK, SEED);
	unsigned char *expected = copy_of_file(fd, 2 * BLOCK);
	uint32_t file = io_add_file(test, fd, MK_IO_READ);
	uint32_t arena = io_add_arena(test, 0, 2 * BLOCK);
	struct mk_io_counters counters;

	for (uint32_t i = 0; i < 10; i++) {
		memset(test->arena, 0, BLOCK);
		io_expect_ok(io_do(test, IO_REQUEST(READ, file, arena, 100 * i, BLOCK)));
		assert_memory_equal(test->arena, expected + 100 * i, BLOCK);
	}
	counters = io_counters(test);
	print_message("without io_uring: %" PRIu64 " of 10\n", counters.cached);
	assert_int_equal(counters.cached + counters.submissions, 10);
	assert_int_equal(counters.cached != 0, has_cached_reads(fd));
	/* Only a part of it is there, and then nothing: as with io_uring. */
	assert_int_equal(ftruncate(fd, BLOCK), 0);
	io_expect_error(io_do(test, IO_REQUEST(READ, file, arena, 96, BLOCK)),
			MK_IO_REASON_END_OF_FILE, 0, BLOCK - 96);
	assert_memory_equal(test->arena, expected + 96, BLOCK - 96);
	assert_int_equal(io_counters(test).cached, counters.cached);
	free(expected);
	close(fd);
}

/* Where the system cannot tell, io_uring reads. */
static void test_reads_what_has_no_cache(void **state)
{
	struct io_test *test = io_start(state, 4, NULL);
	int fd = open("/proc/version", O_RDONLY | O_CLOEXEC);
	uint32_t file = io_add_file(test, fd, MK_IO_READ);
	uint32_t arena = io_add_arena(test, 0, BLOCK);

	assert_false(has_cached_reads(fd));
	for (uint32_t i = 0; i < 2; i++) {
		memset(test->arena, 0, 5);
		io_expect_ok(io_do(test, IO_REQUEST(READ, file, arena, 0, 5)));
		assert_memory_equal(test->arena, "Linux", 5);
	}
	assert_int_equal(io_counters(test).cached, 0);
	close(fd);
}

/* A file that would say EAGAIN rather than wait is waited for all the same. */
static void test_waits_where_the_system_does_not(void **state)
{
	struct io_test *test = io_start(state, 4, NULL);
	int fd = io_file(10, SEED);
	int events = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	uint32_t arena = io_add_arena(test, 0, sizeof(struct inotify_event));
	struct inotify_event event;
	char path[64];
	uint32_t slot;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_true(inotify_add_watch(events, path, IN_MODIFY) >= 0);
	slot = io_ask(test, IO_REQUEST(READ, io_add_file(test, events, MK_IO_READ), arena,
				       0, sizeof(event)));
	io_wait_in_flight(test, 1);
	live_pause_ns(LIVE_GLANCE_NS);
	assert_false(io_is_answered(&test->device, slot));
	assert_int_equal(write(fd, "x", 1), 1);
	io_expect_ok(io_take(&test->device, slot));
	memcpy(&event, test->arena, sizeof(event));
	assert_int_equal(event.mask, IN_MODIFY);
	close(events);
	close(fd);
}

/* Errors ----------------------------------------------------------------------- */

static void test_answers_each_reason_and_goes_on(void **state)
{
	struct io_test *test = io_start(state, 4, NULL);
	int fd = io_file(FILE_BYTES, SEED);
	uint32_t file = io_add_file(test, fd, MK_IO_READ);
	uint32_t arena = io_add_arena(test, 0, BLOCK);
	uint32_t old = io_add_arena(test, 0, BLOCK);
	struct mk_io_request request = *IO_REQUEST(READ, file, arena, 0, 1);
	struct mk_io_error error;

	live_ok(mk_io_remove(test->io, old, LIVE_TIMEOUT_NS));

	const struct {
		struct mk_io_request request;
		uint32_t reason;
	} cases[] = {
		{ *IO_REQUEST(READ, 0, arena, 0, 1), MK_IO_REASON_UNKNOWN_HANDLE },
		{ *IO_REQUEST(READ, file, old, 0, 1), MK_IO_REASON_STALE_HANDLE },
		{ *IO_REQUEST(READ, arena, file, 0, 1), MK_IO_REASON_WRONG_HANDLE },
		{ *IO_REQUEST(WRITE, arena, file, 0, 1), MK_IO_REASON_PERMISSION },
		{ *IO_REQUEST(READ, file, arena, 0, 0), MK_IO_REASON_LENGTH },
		{ *IO_REQUEST(READ, file, arena, 0, UINT32_MAX), MK_IO_REASON_RANGE },
		{ *IO_REQUEST(READ, file, arena, UINT64_C(1) << 63, 1),
		  MK_IO_REASON_RANGE },
		{ *IO_REQUEST(READ, file, arena, UINT64_MAX, 1), MK_IO_REASON_RANGE },
		{ *IO_REQUEST(FENCE, 0, old, 0, 0), MK_IO_REASON_STALE_HANDLE },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		io_expect_error(io_do(test, &cases[i].request), cases[i].reason, 0, 0);
		io_expect_ok(io_do(test, &request));
		assert_int_equal(mk_io_next_error(test->io, &error), 1);
		assert_int_equal(error.reason, cases[i].reason);
		assert_int_equal(error.request.op, cases[i].request.op);
		assert_int_equal(error.request.source, cases[i].request.source);
		assert_int_equal(error.request.destination, cases[i].request.destination);
		assert_int_equal(error.request.offset, cases[i].request.offset);
		assert_int_equal(error.request.byte_count, cases[i].request.byte_count);
		assert_string_not_equal(mk_io_reason_text(error.reason),
					mk_io_reason_text(MK_IO_REASON_COUNT));
	}
	request.op = 77;
	io_expect_error(io_do(test, &request), MK_IO_REASON_OPERATION, 0, 0);
	assert_int_equal(io_counters(test).errors[MK_IO_REASON_RANGE], 3);
	close(fd);
}

static void test_says_where_a_file_ends(void **state)
{
	struct io_test *test = io_start(state, 4, NULL);
	int fd = io_file(FILE_BYTES, SEED);
	unsigned char *expected = copy_of_file(fd, FILE_BYTES);
	uint32_t file = io_add_file(test, fd, MK_IO_READ);
	uint32_t arena = io_add_arena(test, 0, FILE_BYTES);

	io_expect_error(io_do(test, IO_REQUEST(READ, file, arena, FILE_BYTES - 10, 11)),
			MK_IO_REASON_END_OF_FILE, 0, 10);
	assert_memory_equal(test->arena, expected + FILE_BYTES - 10, 10);
	io_expect_error(io_do(test, IO_REQUEST(READ, file, arena, FILE_BYTES, 1)),
			MK_IO_REASON_END_OF_FILE, 0, 0);
	assert_int_equal(ftruncate(fd, 5000), 0);
	io_expect_error(io_do(test, IO_REQUEST(READ, file, arena, 0, FILE_BYTES)),
			MK_IO_REASON_END_OF_FILE, 0, 5000);
	assert_memory_equal(test->arena, expected, 5000);
	io_expect_ok(io_do(test, IO_REQUEST(READ, file, arena, 0, 5000)));
	free(expected);
	close(fd);
}

/* Reading where nothing is mapped fails, as reading a broken disk does. */
static void test_passes_errors_on(void **state)
{
	struct io_test *test = io_start(state, 4, NULL);
	int broken = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	uint32_t arena = io_add_arena(test, 0, BLOCK);
	struct mk_io_error error;

	assert_true(broken >= 0 && full >= 0);
	io_expect_error(io_do(test,
			      IO_REQUEST(READ, io_add_file(test, broken, MK_IO_READ),
					 arena, BLOCK, 10)),
			MK_IO_REASON_SYSTEM, EIO, 0);
	io_expect_error(io_do(test,
			      IO_REQUEST(WRITE, arena,
					 io_add_file(test, full, MK_IO_WRITE), 0, 10)),
			MK_IO_REASON_SYSTEM, ENOSPC, 0);
	assert_int_equal(mk_io_next_error(test->io, &error), 1);
	assert_int_equal(error.error, EIO);
	assert_int_equal(mk_io_next_error(test->io, &error), 1);
	assert_int_equal(error.error, ENOSPC);
	assert_int_equal(mk_io_next_error(test->io, &error), 0);
	close(broken);
	close(full);
}

static void test_says_that_a_file_is_too_large(void **state)
{
	struct io_test *test = io_start(state, 4, NULL);
	int fd = io_file(BLOCK, SEED);
	uint32_t file = io_add_file(test, fd, MK_IO_READ | MK_IO_WRITE);
	uint32_t arena = io_add_arena(test, 0, 3 * BLOCK);
	struct rlimit before, limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 2 * BLOCK;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	io_expect_error(io_do(test, IO_REQUEST(WRITE, arena, file, 2 * BLOCK, BLOCK)),
			MK_IO_REASON_SYSTEM, EFBIG, 0);
	/* What fits is written. */
	io_expect_error(io_do(test, IO_REQUEST(WRITE, arena, file, BLOCK, 3 * BLOCK)),
			MK_IO_REASON_SYSTEM, EFBIG, BLOCK);
	io_expect_ok(io_do(test, IO_REQUEST(WRITE, arena, file, BLOCK, BLOCK)));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	close(fd);
}

/* The file again, with O_DIRECT; -1 where the filesystem does not care for alignment. */
static int open_direct(int fd)
{
	static _Alignas(BLOCK) char block[BLOCK];
	char path[64];
	int direct;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	direct = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (direct < 0 || (pread(direct, block, BLOCK, 1) < 0 && errno == EINVAL))
		return direct;
	close(direct);
	return -1;
}

/* Neither through the page cache nor through buffers of the pump's. */
static void expect_no_copies(struct io_test *test, bool is_counted, uint64_t before)
{
	struct mk_io_counters counters;
	uint64_t after = before;

	mk_io_counters(test->io, &counters);
	if (strcmp(mk_context_backing(test->live.context), "device") != 0)
		assert_int_equal(counters.bounced, 0);
	if (!is_counted)
		return;
	assert_true(live_device_reads(&after));
	print_message("# %" PRIu64 " bytes from the device, %" PRIu64 " pieces bounced\n",
		      after - before, counters.bounced);
	assert_true(after - before >= 5 * BLOCK);
}

/* Most systems refuse what is not aligned; the pump says what they say. */
static void expect_as_system(struct io_result answer, ssize_t bytes)
{
	if (bytes < 0)
		io_expect_error(answer, MK_IO_REASON_SYSTEM, EINVAL, 0);
	else
		io_expect_ok(answer);
}

static void test_reads_directly(void **state)
{
	static _Alignas(BLOCK) char buffer[2 * BLOCK];
	struct mk_io_counters counters;
	struct io_test *test = io_start(state, 4, NULL);
	int fd = io_file(FILE_BYTES + 100, SEED);
	unsigned char *expected = copy_of_file(fd, FILE_BYTES + 100);
	uint32_t arena = io_add_arena(test, 0, 2 * FILE_BYTES);
	uint32_t askew = io_add_arena(test, 1, BLOCK);
	int direct = open_direct(fd);
	uint64_t before = 0;
	uint32_t file;
	bool is_counted;

	if (direct < 0) {
		free(expected);
		close(fd);
		print_message("# SKIP the filesystem of the current folder has no real "
			      "O_DIRECT\n");
		skip();
	}
	file = io_add_file(test, direct, MK_IO_READ | MK_IO_WRITE);
	is_counted = live_device_reads(&before);
	io_expect_ok(io_do(test, IO_REQUEST(READ, file, arena, 2 * BLOCK, 5 * BLOCK)));
	assert_memory_equal(test->arena, expected + 2 * BLOCK, 5 * BLOCK);
	expect_no_copies(test, is_counted, before);
	io_expect_ok(io_do(test, IO_REQUEST(WRITE, arena, file, 0, BLOCK)));
	expect_as_system(io_do(test, IO_REQUEST(READ, file, arena, 1, BLOCK)),
			 pread(direct, buffer, BLOCK, 1));
	mk_io_counters(test->io, &counters);
	expect_as_system(io_do(test, IO_REQUEST(READ, file, askew, 0, BLOCK)),
			 counters.bounced ? BLOCK : pread(direct, buffer + 1, BLOCK, 0));
	io_expect_error(io_do(test, IO_REQUEST(READ, file, arena, FILE_BYTES, BLOCK)),
			MK_IO_REASON_END_OF_FILE, 0, 100);
	assert_memory_equal(test->arena, expected + FILE_BYTES, 100);
	free(expected);
	close(direct);
	close(fd);
}

/* Callbacks -------------------------------------------------------------------- */

/* What a callback was asked, for the test to answer. */
struct asked {
	pthread_mutex_t lock;
	uint32_t count;
	struct mk_io_call calls[64];
};

static void keep(struct mk_io *io, const struct mk_io_call *call, void *user)
{
	struct asked *asked = user;

	(void)io;
	pthread_mutex_lock(&asked->lock);
	asked->calls[asked->count++] = *call;
	pthread_mutex_unlock(&asked->lock);
}

static uint32_t count_asked(struct asked *asked)
{
	uint32_t count;

	pthread_mutex_lock(&asked->lock);
	count = asked->count;
	pthread_mutex_unlock(&asked->lock);
	return count;
}

static void wait_until_asked(struct asked *asked, uint32_t count)
{
	uint64_t begin = live_now_ns();

	while (count_asked(asked) < count) {
		assert_true(live_now_ns() - begin < LIVE_TIMEOUT_NS);
		live_pause_ns(LIVE_NS_PER_MS / 10);
	}
}

static void answer_at_once(struct mk_io *io, const struct mk_io_call *call, void *user)
{
	const struct mk_io_request *request = &call->request;

	if (request->op == MK_IO_OP_READ)
		memset(call->data, (int)request->offset, request->byte_count);
	else
		memcpy(user, call->data, request->byte_count);
	live_ok(mk_io_answer(io, call->token,
			     request->tag == 13 ? MK_IO_REASON_CALLBACK : 0));
}

static void test_callbacks_answer_at_once(void **state)
{
	struct io_test *test = io_start(state, 4, NULL);
	uint32_t arena = io_add_arena(test, 64, 100);
	struct mk_io_request request;
	unsigned char got[100] = { 0 };
	uint32_t callback;

	live_ok(mk_io_add_callback(test->io, answer_at_once, got, &callback));
	io_expect_ok(io_do(test, IO_REQUEST(READ, callback, arena, 9, 100)));
	for (int i = 0; i < 100; i++)
		assert_int_equal(test->arena[64 + i], 9);
	memset(test->arena + 64, 33, 100);
	io_expect_ok(io_do(test, IO_REQUEST(WRITE, arena, callback, 0, 50)));
	assert_int_equal(got[49], 33);
	assert_int_equal(got[50], 0);
	request = *IO_REQUEST(READ, callback, arena, 0, 1);
	request.tag = 13;
	io_expect_error(io_do(test, &request), MK_IO_REASON_CALLBACK, 0, 0);
	assert_int_equal(io_counters(test).bytes_read, 100);
	assert_int_equal(io_counters(test).bytes_written, 50);
}

static void test_callbacks_answer_later(void **state)
{
	struct io_test *test = io_start(state, 8, NULL);
	uint32_t arena = io_add_arena(test, 0, 100);
	struct asked asked = { .lock = PTHREAD_MUTEX_INITIALIZER };
	uint32_t callback;
	uint32_t slots[8];

	live_ok(mk_io_add_callback(test->io, keep, &asked, &callback));
	for (int i = 0; i < 8; i++) {
		slots[i] = io_ask(test, IO_REQUEST(READ, callback, arena, 0, 10));
		wait_until_asked(&asked, i + 1);
	}
	for (int i = 7; i >= 0; i--) {
		assert_int_equal(asked.calls[i].request.slot, slots[i]);
		assert_false(io_is_answered(&test->device, slots[i]));
		live_expect(-EINVAL, mk_io_answer(test->io, asked.calls[i].token,
						  MK_IO_REASON_COUNT));
		live_ok(mk_io_answer(test->io, asked.calls[i].token, 0));
		assert_true(io_is_answered(&test->device, slots[i]));
		io_expect_ok(io_take(&test->device, slots[i]));
		live_expect(-ESTALE, mk_io_answer(test->io, asked.calls[i].token, 0));
	}
	live_expect(-ESTALE, mk_io_answer(test->io, UINT64_MAX, 0));
	live_expect(-ESTALE, mk_io_answer(test->io, 0, 0));
}

/* Fences ----------------------------------------------------------------------- */

static void test_fences_wait_for_what_came_before(void **state)
{
	struct io_test *test = io_start(state, 16, NULL);
	uint32_t arena = io_add_arena(test, 0, 100);
	uint32_t other = io_add_arena(test, 100, 100);
	struct asked asked = { .lock = PTHREAD_MUTEX_INITIALIZER };
	uint32_t callback;
	uint32_t before[2], fences[3], after;

	live_ok(mk_io_add_callback(test->io, keep, &asked, &callback));
	before[0] = io_ask(test, IO_REQUEST(READ, callback, arena, 0, 1));
	before[1] = io_ask(test, IO_REQUEST(WRITE, other, callback, 0, 1));
	fences[0] = io_ask(test, IO_REQUEST(FENCE, 0, callback, 0, 0));
	fences[1] = io_ask(test, IO_REQUEST(FENCE, 0, callback, 0, 0));
	fences[2] = io_ask(test, IO_REQUEST(FENCE, 0, arena, 0, 0));
	wait_until_asked(&asked, 2);
	io_wait_in_flight(test, 5);
	after = io_ask(test, IO_REQUEST(READ, callback, arena, 0, 1));
	wait_until_asked(&asked, 3);

	/* The arena's fence needs the first, the callback's both. */
	live_pause_ns(LIVE_GLANCE_NS);
	for (int i = 0; i < 3; i++)
		assert_false(io_is_answered(&test->device, fences[i]));
	live_ok(mk_io_answer(test->io, asked.calls[0].token, MK_IO_REASON_CALLBACK));
	io_expect_error(io_take(&test->device, before[0]), MK_IO_REASON_CALLBACK, 0, 0);
	io_expect_ok(io_take(&test->device, fences[2]));
	live_pause_ns(LIVE_GLANCE_NS);
	assert_false(io_is_answered(&test->device, fences[0]));
	live_ok(mk_io_answer(test->io, asked.calls[1].token, 0));
	io_expect_ok(io_take(&test->device, before[1]));
	/* Not for what came later. */
	io_expect_ok(io_take(&test->device, fences[0]));
	io_expect_ok(io_take(&test->device, fences[1]));
	assert_false(io_is_answered(&test->device, after));
	live_ok(mk_io_answer(test->io, asked.calls[2].token, 0));
	io_expect_ok(io_take(&test->device, after));
}

/* Publish a request that is not counted yet, and a fence; the fence must wait for it. */
static void look_before_fence(struct io_test *test, struct asked *asked,
			      const struct mk_io_request *request, uint32_t slot,
			      uint32_t fence_slot)
{
	uint32_t count = asked->count;
	uint32_t before, fence;

	test->device.next = slot;
	before = io_ask(test, request);
	atomic_fetch_sub(&test->device.cq[MK_CQ_IO_REQUESTS], 1);
	test->device.next = fence_slot;
	fence = io_ask(test, IO_REQUEST(FENCE, 0, request->source, 0, 0));
	while (asked->count == count)
		live_expect(0, mk_io_run(test->io, 0));
	live_expect(0, mk_io_run(test->io, LIVE_NS_PER_MS));
	live_ok(mk_io_answer(test->io, asked->calls[count].token, 0));
	io_expect_ok(io_take(&test->device, before));
	assert_int_equal(mk_io_run(test->io, LIVE_TIMEOUT_NS), 1);
	io_expect_ok(io_take(&test->device, fence));
	atomic_fetch_add(&test->device.cq[MK_CQ_IO_REQUESTS], 1);
}

/* The pump looks at 16 slots at a time, so the two are in different looks, in any order. */
static void test_fences_look_for_what_came_before(void **state)
{
	struct io_test *test = io_create(state, 64);
	struct asked asked = { .lock = PTHREAD_MUTEX_INITIALIZER };
	uint32_t arena, callback;

	io_open(test, NULL);
	arena = io_add_arena(test, 0, 100);
	live_ok(mk_io_add_callback(test->io, keep, &asked, &callback));
	live_expect(0, mk_io_run(test->io, LIVE_NS_PER_MS));
	for (uint32_t slot = 8; slot < 64; slot += 16)
		for (uint32_t fence = 3; fence < 64; fence += 16)
			look_before_fence(test, &asked,
					  IO_REQUEST(READ, callback, arena, 0, 1), slot,
					  fence);
}

/* Many writes, each followed by its fence: the file has the bytes when that ends. */
static void test_fences_follow_writes(void **state)
{
	enum { ROUNDS = 100, WRITES = 15 };
	struct io_test *test = io_start(state, WRITES + 1, NULL);
	int fd = io_file(0, SEED);
	uint32_t file = io_add_file(test, fd, MK_IO_READ | MK_IO_WRITE);
	uint32_t slots[WRITES + 1];
	unsigned char byte;
	uint32_t arena;

	live_ok(mk_io_add_arena(test->io, 0, BLOCK, BLOCK, WRITES, &arena));
	for (uint32_t round = 0; round < ROUNDS; round++) {
		for (uint32_t i = 0; i < WRITES; i++) {
			memset(test->arena + i * BLOCK, (int)(round + i), BLOCK);
			slots[i] = io_ask(test, IO_REQUEST(WRITE, arena + i, file,
							   i * BLOCK, BLOCK));
		}
		slots[WRITES] = io_ask(test, IO_REQUEST(FENCE, 0, file, 0, 0));
		io_expect_ok(io_take(&test->device, slots[WRITES]));
		for (uint32_t i = 0; i < WRITES; i++) {
			assert_true(io_is_answered(&test->device, slots[i]));
			io_expect_ok(io_take(&test->device, slots[i]));
			assert_int_equal(pread(fd, &byte, 1, i * BLOCK + BLOCK - 1), 1);
			assert_int_equal(byte, (round + i) % 256);
		}
	}
	close(fd);
}

static void test_fences_pass_errors_on(void **state)
{
	struct io_test *test = io_start(state, 4, NULL);
	int pipe_fds[2];

	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	/* A pipe has no disk to be on. */
	io_expect_error(io_do(test,
			      IO_REQUEST(FENCE, 0,
					 io_add_file(test, pipe_fds[1], MK_IO_WRITE), 0,
					 0)),
			MK_IO_REASON_SYSTEM, EINVAL, 0);
	io_expect_ok(io_do(test,
			   IO_REQUEST(FENCE, 0,
				      io_add_file(test, pipe_fds[0], MK_IO_READ), 0, 0)));
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IO_TEST(test_copies),
		IO_TEST(test_copies_unpinned),
		IO_TEST(test_copies_with_many_handles),
		IO_TEST(test_copies_by_bounce_buffers),
		IO_TEST(test_copies_by_a_kernel_thread),
		IO_TEST(test_many_requests_in_few_slots),
		IO_TEST(test_many_requests_in_few_buffers),
		IO_TEST(test_loads_resources),
		IO_TEST(test_goes_on_after_short_reads),
		IO_TEST(test_reads_what_is_cached),
		IO_TEST(test_reads_what_has_no_cache),
		IO_TEST(test_waits_where_the_system_does_not),
		IO_TEST(test_answers_each_reason_and_goes_on),
		IO_TEST(test_says_where_a_file_ends),
		IO_TEST(test_passes_errors_on),
		IO_TEST(test_says_that_a_file_is_too_large),
		IO_TEST(test_reads_directly),
		IO_TEST(test_callbacks_answer_at_once),
		IO_TEST(test_callbacks_answer_later),
		IO_TEST(test_fences_wait_for_what_came_before),
		IO_TEST(test_fences_look_for_what_came_before),
		IO_TEST(test_fences_follow_writes),
		IO_TEST(test_fences_pass_errors_on),
	};

	return live_main(tests);
}

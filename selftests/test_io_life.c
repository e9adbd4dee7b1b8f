// SPDX-License-Identifier: MIT
/* A pump's life: who may have one, ends and restarts, and whom it need not believe. */
#define _GNU_SOURCE
#include "io_device.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "children.h"

enum { FILE_BYTES = 65536, SEED = 11 };

/* A pipe without anything in it: what is read from there is in flight. */
struct slow {
	int fds[2];
	uint32_t file;
	uint32_t arena;
};

static struct slow add_slow(struct io_test *test)
{
	struct slow slow;

	assert_int_equal(pipe2(slow.fds, O_CLOEXEC), 0);
	slow.file = io_add_file(test, slow.fds[0], MK_IO_READ);
	slow.arena = io_add_arena(test, 0, 100);
	return slow;
}

static void close_slow(const struct slow *slow)
{
	close(slow->fds[0]);
	close(slow->fds[1]);
}

static uint32_t ask_slow(struct io_test *test, const struct slow *slow)
{
	return io_ask(test, IO_REQUEST(READ, slow->file, slow->arena, 0, 10));
}

/* Keeps the token of its last request. */
static void keep_token(struct mk_io *io, const struct mk_io_call *call, void *user)
{
	(void)io;
	atomic_store((_Atomic uint64_t *)user, call->token);
}

/* Who ------------------------------------------------------------------------ */

static void test_one_pump_at_a_time(void **state)
{
	struct io_test *test = io_create(state, 4);
	struct mk_io *other = NULL;

	io_open(test, NULL);
	live_expect(-EBUSY, mk_io_open(test->live.context, NULL, &other));
	live_ok(mk_io_close(test->io, LIVE_TIMEOUT_NS));
	io_open(test, NULL);
}

static void test_is_for_owners_and_engines(void **state)
{
	struct io_test *test = io_create(state, 4);
	struct mk_context *producer = NULL, *engine = NULL;
	struct mk_io *io = NULL;
	int ret = live_try_attach(test->live.context, MK_ROLE_PRODUCER, &producer);

	if (ret == -ENOTSUP) {
		print_message("# SKIP a device's memory is not shared\n");
		skip();
	}
	live_ok(ret);
	live_expect(-EACCES, mk_io_open(producer, NULL, &io));
	mk_context_close(producer);
	engine = live_attach(&test->live, MK_ROLE_ENGINE);
	live_ok(mk_io_open(engine, NULL, &io));
	live_expect(-EBUSY, mk_io_open(test->live.context, NULL, &test->io));
	live_ok(mk_io_close(io, LIVE_TIMEOUT_NS));
	mk_context_close(engine);
}

static void test_refuses_options(void **state)
{
	struct io_test *test = io_create(state, 4);
	const struct mk_io_options wrong[] = {
		{ .size = sizeof(wrong[0]), .flags = 8 },
		{ .size = sizeof(wrong[0]), .queue_depth = 32769 },
		{ .size = sizeof(wrong[0]), .handles = 1u << 24 },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		live_expect(-EINVAL,
			    mk_io_open(test->live.context, &wrong[i], &test->io));
	assert_null(test->io);
	live_ok(mk_io_close(NULL, 0));
}

/* Running -------------------------------------------------------------------- */

static void test_runs_in_the_callers_thread(void **state)
{
	struct io_test *test = io_create(state, 4);
	int fd = io_file(FILE_BYTES, SEED);
	uint32_t file, arena, slots[3];
	int64_t answered = 0;
	uint64_t begin;

	io_open(test, NULL);
	file = io_add_file(test, fd, MK_IO_READ);
	arena = io_add_arena(test, 0, FILE_BYTES);
	live_expect(0, mk_io_run(test->io, 0));
	begin = live_now_ns();
	live_expect(0, mk_io_run(test->io, LIVE_GLANCE_NS));
	assert_true(live_now_ns() - begin >= LIVE_GLANCE_NS);
	for (int i = 0; i < 3; i++)
		slots[i] = io_ask(test, IO_REQUEST(READ, file, arena, 0, 100));
	while (answered < 3) {
		int64_t ret = mk_io_run(test->io, LIVE_TIMEOUT_NS);

		assert_true(ret > 0);
		answered += ret;
	}
	assert_int_equal(answered, 3);
	for (int i = 0; i < 3; i++)
		io_expect_ok(io_take(&test->device, slots[i]));
	live_ok(mk_io_start(test->io));
	live_expect(-EBUSY, mk_io_run(test->io, 0));
	live_expect(-EBUSY, mk_io_start(test->io));
	live_ok(mk_io_stop(test->io, LIVE_TIMEOUT_NS));
	live_ok(mk_io_stop(test->io, 0));
	live_expect(0, mk_io_run(test->io, 0));
	close(fd);
}

static void call_what_must_not_be(struct mk_io *io, const struct mk_io_call *call,
				  void *user)
{
	live_expect(-EDEADLK, mk_io_run(io, 0));
	live_expect(-EDEADLK, mk_io_stop(io, 0));
	live_expect(-EDEADLK, mk_io_remove(io, *(uint32_t *)user, 0));
	live_ok(mk_io_answer(io, call->token, 0));
}

static void test_callbacks_cannot_wait_for_themselves(void **state)
{
	struct io_test *test = io_start(state, 4, NULL);
	uint32_t arena = io_add_arena(test, 0, 1);
	uint32_t callback;

	live_ok(mk_io_add_callback(test->io, call_what_must_not_be, &arena, &callback));
	io_expect_ok(io_do(test, IO_REQUEST(READ, callback, arena, 0, 1)));
}

static void test_descriptor_tells_when_to_run(void **state)
{
	enum { REQUESTS = 50 };
	struct io_test *test = io_create(state, 4);
	int fd = io_file(FILE_BYTES, SEED);
	uint32_t file, arena;
	struct pollfd descriptor = { .events = POLLIN };

	io_open(test, NULL);
	file = io_add_file(test, fd, MK_IO_READ);
	arena = io_add_arena(test, 0, FILE_BYTES);
	descriptor.fd = mk_io_descriptor(test->io);
	assert_true(descriptor.fd >= 0);
	assert_int_equal(mk_io_descriptor(test->io), descriptor.fd);
	live_expect(0, mk_io_run(test->io, 0));
	for (int i = 0; i < REQUESTS; i++) {
		uint32_t slot = io_ask(test, IO_REQUEST(READ, file, arena, 0, 100));

		while (!io_is_answered(&test->device, slot)) {
			assert_int_equal(poll(&descriptor, 1, 60000), 1);
			assert_true(mk_io_run(test->io, 0) >= 0);
		}
		io_expect_ok(io_take(&test->device, slot));
	}
	close(fd);
}

static void test_an_idle_pump_rests(void **state)
{
	struct timespec before, after;
	int64_t spent_ns;

	io_start(state, 4, NULL);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	live_pause_ns(LIVE_NS_PER_SECOND);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	spent_ns = (after.tv_sec - before.tv_sec) * (int64_t)LIVE_NS_PER_SECOND +
		   after.tv_nsec - before.tv_nsec;
	print_message("%lld us of a second\n", (long long)(spent_ns / 1000));
	/* A system call takes long in a guest under emulation; spinning takes all. */
	assert_true(spent_ns < (int64_t)LIVE_NS_PER_SECOND / 2);
}

static void test_keeps_the_last_errors(void **state)
{
	enum { ERRORS = 100, KEPT = 64 };
	struct io_test *test = io_start(state, 4, NULL);
	struct mk_io_error error;

	for (uint32_t i = 0; i < ERRORS; i++)
		io_expect_error(io_do(test, IO_REQUEST(READ, 0, 0, 0, i)),
				MK_IO_REASON_UNKNOWN_HANDLE, 0, 0);
	assert_int_equal(io_counters(test).dropped_errors, ERRORS - KEPT);
	for (uint32_t i = ERRORS - KEPT; i < ERRORS; i++) {
		assert_int_equal(mk_io_next_error(test->io, &error), 1);
		assert_int_equal(error.request.byte_count, i);
	}
	assert_int_equal(mk_io_next_error(test->io, &error), 0);
}

/* Taking back ------------------------------------------------------------------ */

static void test_remove_cancels_transfers(void **state)
{
	struct io_test *test = io_start(state, 8, NULL);
	struct slow slow = add_slow(test);
	int fd = io_file(FILE_BYTES, SEED);
	uint32_t file = io_add_file(test, fd, MK_IO_READ);
	uint32_t reads[2], fence;

	reads[0] = ask_slow(test, &slow);
	reads[1] = ask_slow(test, &slow);
	fence = io_ask(test, IO_REQUEST(FENCE, 0, slow.file, 0, 0));
	io_wait_in_flight(test, 3);
	live_ok(mk_io_remove(test->io, slow.file, LIVE_TIMEOUT_NS));
	for (int i = 0; i < 2; i++)
		io_expect_error(io_take(&test->device, reads[i]), MK_IO_REASON_CANCELLED,
				0, 0);
	io_expect_error(io_take(&test->device, fence), MK_IO_REASON_CANCELLED, 0, 0);
	io_expect_error(io_take(&test->device, ask_slow(test, &slow)),
			MK_IO_REASON_STALE_HANDLE, 0, 0);
	live_expect(-EINVAL, mk_io_remove(test->io, slow.file, 0));
	live_expect(-EINVAL, mk_io_remove(test->io, 0, 0));
	/* Others go on. */
	io_expect_ok(io_do(test, IO_REQUEST(READ, file, slow.arena, 0, 100)));
	close(fd);
	close_slow(&slow);
}

/* Without a thread it has to see to that itself. */
static void test_remove_runs_the_pump(void **state)
{
	struct io_test *test = io_create(state, 8);
	struct slow slow;
	uint32_t slot;

	io_open(test, NULL);
	slow = add_slow(test);
	slot = ask_slow(test, &slow);
	live_expect(0, mk_io_run(test->io, LIVE_GLANCE_NS));
	assert_int_equal(io_counters(test).in_flight, 1);
	live_ok(mk_io_remove(test->io, slow.arena, LIVE_TIMEOUT_NS));
	io_expect_error(io_take(&test->device, slot), MK_IO_REASON_CANCELLED, 0, 0);
	close_slow(&slow);
}

static void test_remove_waits_for_callbacks(void **state)
{
	struct io_test *test = io_start(state, 4, NULL);
	uint32_t arena = io_add_arena(test, 0, 1);
	_Atomic uint64_t token = 0;
	uint32_t callback, slot;

	live_ok(mk_io_add_callback(test->io, keep_token, (void *)&token, &callback));
	slot = io_ask(test, IO_REQUEST(READ, callback, arena, 0, 1));
	io_wait_in_flight(test, 1);
	live_expect(-ETIMEDOUT, mk_io_remove(test->io, callback, LIVE_GLANCE_NS));
	/* It is out of use all the same. */
	io_expect_error(io_do(test, IO_REQUEST(READ, callback, arena, 0, 1)),
			MK_IO_REASON_STALE_HANDLE, 0, 0);
	live_ok(mk_io_answer(test->io, token, 0));
	live_ok(mk_io_remove(test->io, callback, LIVE_TIMEOUT_NS));
	io_expect_ok(io_take(&test->device, slot));
}

/* Stopping, and what comes after --------------------------------------------------- */

static void test_stop_cancels_and_leaves_the_rest(void **state)
{
	struct io_test *test = io_start(state, 8, NULL);
	struct slow slow = add_slow(test);
	_Atomic uint64_t token = 0;
	uint32_t callback, called, read, published;

	live_ok(mk_io_add_callback(test->io, keep_token, (void *)&token, &callback));
	read = ask_slow(test, &slow);
	called = io_ask(test, IO_REQUEST(READ, callback, slow.arena, 0, 1));
	io_wait_in_flight(test, 2);
	live_ok(mk_io_stop(test->io, LIVE_TIMEOUT_NS));
	io_expect_error(io_take(&test->device, read), MK_IO_REASON_CANCELLED, 0, 0);
	published = io_ask(test, IO_REQUEST(READ, 0, 0, 0, 0));
	live_pause_ns(LIVE_GLANCE_NS);
	assert_false(io_is_answered(&test->device, published));
	assert_false(io_is_answered(&test->device, called));
	live_ok(mk_io_answer(test->io, token, 0));
	io_expect_ok(io_take(&test->device, called));
	live_ok(mk_io_start(test->io));
	io_expect_error(io_take(&test->device, published), MK_IO_REASON_UNKNOWN_HANDLE, 0,
			0);
	close_slow(&slow);
}

static void test_close_cancels_all(void **state)
{
	struct io_test *test = io_create(state, 8);
	_Atomic uint64_t token = 0;
	uint32_t callback, called, read, fences[2];
	struct slow slow;

	io_open(test, NULL);
	slow = add_slow(test);
	live_ok(mk_io_add_callback(test->io, keep_token, (void *)&token, &callback));
	read = ask_slow(test, &slow);
	called = io_ask(test, IO_REQUEST(READ, callback, slow.arena, 0, 1));
	fences[0] = io_ask(test, IO_REQUEST(FENCE, 0, slow.arena, 0, 0));
	live_expect(0, mk_io_run(test->io, LIVE_GLANCE_NS));
	fences[1] = io_ask(test, IO_REQUEST(FENCE, 0, callback, 0, 0));
	live_expect(0, mk_io_run(test->io, 0));
	live_ok(mk_io_close(test->io, LIVE_TIMEOUT_NS));
	test->io = NULL;
	io_expect_error(io_take(&test->device, read), MK_IO_REASON_CANCELLED, 0, 0);
	io_expect_error(io_take(&test->device, called), MK_IO_REASON_CANCELLED, 0, 0);
	for (int i = 0; i < 2; i++)
		io_expect_error(io_take(&test->device, fences[i]), MK_IO_REASON_CANCELLED,
				0, 0);
	close_slow(&slow);
}

/* A body, in a fork: claims what there is, and is killed. */
static int be_killed(const struct child_self *self)
{
	struct io_test *test = self->argument;
	struct slow slow;
	uint32_t claimed;

	io_open(test, NULL);
	/* Handles are given out in the same order as by the parent. */
	slow = add_slow(test);
	(void)slow;
	do {
		claimed = mk_io_run(test->io, LIVE_NS_PER_MS) < 0 ?
				  0 :
				  io_counters(test).in_flight;
	} while (claimed < 2);
	raise(SIGKILL);
	return EXIT_FAILURE;
}

static void test_a_new_pump_answers_for_a_dead_one(void **state)
{
	struct io_test *test = io_create(state, 8);
	uint32_t claimed[2], published;
	struct slow slow = { .file = 1, .arena = 2 };
	struct child child;
	int status;

	if (strcmp(mk_context_backing(test->live.context), "memfd")) {
		print_message("# SKIP a pump in another process needs memory that a "
			      "fork shares\n");
		skip();
	}
	for (int i = 0; i < 2; i++)
		claimed[i] = ask_slow(test, &slow);
	child_fork(&child, be_killed, test);
	status = child_reap(&child);
	assert_true(WIFSIGNALED(status));
	for (int i = 0; i < 2; i++)
		assert_false(io_is_answered(&test->device, claimed[i]));
	published = io_ask(test, IO_REQUEST(READ, 0, 0, 0, 0));
	io_open(test, NULL);
	for (int i = 0; i < 2; i++) {
		assert_true(io_is_answered(&test->device, claimed[i]));
		io_expect_error(io_take(&test->device, claimed[i]),
				MK_IO_REASON_CANCELLED, 0, 0);
	}
	assert_true(mk_io_run(test->io, LIVE_TIMEOUT_NS) == 1);
	io_expect_error(io_take(&test->device, published), MK_IO_REASON_UNKNOWN_HANDLE, 0,
			0);
}

/* The same, on every kind of memory. */
static void test_a_new_pump_ends_what_is_claimed(void **state)
{
	struct io_test *test = io_create(state, 8);
	uint32_t claimed = io_ask(test, IO_REQUEST(READ, 1, 2, 0, 10));
	uint32_t published = io_ask(test, IO_REQUEST(READ, 0, 0, 0, 0));

	atomic_store(&test->device.queue[claimed * MK_IO_SLOT_WORDS + MK_IO_STATUS],
		     MK_STATUS_CLAIMED);
	io_open(test, NULL);
	io_expect_error(io_take(&test->device, claimed), MK_IO_REASON_CANCELLED, 0, 0);
	assert_false(io_is_answered(&test->device, published));
	live_ok(mk_io_start(test->io));
	io_expect_error(io_take(&test->device, published), MK_IO_REASON_UNKNOWN_HANDLE, 0,
			0);
}

/* A device that died between its store and its count. */
static void test_finds_what_was_not_counted(void **state)
{
	struct io_test *test = io_start(state, 40, NULL);
	uint32_t slot;

	for (int i = 0; i < 40; i++) {
		/* Once the pump has seen all that is counted. */
		io_expect_error(io_do(test, IO_REQUEST(READ, 0, 0, 0, 0)),
				MK_IO_REASON_UNKNOWN_HANDLE, 0, 0);
		slot = io_ask(test, IO_REQUEST(READ, 0, 0, 0, 0));
		atomic_fetch_sub(&test->device.cq[MK_CQ_IO_REQUESTS], 1);
		io_expect_error(io_take(&test->device, slot), MK_IO_REASON_UNKNOWN_HANDLE,
				0, 0);
	}
}

/* Hostile memory ------------------------------------------------------------------ */

struct scribbler {
	struct io_test *test;
	uint32_t handles[4];
	uint64_t until_ns;
	uint64_t seed;
};

/* Now and then a word that makes sense, so that it comes further. */
static uint32_t some_word(struct scribbler *scribbler)
{
	uint32_t random = live_random(&scribbler->seed);

	switch (random % 8) {
	case 0:
		return random / 8 % 8;
	case 1:
	case 2:
		return scribbler->handles[random / 8 % 4];
	case 3:
		return MK_STATUS_PUBLISHED;
	case 4:
		return random / 8 % 100;
	case 5:
		return UINT32_MAX;
	default:
		return random;
	}
}

static void *scribble(void *data)
{
	struct scribbler *scribbler = data;
	struct io_device *device = &scribbler->test->device;
	uint32_t words = device->slots * MK_IO_SLOT_WORDS;

	while (live_now_ns() < scribbler->until_ns) {
		for (int i = 0; i < 1000; i++) {
			uint32_t word = live_random(&scribbler->seed) % words;

			atomic_store_explicit(&device->queue[word], some_word(scribbler),
					      memory_order_relaxed);
			/* The outbox and the hints, which end the header. */
			word = MK_CQ_IO_OUTBOX +
			       live_random(&scribbler->seed) %
				       (MK_CQ_HEADER_WORDS - MK_CQ_IO_OUTBOX);
			device->cq[word] = some_word(scribbler);
			if (i % 50 == 0)
				atomic_store_explicit(&device->cq[MK_CQ_IO_REQUESTS],
						      live_random(&scribbler->seed),
						      memory_order_relaxed);
		}
	}
	return NULL;
}

static void answer_nothing(struct mk_io *io, const struct mk_io_call *call, void *user)
{
	(void)user;
	memset(call->data, 0x5a, call->request.byte_count);
	live_ok(mk_io_answer(io, call->token, 0));
}

static void test_survives_a_hostile_device(void **state)
{
	enum { SCRIBBLERS = 2 };
	struct io_test *test = io_start(state, 64, NULL);
	int fd = io_file(FILE_BYTES, SEED);
	const struct mk_io_file range = { 100, 1000, MK_IO_READ | MK_IO_WRITE };
	struct scribbler scribblers[SCRIBBLERS];
	pthread_t threads[SCRIBBLERS];
	uint32_t handles[4], slot;
	unsigned char before[FILE_BYTES], after[FILE_BYTES];

	assert_int_equal(pread(fd, before, FILE_BYTES, 0), FILE_BYTES);
	live_ok(mk_io_add_file(test->io, fd, &range, &handles[0]));
	handles[1] = io_add_arena(test, 4096, 1000);
	handles[2] = io_add_arena(test, 8192, 50);
	live_ok(mk_io_add_callback(test->io, answer_nothing, NULL, &handles[3]));
	for (int i = 0; i < SCRIBBLERS; i++) {
		scribblers[i] = (struct scribbler){
			.test = test,
			.until_ns = live_now_ns() + 2 * LIVE_NS_PER_SECOND,
			.seed = SEED + i,
		};
		memcpy(scribblers[i].handles, handles, sizeof(handles));
		assert_int_equal(
			pthread_create(&threads[i], NULL, scribble, &scribblers[i]), 0);
	}
	for (int i = 0; i < SCRIBBLERS; i++)
		pthread_join(threads[i], NULL);

	/* A pump that stops has answered what it had. */
	live_ok(mk_io_stop(test->io, LIVE_TIMEOUT_NS));
	assert_int_equal(io_counters(test).in_flight, 0);
	for (uint32_t i = 0; i < test->device.slots; i++)
		atomic_store(&test->device.queue[i * MK_IO_SLOT_WORDS + MK_IO_STATUS],
			     MK_STATUS_EMPTY);
	live_ok(mk_io_start(test->io));
	slot = io_ask(test, IO_REQUEST(READ, handles[0], handles[1], 0, 1000));
	io_expect_ok(io_take(&test->device, slot));
	/* Nothing beside the ranges was touched. */
	for (uint32_t i = 0; i < IO_ARENA_BYTES; i++)
		if (test->arena[i] && (i < 4096 || i >= 5096) && (i < 8192 || i >= 8242))
			fail_msg("byte %u of the arena is 0x%x", i, test->arena[i]);
	assert_int_equal(pread(fd, after, FILE_BYTES, 0), FILE_BYTES);
	assert_memory_equal(after, before, 100);
	assert_memory_equal(after + 1100, before + 1100, FILE_BYTES - 1100);
	print_message("%llu requests, %llu ok\n",
		      (unsigned long long)io_counters(test).requests,
		      (unsigned long long)io_counters(test).ok);
	assert_true(io_counters(test).ok > 0);
	close(fd);
}

/* Handles come and go while requests for them come. */
struct changer {
	struct io_test *test;
	_Atomic uint32_t handle; /* the newest; it may be gone already */
	atomic_bool stop;
};

static void *add_and_remove(void *data)
{
	struct changer *changer = data;
	uint64_t seed = SEED;

	while (!atomic_load(&changer->stop)) {
		uint32_t handle = io_add_arena(changer->test, 0, 100);

		atomic_store(&changer->handle, handle);
		live_pause_ns(live_random(&seed) % (LIVE_NS_PER_MS / 4));
		live_ok(mk_io_remove(changer->test->io, handle, LIVE_TIMEOUT_NS));
	}
	return NULL;
}

static void test_handles_change_under_way(void **state)
{
	enum { REQUESTS = 3000 };
	struct io_test *test = io_start(state, 16, NULL);
	struct changer changer = { .test = test };
	int fd = io_file(FILE_BYTES, SEED);
	uint32_t file = io_add_file(test, fd, MK_IO_READ);
	uint32_t reasons[MK_IO_REASON_COUNT] = { 0 };
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, add_and_remove, &changer), 0);
	while (!atomic_load(&changer.handle))
		;
	for (uint32_t i = 0; i < REQUESTS; i++)
		reasons[io_do(test, IO_REQUEST(READ, file, atomic_load(&changer.handle),
					       0, 100))
				.reason]++;
	atomic_store(&changer.stop, true);
	pthread_join(thread, NULL);
	print_message("%u ok, %u stale, %u cancelled\n", reasons[0],
		      reasons[MK_IO_REASON_STALE_HANDLE],
		      reasons[MK_IO_REASON_CANCELLED]);
	assert_int_equal(reasons[0] + reasons[MK_IO_REASON_STALE_HANDLE] +
				 reasons[MK_IO_REASON_CANCELLED],
			 REQUESTS);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IO_TEST(test_one_pump_at_a_time),
		IO_TEST(test_is_for_owners_and_engines),
		IO_TEST(test_refuses_options),
		IO_TEST(test_runs_in_the_callers_thread),
		IO_TEST(test_callbacks_cannot_wait_for_themselves),
		IO_TEST(test_descriptor_tells_when_to_run),
		IO_TEST(test_an_idle_pump_rests),
		IO_TEST(test_keeps_the_last_errors),
		IO_TEST(test_remove_cancels_transfers),
		IO_TEST(test_remove_runs_the_pump),
		IO_TEST(test_remove_waits_for_callbacks),
		IO_TEST(test_stop_cancels_and_leaves_the_rest),
		IO_TEST(test_close_cancels_all),
		IO_TEST(test_a_new_pump_answers_for_a_dead_one),
		IO_TEST(test_a_new_pump_ends_what_is_claimed),
		IO_TEST(test_finds_what_was_not_counted),
		IO_TEST(test_survives_a_hostile_device),
		IO_TEST(test_handles_change_under_way),
	};

	return live_main(tests);
}

// SPDX-License-Identifier: MIT
/* Handles of io requests, and what is refused before anything is touched. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "io_handles.h"

enum { HANDLES = 16, ARENA = 65536, FILE_FIRST = 4096, FILE_BYTES = 8192 };

struct fixture {
	struct mk_io_handles handles;
	int fd;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture || mk_io_handles_open(&fixture->handles, HANDLES, ARENA))
		return -1;
	fixture->fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	*state = fixture;
	return fixture->fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	mk_io_handles_close(&fixture->handles);
	close(fixture->fd);
	free(fixture);
	return 0;
}

static uint32_t add_file(struct fixture *fixture, uint32_t flags)
{
	const struct mk_io_file file = { FILE_FIRST, FILE_BYTES, flags };
	uint32_t handle = 0;

	assert_int_equal(mk_io_handles_add_file(&fixture->handles, fixture->fd, &file,
						&handle),
			 0);
	return handle;
}

static uint32_t add_arena(struct fixture *fixture, uint64_t offset, uint64_t bytes)
{
	uint32_t handle = 0;

	assert_int_equal(mk_io_handles_add_arena(&fixture->handles, offset, bytes, 0, 1,
						 &handle),
			 0);
	return handle;
}

static void refuse(struct mk_io *io, const struct mk_io_call *call, void *user)
{
	(void)io;
	(void)call;
	(void)user;
}

static uint32_t add_callback(struct fixture *fixture)
{
	uint32_t handle = 0;

	assert_int_equal(
		mk_io_handles_add_callback(&fixture->handles, refuse, NULL, &handle), 0);
	return handle;
}

static void take_back(struct fixture *fixture, uint32_t handle)
{
	uint32_t reason;
	struct mk_io_handle *entry =
		mk_io_handles_find(&fixture->handles, handle, &reason);

	assert_non_null(entry);
	mk_io_handles_free(entry);
}

static uint32_t check(struct fixture *fixture, uint32_t op, uint32_t source,
		      uint32_t destination, uint64_t offset, uint32_t bytes,
		      struct mk_io_plan *plan)
{
	const struct mk_io_request request = {
		.op = op,
		.source = source,
		.destination = destination,
		.offset = offset,
		.byte_count = bytes,
		.tag = source,
	};

	return mk_io_handles_check(&fixture->handles, &request, plan);
}

/* Requests -------------------------------------------------------------------- */

static void test_plans_transfers(void **state)
{
	struct fixture *fixture = *state;
	uint32_t file = add_file(fixture, MK_IO_READ | MK_IO_WRITE);
	uint32_t arena = add_arena(fixture, 512, 1024);
	struct mk_io_plan plan;

	assert_int_equal(check(fixture, MK_IO_OP_READ, file, arena, 100, 1024, &plan), 0);
	assert_false(plan.write);
	assert_int_equal(plan.file_offset, FILE_FIRST + 100);
	assert_int_equal(plan.arena_offset, 512);
	assert_int_equal(plan.bytes, 1024);
	assert_int_equal(plan.outside->kind, MK_IO_KIND_FILE);
	assert_int_equal(
		check(fixture, MK_IO_OP_WRITE, arena, file, FILE_BYTES - 1, 1, &plan), 0);
	assert_true(plan.write);
	assert_int_equal(plan.file_offset, FILE_FIRST + FILE_BYTES - 1);
}

static void test_names_each_reason(void **state)
{
	struct fixture *fixture = *state;
	uint32_t both = add_file(fixture, MK_IO_READ | MK_IO_WRITE);
	uint32_t input = add_file(fixture, MK_IO_READ);
	uint32_t output = add_file(fixture, MK_IO_WRITE);
	uint32_t arena = add_arena(fixture, 0, 10000);
	uint32_t callback = add_callback(fixture);
	uint32_t old = add_arena(fixture, 0, 1);
	uint32_t resource;
	const uint32_t all = UINT32_MAX;

	assert_int_equal(mk_io_handles_add_resource(&fixture->handles, input, 0, 0, 100,
						    &resource),
			 0);
	take_back(fixture, old);

	const struct {
		uint32_t op, source, destination;
		uint64_t offset;
		uint32_t bytes, reason;
	} cases[] = {
		{ 0, both, arena, 0, 1, MK_IO_REASON_OPERATION },
		{ 4, both, arena, 0, 1, MK_IO_REASON_OPERATION },
		{ all, both, arena, 0, 1, MK_IO_REASON_OPERATION },
		{ MK_IO_OP_READ, 0, arena, 0, 1, MK_IO_REASON_UNKNOWN_HANDLE },
		{ MK_IO_OP_READ, both, 0, 0, 1, MK_IO_REASON_UNKNOWN_HANDLE },
		{ MK_IO_OP_READ, all, arena, 0, 1, MK_IO_REASON_UNKNOWN_HANDLE },
		{ MK_IO_OP_READ, HANDLES + 1, arena, 0, 1, MK_IO_REASON_UNKNOWN_HANDLE },
		{ MK_IO_OP_READ, HANDLES, arena, 0, 1, MK_IO_REASON_UNKNOWN_HANDLE },
		{ MK_IO_OP_READ, both | 5u << 24, arena, 0, 1,
		  MK_IO_REASON_UNKNOWN_HANDLE },
		{ MK_IO_OP_READ, both, old, 0, 1, MK_IO_REASON_STALE_HANDLE },
		{ MK_IO_OP_WRITE, old, both, 0, 1, MK_IO_REASON_STALE_HANDLE },
		{ MK_IO_OP_FENCE, both, old, 0, 0, MK_IO_REASON_STALE_HANDLE },
		{ MK_IO_OP_FENCE, both, 0, 0, 0, MK_IO_REASON_UNKNOWN_HANDLE },
		{ MK_IO_OP_READ, arena, both, 0, 1, MK_IO_REASON_WRONG_HANDLE },
		{ MK_IO_OP_READ, both, both, 0, 1, MK_IO_REASON_WRONG_HANDLE },
		{ MK_IO_OP_READ, arena, arena, 0, 1, MK_IO_REASON_WRONG_HANDLE },
		{ MK_IO_OP_READ, both, callback, 0, 1, MK_IO_REASON_WRONG_HANDLE },
		{ MK_IO_OP_READ, resource, arena, 0, 1, MK_IO_REASON_WRONG_HANDLE },
		{ MK_IO_OP_WRITE, both, arena, 0, 1, MK_IO_REASON_WRONG_HANDLE },
		{ MK_IO_OP_WRITE, arena, resource, 0, 1, MK_IO_REASON_WRONG_HANDLE },
		{ MK_IO_OP_WRITE, resource, resource, 0, 0, MK_IO_REASON_WRONG_HANDLE },
		{ MK_IO_OP_READ, output, arena, 0, 1, MK_IO_REASON_PERMISSION },
		{ MK_IO_OP_WRITE, arena, input, 0, 1, MK_IO_REASON_PERMISSION },
		{ MK_IO_OP_READ, both, arena, 0, 0, MK_IO_REASON_LENGTH },
		{ MK_IO_OP_WRITE, arena, callback, 0, 0, MK_IO_REASON_LENGTH },
		{ MK_IO_OP_READ, both, arena, 0, all, MK_IO_REASON_RANGE },
		{ MK_IO_OP_READ, both, arena, FILE_BYTES, 1, MK_IO_REASON_RANGE },
		{ MK_IO_OP_READ, both, arena, FILE_BYTES - 1, 2, MK_IO_REASON_RANGE },
		{ MK_IO_OP_READ, both, arena, UINT64_MAX, 1, MK_IO_REASON_RANGE },
		{ MK_IO_OP_READ, both, arena, UINT64_MAX, all, MK_IO_REASON_RANGE },
		{ MK_IO_OP_READ, both, arena, UINT64_C(1) << 63, 1, MK_IO_REASON_RANGE },
		{ MK_IO_OP_WRITE, arena, both, UINT64_MAX - 10, 11, MK_IO_REASON_RANGE },
		{ MK_IO_OP_WRITE, arena, callback, 0, 10001, MK_IO_REASON_RANGE },
		{ MK_IO_OP_WRITE, arena, callback, UINT64_MAX, all, MK_IO_REASON_RANGE },
		{ MK_IO_OP_READ, resource, resource, 1, 0, MK_IO_REASON_RANGE },
		{ MK_IO_OP_READ, resource, resource, 0, 1, MK_IO_REASON_RANGE },
		/* And what is right. */
		{ MK_IO_OP_READ, both, arena, 0, FILE_BYTES, 0 },
		{ MK_IO_OP_WRITE, arena, callback, UINT64_MAX, 10000, 0 },
		{ MK_IO_OP_READ, callback, arena, 7, 1, 0 },
		{ MK_IO_OP_READ, resource, resource, 0, 0, 0 },
		{ MK_IO_OP_FENCE, 0, both, UINT64_MAX, all, 0 },
		{ MK_IO_OP_FENCE, all, arena, 0, 0, 0 },
		{ MK_IO_OP_FENCE, 0, callback, 0, 0, 0 },
		{ MK_IO_OP_FENCE, 0, resource, 0, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mk_io_plan plan;
		uint32_t reason = check(fixture, cases[i].op, cases[i].source,
					cases[i].destination, cases[i].offset,
					cases[i].bytes, &plan);

		if (reason != cases[i].reason)
			fail_msg("case %zu: reason %u, expected %u", i, reason,
				 cases[i].reason);
	}
}

static void test_resource_needs_its_file(void **state)
{
	struct fixture *fixture = *state;
	uint32_t file = add_file(fixture, MK_IO_READ);
	uint32_t resource;
	struct mk_io_plan plan;

	assert_int_equal(mk_io_handles_add_resource(&fixture->handles, file, 10, 20, 30,
						    &resource),
			 0);
	assert_int_equal(check(fixture, MK_IO_OP_READ, resource, resource, 0, 0, &plan),
			 0);
	assert_int_equal(plan.file_offset, FILE_FIRST + 10);
	assert_int_equal(plan.arena_offset, 20);
	assert_int_equal(plan.bytes, 30);
	take_back(fixture, file);
	assert_int_equal(check(fixture, MK_IO_OP_READ, resource, resource, 0, 0, &plan),
			 MK_IO_REASON_STALE_HANDLE);
}

/* Giving out ------------------------------------------------------------------- */

static void test_gives_out_runs(void **state)
{
	struct fixture *fixture = *state;
	struct mk_io_handles *handles = &fixture->handles;
	struct mk_io_handle *entry;
	uint32_t first, other, reason;

	assert_int_equal(mk_io_handles_add_arena(handles, 100, 50, 200, 5, &first), 0);
	for (uint32_t i = 0; i < 5; i++) {
		entry = mk_io_handles_find(handles, first + i, &reason);
		assert_non_null(entry);
		assert_int_equal(entry->offset, 100 + 200 * i);
		assert_int_equal(entry->bytes, 50);
	}
	/* Some of a run have been in use more often than others. */
	take_back(fixture, first + 1);
	for (uint32_t i = 0; i < HANDLES; i++)
		take_back(fixture, add_arena(fixture, 0, 1));
	for (uint32_t i = 0; i < 5; i++)
		if (i != 1)
			take_back(fixture, first + i);
	assert_int_equal(mk_io_handles_add_arena(handles, 0, 1, 1, HANDLES, &other), 0);
	for (uint32_t i = 0; i < HANDLES; i++)
		assert_non_null(mk_io_handles_find(handles, other + i, &reason));
	assert_null(mk_io_handles_find(handles, first, &reason));
	assert_int_equal(reason, MK_IO_REASON_STALE_HANDLE);
	assert_int_equal(mk_io_handles_add_arena(handles, 0, 1, 1, 1, &other), -ENOSPC);
}

static void test_generations_come_round(void **state)
{
	struct fixture *fixture = *state;
	uint32_t old = add_arena(fixture, 0, 1);
	uint32_t handle, reason;

	for (uint32_t i = 1; i < HANDLES; i++)
		add_arena(fixture, 0, 1);
	/* Only one index is left to be used again and again. */
	for (uint32_t i = 0; i < 255; i++) {
		take_back(fixture, i ? handle : old);
		handle = add_arena(fixture, 0, 1);
		assert_int_not_equal(handle, 0);
		assert_int_not_equal(handle, old);
		assert_null(mk_io_handles_find(&fixture->handles, old, &reason));
		assert_int_equal(reason, MK_IO_REASON_STALE_HANDLE);
	}
	take_back(fixture, handle);
	assert_int_equal(add_arena(fixture, 0, 1), old);
	/* By now every other was given out once. */
	assert_null(mk_io_handles_find(&fixture->handles, handle, &reason));
	assert_int_equal(reason, MK_IO_REASON_STALE_HANDLE);
}

static void test_refuses_what_cannot_be(void **state)
{
	struct fixture *fixture = *state;
	struct mk_io_handles *handles = &fixture->handles;
	struct mk_io_handles none;
	uint32_t handle;
	const struct {
		uint64_t offset, bytes, stride;
		uint32_t count;
		int result;
	} ranges[] = {
		{ 0, ARENA, 0, 1, 0 },
		{ ARENA - 1, 1, UINT64_MAX, 1, 0 },
		{ 0, 0, 0, 1, -EINVAL },
		{ 0, 1, 1, 0, -EINVAL },
		{ 0, ARENA + 1, 0, 1, -ERANGE },
		{ ARENA, 1, 0, 1, -ERANGE },
		{ UINT64_MAX, 1, 0, 1, -ERANGE },
		{ 1, UINT64_MAX, 0, 1, -ERANGE },
		{ 0, 1, ARENA, 2, -ERANGE },
		{ 0, 1, UINT64_MAX, 2, -ERANGE },
		{ 0, 1, UINT64_C(1) << 63, 3, -ERANGE },
		{ 0, 1, 1, UINT32_MAX, -ERANGE },
		{ 0, 1, 0, UINT32_MAX, -ENOSPC },
	};
	const struct {
		struct mk_io_file file;
		int result;
	} files[] = {
		{ { 0, 0, MK_IO_READ }, 0 },
		{ { INT64_MAX, 0, MK_IO_READ }, 0 },
		{ { 0, 0, 0 }, -EINVAL },
		{ { 0, 0, 4 }, -EINVAL },
		{ { UINT64_MAX, 0, MK_IO_READ }, -EOVERFLOW },
		{ { INT64_MAX, 1, MK_IO_READ }, -EOVERFLOW },
		{ { 1, UINT64_MAX, MK_IO_READ }, -EOVERFLOW },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		assert_int_equal(mk_io_handles_add_arena(
					 handles, ranges[i].offset, ranges[i].bytes,
					 ranges[i].stride, ranges[i].count, &handle),
				 ranges[i].result);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		assert_int_equal(mk_io_handles_add_file(handles, fixture->fd,
							&files[i].file, &handle),
				 files[i].result);
	assert_int_equal(mk_io_handles_open(&none, 0, ARENA), -EINVAL);
	assert_int_equal(mk_io_handles_open(&none, 1u << 24, ARENA), -EINVAL);
}

static void expect_open(int flags, uint32_t allowed, int result, struct fixture *fixture)
{
	const struct mk_io_file file = { 0, 0, allowed };
	int fd = open("/dev/zero", flags | O_CLOEXEC);
	uint32_t handle;

	assert_true(fd >= 0);
	assert_int_equal(mk_io_handles_add_file(&fixture->handles, fd, &file, &handle),
			 result);
	close(fd);
}

static void test_allows_what_the_file_does(void **state)
{
	struct fixture *fixture = *state;
	const struct mk_io_file file = { 0, 0, MK_IO_READ };
	uint32_t handle;

	expect_open(O_RDONLY, MK_IO_READ, 0, fixture);
	expect_open(O_RDONLY, MK_IO_WRITE, -EACCES, fixture);
	expect_open(O_RDONLY, MK_IO_READ | MK_IO_WRITE, -EACCES, fixture);
	expect_open(O_WRONLY, MK_IO_WRITE, 0, fixture);
	expect_open(O_WRONLY, MK_IO_READ, -EACCES, fixture);
	expect_open(O_RDWR | O_APPEND, MK_IO_READ, 0, fixture);
	expect_open(O_RDWR | O_APPEND, MK_IO_WRITE, -EINVAL, fixture);
	expect_open(O_PATH, MK_IO_READ, -EACCES, fixture);
	assert_int_equal(mk_io_handles_add_file(&fixture->handles, -1, &file, &handle),
			 -EBADF);
}

static void test_resources_are_checked_when_added(void **state)
{
	struct fixture *fixture = *state;
	uint32_t input = add_file(fixture, MK_IO_READ);
	uint32_t output = add_file(fixture, MK_IO_WRITE);
	uint32_t arena = add_arena(fixture, 0, 1);
	const struct {
		uint32_t file;
		uint64_t file_offset, arena_offset;
		uint32_t bytes;
		int result;
	} cases[] = {
		{ input, FILE_BYTES - 5, ARENA - 5, 5, 0 },
		{ input, 0, 0, 0, -EINVAL },
		{ arena, 0, 0, 1, -EINVAL },
		{ 0, 0, 0, 1, -EINVAL },
		{ output, 0, 0, 1, -EACCES },
		{ input, FILE_BYTES, 0, 1, -ERANGE },
		{ input, UINT64_MAX, 0, 1, -ERANGE },
		{ input, 0, ARENA, 1, -ERANGE },
		{ input, 0, UINT64_MAX, 1, -ERANGE },
		{ input, 0, 0, UINT32_MAX, -ERANGE },
	};
	uint32_t handle;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(mk_io_handles_add_resource(
					 &fixture->handles, cases[i].file,
					 cases[i].file_offset, cases[i].arena_offset,
					 cases[i].bytes, &handle),
				 cases[i].result);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_plans_transfers),
		TEST(test_names_each_reason),
		TEST(test_resource_needs_its_file),
		TEST(test_gives_out_runs),
		TEST(test_generations_come_round),
		TEST(test_refuses_what_cannot_be),
		TEST(test_allows_what_the_file_does),
		TEST(test_resources_are_checked_when_added),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

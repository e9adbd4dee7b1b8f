// SPDX-License-Identifier: GPL-2.0-only
/* Mappings of a context's memory are of real pages, and behave as any shared memory. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "children.h"
#include "common.h"
#include "harness.h"

#define ARENA MK_MEMORY_ARENA(0)

FIXTURE(memory)
{
	int device;
	int owner;
	size_t bytes;
	unsigned char *mapping; /* of the arena */
	unsigned char *other;	/* the same, another time */
};

FIXTURE_SETUP(memory)
{
	DEVICE_OPEN(self->device);
	self->owner = context_create(self->device);
	ASSERT_LE(0, self->owner);
	self->bytes = memory_bytes(self->owner, ARENA);
	self->mapping = memory_map(self->owner, ARENA, MK_EXPORT_WRITE);
	self->other = memory_map(self->owner, ARENA, MK_EXPORT_READ);
	ASSERT_NE(MAP_FAILED, self->mapping);
	ASSERT_NE(MAP_FAILED, self->other);
}

FIXTURE_TEARDOWN(memory)
{
	close(self->owner);
	close(self->device);
}

static void fill(unsigned char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bytes[i] = i * 7 + i / 4096;
}

static bool is_filled(const unsigned char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (bytes[i] != (unsigned char)(i * 7 + i / 4096))
			return false;
	return true;
}

static int expect_filled_and_answer(int socket, void *data)
{
	FIXTURE_DATA(memory) *self = data;

	if (!hear(socket) || !is_filled(self->mapping, self->bytes))
		return 1;
	memset(self->mapping, 1, self->bytes);
	return tell(socket) ? 0 : 2;
}

TEST_F(memory, a_forked_child_shares_it)
{
	struct child child = child_start(expect_filled_and_answer, self);

	fill(self->mapping, self->bytes);
	ASSERT_TRUE(tell(child.socket));
	ASSERT_TRUE(hear(child.socket));
	EXPECT_EQ(1, self->mapping[0]);
	EXPECT_EQ(1, self->mapping[self->bytes - 1]);
	EXPECT_EQ(0, child_wait(&child));
}

/* Neither before nor after the fork has the parent touched it. */
TEST_F(memory, a_forked_child_shares_what_was_never_touched)
{
	struct child child = child_start(expect_filled_and_answer, self);
	unsigned char *third = memory_map(self->owner, ARENA, MK_EXPORT_WRITE);

	ASSERT_NE(MAP_FAILED, third);
	fill(third, self->bytes);
	ASSERT_TRUE(tell(child.socket));
	ASSERT_TRUE(hear(child.socket));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(1, self->mapping[0]);
}

static int stay(int socket, void *data)
{
	(void)data;
	return hear(socket);
}

TEST_F(memory, another_process_reads_it)
{
	unsigned char *copy = calloc(1, self->bytes);
	struct iovec to = { .iov_base = copy, .iov_len = self->bytes };
	struct iovec from = { .iov_base = self->mapping, .iov_len = self->bytes };
	struct child child;

	fill(self->mapping, self->bytes);
	child = child_start(stay, self);
	EXPECT_EQ(self->bytes, process_vm_readv(child.pid, &to, 1, &from, 1, 0));
	EXPECT_TRUE(is_filled(copy, self->bytes));
	child_kill(&child);
}

TEST_F(memory, another_process_writes_it)
{
	unsigned char *copy = malloc(self->bytes);
	struct iovec from = { .iov_base = copy, .iov_len = self->bytes };
	struct iovec to = { .iov_base = self->mapping, .iov_len = self->bytes };
	struct child child = child_start(stay, self);

	fill(copy, self->bytes);
	EXPECT_EQ(self->bytes, process_vm_writev(child.pid, &from, 1, &to, 1, 0));
	EXPECT_TRUE(is_filled(self->other, self->bytes));
	child_kill(&child);
}

TEST_F(memory, it_can_be_locked)
{
	EXPECT_EQ(0, mlock(self->mapping, self->bytes));
	fill(self->mapping, self->bytes);
	EXPECT_EQ(0, munlock(self->mapping, self->bytes));
	EXPECT_TRUE(is_filled(self->other, self->bytes));
}

TEST_F(memory, pages_that_are_not_needed_keep_their_data)
{
	fill(self->mapping, self->bytes);
	ASSERT_EQ(0, madvise(self->mapping, self->bytes, MADV_DONTNEED));
	EXPECT_TRUE(is_filled(self->mapping, self->bytes));
	/* One in the midst of others, so that a fault finds some there already. */
	ASSERT_EQ(0,
		  madvise(self->mapping + 3 * page_bytes(), page_bytes(), MADV_DONTNEED));
	EXPECT_TRUE(is_filled(self->mapping, self->bytes));
}

TEST_F(memory, pages_cannot_be_taken_out)
{
	fill(self->mapping, self->bytes);
	EXPECT_NE(0, madvise(self->mapping, self->bytes, MADV_REMOVE));
	EXPECT_TRUE(is_filled(self->other, self->bytes));
}

TEST_F(memory, protection_can_be_taken_and_given_back)
{
	fill(self->mapping, self->bytes);
	ASSERT_EQ(0, mprotect(self->mapping, self->bytes, PROT_NONE));
	ASSERT_EQ(0, mprotect(self->mapping, self->bytes, PROT_READ));
	EXPECT_TRUE(is_filled(self->mapping, self->bytes));
	ASSERT_EQ(0, mprotect(self->mapping, self->bytes, PROT_READ | PROT_WRITE));
	memset(self->mapping, 1, self->bytes);
	EXPECT_EQ(1, self->other[self->bytes - 1]);
}

TEST_F(memory, a_hole_in_a_mapping_leaves_the_rest)
{
	size_t page = page_bytes();

	fill(self->mapping, self->bytes);
	ASSERT_EQ(0, munmap(self->mapping + 2 * page, page));
	EXPECT_TRUE(is_filled(self->mapping, 2 * page));
	EXPECT_EQ(0, memcmp(self->mapping + 3 * page, self->other + 3 * page,
			    self->bytes - 3 * page));
	/* Also when the pages behind it are asked for anew. */
	ASSERT_EQ(0, madvise(self->mapping + 3 * page, self->bytes - 3 * page,
			     MADV_DONTNEED));
	EXPECT_EQ(0, memcmp(self->mapping + 3 * page, self->other + 3 * page,
			    self->bytes - 3 * page));
}

TEST_F(memory, a_moved_mapping_has_its_pages)
{
	size_t half = self->bytes / 2;
	void *place = mmap(NULL, half, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *moved;

	ASSERT_NE(MAP_FAILED, place);
	fill(self->mapping, self->bytes);
	moved = mremap(self->mapping + half, half, half, MREMAP_MAYMOVE | MREMAP_FIXED,
		       place);
	ASSERT_EQ(place, moved);
	EXPECT_EQ(0, memcmp(moved, self->other + half, half));
	ASSERT_EQ(0, madvise(moved, half, MADV_DONTNEED));
	EXPECT_EQ(0, memcmp(moved, self->other + half, half));
}

/* Pages in a pipe are the ones that were mapped, and live longer than the mapping. */
TEST_F(memory, it_can_be_spliced_into_a_pipe)
{
	struct iovec part = { .iov_base = self->mapping, .iov_len = 4 * page_bytes() };
	unsigned char *copy = malloc(part.iov_len);
	int ends[2];

	ASSERT_EQ(0, pipe(ends));
	fill(self->mapping, self->bytes);
	ASSERT_EQ(part.iov_len, vmsplice(ends[1], &part, 1, 0));
	ASSERT_EQ(0, munmap(self->mapping, self->bytes));
	ASSERT_EQ(part.iov_len, read(ends[0], copy, part.iov_len));
	EXPECT_TRUE(is_filled(copy, part.iov_len));
}

TEST_F(memory, pages_in_a_pipe_outlive_the_context)
{
	struct iovec part = { .iov_base = self->mapping, .iov_len = 4 * page_bytes() };
	unsigned char *copy = malloc(part.iov_len);
	int ends[2];

	ASSERT_EQ(0, pipe(ends));
	fill(self->mapping, self->bytes);
	ASSERT_EQ(part.iov_len, vmsplice(ends[1], &part, 1, 0));
	munmap(self->mapping, self->bytes);
	munmap(self->other, self->bytes);
	close(self->owner);
	/* Somebody else's now, if they were given back. */
	self->owner = context_create(self->device);
	self->mapping = memory_map(self->owner, ARENA, MK_EXPORT_WRITE);
	ASSERT_NE(MAP_FAILED, self->mapping);
	memset(self->mapping, 0, self->bytes);
	ASSERT_EQ(part.iov_len, read(ends[0], copy, part.iov_len));
	EXPECT_TRUE(is_filled(copy, part.iov_len));
}

#define TOUCHES 40

static void *touch_and_drop(void *mapping)
{
	const volatile unsigned char *bytes = mapping;

	for (int i = 0; i < TOUCHES; i++) {
		size_t page = i * 5 % (TEST_ARENA_PAGES - 1);

		if (bytes[page * page_bytes()] != page)
			return mapping;
		madvise((char *)mapping + page * page_bytes(), 2 * page_bytes(),
			MADV_DONTNEED);
	}
	return NULL;
}

/* Several faults at the same page table, with some of the pages there already. */
TEST_F(memory, threads_fault_at_the_same_time)
{
	pthread_t threads[4];
	void *wrong;

	for (size_t page = 0; page < TEST_ARENA_PAGES; page++) {
		self->mapping[page * page_bytes()] = page;
	}
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, touch_and_drop,
					    self->mapping));
	}
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		pthread_join(threads[i], &wrong);
		EXPECT_EQ(NULL, wrong);
	}
}

/* Of several page tables, and of large pages where the system has some. */
TEST_F(memory, a_large_arena_is_there_as_a_whole)
{
	struct mk_ioctl_create arguments = context_arguments();
	const size_t bytes = 9 << 20;
	int large;
	__u32 *words, *others;

	arguments.arena_bytes[0] = bytes;
	large = context_create_with(self->device, &arguments);
	ASSERT_LE(0, large);
	words = memory_map(large, ARENA, MK_EXPORT_WRITE);
	others = memory_map(large, ARENA, MK_EXPORT_READ);
	ASSERT_NE(MAP_FAILED, words);
	ASSERT_NE(MAP_FAILED, others);
	for (size_t i = 0; i < bytes / sizeof(*words); i += 1024) {
		words[i] = i + 1;
	}
	for (size_t i = 0; i < bytes / sizeof(*words); i += 1024) {
		ASSERT_EQ(i + 1, others[i]);
	}
}

TEST_HARNESS_MAIN

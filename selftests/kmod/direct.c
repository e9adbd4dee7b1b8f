// SPDX-License-Identifier: GPL-2.0-only
/* Files are read straight into an arena, and written straight out of it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>

#include "common.h"
#include "files.h"
#include "harness.h"
#include "uring.h"

#define ARENA MK_MEMORY_ARENA(0)

FIXTURE(direct)
{
	int device;
	int owner;
	int file;
	size_t bytes;
	unsigned char *mapping; /* of the arena */
	unsigned char *other;	/* the same, another time */
	struct counters before;
	struct uring uring;
	bool has_uring;
};

FIXTURE_SETUP(direct)
{
	struct mk_ioctl_create arguments = context_arguments();

	DEVICE_OPEN(self->device);
	self->file = direct_file_open();
	if (self->file < 0) {
		SKIP(return, "no file takes O_DIRECT");
	}
	self->has_uring = uring_open(&self->uring);
	self->before = counters_now();
	self->bytes = DIRECT_FILE_BYTES;
	arguments.arena_bytes[0] = self->bytes;
	self->owner = context_create_with(self->device, &arguments);
	ASSERT_LE(0, self->owner);
	self->mapping = memory_map(self->owner, ARENA, MK_EXPORT_WRITE);
	self->other = memory_map(self->owner, ARENA, MK_EXPORT_WRITE);
	ASSERT_NE(MAP_FAILED, self->mapping);
	ASSERT_NE(MAP_FAILED, self->other);
}

FIXTURE_TEARDOWN(direct)
{
	close(self->owner);
	close(self->file);
	close(self->device);
}

static bool has_arrived(const unsigned char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (bytes[i] != direct_file_byte(i))
			return false;
	return true;
}

/* Maps nothing of it any more, and leaves it to whoever still uses it. */
static void let_go(FIXTURE_DATA(direct) * self)
{
	munmap(self->mapping, self->bytes);
	munmap(self->other, self->bytes);
	close(self->owner);
	self->owner = -1;
}

#define NEEDS_URING()                                \
	do {                                         \
		if (!self->has_uring)                \
			SKIP(return, "no io_uring"); \
	} while (0)

/* Registers the arena; kernels before 6.5 take no mapping of a DMA-buf at all. */
#define REGISTER()                                                                       \
	do {                                                                             \
		int __error = uring_register(&self->uring, self->mapping, self->bytes);  \
		if (__error == EOPNOTSUPP)                                               \
			SKIP(return,                                                     \
				   "this kernel's io_uring fixes no mapping of a file"); \
		ASSERT_EQ(0, __error);                                                   \
	} while (0)

TEST_F(direct, a_file_is_read_into_it)
{
	EXPECT_EQ(self->bytes, read(self->file, self->mapping, self->bytes));
	EXPECT_TRUE(has_arrived(self->other, self->bytes));
}

TEST_F(direct, it_is_written_to_a_file)
{
	unsigned char *copy = aligned_alloc(page_bytes(), self->bytes);

	for (size_t i = 0; i < self->bytes; i++) {
		self->mapping[i] = ~direct_file_byte(i);
	}
	EXPECT_EQ(self->bytes, pwrite(self->file, self->mapping, self->bytes, 0));
	EXPECT_EQ(self->bytes, pread(self->file, copy, self->bytes, 0));
	EXPECT_EQ(0, memcmp(self->mapping, copy, self->bytes));
}

TEST_F(direct, a_part_of_a_file_is_read_into_a_part_of_it)
{
	EXPECT_EQ(512, pread(self->file, self->mapping + 5 * 4096 + 512, 512, 1024));
	EXPECT_EQ(0, self->other[5 * 4096 + 511]);
	EXPECT_EQ(direct_file_byte(1024), self->other[5 * 4096 + 512]);
	EXPECT_EQ(direct_file_byte(1535), self->other[5 * 4096 + 1023]);
	EXPECT_EQ(0, self->other[5 * 4096 + 1024]);
}

TEST_F(direct, io_uring_reads_into_it)
{
	NEEDS_URING();
	EXPECT_EQ(self->bytes, uring_read(&self->uring, self->file, self->mapping,
					  self->bytes, false));
	EXPECT_TRUE(has_arrived(self->other, self->bytes));
}

TEST_F(direct, it_can_be_a_fixed_buffer)
{
	NEEDS_URING();
	REGISTER();
	EXPECT_EQ(self->bytes,
		  uring_read(&self->uring, self->file, self->mapping, self->bytes, true));
	EXPECT_TRUE(has_arrived(self->other, self->bytes));
}

TEST_F(direct, a_fixed_buffer_is_used_after_it_was_unmapped)
{
	NEEDS_URING();
	REGISTER();
	ASSERT_EQ(0, munmap(self->mapping, self->bytes));
	EXPECT_EQ(self->bytes,
		  uring_read(&self->uring, self->file, self->mapping, self->bytes, true));
	EXPECT_TRUE(has_arrived(self->other, self->bytes));
}

/* Its pages are io_uring's then, and nobody else's. */
TEST_F(direct, a_fixed_buffer_is_used_after_its_context)
{
	NEEDS_URING();
	REGISTER();
	let_go(self);
	ASSERT_TRUE(counters_return_to(self->before));
	/* The next one must not get them. */
	self->owner = context_create(self->device);
	self->other = memory_map(self->owner, ARENA, MK_EXPORT_READ);
	ASSERT_NE(MAP_FAILED, self->other);
	EXPECT_EQ(self->bytes,
		  uring_read(&self->uring, self->file, self->mapping, self->bytes, true));
	for (size_t i = 0; i < memory_bytes(self->owner, ARENA); i++) {
		ASSERT_EQ(0, self->other[i]);
	}
	EXPECT_EQ(0, uring_unregister(&self->uring));
}

/* The pages of a read that is under way, from a pipe that has nothing in it yet. */
TEST_F(direct, a_read_under_way_outlives_the_mapping)
{
	int ends[2];

	NEEDS_URING();
	REGISTER();
	ASSERT_EQ(0, pipe(ends));
	ASSERT_TRUE(uring_start_read(&self->uring, ends[0], self->mapping, 6, true));
	ASSERT_EQ(0, munmap(self->mapping, self->bytes));
	ASSERT_EQ(6, write(ends[1], "later", 6));
	EXPECT_EQ(6, uring_finish(&self->uring));
	EXPECT_STREQ("later", (char *)self->other);
}

TEST_F(direct, a_ring_may_go_with_its_buffer)
{
	NEEDS_URING();
	REGISTER();
	let_go(self);
	close(self->uring.file);
	EXPECT_TRUE(counters_return_to(self->before));
}

TEST_HARNESS_MAIN

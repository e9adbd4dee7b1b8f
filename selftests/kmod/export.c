// SPDX-License-Identifier: GPL-2.0-only
/* MK_IOCTL_EXPORT: which pages, how often, for how long. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "common.h"
#include "exporters.h"
#include "harness.h"

#define ARENA	       MK_MEMORY_ARENA(0)
#define EXTERNAL_ARENA MK_MEMORY_ARENA(1)
#define ABSENT_ARENA   MK_MEMORY_ARENA(2)

FIXTURE(export)
{
	int device;
	int owner;
	struct mk_ioctl_export arguments;
	int descriptor; /* the lowest free one */
	struct counters counters;
};

FIXTURE_SETUP(export)
{
	struct mk_ioctl_create arguments = context_arguments();

	DEVICE_OPEN(self->device);
	arguments.arena_bytes[1] = page_bytes();
	arguments.external = 1u << EXTERNAL_ARENA;
	self->owner = context_create_with(self->device, &arguments);
	ASSERT_LE(0, self->owner);
	self->arguments.memory = ARENA;
	self->descriptor = lowest_descriptor();
	self->counters = counters_now();
}

FIXTURE_TEARDOWN(export)
{
	close(self->owner);
	close(self->device);
}

/* What the arguments get; something that fails must leave nothing behind. */
static int refusal(FIXTURE_DATA(export) * self)
{
	int error = errno_of(ioctl(self->owner, MK_IOCTL_EXPORT, &self->arguments));

	if (error && (lowest_descriptor() != self->descriptor ||
		      !counters_return_to(self->counters)))
		return -1;
	return error;
}

/* Rejections -------------------------------------------------------------- */

TEST_F(export, unknown_flags_are_refused)
{
	self->arguments.flags = 1u << 1;
	EXPECT_EQ(EINVAL, refusal(self));
	self->arguments.flags = 1u << 31;
	EXPECT_EQ(EINVAL, refusal(self));
}

TEST_F(export, padding_must_be_zero)
{
	self->arguments.pad = 1;
	EXPECT_EQ(EINVAL, refusal(self));
}

TEST_F(export, unknown_memory_is_refused)
{
	self->arguments.memory = MK_MEMORY_COUNT;
	EXPECT_EQ(EINVAL, refusal(self));
	self->arguments.memory = ~0u;
	EXPECT_EQ(EINVAL, refusal(self));
}

TEST_F(export, memory_of_no_size_is_refused)
{
	self->arguments.memory = ABSENT_ARENA;
	EXPECT_EQ(EINVAL, refusal(self));
}

TEST_F(export, external_memory_is_not_there_yet)
{
	self->arguments.memory = EXTERNAL_ARENA;
	EXPECT_EQ(ENODATA, refusal(self));
}

TEST_F(export, half_pages_are_refused_at_the_beginning)
{
	self->arguments.offset = page_bytes() / 2;
	EXPECT_EQ(EINVAL, refusal(self));
}

TEST_F(export, half_pages_are_refused_at_the_end)
{
	self->arguments.size = page_bytes() + 1;
	EXPECT_EQ(EINVAL, refusal(self));
}

TEST_F(export, what_begins_behind_the_end_is_refused)
{
	self->arguments.offset = TEST_ARENA_PAGES * page_bytes();
	EXPECT_EQ(ERANGE, refusal(self));
	self->arguments.size = page_bytes();
	EXPECT_EQ(ERANGE, refusal(self));
}

TEST_F(export, what_ends_behind_the_end_is_refused)
{
	self->arguments.size = (TEST_ARENA_PAGES + 1) * page_bytes();
	EXPECT_EQ(ERANGE, refusal(self));
	self->arguments.offset = (TEST_ARENA_PAGES - 1) * page_bytes();
	self->arguments.size = 2 * page_bytes();
	EXPECT_EQ(ERANGE, refusal(self));
}

TEST_F(export, sums_that_wrap_are_refused)
{
	self->arguments.offset = page_bytes();
	self->arguments.size = 0 - (__u64)page_bytes();
	EXPECT_EQ(ERANGE, refusal(self));
	self->arguments.offset = 0 - (__u64)page_bytes();
	self->arguments.size = 2 * page_bytes();
	EXPECT_EQ(ERANGE, refusal(self));
}

TEST_F(export, without_a_free_descriptor_nothing_is_exported)
{
	struct rlimit before, none = { .rlim_cur = 0 };

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &before));
	none.rlim_max = before.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_EQ(EMFILE,
		  errno_of(ioctl(self->owner, MK_IOCTL_EXPORT, &self->arguments)));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &before));
	EXPECT_TRUE(counters_return_to(self->counters));
}

/* DMA-bufs ---------------------------------------------------------------- */

TEST_F(export, the_dma_buf_is_closed_on_exec)
{
	ASSERT_EQ(0, refusal(self));
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->arguments.fd, F_GETFD));
}

TEST_F(export, its_mode_follows_the_flags)
{
	ASSERT_EQ(0, refusal(self));
	EXPECT_EQ(O_RDONLY, fcntl(self->arguments.fd, F_GETFL) & O_ACCMODE);
	self->arguments.flags = MK_EXPORT_WRITE;
	ASSERT_EQ(0, refusal(self));
	EXPECT_EQ(O_RDWR, fcntl(self->arguments.fd, F_GETFL) & O_ACCMODE);
}

TEST_F(export, it_has_the_bytes_of_its_pages)
{
	for (__u32 memory = 0; memory <= ARENA; memory++) {
		self->arguments.memory = memory;
		ASSERT_EQ(0, refusal(self));
		EXPECT_EQ(memory_bytes(self->owner, memory),
			  lseek(self->arguments.fd, 0, SEEK_END));
		close(self->arguments.fd);
	}
}

TEST_F(export, it_can_be_synced)
{
	struct dma_buf_sync sync = { .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW };

	self->arguments.flags = MK_EXPORT_WRITE;
	ASSERT_EQ(0, refusal(self));
	EXPECT_EQ(0, ioctl(self->arguments.fd, DMA_BUF_IOCTL_SYNC, &sync));
	sync.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW;
	EXPECT_EQ(0, ioctl(self->arguments.fd, DMA_BUF_IOCTL_SYNC, &sync));
}

TEST_F(export, mappings_end_where_it_ends)
{
	size_t bytes = TEST_ARENA_PAGES * page_bytes();

	ASSERT_EQ(0, refusal(self));
	EXPECT_EQ(EINVAL, errno_of((long)mmap(NULL, bytes + page_bytes(), PROT_READ,
					      MAP_SHARED, self->arguments.fd, 0)));
	EXPECT_EQ(EINVAL, errno_of((long)mmap(NULL, page_bytes(), PROT_READ, MAP_SHARED,
					      self->arguments.fd, bytes)));
}

TEST_F(export, mappings_cannot_grow_past_the_end)
{
	size_t bytes = page_bytes();
	char *mapping;

	self->arguments.size = bytes;
	ASSERT_EQ(0, refusal(self));
	mapping = mmap(NULL, bytes, PROT_READ, MAP_SHARED, self->arguments.fd, 0);
	ASSERT_NE(MAP_FAILED, mapping);
	EXPECT_EQ(MAP_FAILED, mremap(mapping, bytes, 2 * bytes, MREMAP_MAYMOVE));
}

TEST_F(export, parts_show_the_pages_that_were_asked_for)
{
	size_t bytes = page_bytes();
	__u32 *whole = memory_map(self->owner, ARENA, MK_EXPORT_WRITE);

	ASSERT_NE(MAP_FAILED, whole);
	for (__u32 page = 0; page < TEST_ARENA_PAGES; page++) {
		store(&whole[page * bytes / sizeof(*whole)], page + 1);
	}
	for (__u32 page = 0; page < TEST_ARENA_PAGES; page++) {
		int part = memory_export_pages(self->owner, ARENA, MK_EXPORT_READ,
					       page * bytes, bytes);
		__u32 *word = mmap(NULL, bytes, PROT_READ, MAP_SHARED, part, 0);

		ASSERT_NE(MAP_FAILED, word);
		EXPECT_EQ(bytes, lseek(part, 0, SEEK_END));
		EXPECT_EQ(page + 1, load(word));
		munmap(word, bytes);
		close(part);
	}
}

TEST_F(export, no_size_is_all_from_the_offset_on)
{
	self->arguments.offset = 3 * page_bytes();
	ASSERT_EQ(0, refusal(self));
	EXPECT_EQ((TEST_ARENA_PAGES - 3) * page_bytes(),
		  lseek(self->arguments.fd, 0, SEEK_END));
}

TEST_F(export, a_mapping_may_begin_inside)
{
	size_t bytes = page_bytes();
	__u32 *whole = memory_map(self->owner, ARENA, MK_EXPORT_WRITE), *inside;

	ASSERT_NE(MAP_FAILED, whole);
	store(&whole[5 * bytes / sizeof(*whole)], 5);
	self->arguments.offset = 2 * bytes;
	ASSERT_EQ(0, refusal(self));
	inside = mmap(NULL, bytes, PROT_READ, MAP_SHARED, self->arguments.fd, 3 * bytes);
	ASSERT_NE(MAP_FAILED, inside);
	EXPECT_EQ(5, load(inside));
}

/* Sharing ----------------------------------------------------------------- */

TEST_F(export, many_exports_are_of_the_same_pages)
{
	__u32 *first = memory_map(self->owner, ARENA, MK_EXPORT_WRITE);

	ASSERT_NE(MAP_FAILED, first);
	for (__u32 i = 1; i <= 32; i++) {
		__u32 *other = memory_map(self->owner, ARENA, MK_EXPORT_WRITE);

		ASSERT_NE(MAP_FAILED, other);
		EXPECT_EQ(i - 1, load(first));
		store(other, i);
	}
	EXPECT_EQ(32, load(first));
	EXPECT_EQ(self->counters.pages, counters_now().pages);
}

/*
 * For two processes, as an engine and a producer on one device are.  What DMA debugging
 * has against it is in the kernel's log.
 */
TEST_F(export, a_device_maps_the_same_pages_twice)
{
	int dma_buf = memory_export(self->owner, ARENA, MK_EXPORT_WRITE);
	int cards[] = { vgem_open(), vgem_open() };

	if (cards[1] < 0) {
		SKIP(return, "vgem is not here");
	}
	EXPECT_EQ(0, vgem_import_and_keep(cards[0], dma_buf));
	EXPECT_EQ(0, vgem_import_and_keep(cards[1], dma_buf));
	close(cards[0]);
	close(cards[1]);
	close(dma_buf);
}

TEST_F(export, a_read_only_one_shows_what_is_written_to_the_other)
{
	__u32 *written = memory_map(self->owner, ARENA, MK_EXPORT_WRITE);
	__u32 *read = memory_map(self->owner, ARENA, MK_EXPORT_READ);

	ASSERT_NE(MAP_FAILED, written);
	ASSERT_NE(MAP_FAILED, read);
	EXPECT_EQ(0, load(read));
	store(written, 7);
	EXPECT_EQ(7, load(read));
}

TEST_F(export, contexts_do_not_share)
{
	__u32 *here = memory_map(self->owner, ARENA, MK_EXPORT_WRITE);
	int other = context_create(self->device);
	__u32 *there = memory_map(other, ARENA, MK_EXPORT_WRITE);

	ASSERT_NE(MAP_FAILED, here);
	ASSERT_NE(MAP_FAILED, there);
	store(here, 1);
	EXPECT_EQ(0, load(there));
}

/* Life -------------------------------------------------------------------- */

TEST_F(export, pages_outlive_the_context)
{
	size_t bytes = TEST_ARENA_PAGES * page_bytes();
	__u32 *mapping;

	self->arguments.flags = MK_EXPORT_WRITE;
	ASSERT_EQ(0, refusal(self));
	mapping = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		       self->arguments.fd, 0);
	ASSERT_NE(MAP_FAILED, mapping);
	store(mapping, 1);
	close(self->arguments.fd);
	close(self->owner);
	EXPECT_EQ(1, load(mapping));
	/* Also those that were not touched before. */
	store(&mapping[bytes / sizeof(*mapping) - 1], 2);
	EXPECT_EQ(2, load(&mapping[bytes / sizeof(*mapping) - 1]));
}

TEST_F(export, only_exported_pages_outlive_the_context)
{
	long before;

	close(self->owner);
	before = counters_now().pages;
	self->owner = context_create(self->device);
	ASSERT_LE(0, self->owner);
	/* A part holds its whole memory, but no other one. */
	self->arguments.size = page_bytes();
	ASSERT_EQ(0, ioctl(self->owner, MK_IOCTL_EXPORT, &self->arguments));
	close(self->owner);
	EXPECT_EQ(before + TEST_ARENA_PAGES, counters_now().pages);
	close(self->arguments.fd);
	EXPECT_EQ(before, counters_now().pages);
}

TEST_HARNESS_MAIN

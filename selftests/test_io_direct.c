// SPDX-License-Identifier: MIT
/*
 * Reads of the device's that go from a disk straight into the arena, with O_DIRECT.  The
 * disk is a loop device, which has real block io whatever the filesystems here are like.
 */
#define _GNU_SOURCE
#include "live.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BLOCKS = 16, BLOCK_BYTES = 65536, DISK_BYTES = BLOCKS * BLOCK_BYTES };

/* A loop device with a disk behind it, which goes with the last descriptor; or -1. */
static int attach_loop(const struct loop_config *config, char *path, size_t bytes)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

	for (int tries = 0; control >= 0 && tries < 10; tries++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE);
		int loop;

		snprintf(path, bytes, "/dev/loop%d", number);
		loop = number < 0 ? -1 : open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
		/* Another may have taken it meanwhile. */
		if (loop >= 0 && !ioctl(loop, LOOP_CONFIGURE, config)) {
			close(control);
			return loop;
		}
		if (loop >= 0)
			close(loop);
	}
	if (control >= 0)
		close(control);
	return -1;
}

static int open_disk(unsigned char *content, char *path, size_t bytes)
{
	int file = memfd_create("disk", MFD_CLOEXEC);
	struct loop_config config = {
		.fd = (uint32_t)file,
		.info.lo_flags = LO_FLAGS_AUTOCLEAR,
	};
	uint64_t random = 5;
	int loop;

	for (size_t i = 0; i < DISK_BYTES; i++)
		content[i] = (unsigned char)live_random(&random);
	assert_true(file >= 0);
	assert_int_equal(write(file, content, DISK_BYTES), DISK_BYTES);
	loop = attach_loop(&config, path, bytes);
	close(file);
	return loop;
}

/* Pages of the disk that the page cache has. */
static int count_cached_pages(const char *path)
{
	int disk = open(path, O_RDONLY | O_CLOEXEC);
	void *pages = mmap(NULL, DISK_BYTES, PROT_READ, MAP_SHARED, disk, 0);
	unsigned char cached[DISK_BYTES / 4096];
	int count = 0;

	assert_ptr_not_equal(pages, MAP_FAILED);
	assert_int_equal(mincore(pages, DISK_BYTES, cached), 0);
	for (size_t i = 0; i < sizeof(cached); i++)
		count += cached[i] & 1;
	munmap(pages, DISK_BYTES);
	close(disk);
	return count;
}

static void read_all(struct live *live, uint32_t file, uint32_t ranges)
{
	struct mk_producer *producer = live_producer(live, 0, 0);

	for (uint32_t i = 0; i < BLOCKS; i++)
		live_ok(live_run(producer, &LIVE_ITEM(MK_OP_IO_READ, file, ranges + i,
						      i * BLOCK_BYTES, 0, BLOCK_BYTES)));
}

static void test_reads_into_the_arena(void **state)
{
	static const struct mk_geometry geometry = { .arena_bytes = DISK_BYTES };
	static unsigned char content[DISK_BYTES];
	const struct mk_io_file reads = { .flags = MK_IO_READ };
	struct live *live = *state;
	struct mk_io_counters counters;
	uint64_t before = 0, after = 0;
	uint32_t file, ranges;
	char path[32];
	int disk = open_disk(content, path, sizeof(path));
	int cached_before;
	struct mk_io *io;

	if (disk < 0) {
		print_message("# SKIP no loop device can be had here\n");
		skip();
	}
	live_create(live, &geometry);
	live_start(live, NULL);
	live_ok(mk_io_open(live->context, NULL, &io));
	live_ok(mk_io_add_file(io, disk, &reads, &file));
	live_ok(mk_io_add_arena(io, 0, BLOCK_BYTES, BLOCK_BYTES, BLOCKS, &ranges));
	live_ok(mk_io_start(io));
	/* Whoever saw the device come may have read of it. */
	cached_before = count_cached_pages(path);
	if (!live_device_reads(&before))
		print_message("# this kernel does not count what a process reads\n");
	read_all(live, file, ranges);
	if (live_device_reads(&after))
		assert_true(after - before >= DISK_BYTES);
	assert_true(count_cached_pages(path) <= cached_before);
	assert_memory_equal(mk_context_arena(live->context), content, DISK_BYTES);
	mk_io_counters(io, &counters);
	if (strcmp(mk_context_backing(live->context), "device") != 0)
		assert_int_equal(counters.bounced, 0);
	print_message("# %" PRIu64 " bytes from the disk, %d pages of it cached, %" PRIu64
		      " pieces bounced, buffers fixed: %s\n",
		      after - before, cached_before, counters.bounced,
		      counters.flags & MK_IO_FIXED_BUFFERS ? "yes" : "no");
	live_stop(live);
	live_ok(mk_io_close(io, LIVE_TIMEOUT_NS));
	close(disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIVE_TEST(test_reads_into_the_arena),
	};

	return live_main(tests);
}

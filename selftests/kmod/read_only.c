// SPDX-License-Identifier: GPL-2.0-only
/* A read-only DMA-buf stays read-only, whoever tries to write to it and how. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "common.h"
#include "exporters.h"
#include "files.h"
#include "harness.h"
#include "uring.h"

#define CONTENTS 0x5a

/* <sys/mman.h> may be older than the kernel. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

FIXTURE(read_only)
{
	int device;
	int owner;
	int dma_buf; /* read-only */
	size_t bytes;
	unsigned char *written; /* the same memory, to write to */
	unsigned char *mapping; /* of the DMA-buf */
};

FIXTURE_VARIANT(read_only)
{
	__u32 role;
	__u32 memory;
	const struct exporter *exporter; /* of the memory, when it is an import */
};

FIXTURE_VARIANT_ADD(read_only, arena_of_an_observer){
	.role = MK_ROLE_OBSERVER,
	.memory = MK_MEMORY_ARENA(0),
};

FIXTURE_VARIANT_ADD(read_only, control_of_a_producer){
	.role = MK_ROLE_PRODUCER,
	.memory = MK_REGION_CONTROL,
};

FIXTURE_VARIANT_ADD(read_only, arena_of_an_engine){
	.role = MK_ROLE_ENGINE,
	.memory = MK_MEMORY_ARENA(0),
};

FIXTURE_VARIANT_ADD(read_only, import_from_vgem){
	.role = MK_ROLE_OBSERVER,
	.memory = MK_MEMORY_ARENA(0),
	.exporter = &vgem,
};

FIXTURE_VARIANT_ADD(read_only, import_from_udmabuf){
	.role = MK_ROLE_OBSERVER,
	.memory = MK_MEMORY_ARENA(0),
	.exporter = &udmabuf,
};

FIXTURE_VARIANT_ADD(read_only, import_from_the_system_heap){
	.role = MK_ROLE_OBSERVER,
	.memory = MK_MEMORY_ARENA(0),
	.exporter = &system_heap,
};

FIXTURE_SETUP(read_only)
{
	struct mk_ioctl_create arguments = context_arguments();
	struct mk_ioctl_import import = { .memory = variant->memory };
	int file;

	DEVICE_OPEN(self->device);
	if (variant->exporter) {
		arguments.external = 1u << variant->memory;
	}
	self->owner = context_create_with(self->device, &arguments);
	ASSERT_LE(0, self->owner);
	self->bytes = memory_bytes(self->owner, variant->memory);
	if (variant->exporter) {
		import.fd = variant->exporter->export(self->bytes, true);
		if (import.fd < 0) {
			SKIP(return, "%s is not here", variant->exporter->name);
		}
		ASSERT_EQ(0, ioctl(self->owner, MK_IOCTL_IMPORT, &import));
		close(import.fd);
	}
	self->written = memory_map(self->owner, variant->memory, MK_EXPORT_WRITE);
	ASSERT_NE(MAP_FAILED, self->written);
	memset(self->written, CONTENTS, self->bytes);

	file = context_attach(self->owner, variant->role);
	self->dma_buf = memory_export(file, variant->memory, MK_EXPORT_READ);
	ASSERT_LE(0, self->dma_buf);
	self->mapping = mmap(NULL, self->bytes, PROT_READ, MAP_SHARED, self->dma_buf, 0);
	ASSERT_NE(MAP_FAILED, self->mapping);
	close(file);
}

/* Whatever was tried: nothing was written. */
FIXTURE_TEARDOWN(read_only)
{
	EXPECT_EQ(CONTENTS, self->written[0]);
	EXPECT_EQ(0, memcmp(self->written, self->written + 1, self->bytes - 1));
	EXPECT_EQ(0, memcmp(self->written, self->mapping, self->bytes));
	close(self->dma_buf);
	close(self->owner);
	close(self->device);
}

static bool is_writable(const void *address)
{
	static const char byte = ~CONTENTS;
	int pipe_ends[2];
	bool is_written;

	/* The kernel tries for us, so that a failure is no signal. */
	if (pipe(pipe_ends) || write(pipe_ends[1], &byte, 1) != 1)
		return true;
	is_written = read(pipe_ends[0], (void *)(uintptr_t)address, 1) == 1;
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	return is_written;
}

TEST_F(read_only, it_cannot_be_mapped_to_write)
{
	EXPECT_EQ(EACCES, errno_of((long)mmap(NULL, self->bytes, PROT_READ | PROT_WRITE,
					      MAP_SHARED, self->dma_buf, 0)));
	EXPECT_EQ(EACCES, errno_of((long)mmap(NULL, self->bytes, PROT_WRITE, MAP_SHARED,
					      self->dma_buf, 0)));
}

TEST_F(read_only, a_private_mapping_changes_nothing)
{
	unsigned char *private = mmap(NULL, self->bytes, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE, self->dma_buf, 0);

	if (private != MAP_FAILED) {
		memset(private, ~CONTENTS, self->bytes);
	}
	EXPECT_EQ(CONTENTS, self->mapping[0]);
}

TEST_F(read_only, a_mapping_cannot_be_made_writable)
{
	EXPECT_EQ(EACCES,
		  errno_of(mprotect(self->mapping, self->bytes, PROT_READ | PROT_WRITE)));
	EXPECT_EQ(EACCES, errno_of(mprotect(self->mapping, page_bytes(), PROT_WRITE)));
	EXPECT_FALSE(is_writable(self->mapping));
}

TEST_F(read_only, a_mapping_without_rights_gets_only_the_right_to_read)
{
	ASSERT_EQ(0, mprotect(self->mapping, self->bytes, PROT_NONE));
	EXPECT_EQ(EACCES, errno_of(mprotect(self->mapping, self->bytes, PROT_WRITE)));
	EXPECT_EQ(0, mprotect(self->mapping, self->bytes, PROT_READ));
}

TEST_F(read_only, a_moved_mapping_is_the_same)
{
	void *place =
		mmap(NULL, self->bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, place);
	self->mapping = mremap(self->mapping, self->bytes, self->bytes,
			       MREMAP_MAYMOVE | MREMAP_FIXED, place);
	ASSERT_EQ(place, self->mapping);
	EXPECT_EQ(EACCES, errno_of(mprotect(place, self->bytes, PROT_READ | PROT_WRITE)));
	EXPECT_FALSE(is_writable(place));
}

/* Makes a new mapping of the file that the old one has. */
TEST_F(read_only, remapped_pages_are_the_same)
{
	if (!syscall(SYS_remap_file_pages, self->mapping, page_bytes(), 0, 1, 0)) {
		EXPECT_NE(0, mprotect(self->mapping, page_bytes(), PROT_WRITE));
	}
	EXPECT_FALSE(is_writable(self->mapping));
}

TEST_F(read_only, pages_cannot_be_populated_to_write)
{
	EXPECT_NE(0, madvise(self->mapping, self->bytes, MADV_POPULATE_WRITE));
}

static bool opens_to_write(const char *path)
{
	int file = open(path, O_RDWR | O_CLOEXEC);
	void *mapping = MAP_FAILED;

	if (file >= 0)
		mapping = mmap(NULL, page_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED,
			       file, 0);
	return mapping != MAP_FAILED;
}

TEST_F(read_only, it_cannot_be_opened_again_by_its_descriptor)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->dma_buf);
	ASSERT_EQ(0, access(path, F_OK));
	EXPECT_FALSE(opens_to_write(path));
}

TEST_F(read_only, it_cannot_be_opened_again_by_its_mapping)
{
	char path[128];
	struct stat status;

	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (long)self->mapping,
		 (long)self->mapping + self->bytes);
	ASSERT_EQ(0, lstat(path, &status));
	EXPECT_FALSE(opens_to_write(path));
}

TEST_F(read_only, its_mode_cannot_be_changed)
{
	EXPECT_EQ(0, fcntl(self->dma_buf, F_SETFL, O_RDWR));
	EXPECT_EQ(EACCES, errno_of((long)mmap(NULL, self->bytes, PROT_READ | PROT_WRITE,
					      MAP_SHARED, self->dma_buf, 0)));
}

/* As a debugger does, who may write to private mappings that are read-only. */
TEST_F(read_only, a_debugger_cannot_write)
{
	int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	ASSERT_LE(0, memory);
	EXPECT_EQ(-1, pwrite(memory, "x", 1, (off_t)self->mapping));
}

TEST_F(read_only, another_process_cannot_write)
{
	struct iovec from = { .iov_base = "x", .iov_len = 1 };
	struct iovec to = { .iov_base = self->mapping, .iov_len = 1 };

	EXPECT_EQ(EFAULT, errno_of(process_vm_writev(getpid(), &from, 1, &to, 1, 0)));
}

TEST_F(read_only, a_file_cannot_be_read_into_it)
{
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	ASSERT_LE(0, file);
	EXPECT_EQ(EFAULT, errno_of(read(file, self->mapping, self->bytes)));
}

TEST_F(read_only, a_file_cannot_be_read_directly_into_it)
{
	int file = direct_file_open();

	if (file < 0) {
		SKIP(return, "no file takes O_DIRECT");
	}
	EXPECT_EQ(EFAULT, errno_of(read(file, self->mapping, self->bytes)));
}

TEST_F(read_only, a_file_cannot_be_read_by_io_uring_into_it)
{
	int file = direct_file_open();
	struct uring uring;

	if (!uring_open(&uring)) {
		SKIP(return, "no io_uring: %s", strerror(errno));
	}
	if (file < 0) {
		SKIP(return, "no file takes O_DIRECT");
	}
	EXPECT_EQ(-EFAULT, uring_read(&uring, file, self->mapping, self->bytes, false));
}

TEST_F(read_only, it_is_no_fixed_buffer_for_io_uring)
{
	struct uring uring;

	if (!uring_open(&uring)) {
		SKIP(return, "no io_uring: %s", strerror(errno));
	}
	EXPECT_NE(0, uring_register(&uring, self->mapping, self->bytes));
}

TEST_F(read_only, a_device_cannot_map_it)
{
	int result = vgem_import(self->dma_buf);

	if (result == ENODEV) {
		SKIP(return, "vgem is not here");
	}
	if (!result) {
		SKIP(return, "this kernel's vgem maps nothing when it imports");
	}
	EXPECT_EQ(variant->exporter ? EOPNOTSUPP : EACCES, result);
}

/* Whether it maps what it imports or, as newer kernels' does, not. */
TEST_F(read_only, a_device_makes_nothing_writable_of_it)
{
	int card = vgem_open(), writable;

	if (card < 0) {
		SKIP(return, "vgem is not here");
	}
	EXPECT_FALSE(vgem_makes_writable(card, self->dma_buf, self->bytes));
	/* It can, where it may. */
	writable = memory_export(self->owner, variant->memory, MK_EXPORT_WRITE);
	EXPECT_TRUE(vgem_makes_writable(card, writable, self->bytes));
	close(writable);
	close(card);
}

/* Else the refusals above could be anything's. */
TEST_F(read_only, the_owners_own_can_be_written_to)
{
	EXPECT_TRUE(is_writable(self->written));
	self->written[0] = CONTENTS;
}

TEST_HARNESS_MAIN

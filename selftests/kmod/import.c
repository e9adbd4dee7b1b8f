// SPDX-License-Identifier: GPL-2.0-only
/* MK_IOCTL_IMPORT: other drivers' DMA-bufs in the place of a memory. */
#define _GNU_SOURCE
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "common.h"
#include "exporters.h"
#include "harness.h"

#define ARENA	  MK_MEMORY_ARENA(0)
#define OWN_ARENA MK_MEMORY_ARENA(1)

FIXTURE(import)
{
	int device;
	int owner;
	int foreign; /* as large as the arena */
	size_t bytes;
	struct mk_ioctl_import arguments;
	struct counters counters;
};

FIXTURE_VARIANT(import)
{
	const struct exporter *exporter;
};

FIXTURE_VARIANT_ADD(import, vgem){
	.exporter = &vgem,
};

FIXTURE_VARIANT_ADD(import, udmabuf){
	.exporter = &udmabuf,
};

FIXTURE_VARIANT_ADD(import, system_heap){
	.exporter = &system_heap,
};

FIXTURE_SETUP(import)
{
	struct mk_ioctl_create arguments = context_arguments();

	DEVICE_OPEN(self->device);
	self->bytes = arguments.arena_bytes[0];
	self->foreign = variant->exporter->export(self->bytes, true);
	if (self->foreign < 0) {
		SKIP(return, "%s is not here", variant->exporter->name);
	}
	arguments.arena_bytes[1] = page_bytes();
	arguments.external = 1u << MK_REGION_CONTROL | 1u << ARENA;
	self->owner = context_create_with(self->device, &arguments);
	ASSERT_LE(0, self->owner);
	self->arguments.memory = ARENA;
	self->arguments.fd = self->foreign;
	self->counters = counters_now();
}

FIXTURE_TEARDOWN(import)
{
	close(self->foreign);
	close(self->owner);
	close(self->device);
}

/* Makes no descriptor and counts nothing, whatever comes of it. */
static int import(FIXTURE_DATA(import) * self, int file)
{
	struct counters before = counters_now();
	int descriptor = lowest_descriptor();
	int error = errno_of(ioctl(file, MK_IOCTL_IMPORT, &self->arguments));

	if (lowest_descriptor() != descriptor || !counters_return_to(before))
		return -1;
	return error;
}

static __u32 *map(int dma_buf, size_t bytes)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, dma_buf, 0);
}

/* Puts a buffer of the exporter's in the place of control. */
static int import_control(FIXTURE_DATA(import) * self, const struct exporter *exporter,
			  __u32 **control)
{
	size_t bytes = memory_bytes(self->owner, MK_REGION_CONTROL);
	int foreign = exporter->export(bytes, true), error;

	*control = map(foreign, bytes);
	self->arguments.memory = MK_REGION_CONTROL;
	self->arguments.fd = foreign;
	error = import(self, self->owner);
	close(foreign);
	return *control == MAP_FAILED ? -1 : error;
}

/* Rejections -------------------------------------------------------------- */

TEST_F(import, unknown_flags_are_refused)
{
	self->arguments.flags = 1;
	EXPECT_EQ(EINVAL, import(self, self->owner));
}

TEST_F(import, unknown_memory_is_refused)
{
	self->arguments.memory = MK_MEMORY_COUNT;
	EXPECT_EQ(EINVAL, import(self, self->owner));
	self->arguments.memory = ~0u;
	EXPECT_EQ(EINVAL, import(self, self->owner));
}

TEST_F(import, memory_with_pages_is_refused)
{
	self->arguments.memory = OWN_ARENA;
	EXPECT_EQ(EINVAL, import(self, self->owner));
	self->arguments.memory = MK_REGION_CQ;
	EXPECT_EQ(EINVAL, import(self, self->owner));
}

TEST_F(import, a_second_time_is_refused)
{
	ASSERT_EQ(0, import(self, self->owner));
	EXPECT_EQ(EBUSY, import(self, self->owner));
}

TEST_F(import, producers_and_observers_are_refused)
{
	EXPECT_EQ(EACCES, import(self, context_attach(self->owner, MK_ROLE_PRODUCER)));
	EXPECT_EQ(EACCES, import(self, context_attach(self->owner, MK_ROLE_OBSERVER)));
}

TEST_F(import, what_is_no_dma_buf_is_refused)
{
	self->arguments.fd = self->owner;
	EXPECT_EQ(EBADF, import(self, self->owner));
	self->arguments.fd = memfd_create("file", MFD_CLOEXEC);
	EXPECT_EQ(EBADF, import(self, self->owner));
}

TEST_F(import, what_is_not_open_is_refused)
{
	self->arguments.fd = -1;
	EXPECT_EQ(EBADF, import(self, self->owner));
	self->arguments.fd = 1000000;
	EXPECT_EQ(EBADF, import(self, self->owner));
}

TEST_F(import, too_small_is_refused)
{
	self->arguments.fd = variant->exporter->export(self->bytes - page_bytes(), true);
	ASSERT_LE(0, self->arguments.fd);
	EXPECT_EQ(EMSGSIZE, import(self, self->owner));
}

TEST_F(import, read_only_is_refused)
{
	if (!variant->exporter->can_be_read_only) {
		SKIP(return, "%s exports to write only", variant->exporter->name);
	}
	self->arguments.fd = variant->exporter->export(self->bytes, false);
	ASSERT_LE(0, self->arguments.fd);
	EXPECT_EQ(EACCES, import(self, self->owner));
}

TEST_F(import, a_dma_buf_of_the_module_is_refused)
{
	int other = context_create(self->device);

	self->arguments.fd = memory_export(other, ARENA, MK_EXPORT_WRITE);
	ASSERT_LE(0, self->arguments.fd);
	EXPECT_EQ(EINVAL, import(self, self->owner));
}

TEST_F(import, a_view_of_an_import_is_refused)
{
	struct mk_ioctl_create arguments = context_arguments();
	int other;

	ASSERT_EQ(0, import(self, self->owner));
	arguments.external = 1u << ARENA;
	other = context_create_with(self->device, &arguments);
	self->arguments.fd = memory_export(self->owner, ARENA, MK_EXPORT_READ);
	ASSERT_LE(0, self->arguments.fd);
	EXPECT_EQ(EINVAL, import(self, other));
}

TEST_F(import, after_the_owner_it_is_too_late)
{
	int engine = context_attach(self->owner, MK_ROLE_ENGINE);

	close(self->owner);
	EXPECT_EQ(EOWNERDEAD, import(self, engine));
}

/* What was refused is not held. */
TEST_F(import, what_is_refused_is_not_kept)
{
	self->arguments.flags = 1;
	ASSERT_EQ(EINVAL, import(self, self->owner));
	self->arguments.flags = 0;
	EXPECT_EQ(0, import(self, self->owner));
}

/* What becomes of it ------------------------------------------------------ */

TEST_F(import, it_is_there_afterwards)
{
	struct mk_memory_info before = context_info(self->owner).memory[ARENA], after;

	EXPECT_EQ(MK_MEMORY_EXTERNAL, before.flags);
	ASSERT_EQ(0, import(self, self->owner));
	after = context_info(self->owner).memory[ARENA];
	EXPECT_EQ(MK_MEMORY_EXTERNAL | MK_MEMORY_PRESENT,
		  after.flags & ~MK_MEMORY_REACHABLE);
	EXPECT_EQ(before.bytes, after.bytes);
	EXPECT_EQ(before.mapped_bytes, after.mapped_bytes);
	EXPECT_EQ(self->counters.pages, counters_now().pages);
}

TEST_F(import, an_engine_may_do_it)
{
	EXPECT_EQ(0, import(self, context_attach(self->owner, MK_ROLE_ENGINE)));
}

TEST_F(import, all_see_the_same_memory)
{
	int producer = context_attach(self->owner, MK_ROLE_PRODUCER);
	int observer = context_attach(self->owner, MK_ROLE_OBSERVER);
	__u32 *foreign = map(self->foreign, self->bytes), *written, *read;

	ASSERT_NE(MAP_FAILED, foreign);
	EXPECT_EQ(ENODATA, errno_of(memory_export(producer, ARENA, MK_EXPORT_WRITE)));
	EXPECT_EQ(ENODATA, errno_of(memory_export(observer, ARENA, MK_EXPORT_READ)));
	ASSERT_EQ(0, import(self, self->owner));
	written = memory_map(producer, ARENA, MK_EXPORT_WRITE);
	read = memory_map(observer, ARENA, MK_EXPORT_READ);
	ASSERT_NE(MAP_FAILED, written);
	ASSERT_NE(MAP_FAILED, read);
	store(&foreign[1], 1);
	EXPECT_EQ(1, load(&written[1]));
	EXPECT_EQ(1, load(&read[1]));
	store(&written[self->bytes / sizeof(*written) - 1], 2);
	EXPECT_EQ(2, load(&foreign[self->bytes / sizeof(*foreign) - 1]));
	EXPECT_EQ(2, load(&read[self->bytes / sizeof(*read) - 1]));
}

TEST_F(import, roles_hold_for_it)
{
	ASSERT_EQ(0, import(self, self->owner));
	EXPECT_EQ(EACCES,
		  errno_of(memory_export(context_attach(self->owner, MK_ROLE_OBSERVER),
					 ARENA, MK_EXPORT_WRITE)));
}

TEST_F(import, parts_cannot_be_exported)
{
	ASSERT_EQ(0, import(self, self->owner));
	for (__u32 flags = MK_EXPORT_READ; flags <= MK_EXPORT_WRITE; flags++) {
		EXPECT_EQ(EOPNOTSUPP,
			  errno_of(memory_export_pages(self->owner, ARENA, flags,
						       page_bytes(), page_bytes())));
		EXPECT_EQ(EOPNOTSUPP,
			  errno_of(memory_export_pages(self->owner, ARENA, flags, 0,
						       page_bytes())));
	}
}

TEST_F(import, it_outlives_its_importer)
{
	__u32 *read;

	ASSERT_EQ(0, import(self, self->owner));
	read = memory_map(self->owner, ARENA, MK_EXPORT_READ);
	ASSERT_NE(MAP_FAILED, read);
	store(map(self->foreign, self->bytes), 3);
	close(self->foreign);
	close(self->owner);
	EXPECT_EQ(3, load(read));
}

/* Control ----------------------------------------------------------------- */

TEST_F(import, control_says_whether_it_is_reached)
{
	__u32 *control;

	ASSERT_EQ(0, import_control(self, variant->exporter, &control));
	EXPECT_TRUE(self->arguments.result == MK_MEMORY_REACHABLE ||
		    (!self->arguments.result && !variant->exporter->is_always_reachable));
	EXPECT_EQ(MK_MEMORY_EXTERNAL | MK_MEMORY_PRESENT | self->arguments.result,
		  context_info(self->owner).memory[MK_REGION_CONTROL].flags);
}

TEST_F(import, control_is_shut_down_with_the_owner)
{
	__u32 *control;

	ASSERT_EQ(0, import_control(self, variant->exporter, &control));
	if (!self->arguments.result) {
		SKIP(return, "the kernel cannot map what %s exports",
			   variant->exporter->name);
	}
	EXPECT_FALSE(is_shut_down(control));
	close(self->owner);
	EXPECT_TRUE(is_shut_down(control));
}

TEST_F(import, control_can_be_waited_on)
{
	struct mk_ioctl_wait arguments = {
		.memory = MK_REGION_CONTROL,
		.word = MK_CONTROL_EPOCH,
		.mask = ~0u,
		.value = 9,
	};
	__u32 *control;

	EXPECT_EQ(ENODATA, errno_of(ioctl(self->owner, MK_IOCTL_WAIT, &arguments)));
	EXPECT_EQ(ENODATA, errno_of(ioctl(self->owner, MK_IOCTL_ARM, &arguments)));
	ASSERT_EQ(0, import_control(self, variant->exporter, &control));
	if (!self->arguments.result) {
		EXPECT_EQ(EOPNOTSUPP,
			  errno_of(ioctl(self->owner, MK_IOCTL_WAIT, &arguments)));
		return;
	}
	EXPECT_EQ(ETIMEDOUT, errno_of(ioctl(self->owner, MK_IOCTL_WAIT, &arguments)));
	store(&control[MK_CONTROL_EPOCH], 9);
	EXPECT_EQ(0, ioctl(self->owner, MK_IOCTL_WAIT, &arguments));
}

TEST_F(import, memory_that_is_not_reached_cannot_be_waited_on)
{
	struct mk_ioctl_wait arguments = { .memory = ARENA };

	ASSERT_EQ(0, import(self, self->owner));
	EXPECT_EQ(0, self->arguments.result);
	EXPECT_EQ(EOPNOTSUPP, errno_of(ioctl(self->owner, MK_IOCTL_WAIT, &arguments)));
	EXPECT_EQ(EOPNOTSUPP, errno_of(ioctl(self->owner, MK_IOCTL_ARM, &arguments)));
}

/* Without any exporter ---------------------------------------------------- */

TEST(an_owner_that_imported_nothing_may_go)
{
	struct mk_ioctl_create arguments = context_arguments();
	int device, owner, observer;

	DEVICE_OPEN(device);
	arguments.external = 1u << MK_REGION_CONTROL;
	owner = context_create_with(device, &arguments);
	ASSERT_LE(0, owner);
	observer = context_attach(owner, MK_ROLE_OBSERVER);
	close(owner);
	EXPECT_EQ(MK_CONTEXT_OWNER_GONE, context_info(observer).flags);
	EXPECT_EQ(MK_MEMORY_EXTERNAL,
		  context_info(observer).memory[MK_REGION_CONTROL].flags);
}

TEST_HARNESS_MAIN

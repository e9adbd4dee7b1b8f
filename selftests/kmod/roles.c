// SPDX-License-Identifier: GPL-2.0-only
/* Which role may have a writable DMA-buf of what. */
#define _GNU_SOURCE
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "common.h"
#include "harness.h"

#define BIT(memory) (1u << (memory))
#define ARENAS	    (BIT(MK_MEMORY_ARENA(0)) | BIT(MK_MEMORY_ARENA(7)))
#define ALL                                                                        \
	(BIT(MK_REGION_CONTROL) | BIT(MK_REGION_RING) | BIT(MK_REGION_DEBUG_LOG) | \
	 BIT(MK_REGION_IO_QUEUE) | BIT(MK_REGION_CQ) | BIT(MK_MEMORY_STATE) | ARENAS)

FIXTURE(role)
{
	int device;
	int owner;
	int file;
};

FIXTURE_VARIANT(role)
{
	__u32 role;
	__u32 writable; /* as a whole */
	bool may_wake;
};

FIXTURE_VARIANT_ADD(role, owner){
	.role = MK_ROLE_OWNER,
	.writable = ALL,
	.may_wake = true,
};

FIXTURE_VARIANT_ADD(role, engine){
	.role = MK_ROLE_ENGINE,
	.writable = ALL,
	.may_wake = true,
};

FIXTURE_VARIANT_ADD(role, producer){
	.role = MK_ROLE_PRODUCER,
	.writable = BIT(MK_REGION_RING) | BIT(MK_REGION_CQ) | ARENAS,
	.may_wake = true,
};

FIXTURE_VARIANT_ADD(role, observer){
	.role = MK_ROLE_OBSERVER,
};

FIXTURE_VARIANT_ADD(role, pump){
	.role = MK_ROLE_PUMP,
};

FIXTURE_SETUP(role)
{
	struct mk_ioctl_create arguments = context_arguments();

	DEVICE_OPEN(self->device);
	arguments.arena_bytes[7] = 1;
	self->owner = context_create_with(self->device, &arguments);
	ASSERT_LE(0, self->owner);
	self->file = variant->role == MK_ROLE_OWNER ?
			     dup(self->owner) :
			     context_attach(self->owner, variant->role);
	ASSERT_LE(0, self->file);
}

FIXTURE_TEARDOWN(role)
{
	close(self->file);
	close(self->owner);
	close(self->device);
}

TEST_F(role, writes_what_it_may)
{
	for (__u32 memory = 0; memory < MK_MEMORY_COUNT; memory++) {
		int dma_buf;

		if (!(BIT(memory) & ALL)) {
			continue;
		}
		dma_buf = memory_export(self->file, memory, MK_EXPORT_WRITE);
		EXPECT_EQ(variant->writable & BIT(memory) ? 0 : EACCES, errno_of(dma_buf))
		{
			TH_LOG("memory %u", memory);
		}
	}
}

TEST_F(role, reads_everything)
{
	for (__u32 memory = 0; memory < MK_MEMORY_COUNT; memory++) {
		if (!(BIT(memory) & ALL)) {
			continue;
		}
		EXPECT_NE(MAP_FAILED, memory_map(self->file, memory, MK_EXPORT_READ))
		{
			TH_LOG("memory %u", memory);
		}
	}
}

TEST_F(role, wakes_unless_it_only_looks)
{
	EXPECT_EQ(variant->may_wake ? 0 : EACCES,
		  errno_of(ioctl(self->file, MK_IOCTL_WAKE)));
}

TEST_F(role, waits)
{
	struct mk_ioctl_wait arguments = { .mask = ~0u, .timeout = NEVER };

	EXPECT_EQ(0, ioctl(self->file, MK_IOCTL_WAIT, &arguments));
}

TEST_F(role, is_armed)
{
	struct mk_ioctl_wait arguments = { .mask = ~0u, .timeout = NEVER };

	EXPECT_EQ(0, ioctl(self->file, MK_IOCTL_ARM, &arguments));
}

/* A producer and the io queue: whole pages behind the device's requests are its. */
FIXTURE(io_queue)
{
	int device;
	int owner;
	int producer;
};

FIXTURE_VARIANT(io_queue)
{
	__u32 request_slots;
	__u32 first_page; /* that a producer may write */
};

FIXTURE_VARIANT_ADD(io_queue, no_requests){
	.request_slots = 0,
	.first_page = 0,
};

FIXTURE_VARIANT_ADD(io_queue, requests_in_part_of_a_page){
	.request_slots = 1,
	.first_page = 1,
};

FIXTURE_VARIANT_ADD(io_queue, requests_that_fill_a_page){
	.request_slots = 128,
	.first_page = 1,
};

FIXTURE_VARIANT_ADD(io_queue, requests_in_a_second_page){
	.request_slots = 129,
	.first_page = 2,
};

FIXTURE_VARIANT_ADD(io_queue, nothing_but_requests){
	.request_slots = 512,
	.first_page = 4,
};

FIXTURE_SETUP(io_queue)
{
	struct mk_ioctl_create arguments = context_arguments();

	if (page_bytes() != 4096) {
		SKIP(return, "variants are for pages of 4096 bytes");
	}
	DEVICE_OPEN(self->device);
	arguments.geometry.io_slots = 512;
	arguments.geometry.io_request_slots = variant->request_slots;
	self->owner = context_create_with(self->device, &arguments);
	ASSERT_LE(0, self->owner);
	self->producer = context_attach(self->owner, MK_ROLE_PRODUCER);
	ASSERT_LE(0, self->producer);
}

FIXTURE_TEARDOWN(io_queue)
{
	close(self->producer);
	close(self->owner);
	close(self->device);
}

TEST_F(io_queue, pages_that_a_producer_writes)
{
	for (__u32 page = 0; page < 4; page++) {
		int dma_buf = memory_export_pages(self->producer, MK_REGION_IO_QUEUE,
						  MK_EXPORT_WRITE, page * page_bytes(),
						  page_bytes());

		EXPECT_EQ(page < variant->first_page ? EACCES : 0, errno_of(dma_buf))
		{
			TH_LOG("page %u", page);
		}
	}
}

TEST_F(io_queue, a_range_that_begins_too_early_is_refused)
{
	for (__u32 page = 0; page < 4; page++) {
		int dma_buf = memory_export_pages(self->producer, MK_REGION_IO_QUEUE,
						  MK_EXPORT_WRITE, page * page_bytes(),
						  0);

		EXPECT_EQ(page < variant->first_page ? EACCES : 0, errno_of(dma_buf))
		{
			TH_LOG("page %u", page);
		}
	}
}

TEST_F(io_queue, an_engine_writes_all_of_it)
{
	int engine = context_attach(self->owner, MK_ROLE_ENGINE);

	EXPECT_NE(MAP_FAILED, memory_map(engine, MK_REGION_IO_QUEUE, MK_EXPORT_WRITE));
}

TEST_HARNESS_MAIN

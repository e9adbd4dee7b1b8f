// SPDX-License-Identifier: GPL-2.0-only
/* MK_IOCTL_CREATE, and what MK_IOCTL_INFO says of what it made. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "common.h"
#include "harness.h"

FIXTURE(create)
{
	int device;
	struct mk_ioctl_create arguments;
	int descriptor; /* the lowest free one */
	struct counters counters;
};

FIXTURE_SETUP(create)
{
	DEVICE_OPEN(self->device);
	self->arguments = context_arguments();
	self->descriptor = lowest_descriptor();
	self->counters = counters_now();
}

/* Each test closes what it made. */
FIXTURE_TEARDOWN(create)
{
	EXPECT_EQ(self->descriptor, lowest_descriptor());
	EXPECT_TRUE(counters_return_to(self->counters));
	close(self->device);
}

static int refusal(FIXTURE_DATA(create) * self)
{
	return errno_of(ioctl(self->device, MK_IOCTL_CREATE, &self->arguments));
}

/* Makes what is said to be just possible. */
static int refusal_of_limit(FIXTURE_DATA(create) * self)
{
	int error = refusal(self);

	if (!error)
		close(self->arguments.fd);
	return error;
}

TEST_F(create, the_file_is_the_owners)
{
	struct mk_ioctl_info info;

	ASSERT_EQ(0, refusal(self));
	info = context_info(self->arguments.fd);
	EXPECT_EQ(MK_ROLE_OWNER, info.role);
	EXPECT_EQ(self->arguments.id, info.id);
	EXPECT_EQ(1, info.attachments);
	EXPECT_EQ(0, info.flags);
	EXPECT_EQ(0, memcmp(&self->arguments.geometry, &info.geometry,
			    sizeof(info.geometry)));
	close(self->arguments.fd);
}

TEST_F(create, the_file_is_closed_on_exec)
{
	ASSERT_EQ(0, refusal(self));
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->arguments.fd, F_GETFD));
	close(self->arguments.fd);
}

TEST_F(create, ids_are_not_used_again)
{
	__u64 last = 0;

	for (int i = 0; i < 8; i++) {
		ASSERT_EQ(0, refusal(self));
		EXPECT_LT(last, self->arguments.id);
		last = self->arguments.id;
		close(self->arguments.fd);
	}
}

TEST_F(create, what_goes_out_does_not_matter_before)
{
	self->arguments.fd = 12345;
	self->arguments.id = UNKNOWN_ID;
	ASSERT_EQ(0, refusal(self));
	EXPECT_NE(UNKNOWN_ID, self->arguments.id);
	close(self->arguments.fd);
}

TEST_F(create, memories_have_the_bytes_of_the_format)
{
	const struct mk_geometry_words *geometry = &self->arguments.geometry;
	size_t leases, bytes[MK_MEMORY_COUNT] = { 0 };
	struct mk_ioctl_info info;

	self->arguments.geometry.slots = 100;
	self->arguments.geometry.window_slots = 7;
	self->arguments.arena_bytes[7] = 5000;
	/* Fifteen windows, the last of two slots; leases begin on a line of their own. */
	leases = MK_CQ_HEADER_BYTES + 7 * 64;
	bytes[MK_REGION_CONTROL] = 4 * (160 + geometry->observable_words);
	bytes[MK_REGION_RING] = 64 * 100;
	bytes[MK_REGION_DEBUG_LOG] = 4 + 16 * geometry->log_records;
	bytes[MK_REGION_IO_QUEUE] = 32 * geometry->io_slots;
	bytes[MK_REGION_CQ] = leases + 15 * 8;
	bytes[MK_MEMORY_STATE] = self->arguments.state_bytes;
	bytes[MK_MEMORY_ARENA(0)] = self->arguments.arena_bytes[0];
	bytes[MK_MEMORY_ARENA(7)] = 5000;

	ASSERT_EQ(0, refusal(self));
	info = context_info(self->arguments.fd);
	for (unsigned int i = 0; i < MK_MEMORY_COUNT; i++) {
		size_t pages = (bytes[i] + page_bytes() - 1) / page_bytes();
		__u32 flags = MK_MEMORY_PRESENT | MK_MEMORY_REACHABLE;

		EXPECT_EQ(bytes[i], info.memory[i].bytes);
		EXPECT_EQ(pages * page_bytes(), info.memory[i].mapped_bytes);
		EXPECT_EQ(bytes[i] ? flags : 0, info.memory[i].flags);
	}
	close(self->arguments.fd);
}

TEST_F(create, external_memory_has_no_pages)
{
	struct mk_ioctl_info info;

	self->arguments.external = 1u << MK_MEMORY_ARENA(0);
	ASSERT_EQ(0, refusal(self));
	info = context_info(self->arguments.fd);
	EXPECT_EQ(MK_MEMORY_EXTERNAL, info.memory[MK_MEMORY_ARENA(0)].flags);
	EXPECT_EQ(self->arguments.arena_bytes[0], info.memory[MK_MEMORY_ARENA(0)].bytes);
	EXPECT_EQ((info.memory[MK_REGION_CONTROL].mapped_bytes +
		   info.memory[MK_REGION_RING].mapped_bytes +
		   info.memory[MK_REGION_DEBUG_LOG].mapped_bytes +
		   info.memory[MK_REGION_IO_QUEUE].mapped_bytes +
		   info.memory[MK_REGION_CQ].mapped_bytes +
		   info.memory[MK_MEMORY_STATE].mapped_bytes) /
			  page_bytes(),
		  counters_now().pages - self->counters.pages);
	close(self->arguments.fd);
}

TEST_F(create, memory_is_zero)
{
	/* Twice, as what the second is made of was the first one's. */
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, refusal(self));
		for (__u32 memory = 0; memory <= MK_MEMORY_ARENA(0); memory++) {
			size_t bytes = memory_bytes(self->arguments.fd, memory);
			char *words =
				memory_map(self->arguments.fd, memory, MK_EXPORT_WRITE);

			ASSERT_NE(MAP_FAILED, words);
			EXPECT_TRUE(!words[0] && !memcmp(words, words + 1, bytes - 1));
			memset(words, 0xff, bytes);
			munmap(words, bytes);
		}
		close(self->arguments.fd);
	}
}

TEST_F(create, smallest_geometry)
{
	self->arguments.geometry = (struct mk_geometry_words){
		.slots = 1,
		.window_slots = 1,
		.log_records = 1,
		.io_slots = 1,
	};
	EXPECT_EQ(0, refusal_of_limit(self));
}

TEST_F(create, largest_geometry)
{
	self->arguments.geometry = (struct mk_geometry_words){
		.slots = MK_ENCODE_LIMIT,
		.window_slots = MK_ENCODE_LIMIT,
		.log_records = MK_ENCODE_LIMIT,
		.io_slots = MK_ENCODE_LIMIT,
		.io_request_slots = MK_ENCODE_LIMIT,
		.observable_words = MK_ENCODE_LIMIT,
	};
	EXPECT_EQ(0, refusal_of_limit(self));
}

TEST_F(create, unknown_flags_are_refused)
{
	self->arguments.flags = 1;
	EXPECT_EQ(EINVAL, refusal(self));
	self->arguments.flags = 1u << 31;
	EXPECT_EQ(EINVAL, refusal(self));
}

TEST_F(create, padding_must_be_zero)
{
	self->arguments.pad = 1;
	EXPECT_EQ(EINVAL, refusal(self));
}

TEST_F(create, no_slots_are_refused)
{
	self->arguments.geometry.slots = 0;
	EXPECT_EQ(EINVAL, refusal(self));
}

TEST_F(create, too_many_slots_are_refused)
{
	self->arguments.geometry.slots = MK_ENCODE_LIMIT + 1;
	EXPECT_EQ(EOVERFLOW, refusal(self));
	self->arguments.geometry.slots = ~0u;
	EXPECT_EQ(EOVERFLOW, refusal(self));
}

TEST_F(create, windows_without_slots_are_refused)
{
	self->arguments.geometry.window_slots = 0;
	EXPECT_EQ(EINVAL, refusal(self));
}

TEST_F(create, windows_larger_than_the_ring_are_refused)
{
	self->arguments.geometry.window_slots = self->arguments.geometry.slots + 1;
	EXPECT_EQ(EINVAL, refusal(self));
	self->arguments.geometry.window_slots = ~0u;
	EXPECT_EQ(EINVAL, refusal(self));
}

TEST_F(create, no_log_records_are_refused)
{
	self->arguments.geometry.log_records = 0;
	EXPECT_EQ(EINVAL, refusal(self));
}

TEST_F(create, too_many_log_records_are_refused)
{
	self->arguments.geometry.log_records = MK_ENCODE_LIMIT + 1;
	EXPECT_EQ(EOVERFLOW, refusal(self));
	self->arguments.geometry.log_records = ~0u;
	EXPECT_EQ(EOVERFLOW, refusal(self));
}

TEST_F(create, no_io_slots_are_refused)
{
	self->arguments.geometry.io_slots = 0;
	self->arguments.geometry.io_request_slots = 0;
	EXPECT_EQ(EINVAL, refusal(self));
}

TEST_F(create, too_many_io_slots_are_refused)
{
	self->arguments.geometry.io_slots = MK_ENCODE_LIMIT + 1;
	EXPECT_EQ(EOVERFLOW, refusal(self));
	self->arguments.geometry.io_slots = ~0u;
	EXPECT_EQ(EOVERFLOW, refusal(self));
}

TEST_F(create, more_request_slots_than_io_slots_are_refused)
{
	self->arguments.geometry.io_request_slots = self->arguments.geometry.io_slots + 1;
	EXPECT_EQ(EINVAL, refusal(self));
}

TEST_F(create, too_many_observables_are_refused)
{
	self->arguments.geometry.observable_words = MK_ENCODE_LIMIT + 1;
	EXPECT_EQ(EOVERFLOW, refusal(self));
	self->arguments.geometry.observable_words = ~0u;
	EXPECT_EQ(EOVERFLOW, refusal(self));
}

TEST_F(create, too_large_a_state_is_refused)
{
	self->arguments.state_bytes = MK_MEMORY_MAX_BYTES + 1;
	EXPECT_EQ(EOVERFLOW, refusal(self));
	self->arguments.state_bytes = ~0ULL;
	EXPECT_EQ(EOVERFLOW, refusal(self));
}

TEST_F(create, too_large_an_arena_is_refused)
{
	for (int i = 0; i < MK_ARENA_COUNT; i++) {
		self->arguments = context_arguments();
		self->arguments.arena_bytes[i] = MK_MEMORY_MAX_BYTES + 1;
		EXPECT_EQ(EOVERFLOW, refusal(self));
		self->arguments.arena_bytes[i] = ~0ULL;
		EXPECT_EQ(EOVERFLOW, refusal(self));
	}
}

TEST_F(create, the_cq_cannot_be_external)
{
	self->arguments.external = 1u << MK_REGION_CQ;
	EXPECT_EQ(EINVAL, refusal(self));
}

TEST_F(create, unknown_memory_cannot_be_external)
{
	self->arguments.external = 1u << MK_MEMORY_COUNT;
	EXPECT_EQ(EINVAL, refusal(self));
	self->arguments.external = 1u << 31;
	EXPECT_EQ(EINVAL, refusal(self));
}

TEST_F(create, memory_of_no_size_cannot_be_external)
{
	self->arguments.external = 1u << MK_MEMORY_ARENA(3);
	EXPECT_EQ(EINVAL, refusal(self));
}

TEST_F(create, without_a_free_descriptor_nothing_is_made)
{
	struct rlimit before, none = { .rlim_cur = 0 };

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &before));
	none.rlim_max = before.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_EQ(EMFILE, refusal(self));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &before));
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0-only
/* MK_IOCTL_QUERY */
#define _GNU_SOURCE
#include <sys/ioctl.h>

#include "common.h"
#include "harness.h"

FIXTURE(query)
{
	int device;
	struct mk_ioctl_query answer;
};

FIXTURE_SETUP(query)
{
	DEVICE_OPEN(self->device);
	ASSERT_EQ(0, ioctl(self->device, MK_IOCTL_QUERY, &self->answer));
}

FIXTURE_TEARDOWN(query)
{
	close(self->device);
}

TEST_F(query, versions_are_those_of_the_headers)
{
	EXPECT_EQ(MK_API_VERSION, self->answer.api_version);
	EXPECT_EQ(MK_ABI_VERSION, self->answer.abi_version);
}

TEST_F(query, limit_is_the_module_parameter)
{
	EXPECT_EQ((__u64)parameter_read("user_limit_mib") << 20, self->answer.user_limit);
}

TEST_F(query, bytes_go_up_by_what_a_context_has_and_down_again)
{
	struct mk_ioctl_query with, after;
	int context = context_create(self->device);
	struct mk_ioctl_info info = context_info(context);
	__u64 bytes = 0;

	ASSERT_LE(0, context);
	for (unsigned int memory = 0; memory < MK_MEMORY_COUNT; memory++)
		bytes += info.memory[memory].mapped_bytes;
	ASSERT_EQ(0, ioctl(self->device, MK_IOCTL_QUERY, &with));
	EXPECT_EQ(self->answer.user_bytes + bytes, with.user_bytes);
	close(context);
	ASSERT_EQ(0, ioctl(self->device, MK_IOCTL_QUERY, &after));
	EXPECT_EQ(self->answer.user_bytes, after.user_bytes);
}

TEST_F(query, what_was_there_before_does_not_matter)
{
	struct mk_ioctl_query answer;

	memset(&answer, 0xff, sizeof(answer));
	ASSERT_EQ(0, ioctl(self->device, MK_IOCTL_QUERY, &answer));
	EXPECT_EQ(0, memcmp(&self->answer, &answer, sizeof(answer)));
}

TEST_HARNESS_MAIN

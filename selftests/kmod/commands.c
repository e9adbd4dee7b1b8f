// SPDX-License-Identifier: GPL-2.0-only
/* What each kind of file takes, and what it does not. */
#define _GNU_SOURCE
#include <sys/ioctl.h>

#include "common.h"
#include "harness.h"

FIXTURE(command)
{
	int device;
	int context;
	int descriptor; /* the lowest free one */
	struct counters counters;
	char structure[512];
};

FIXTURE_SETUP(command)
{
	DEVICE_OPEN(self->device);
	self->context = context_create(self->device);
	ASSERT_LE(0, self->context);
	self->descriptor = lowest_descriptor();
	self->counters = counters_now();
}

/* Nothing is called here that makes anything. */
FIXTURE_TEARDOWN(command)
{
	EXPECT_EQ(self->descriptor, lowest_descriptor());
	EXPECT_TRUE(counters_return_to(self->counters));
	close(self->context);
	close(self->device);
}

static bool device_knows(unsigned int number)
{
	return number <= _IOC_NR(MK_IOCTL_LIST);
}

static bool context_knows(unsigned int number)
{
	return number == _IOC_NR(MK_IOCTL_OPEN) ||
	       (number >= _IOC_NR(MK_IOCTL_INFO) && number <= _IOC_NR(MK_IOCTL_WAKE));
}

TEST_F(command, others_are_unknown_to_the_device)
{
	for (unsigned int number = 0; number < 256; number++) {
		if (device_knows(number)) {
			continue;
		}
		EXPECT_EQ(ENOTTY, errno_of(ioctl(self->device,
						 _IOWR(MK_IOCTL_TYPE, number, __u64[8]),
						 self->structure)))
		{
			TH_LOG("number %#x", number);
		}
	}
}

TEST_F(command, others_are_unknown_to_a_context)
{
	for (unsigned int number = 0; number < 256; number++) {
		if (context_knows(number)) {
			continue;
		}
		EXPECT_EQ(ENOTTY, errno_of(ioctl(self->context,
						 _IOWR(MK_IOCTL_TYPE, number, __u64[8]),
						 self->structure)))
		{
			TH_LOG("number %#x", number);
		}
	}
}

/* Nothing is known of files but their ioctls and, for a context, poll. */
TEST_F(command, files_cannot_be_read_or_written)
{
	int files[] = { self->device, self->context };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		EXPECT_EQ(EINVAL, errno_of(read(files[i], self->structure, 8)));
		EXPECT_EQ(EINVAL, errno_of(write(files[i], self->structure, 8)));
		EXPECT_EQ(ENODEV, errno_of((long)mmap(NULL, 4096, PROT_READ, MAP_SHARED,
						      files[i], 0)));
	}
}

TEST_HARNESS_MAIN

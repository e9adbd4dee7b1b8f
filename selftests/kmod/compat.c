// SPDX-License-Identifier: GPL-2.0-only
/* The calls of a 32-bit program, which on x86 a 64-bit one can make as well. */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "common.h"
#include "harness.h"

#ifdef __x86_64__

#define NUMBER_OF_IOCTL 54

FIXTURE(compat)
{
	int device;
	int context;
	void *below; /* memory that 32 bits can point to */
};

/* A program of 32 bits has no other way into the kernel. */
static int call(int file, unsigned long request, void *argument)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"((long)NUMBER_OF_IOCTL), "b"((long)file), "c"(request),
			   "d"(argument)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)result;
}

FIXTURE_SETUP(compat)
{
	DEVICE_OPEN(self->device);
	self->context = context_create(self->device);
	ASSERT_LE(0, self->context);
	self->below = mmap(NULL, page_bytes(), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	ASSERT_NE(MAP_FAILED, self->below);
	if (call(-1, 0, NULL) != -EBADF) {
		SKIP(return, "no calls of 32-bit programs here");
	}
}

FIXTURE_TEARDOWN(compat)
{
	close(self->context);
	close(self->device);
}

TEST_F(compat, a_context_is_made_and_used)
{
	struct mk_ioctl_create *create = self->below;
	struct mk_ioctl_info *info = self->below;
	int owner;
	__u64 id;

	*create = context_arguments();
	ASSERT_EQ(0, call(self->device, MK_IOCTL_CREATE, create));
	owner = create->fd;
	id = create->id;
	memset(info, 0, sizeof(*info));
	ASSERT_EQ(0, call(owner, MK_IOCTL_INFO, info));
	EXPECT_EQ(id, info->id);
	EXPECT_EQ(context_info(owner).memory[MK_REGION_CQ].bytes,
		  info->memory[MK_REGION_CQ].bytes);
}

TEST_F(compat, all_others_are_known)
{
	struct mk_ioctl_query *query = self->below;
	struct mk_ioctl_open *open = self->below;
	struct mk_ioctl_list *list = self->below;
	struct mk_ioctl_export *export = self->below;
	struct mk_ioctl_import *import = self->below;
	struct mk_ioctl_wait *wait = self->below;

	EXPECT_EQ(0, call(self->device, MK_IOCTL_QUERY, query));
	EXPECT_EQ(MK_API_VERSION, query->api_version);
	*open = (struct mk_ioctl_open){ .id = context_id(self->context),
					.role = MK_ROLE_OBSERVER };
	EXPECT_EQ(0, call(self->device, MK_IOCTL_OPEN, open));
	*list = (struct mk_ioctl_list){ .stride = 8 };
	EXPECT_EQ(0, call(self->device, MK_IOCTL_LIST, list));
	*export = (struct mk_ioctl_export){ .memory = MK_REGION_RING };
	EXPECT_EQ(0, call(self->context, MK_IOCTL_EXPORT, export));
	*import = (struct mk_ioctl_import){ .memory = MK_REGION_RING };
	EXPECT_EQ(-EINVAL, call(self->context, MK_IOCTL_IMPORT, import));
	*wait = (struct mk_ioctl_wait){ .mask = ~0u, .timeout = NEVER };
	EXPECT_EQ(0, call(self->context, MK_IOCTL_WAIT, wait));
	EXPECT_EQ(0, call(self->context, MK_IOCTL_ARM, wait));
	EXPECT_EQ(0, call(self->context, MK_IOCTL_WAKE, NULL));
}

TEST_F(compat, unknown_ones_are_refused)
{
	EXPECT_EQ(-ENOTTY, call(self->device, _IO(MK_IOCTL_TYPE, 0x7f), NULL));
	EXPECT_EQ(-ENOTTY, call(self->context, _IO(MK_IOCTL_TYPE, 0x7f), NULL));
}

#else

TEST(compat)
{
	SKIP(return, "only on x86 can it be tried without a 32-bit compiler");
}

#endif

TEST_HARNESS_MAIN

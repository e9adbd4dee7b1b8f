// SPDX-License-Identifier: GPL-2.0-only
/* What holds for the structure of every ioctl: its size, and where it lies. */
#define _GNU_SOURCE
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "common.h"
#include "harness.h"

/* An external one, to say IMPORT about. */
#define EXTERNAL_MEMORY MK_MEMORY_ARENA(1)
#define LARGEST_BYTES	((1u << _IOC_SIZEBITS) - 1)

FIXTURE(structure)
{
	int device;
	int context;
	int file;	      /* the one of these that takes the ioctl */
	unsigned char *pages; /* where structures lie: 8 pages, and one that is not there */
	struct mk_attachment attachments[4];
	int descriptor; /* the lowest free one */
	struct counters counters;
};

FIXTURE_VARIANT(structure)
{
	unsigned long request;
	bool on_context; /* or on the device */
	int result; /* what a structure that is as it should be gets: 0 or an errno */
	void (*prepare)(FIXTURE_DATA(structure) * self, void *structure);
};

static void prepare_nothing(FIXTURE_DATA(structure) * self, void *structure)
{
	(void)self;
	(void)structure;
}

static void prepare_create(FIXTURE_DATA(structure) * self, void *structure)
{
	struct mk_ioctl_create arguments = context_arguments();

	(void)self;
	memset(arguments.arena_bytes, 0, sizeof(arguments.arena_bytes));
	memcpy(structure, &arguments, sizeof(arguments));
}

static void prepare_open(FIXTURE_DATA(structure) * self, void *structure)
{
	struct mk_ioctl_open arguments = { .role = MK_ROLE_OBSERVER };

	arguments.id = context_id(self->context);
	memcpy(structure, &arguments, sizeof(arguments));
}

static void prepare_list(FIXTURE_DATA(structure) * self, void *structure)
{
	struct mk_ioctl_list arguments = {
		.attachments = (uintptr_t)self->attachments,
		.count = ARRAY_SIZE(self->attachments),
		.stride = sizeof(self->attachments[0]),
	};

	memcpy(structure, &arguments, sizeof(arguments));
}

static void prepare_export(FIXTURE_DATA(structure) * self, void *structure)
{
	struct mk_ioctl_export arguments = { .memory = MK_REGION_RING };

	(void)self;
	memcpy(structure, &arguments, sizeof(arguments));
}

static void prepare_import(FIXTURE_DATA(structure) * self, void *structure)
{
	struct mk_ioctl_import arguments = { .memory = EXTERNAL_MEMORY, .fd = -1 };

	(void)self;
	memcpy(structure, &arguments, sizeof(arguments));
}

/* For a word that is zero, which it is. */
static void prepare_wait(FIXTURE_DATA(structure) * self, void *structure)
{
	struct mk_ioctl_wait arguments = { .mask = ~0u, .timeout = NEVER };

	(void)self;
	memcpy(structure, &arguments, sizeof(arguments));
}

FIXTURE_VARIANT_ADD(structure, query){
	.request = MK_IOCTL_QUERY,
	.prepare = prepare_nothing,
};

FIXTURE_VARIANT_ADD(structure, create){
	.request = MK_IOCTL_CREATE,
	.prepare = prepare_create,
};

FIXTURE_VARIANT_ADD(structure, open){
	.request = MK_IOCTL_OPEN,
	.prepare = prepare_open,
};

FIXTURE_VARIANT_ADD(structure, list){
	.request = MK_IOCTL_LIST,
	.prepare = prepare_list,
};

FIXTURE_VARIANT_ADD(structure, info){
	.request = MK_IOCTL_INFO,
	.on_context = true,
	.prepare = prepare_nothing,
};

FIXTURE_VARIANT_ADD(structure, export){
	.request = MK_IOCTL_EXPORT,
	.on_context = true,
	.prepare = prepare_export,
};

FIXTURE_VARIANT_ADD(structure, import){
	.request = MK_IOCTL_IMPORT,
	.on_context = true,
	.result = EBADF,
	.prepare = prepare_import,
};

FIXTURE_VARIANT_ADD(structure, wait){
	.request = MK_IOCTL_WAIT,
	.on_context = true,
	.prepare = prepare_wait,
};

FIXTURE_VARIANT_ADD(structure, arm){
	.request = MK_IOCTL_ARM,
	.on_context = true,
	.prepare = prepare_wait,
};

FIXTURE_SETUP(structure)
{
	struct mk_ioctl_create arguments = context_arguments();
	size_t bytes = 8 * page_bytes();

	DEVICE_OPEN(self->device);
	arguments.arena_bytes[1] = page_bytes();
	arguments.external = 1u << EXTERNAL_MEMORY;
	self->context = context_create_with(self->device, &arguments);
	ASSERT_LE(0, self->context);
	self->file = variant->on_context ? self->context : self->device;
	self->pages = mmap(NULL, bytes + page_bytes(), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->pages);
	ASSERT_EQ(0, munmap(self->pages + bytes, page_bytes()));
	variant->prepare(self, self->pages);
	self->descriptor = lowest_descriptor();
	self->counters = counters_now();
}

FIXTURE_TEARDOWN(structure)
{
	close(self->context);
	close(self->device);
}

/* The ioctl's number as a caller has it whose structure has another size. */
static unsigned long resized(unsigned long request, size_t bytes)
{
	return _IOC(_IOC_DIR(request), _IOC_TYPE(request), _IOC_NR(request), bytes);
}

static bool nothing_was_made(FIXTURE_DATA(structure) * self)
{
	return lowest_descriptor() == self->descriptor &&
	       counters_return_to(self->counters);
}

TEST_F(structure, a_longer_one_that_ends_in_zeros_is_taken)
{
	size_t longer = _IOC_SIZE(variant->request) + 8;

	EXPECT_EQ(variant->result,
		  errno_of(ioctl(self->file, resized(variant->request, longer),
				 self->pages)));
}

TEST_F(structure, the_longest_one_that_ends_in_zeros_is_taken)
{
	EXPECT_EQ(variant->result,
		  errno_of(ioctl(self->file, resized(variant->request, LARGEST_BYTES),
				 self->pages)));
}

TEST_F(structure, a_longer_one_with_something_behind_is_refused)
{
	size_t longer = _IOC_SIZE(variant->request) + 8;

	self->pages[longer - 1] = 1;
	EXPECT_EQ(E2BIG, errno_of(ioctl(self->file, resized(variant->request, longer),
					self->pages)));
	EXPECT_TRUE(nothing_was_made(self));
}

/* None was ever shorter than these, and a file would have no place in it. */
TEST_F(structure, one_shorter_than_the_first_is_refused)
{
	size_t shorter = _IOC_SIZE(variant->request) - sizeof(__u32);

	EXPECT_EQ(EINVAL, errno_of(ioctl(self->file, resized(variant->request, shorter),
					 self->pages)));
	EXPECT_TRUE(nothing_was_made(self));
}

TEST_F(structure, none_is_a_fault)
{
	EXPECT_EQ(EFAULT, errno_of(ioctl(self->file, variant->request, NULL)));
	EXPECT_TRUE(nothing_was_made(self));
}

TEST_F(structure, one_that_is_half_there_is_a_fault)
{
	size_t half = _IOC_SIZE(variant->request) / 2;
	unsigned char *end = self->pages + 8 * page_bytes();

	memmove(end - half, self->pages, half);
	EXPECT_EQ(EFAULT, errno_of(ioctl(self->file, variant->request, end - half)));
	EXPECT_TRUE(nothing_was_made(self));
}

TEST_F(structure, one_that_cannot_be_written_to_is_a_fault)
{
	ASSERT_EQ(0, mprotect(self->pages, page_bytes(), PROT_READ));
	EXPECT_EQ(variant->result ?: EFAULT,
		  errno_of(ioctl(self->file, variant->request, self->pages)));
	EXPECT_TRUE(nothing_was_made(self));
}

TEST_F(structure, another_type_of_ioctl_is_not_known)
{
	unsigned long request = _IOC(_IOC_DIR(variant->request), 'm',
				     _IOC_NR(variant->request),
				     _IOC_SIZE(variant->request));

	EXPECT_EQ(ENOTTY, errno_of(ioctl(self->file, request, self->pages)));
	EXPECT_TRUE(nothing_was_made(self));
}

TEST_HARNESS_MAIN

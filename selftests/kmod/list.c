// SPDX-License-Identifier: GPL-2.0-only
/* MK_IOCTL_LIST */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "children.h"
#include "common.h"
#include "harness.h"

#define ENTRIES 8

/* Two contexts with two files each; others may be there as well, but before these. */
FIXTURE(list)
{
	int device;
	int owner[2];
	int observer[2];
	__u64 id[2];
	struct mk_attachment entries[ENTRIES];
	struct mk_ioctl_list arguments;
};

FIXTURE_SETUP(list)
{
	DEVICE_OPEN(self->device);
	for (int i = 0; i < 2; i++) {
		self->owner[i] = context_create(self->device);
		ASSERT_LE(0, self->owner[i]);
		self->observer[i] = context_attach(self->owner[i], MK_ROLE_OBSERVER);
		ASSERT_LE(0, self->observer[i]);
		self->id[i] = context_id(self->owner[i]);
	}
	memset(self->entries, 0xff, sizeof(self->entries));
	self->arguments = (struct mk_ioctl_list){
		.attachments = (uintptr_t)self->entries,
		.count = ENTRIES,
		.stride = sizeof(self->entries[0]),
		.after_id = self->id[0] - 1,
		.after_number = ~0u,
	};
}

FIXTURE_TEARDOWN(list)
{
	for (int i = 0; i < 2; i++) {
		close(self->owner[i]);
		close(self->observer[i]);
	}
	close(self->device);
}

static int list(FIXTURE_DATA(list) * self)
{
	return errno_of(ioctl(self->device, MK_IOCTL_LIST, &self->arguments));
}

TEST_F(list, entries_say_what_there_is)
{
	__u64 bytes = 0;

	for (__u32 memory = 0; memory < MK_MEMORY_COUNT; memory++) {
		bytes += memory_bytes(self->owner[0], memory);
	}
	ASSERT_EQ(0, list(self));
	ASSERT_EQ(4, self->arguments.count);
	for (int i = 0; i < 4; i++) {
		struct mk_attachment *entry = &self->entries[i];
		int file = i % 2 ? self->observer[i / 2] : self->owner[i / 2];

		EXPECT_EQ(self->id[i / 2], entry->id);
		EXPECT_EQ(context_info(file).number, entry->number);
		EXPECT_EQ(i % 2 ? MK_ROLE_OBSERVER : MK_ROLE_OWNER, entry->role);
		EXPECT_EQ(getpid(), entry->pid);
		EXPECT_EQ(geteuid(), entry->uid);
		EXPECT_EQ(0, entry->flags);
		EXPECT_EQ(0, entry->pad);
		EXPECT_EQ(bytes, entry->bytes);
	}
}

TEST_F(list, it_goes_on_after_the_last_one)
{
	self->arguments.count = 3;
	ASSERT_EQ(0, list(self));
	EXPECT_EQ(3, self->arguments.count);
	EXPECT_EQ(self->id[1], self->arguments.after_id);
	EXPECT_EQ(context_info(self->owner[1]).number, self->arguments.after_number);
	EXPECT_EQ(~0u, self->entries[3].role);

	self->arguments.count = ENTRIES;
	ASSERT_EQ(0, list(self));
	EXPECT_EQ(1, self->arguments.count);
	EXPECT_EQ(self->id[1], self->entries[0].id);
	EXPECT_EQ(MK_ROLE_OBSERVER, self->entries[0].role);

	self->arguments.count = ENTRIES;
	ASSERT_EQ(0, list(self));
	EXPECT_EQ(0, self->arguments.count);
}

TEST_F(list, it_goes_on_after_a_file_that_is_gone)
{
	self->arguments.count = 1;
	ASSERT_EQ(0, list(self));
	close(self->owner[0]);
	close(self->observer[0]);
	self->arguments.count = ENTRIES;
	ASSERT_EQ(0, list(self));
	EXPECT_EQ(2, self->arguments.count);
	EXPECT_EQ(self->id[1], self->entries[0].id);
}

TEST_F(list, no_room_is_no_error)
{
	self->arguments.count = 0;
	self->arguments.attachments = 0;
	ASSERT_EQ(0, list(self));
	EXPECT_EQ(0, self->arguments.count);
	EXPECT_EQ(self->id[0] - 1, self->arguments.after_id);
}

TEST_F(list, short_entries_get_what_fits)
{
	__u64 ids[ENTRIES];

	self->arguments.attachments = (uintptr_t)ids;
	self->arguments.stride = sizeof(ids[0]);
	ids[4] = UNKNOWN_ID;
	ASSERT_EQ(0, list(self));
	ASSERT_EQ(4, self->arguments.count);
	for (int i = 0; i < 4; i++) {
		EXPECT_EQ(self->id[i / 2], ids[i]);
	}
	EXPECT_EQ(UNKNOWN_ID, ids[4]);
}

TEST_F(list, long_entries_end_in_zeros)
{
	struct {
		struct mk_attachment attachment;
		__u64 later[2];
	} entries[ENTRIES];

	memset(entries, 0xff, sizeof(entries));
	self->arguments.attachments = (uintptr_t)entries;
	self->arguments.stride = sizeof(entries[0]);
	ASSERT_EQ(0, list(self));
	ASSERT_EQ(4, self->arguments.count);
	for (int i = 0; i < 4; i++) {
		EXPECT_EQ(self->id[i / 2], entries[i].attachment.id);
		EXPECT_EQ(0, entries[i].later[0]);
		EXPECT_EQ(0, entries[i].later[1]);
	}
	EXPECT_EQ(UNKNOWN_ID, entries[4].later[0]);
}

TEST_F(list, a_gone_owner_is_told)
{
	close(self->owner[0]);
	ASSERT_EQ(0, list(self));
	ASSERT_EQ(3, self->arguments.count);
	EXPECT_EQ(MK_ROLE_OBSERVER, self->entries[0].role);
	EXPECT_EQ(MK_ATTACHMENT_OWNER_GONE, self->entries[0].flags);
	EXPECT_EQ(0, self->entries[1].flags);
}

TEST_F(list, unknown_flags_are_refused)
{
	self->arguments.flags = 1;
	EXPECT_EQ(EINVAL, list(self));
}

TEST_F(list, entries_without_room_for_an_id_are_refused)
{
	self->arguments.stride = 0;
	EXPECT_EQ(EINVAL, list(self));
	self->arguments.stride = 7;
	EXPECT_EQ(EINVAL, list(self));
}

TEST_F(list, entries_that_are_not_there_are_a_fault)
{
	self->arguments.attachments = 0;
	EXPECT_EQ(EFAULT, list(self));
	self->arguments.attachments = ~0ULL - 8;
	EXPECT_EQ(EFAULT, list(self));
}

TEST_F(list, entries_that_are_half_there_are_a_fault)
{
	char *pages = mmap(NULL, 2 * page_bytes(), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, pages);
	ASSERT_EQ(0, munmap(pages + page_bytes(), page_bytes()));
	self->arguments.attachments =
		(uintptr_t)(pages + page_bytes() - 2 * self->arguments.stride);
	EXPECT_EQ(EFAULT, list(self));
}

TEST_F(list, a_huge_array_is_filled_as_far_as_there_is_something)
{
	self->arguments.count = ~0u;
	ASSERT_EQ(0, list(self));
	EXPECT_EQ(4, self->arguments.count);
}

static int count_as_other_user(int socket, void *data)
{
	FIXTURE_DATA(list) *self = data;

	(void)socket;
	if (!become_user(OTHER_USER) || list(self))
		return 127;
	return self->arguments.count;
}

TEST_F(list, other_users_see_nothing_of_it)
{
	NEEDS_ROOT();
	EXPECT_EQ(0, in_child(count_as_other_user, self));
}

static int attach_and_stay(int socket, void *owner)
{
	if (context_attach(*(int *)owner, MK_ROLE_PRODUCER) < 0 || !tell(socket))
		return 1;
	hear(socket);
	return 0;
}

TEST_F(list, files_are_told_by_the_process_that_opened_them)
{
	struct child producer = child_start(attach_and_stay, &self->owner[1]);

	ASSERT_TRUE(hear(producer.socket));
	ASSERT_EQ(0, list(self));
	ASSERT_EQ(5, self->arguments.count);
	EXPECT_EQ(MK_ROLE_PRODUCER, self->entries[4].role);
	EXPECT_EQ(producer.pid, self->entries[4].pid);
	child_kill(&producer);
}

static int first_pid(int socket, void *data)
{
	FIXTURE_DATA(list) *self = data;

	(void)socket;
	return list(self) || self->arguments.count != 4 ? 127 : self->entries[0].pid != 0;
}

static int first_pid_in_other_namespace(int socket, void *data)
{
	(void)socket;
	return unshare(CLONE_NEWPID) ? 126 : in_child(first_pid, data);
}

TEST_F(list, processes_outside_the_pid_namespace_have_no_pid)
{
	NEEDS_ROOT();
	EXPECT_EQ(0, in_child(first_pid_in_other_namespace, self));
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0-only
/* MK_IOCTL_OPEN: in which role, by whom, and how many. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/resource.h>

#include "children.h"
#include "common.h"
#include "harness.h"

/* Which role a file may be turned into; an owner's file is where all begins. */
FIXTURE(role)
{
	int device;
	int owner;
	int file;
	struct counters counters;
};

FIXTURE_VARIANT(role)
{
	__u32 role; /* of the file that is asked */
	__u32 wanted;
	int result;
};

#define ROLES(had, asked, error)                                                  \
	FIXTURE_VARIANT_ADD(role, had##_asked_for_##asked)                        \
	{                                                                         \
		.role = MK_ROLE_##had, .wanted = MK_ROLE_##asked, .result = error \
	}

ROLES(OWNER, OWNER, EACCES);
ROLES(OWNER, ENGINE, 0);
ROLES(OWNER, PRODUCER, 0);
ROLES(OWNER, OBSERVER, 0);
ROLES(OWNER, PUMP, 0);
ROLES(ENGINE, OWNER, EACCES);
ROLES(ENGINE, ENGINE, EBUSY);
ROLES(ENGINE, PRODUCER, 0);
ROLES(ENGINE, OBSERVER, 0);
ROLES(ENGINE, PUMP, 0);
ROLES(PRODUCER, OWNER, EACCES);
ROLES(PRODUCER, ENGINE, EACCES);
ROLES(PRODUCER, PRODUCER, 0);
ROLES(PRODUCER, OBSERVER, 0);
ROLES(PRODUCER, PUMP, EACCES);
ROLES(OBSERVER, OWNER, EACCES);
ROLES(OBSERVER, ENGINE, EACCES);
ROLES(OBSERVER, PRODUCER, EACCES);
ROLES(OBSERVER, OBSERVER, 0);
ROLES(OBSERVER, PUMP, EACCES);
ROLES(PUMP, OWNER, EACCES);
ROLES(PUMP, ENGINE, EACCES);
ROLES(PUMP, PRODUCER, EACCES);
ROLES(PUMP, OBSERVER, 0);
ROLES(PUMP, PUMP, EACCES);

FIXTURE_SETUP(role)
{
	DEVICE_OPEN(self->device);
	self->owner = context_create(self->device);
	ASSERT_LE(0, self->owner);
	self->file = variant->role == MK_ROLE_OWNER ?
			     dup(self->owner) :
			     context_attach(self->owner, variant->role);
	ASSERT_LE(0, self->file);
	self->counters = counters_now();
}

FIXTURE_TEARDOWN(role)
{
	close(self->file);
	close(self->owner);
	close(self->device);
}

TEST_F(role, is_given_or_not)
{
	int file = context_attach(self->file, variant->wanted);

	ASSERT_EQ(variant->result, errno_of(file));
	if (file < 0) {
		EXPECT_TRUE(counters_return_to(self->counters));
	} else {
		EXPECT_EQ(variant->wanted, context_info(file).role);
	}
}

FIXTURE(open)
{
	int device;
	int owner;
	__u64 id;
	int descriptor; /* the lowest free one */
	struct counters counters;
};

FIXTURE_SETUP(open)
{
	DEVICE_OPEN(self->device);
	self->owner = context_create(self->device);
	ASSERT_LE(0, self->owner);
	self->id = context_id(self->owner);
	self->descriptor = lowest_descriptor();
	self->counters = counters_now();
}

FIXTURE_TEARDOWN(open)
{
	close(self->owner);
	close(self->device);
}

/* Something that fails must leave nothing behind. */
static int refusal(FIXTURE_DATA(open) * self, int file, struct mk_ioctl_open arguments)
{
	int error = errno_of(ioctl(file, MK_IOCTL_OPEN, &arguments));

	if (error && (lowest_descriptor() != self->descriptor ||
		      !counters_return_to(self->counters)))
		return -1;
	return error;
}

/* Rejections -------------------------------------------------------------- */

TEST_F(open, unknown_flags_are_refused_by_the_device)
{
	EXPECT_EQ(EINVAL, refusal(self, self->device,
				  (struct mk_ioctl_open){ .id = self->id,
							  .role = MK_ROLE_OBSERVER,
							  .flags = 1 }));
}

TEST_F(open, unknown_flags_are_refused_by_a_context)
{
	EXPECT_EQ(EINVAL, refusal(self, self->owner,
				  (struct mk_ioctl_open){ .role = MK_ROLE_OBSERVER,
							  .flags = 1u << 31 }));
}

TEST_F(open, unknown_roles_are_refused_by_the_device)
{
	__u32 unknown[] = { 0, MK_ROLE_PUMP + 1, ~0u };

	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		EXPECT_EQ(EINVAL, refusal(self, self->device,
					  (struct mk_ioctl_open){ .id = self->id,
								  .role = unknown[i] }));
	}
}

TEST_F(open, unknown_roles_are_refused_by_a_context)
{
	__u32 unknown[] = { 0, MK_ROLE_PUMP + 1, ~0u };

	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		EXPECT_EQ(EINVAL, refusal(self, self->owner,
					  (struct mk_ioctl_open){ .role = unknown[i] }));
	}
}

TEST_F(open, a_second_owner_is_refused_by_the_device)
{
	EXPECT_EQ(EACCES, errno_of(context_open(self->device, self->id, MK_ROLE_OWNER)));
}

TEST_F(open, a_context_takes_no_id)
{
	EXPECT_EQ(EINVAL,
		  errno_of(context_open(self->owner, self->id, MK_ROLE_OBSERVER)));
}

TEST_F(open, unknown_ids_are_not_found)
{
	EXPECT_EQ(ENOENT, errno_of(context_open(self->device, 0, MK_ROLE_OBSERVER)));
	EXPECT_EQ(ENOENT,
		  errno_of(context_open(self->device, UNKNOWN_ID, MK_ROLE_OBSERVER)));
	EXPECT_EQ(ENOENT,
		  errno_of(context_open(self->device, self->id + 1, MK_ROLE_OBSERVER)));
}

TEST_F(open, a_context_that_is_gone_is_not_found)
{
	close(self->owner);
	EXPECT_EQ(ENOENT,
		  errno_of(context_open(self->device, self->id, MK_ROLE_OBSERVER)));
}

TEST_F(open, without_a_free_descriptor_nothing_is_opened)
{
	struct rlimit before, none = { .rlim_cur = 0 };

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &before));
	none.rlim_max = before.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_EQ(EMFILE, errno_of(context_attach(self->owner, MK_ROLE_ENGINE)));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &before));
	EXPECT_TRUE(counters_return_to(self->counters));
	EXPECT_LE(0, context_attach(self->owner, MK_ROLE_ENGINE));
}

/* Files ------------------------------------------------------------------- */

TEST_F(open, by_id_gives_every_other_role)
{
	for (__u32 role = MK_ROLE_ENGINE; role <= MK_ROLE_OBSERVER; role++) {
		int file = context_open(self->device, self->id, role);

		ASSERT_LE(0, file);
		EXPECT_EQ(role, context_info(file).role);
		EXPECT_EQ(self->id, context_info(file).id);
	}
	EXPECT_EQ(4, context_info(self->owner).attachments);
}

TEST_F(open, the_file_is_closed_on_exec)
{
	int file = context_attach(self->owner, MK_ROLE_OBSERVER);

	ASSERT_LE(0, file);
	EXPECT_EQ(FD_CLOEXEC, fcntl(file, F_GETFD));
}

TEST_F(open, numbers_ascend_and_are_not_used_again)
{
	__u32 last = context_info(self->owner).number;

	for (int i = 0; i < 8; i++) {
		struct mk_ioctl_open arguments = { .role = MK_ROLE_PRODUCER };

		ASSERT_EQ(0, ioctl(self->owner, MK_IOCTL_OPEN, &arguments));
		EXPECT_LT(last, arguments.number);
		EXPECT_EQ(arguments.number, context_info(arguments.fd).number);
		last = arguments.number;
		close(arguments.fd);
	}
}

TEST_F(open, a_file_that_is_closed_is_no_attachment)
{
	int file = context_attach(self->owner, MK_ROLE_OBSERVER);
	int other = dup(file);

	EXPECT_EQ(2, context_info(self->owner).attachments);
	close(file);
	EXPECT_EQ(2, context_info(self->owner).attachments);
	close(other);
	EXPECT_EQ(1, context_info(self->owner).attachments);
}

/* One engine, one pump ------------------------------------------------------ */

FIXTURE(one)
{
	int device;
	int owner;
	__u64 id;
};

FIXTURE_VARIANT(one)
{
	__u32 role;
	__u32 flags; /* of the context that has one */
};

FIXTURE_VARIANT_ADD(one, engine){
	.role = MK_ROLE_ENGINE,
	.flags = MK_CONTEXT_HAS_ENGINE,
};

FIXTURE_VARIANT_ADD(one, pump){
	.role = MK_ROLE_PUMP,
};

FIXTURE_SETUP(one)
{
	DEVICE_OPEN(self->device);
	self->owner = context_create(self->device);
	ASSERT_LE(0, self->owner);
	self->id = context_id(self->owner);
}

FIXTURE_TEARDOWN(one)
{
	close(self->owner);
	close(self->device);
}

TEST_F(one, a_second_is_refused_by_id_too)
{
	ASSERT_LE(0, context_attach(self->owner, variant->role));
	EXPECT_EQ(EBUSY, errno_of(context_attach(self->owner, variant->role)));
	EXPECT_EQ(EBUSY, errno_of(context_open(self->device, self->id, variant->role)));
	EXPECT_EQ(variant->flags, context_info(self->owner).flags);
}

TEST_F(one, is_free_when_its_last_file_is_closed)
{
	int file = context_attach(self->owner, variant->role);
	int other = dup(file);

	close(file);
	EXPECT_EQ(EBUSY, errno_of(context_attach(self->owner, variant->role)));
	close(other);
	EXPECT_EQ(0, context_info(self->owner).flags);
	EXPECT_LE(0, context_attach(self->owner, variant->role));
}

struct wish {
	int owner;
	__u32 role;
};

static int be_the_one(int socket, void *argument)
{
	const struct wish *wish = argument;
	int file = context_attach(wish->owner, wish->role);

	if (file >= 0 && tell(socket))
		hear(socket);
	return errno_of(file);
}

TEST_F(one, is_free_when_its_process_is_killed)
{
	struct wish wish = { self->owner, variant->role };

	for (int round = 0; round < 20; round++) {
		struct child child = child_start(be_the_one, &wish);

		ASSERT_TRUE(hear(child.socket));
		EXPECT_EQ(EBUSY, errno_of(context_attach(self->owner, variant->role)));
		child_kill(&child);
	}
	EXPECT_LE(0, context_attach(self->owner, variant->role));
}

TEST_F(one, every_context_has_its_own)
{
	int other = context_create(self->device);

	ASSERT_LE(0, context_attach(self->owner, variant->role));
	EXPECT_LE(0, context_attach(other, variant->role));
}

/* An engine's process may run the pump, or the owner's. */
TEST_F(open, an_engine_and_a_pump_do_not_keep_each_other_out)
{
	int engine = context_attach(self->owner, MK_ROLE_ENGINE);

	ASSERT_LE(0, engine);
	EXPECT_LE(0, context_attach(engine, MK_ROLE_PUMP));
	EXPECT_EQ(EBUSY, errno_of(context_attach(self->owner, MK_ROLE_PUMP)));
}

/* The owner is gone ------------------------------------------------------- */

TEST_F(open, only_observers_come_after_the_owner)
{
	int engine = context_attach(self->owner, MK_ROLE_ENGINE);

	close(self->owner);
	EXPECT_EQ(EOWNERDEAD, errno_of(context_attach(engine, MK_ROLE_PRODUCER)));
	EXPECT_EQ(EOWNERDEAD,
		  errno_of(context_open(self->device, self->id, MK_ROLE_PRODUCER)));
	EXPECT_EQ(EOWNERDEAD,
		  errno_of(context_open(self->device, self->id, MK_ROLE_ENGINE)));
	EXPECT_LE(0, context_attach(engine, MK_ROLE_OBSERVER));
	EXPECT_LE(0, context_open(self->device, self->id, MK_ROLE_OBSERVER));
	EXPECT_EQ(MK_CONTEXT_OWNER_GONE | MK_CONTEXT_HAS_ENGINE,
		  context_info(engine).flags);
}

/* Users ------------------------------------------------------------------- */

static int open_as_other_user(int socket, void *data)
{
	FIXTURE_DATA(open) *self = data;

	(void)socket;
	if (!become_user(OTHER_USER))
		return 127;
	return errno_of(context_open(self->device, self->id, MK_ROLE_OBSERVER));
}

TEST_F(open, other_users_do_not_find_it)
{
	NEEDS_ROOT();
	EXPECT_EQ(ENOENT, in_child(open_as_other_user, self));
}

static int open_in_other_namespace(int socket, void *data)
{
	FIXTURE_DATA(open) *self = data;

	(void)socket;
	if (unshare(CLONE_NEWUSER))
		return 127;
	return errno_of(context_open(self->device, self->id, MK_ROLE_OBSERVER));
}

TEST_F(open, the_user_does_not_find_it_in_another_user_namespace)
{
	int result = in_child(open_in_other_namespace, self);

	if (result == 127) {
		SKIP(return, "no user namespaces here");
	}
	EXPECT_EQ(ENOENT, result);
}

static int open_without_ptrace(int socket, void *id)
{
	struct __user_cap_header_struct header = { .version =
							   _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct capabilities[2] = { { 0 } };
	int device = device_open();

	(void)socket;
	if (syscall(SYS_capget, &header, capabilities))
		return 127;
	capabilities[CAP_TO_INDEX(CAP_SYS_PTRACE)].effective &=
		~CAP_TO_MASK(CAP_SYS_PTRACE);
	if (syscall(SYS_capset, &header, capabilities))
		return 127;
	return errno_of(context_open(device, *(__u64 *)id, MK_ROLE_OBSERVER));
}

static int own_as_other_user(int socket, void *device)
{
	int owner;

	if (!become_user(OTHER_USER))
		return 127;
	owner = context_create(*(int *)device);
	if (owner >= 0 && send_file(socket, owner))
		hear(socket);
	return errno_of(owner);
}

TEST_F(open, who_may_trace_the_owner_finds_it)
{
	struct child owner;
	int file;
	__u64 id;

	NEEDS_ROOT();
	owner = child_start(own_as_other_user, &self->device);
	file = receive_file(owner.socket);
	ASSERT_LE(0, file);
	id = context_id(file);
	close(file);
	EXPECT_EQ(ENOENT, in_child(open_without_ptrace, &id));
	EXPECT_LE(0, context_open(self->device, id, MK_ROLE_ENGINE));
	child_kill(&owner);
}

static int own_in_other_namespace(int socket, void *device)
{
	int owner;

	if (unshare(CLONE_NEWUSER))
		return 127;
	owner = context_create(*(int *)device);
	if (owner >= 0 && send_file(socket, owner))
		hear(socket);
	return errno_of(owner);
}

/* Whoever made the namespace has all capabilities over who is in it. */
TEST_F(open, the_user_finds_what_is_in_a_namespace_below)
{
	struct child owner = child_start(own_in_other_namespace, &self->device);
	int file = receive_file(owner.socket);

	if (file < 0) {
		SKIP(return, "no user namespaces here");
	}
	EXPECT_LE(0, context_open(self->device, context_id(file), MK_ROLE_OBSERVER));
	child_kill(&owner);
}

static int use_passed_file(int socket, void *data)
{
	FIXTURE_DATA(open) *self = data;
	int file = receive_file(socket);

	if (!become_user(OTHER_USER))
		return 127;
	if (context_id(file) != self->id)
		return 1;
	if (memory_map(file, MK_REGION_RING, MK_EXPORT_WRITE) == MAP_FAILED)
		return 2;
	if (context_attach(file, MK_ROLE_PRODUCER) < 0)
		return 3;
	if (context_attach(file, MK_ROLE_OBSERVER) < 0)
		return 4;
	if (errno_of(context_attach(file, MK_ROLE_ENGINE)) != EACCES)
		return 5;
	if (errno_of(context_open(self->device, self->id, MK_ROLE_OBSERVER)) != ENOENT)
		return 6;
	return 0;
}

TEST_F(open, a_file_can_be_passed_to_another_user)
{
	struct child user;
	int file = context_attach(self->owner, MK_ROLE_PRODUCER);

	NEEDS_ROOT();
	user = child_start(use_passed_file, self);
	ASSERT_TRUE(send_file(user.socket, file));
	EXPECT_EQ(0, child_wait(&user));
}

TEST_HARNESS_MAIN

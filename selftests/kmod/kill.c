// SPDX-License-Identifier: GPL-2.0-only
/* What becomes of a context when those who use it go, however they go. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "children.h"
#include "common.h"
#include "harness.h"

/* Leases begin on a line of their own behind the entries. */
#define LEASE_LINE (4 * MK_CQ_LEASE_ALIGN_WORDS)
#define FIRST_LEASE(slots) \
	((MK_CQ_HEADER_BYTES + 4 * (slots) + LEASE_LINE - 1) / LEASE_LINE * LEASE_LINE)
#define LEASE(generation, number) ((__u64)(generation) << 32 | (number))

FIXTURE(owner)
{
	int device;
	int observer; /* of the context whose owner goes */
	__u32 *control;
	__u64 id;
	struct child child; /* the owner */
};

FIXTURE_VARIANT(owner)
{
	int (*leave)(int socket, int file); /* how a told owner goes; else it is killed */
};

static int by_closing(int socket, int file)
{
	close(file);
	/* It lives on without. */
	return tell(socket) && hear(socket);
}

static int by_exiting(int socket, int file)
{
	(void)socket;
	(void)file;
	return 0;
}

static int by_another_program(int socket, int file)
{
	(void)socket;
	(void)file;
	return execl("/bin/sh", "sh", "-c", "kill -STOP $$", NULL);
}

FIXTURE_VARIANT_ADD(owner, closes){
	.leave = by_closing,
};

FIXTURE_VARIANT_ADD(owner, exits){
	.leave = by_exiting,
};

FIXTURE_VARIANT_ADD(owner, executes_another_program){
	.leave = by_another_program,
};

FIXTURE_VARIANT_ADD(owner, is_killed){
	.leave = NULL,
};

struct owner_arguments {
	int device;
	int (*leave)(int socket, int file);
};

static int own(int socket, void *data)
{
	const struct owner_arguments *arguments = data;
	int owner = context_create(arguments->device);
	int observer = context_attach(owner, MK_ROLE_OBSERVER);

	if (!send_file(socket, observer))
		return 1;
	close(observer);
	/* For ever, when it is to be killed. */
	if (!hear(socket))
		return 2;
	return arguments->leave(socket, owner);
}

FIXTURE_SETUP(owner)
{
	struct owner_arguments arguments = { .leave = variant->leave };

	DEVICE_OPEN(self->device);
	arguments.device = self->device;
	self->child = child_start(own, &arguments);
	self->observer = receive_file(self->child.socket);
	ASSERT_LE(0, self->observer);
	self->id = context_id(self->observer);
	self->control = memory_map(self->observer, MK_REGION_CONTROL, MK_EXPORT_READ);
	ASSERT_NE(MAP_FAILED, self->control);
	ASSERT_FALSE(is_shut_down(self->control));
}

FIXTURE_TEARDOWN(owner)
{
	if (self->child.pid > 0) {
		child_kill(&self->child);
	}
	close(self->observer);
	close(self->device);
}

/* Returns when the owner is gone, which poll tells. */
static bool owner_goes(FIXTURE_DATA(owner) * self, bool is_told)
{
	struct pollfd polled = { .fd = self->observer };

	if (is_told)
		tell(self->child.socket);
	else
		child_kill(&self->child);
	return poll(&polled, 1, -1) == 1 && polled.revents == POLLHUP;
}

TEST_F(owner, shutdown_is_stored)
{
	ASSERT_TRUE(owner_goes(self, variant->leave != NULL));
	EXPECT_TRUE(is_shut_down(self->control));
}

TEST_F(owner, it_is_told_that_the_owner_is_gone)
{
	ASSERT_TRUE(owner_goes(self, variant->leave != NULL));
	EXPECT_EQ(MK_CONTEXT_OWNER_GONE, context_info(self->observer).flags);
	EXPECT_EQ(1, context_info(self->observer).attachments);
	EXPECT_EQ(EOWNERDEAD,
		  errno_of(context_open(self->device, self->id, MK_ROLE_PRODUCER)));
	EXPECT_LE(0, context_open(self->device, self->id, MK_ROLE_OBSERVER));
}

TEST_F(owner, the_memory_is_still_there)
{
	ASSERT_TRUE(owner_goes(self, variant->leave != NULL));
	EXPECT_NE(MAP_FAILED, memory_map(self->observer, MK_REGION_RING, MK_EXPORT_READ));
}

/* Files that are shared --------------------------------------------------- */

FIXTURE(kill)
{
	int device;
	int owner;
	__u32 *control;
	__u64 *leases;	/* of windows */
	__u64 *ingests; /* of groups of ingest slots */
};

FIXTURE_SETUP(kill)
{
	char *cq;

	DEVICE_OPEN(self->device);
	self->owner = context_create(self->device);
	ASSERT_LE(0, self->owner);
	self->control = memory_map(self->owner, MK_REGION_CONTROL, MK_EXPORT_READ);
	ASSERT_NE(MAP_FAILED, self->control);
	cq = memory_map(self->owner, MK_REGION_CQ, MK_EXPORT_WRITE);
	ASSERT_NE(MAP_FAILED, cq);
	self->leases = (__u64 *)(cq + FIRST_LEASE(TEST_SLOTS));
	self->ingests = (__u64 *)(cq + 4 * MK_CQ_INGEST_LEASES);
}

FIXTURE_TEARDOWN(kill)
{
	close(self->owner);
	close(self->device);
}

static int hold(int socket, void *data)
{
	(void)data;
	return tell(socket) && hear(socket);
}

TEST_F(kill, a_forked_owner_is_still_one)
{
	struct child child = child_start(hold, self);

	ASSERT_TRUE(hear(child.socket));
	close(self->owner);
	EXPECT_FALSE(is_shut_down(self->control));
	child_kill(&child);
	EXPECT_TRUE(is_shut_down(self->control));
}

static int hold_received(int socket, void *data)
{
	int file = receive_file(socket);

	close(((FIXTURE_DATA(kill) *)data)->owner);
	return file >= 0 && tell(socket) && hear(socket);
}

TEST_F(kill, a_passed_owner_is_still_one)
{
	struct child child = child_start(hold_received, self);

	ASSERT_TRUE(send_file(child.socket, self->owner));
	ASSERT_TRUE(hear(child.socket));
	close(self->owner);
	EXPECT_FALSE(is_shut_down(self->control));
	child_kill(&child);
	EXPECT_TRUE(is_shut_down(self->control));
}

TEST_F(kill, an_owner_in_a_socket_is_still_one)
{
	int ends[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
	ASSERT_TRUE(send_file(ends[0], self->owner));
	close(self->owner);
	EXPECT_FALSE(is_shut_down(self->control));
	close(ends[1]);
	EXPECT_TRUE(is_shut_down(self->control));
	close(ends[0]);
}

TEST_F(kill, an_owner_that_epoll_knows_goes_all_the_same)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN };

	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->owner, &event));
	close(self->owner);
	EXPECT_TRUE(is_shut_down(self->control));
}

TEST_F(kill, others_go_without_a_shutdown)
{
	for (__u32 role = MK_ROLE_ENGINE; role <= MK_ROLE_OBSERVER; role++) {
		int file = context_attach(self->owner, role);

		ASSERT_LE(0, file);
		close(file);
	}
	EXPECT_FALSE(is_shut_down(self->control));
}

TEST_F(kill, other_contexts_go_on)
{
	int other = context_create(self->device);

	close(other);
	EXPECT_FALSE(is_shut_down(self->control));
}

/* The engine's process outlives the owner's, and its kernel is to see the word. */
static int wait_for_shutdown(int socket, void *data)
{
	int engine = receive_file(socket);
	struct mk_ioctl_wait arguments = {
		.memory = MK_REGION_CONTROL,
		.word = MK_CONTROL_SHUTDOWN,
		.mask = ~0u,
		.flags = MK_WAIT_UNEQUAL,
		.timeout = NEVER,
	};
	__u32 *control = memory_map(engine, MK_REGION_CONTROL, MK_EXPORT_WRITE);

	close(((FIXTURE_DATA(kill) *)data)->owner);
	if (control == MAP_FAILED || !tell(socket))
		return 1;
	while (!is_shut_down(control))
		if (ioctl(engine, MK_IOCTL_WAIT, &arguments))
			return 2;
	return 0;
}

TEST_F(kill, an_engine_elsewhere_sees_the_shutdown)
{
	int file = context_attach(self->owner, MK_ROLE_ENGINE);
	struct child engine = child_start(wait_for_shutdown, self);

	ASSERT_TRUE(send_file(engine.socket, file));
	ASSERT_TRUE(hear(engine.socket));
	close(self->owner);
	EXPECT_EQ(0, child_wait(&engine));
}

/* Leases ------------------------------------------------------------------ */

TEST_F(kill, a_producers_leases_are_orphaned)
{
	int producer = context_attach(self->owner, MK_ROLE_PRODUCER);
	__u32 number = context_info(producer).number;

	self->leases[0] = LEASE(7, number);
	self->leases[TEST_WINDOWS - 1] = LEASE(0xffffffff, number);
	close(producer);
	EXPECT_EQ(LEASE(7, 0), self->leases[0]);
	EXPECT_EQ(LEASE(0xffffffff, 0), self->leases[TEST_WINDOWS - 1]);
}

TEST_F(kill, others_leases_are_left_alone)
{
	int producer = context_attach(self->owner, MK_ROLE_PRODUCER);
	__u32 number = context_info(producer).number;
	__u64 others[TEST_WINDOWS] = {
		0,
		LEASE(number, number + 1),
		LEASE(number, number - 1),
		LEASE(number, 0),
		LEASE(number, number | 1u << 16),
		LEASE(number, number | 1u << 31),
		LEASE(1, 0xffff),
		LEASE(0, 0xffffffff),
	};

	memcpy(self->leases, others, sizeof(others));
	close(producer);
	EXPECT_EQ(0, memcmp(self->leases, others, sizeof(others)));
}

TEST_F(kill, leases_last_as_long_as_a_file)
{
	int producer = context_attach(self->owner, MK_ROLE_PRODUCER);
	int same = dup(producer);
	__u64 lease = LEASE(3, context_info(producer).number);

	self->leases[2] = lease;
	close(producer);
	EXPECT_EQ(lease, self->leases[2]);
	close(same);
	EXPECT_EQ(LEASE(3, 0), self->leases[2]);
}

static int lease_and_stay(int socket, void *data)
{
	FIXTURE_DATA(kill) *self = data;
	int producer = context_attach(self->owner, MK_ROLE_PRODUCER);

	for (unsigned int i = 0; i < TEST_WINDOWS; i += 2)
		self->leases[i] = LEASE(i + 1, context_info(producer).number);
	return tell(socket) && hear(socket);
}

TEST_F(kill, a_killed_producers_leases_are_orphaned)
{
	struct child producer = child_start(lease_and_stay, self);

	ASSERT_TRUE(hear(producer.socket));
	ASSERT_NE(LEASE(1, 0), self->leases[0]);
	child_kill(&producer);
	for (unsigned int i = 0; i < TEST_WINDOWS; i += 2) {
		EXPECT_EQ(LEASE(i + 1, 0), self->leases[i]);
		EXPECT_EQ(0, self->leases[i + 1]);
	}
}

/* However few groups the io queue has. */
TEST_F(kill, a_producers_ingest_leases_are_orphaned)
{
	int producer = context_attach(self->owner, MK_ROLE_PRODUCER);
	__u32 number = context_info(producer).number;

	for (__u32 i = 0; i < MK_CQ_INGEST_LEASE_COUNT; i++) {
		self->ingests[i] = LEASE(i + 1, number + i % 2);
	}
	close(producer);
	for (__u32 i = 0; i < MK_CQ_INGEST_LEASE_COUNT; i++) {
		ASSERT_EQ(LEASE(i + 1, i % 2 ? number + 1 : 0), self->ingests[i]);
	}
}

static int lease_ingests_and_stay(int socket, void *data)
{
	FIXTURE_DATA(kill) *self = data;
	int producer = context_attach(self->owner, MK_ROLE_PRODUCER);

	self->ingests[0] = LEASE(1, context_info(producer).number);
	self->ingests[MK_CQ_INGEST_LEASE_COUNT - 1] =
		LEASE(2, context_info(producer).number);
	return tell(socket) && hear(socket);
}

TEST_F(kill, a_killed_producers_ingest_leases_are_orphaned)
{
	struct child producer = child_start(lease_ingests_and_stay, self);

	ASSERT_TRUE(hear(producer.socket));
	ASSERT_NE(LEASE(1, 0), self->ingests[0]);
	child_kill(&producer);
	EXPECT_EQ(LEASE(1, 0), self->ingests[0]);
	EXPECT_EQ(LEASE(2, 0), self->ingests[MK_CQ_INGEST_LEASE_COUNT - 1]);
	for (__u32 i = 1; i < MK_CQ_INGEST_LEASE_COUNT - 1; i++) {
		ASSERT_EQ(0, self->ingests[i]);
	}
}

/* The words before and behind the leases are not leases. */
TEST_F(kill, only_leases_are_looked_at)
{
	int producer = context_attach(self->owner, MK_ROLE_PRODUCER);
	__u64 lease = LEASE(3, context_info(producer).number);
	__u64 *words[] = {
		&self->leases[-1],
		&self->leases[TEST_WINDOWS],
		&self->ingests[-1],
		&self->ingests[MK_CQ_INGEST_LEASE_COUNT],
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(words); i++)
		*words[i] = lease;
	close(producer);
	for (unsigned int i = 0; i < ARRAY_SIZE(words); i++)
		EXPECT_EQ(lease, *words[i]);
}

/* A geometry whose leases do not follow the entries at once, and fill several pages. */
TEST_F(kill, leases_of_a_large_ring_are_orphaned)
{
	struct mk_ioctl_create arguments = context_arguments();
	const __u32 slots = 2001;
	int owner, producer;
	__u32 number;
	__u64 *leases;
	char *cq;

	arguments.geometry.slots = slots;
	arguments.geometry.window_slots = 1;
	owner = context_create_with(self->device, &arguments);
	ASSERT_LE(0, owner);
	producer = context_attach(owner, MK_ROLE_PRODUCER);
	number = context_info(producer).number;
	cq = memory_map(owner, MK_REGION_CQ, MK_EXPORT_WRITE);
	ASSERT_NE(MAP_FAILED, cq);
	leases = (__u64 *)(cq + FIRST_LEASE(slots));
	for (__u32 i = 0; i < slots; i++) {
		leases[i] = LEASE(i + 1, number);
	}
	close(producer);
	for (__u32 i = 0; i < slots; i++) {
		ASSERT_EQ(LEASE(i + 1, 0), leases[i]);
	}
}

TEST_HARNESS_MAIN

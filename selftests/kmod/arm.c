// SPDX-License-Identifier: GPL-2.0-only
/* MK_IOCTL_ARM, and poll and epoll on a context's file. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "children.h"
#include "common.h"
#include "harness.h"

#define WORD	    MK_CONTROL_EPOCH
#define MILLISECOND 1000000ull
#define NO_LOOK	    (3000 * SECOND_NS) /* only somebody else makes the kernel look */
#define FOR_EVER    (-1)

FIXTURE(arm)
{
	int device;
	int owner;
	int file; /* a producer's, which is armed */
	__u32 *control;
	struct mk_ioctl_wait arguments; /* for WORD to be 1, which it is not */
};

FIXTURE_SETUP(arm)
{
	DEVICE_OPEN(self->device);
	self->owner = context_create(self->device);
	ASSERT_LE(0, self->owner);
	self->file = context_attach(self->owner, MK_ROLE_PRODUCER);
	ASSERT_LE(0, self->file);
	self->control = memory_map(self->owner, MK_REGION_CONTROL, MK_EXPORT_WRITE);
	ASSERT_NE(MAP_FAILED, self->control);
	self->arguments = (struct mk_ioctl_wait){
		.memory = MK_REGION_CONTROL,
		.word = WORD,
		.mask = ~0u,
		.value = 1,
		.timeout = NEVER,
		.slack = MILLISECOND,
	};
}

FIXTURE_TEARDOWN(arm)
{
	close(self->file);
	close(self->owner);
	close(self->device);
}

static int arm(FIXTURE_DATA(arm) * self)
{
	return errno_of(ioctl(self->file, MK_IOCTL_ARM, &self->arguments));
}

static int poll_for(int file, int milliseconds)
{
	struct pollfd polled = { .fd = file, .events = POLLIN };

	return poll(&polled, 1, milliseconds) < 0 ? -1 : polled.revents;
}

static int poll_now(int file)
{
	return poll_for(file, 0);
}

static int epoll_with(int file, __u32 events)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = events };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, file, &event) ? -1 : epoll;
}

static int epoll_for(int epoll, int milliseconds)
{
	struct epoll_event event;

	switch (epoll_wait(epoll, &event, 1, milliseconds)) {
	case 0:
		return 0;
	case 1:
		return event.events;
	default:
		return -1;
	}
}

/* Rejections -------------------------------------------------------------- */

TEST_F(arm, unknown_flags_are_refused)
{
	self->arguments.flags = 1u << 2;
	EXPECT_EQ(EINVAL, arm(self));
	self->arguments.flags = 1u << 31;
	EXPECT_EQ(EINVAL, arm(self));
}

TEST_F(arm, nothing_goes_with_no_other_flag)
{
	self->arguments.flags = MK_WAIT_NOTHING | MK_WAIT_UNEQUAL;
	EXPECT_EQ(EINVAL, arm(self));
}

TEST_F(arm, unknown_memory_is_refused)
{
	self->arguments.memory = MK_MEMORY_COUNT;
	EXPECT_EQ(EINVAL, arm(self));
	self->arguments.memory = MK_MEMORY_ARENA(1);
	EXPECT_EQ(EINVAL, arm(self));
}

TEST_F(arm, words_behind_the_end_are_refused)
{
	self->arguments.word =
		context_info(self->owner).memory[MK_REGION_CONTROL].bytes / 4;
	EXPECT_EQ(ERANGE, arm(self));
	self->arguments.word = ~0u;
	EXPECT_EQ(ERANGE, arm(self));
}

TEST_F(arm, what_is_refused_leaves_the_file_armed)
{
	ASSERT_EQ(0, arm(self));
	self->arguments.flags = 1u << 2;
	ASSERT_EQ(EINVAL, arm(self));
	store(&self->control[WORD], 1);
	EXPECT_EQ(POLLIN, poll_for(self->file, FOR_EVER));
}

/* Readable ---------------------------------------------------------------- */

TEST_F(arm, a_file_that_was_never_armed_is_not_readable)
{
	EXPECT_EQ(0, poll_now(self->file));
}

TEST_F(arm, it_tells_the_word)
{
	store(&self->control[WORD], 77);
	ASSERT_EQ(0, arm(self));
	EXPECT_EQ(77, self->arguments.seen);
}

TEST_F(arm, what_is_already_so_is_readable_at_once)
{
	store(&self->control[WORD], 1);
	self->arguments.slack = NO_LOOK;
	ASSERT_EQ(0, arm(self));
	EXPECT_EQ(POLLIN, poll_now(self->file));
}

TEST_F(arm, what_is_not_so_is_not_readable)
{
	ASSERT_EQ(0, arm(self));
	EXPECT_EQ(0, poll_for(self->file, 5));
}

TEST_F(arm, a_store_makes_it_readable)
{
	ASSERT_EQ(0, arm(self));
	store(&self->control[WORD], 1);
	EXPECT_EQ(POLLIN, poll_for(self->file, FOR_EVER));
}

TEST_F(arm, a_store_before_poll_is_not_missed)
{
	self->arguments.slack = NO_LOOK;
	ASSERT_EQ(0, arm(self));
	store(&self->control[WORD], 1);
	ASSERT_EQ(0, ioctl(self->owner, MK_IOCTL_WAKE));
	EXPECT_EQ(POLLIN, poll_now(self->file));
}

TEST_F(arm, without_a_wake_much_slack_is_used)
{
	self->arguments.slack = NO_LOOK;
	ASSERT_EQ(0, arm(self));
	store(&self->control[WORD], 1);
	EXPECT_EQ(0, poll_now(self->file));
}

TEST_F(arm, masks_and_unequal_count)
{
	store(&self->control[WORD], 0x10);
	self->arguments.flags = MK_WAIT_UNEQUAL;
	self->arguments.mask = 0xf;
	self->arguments.value = 0;
	ASSERT_EQ(0, arm(self));
	EXPECT_EQ(0, poll_for(self->file, 5));
	store(&self->control[WORD], 0x11);
	EXPECT_EQ(POLLIN, poll_for(self->file, FOR_EVER));
}

TEST_F(arm, it_stays_readable_when_the_word_changes_again)
{
	ASSERT_EQ(0, arm(self));
	store(&self->control[WORD], 1);
	ASSERT_EQ(POLLIN, poll_for(self->file, FOR_EVER));
	store(&self->control[WORD], 2);
	EXPECT_EQ(POLLIN, poll_for(self->file, 5));
}

TEST_F(arm, a_timeout_makes_it_readable)
{
	__u64 until = monotonic_ns() + 10 * MILLISECOND;

	self->arguments.timeout = until;
	ASSERT_EQ(0, arm(self));
	EXPECT_EQ(POLLIN, poll_for(self->file, FOR_EVER));
	EXPECT_LE(until, monotonic_ns());
	EXPECT_EQ(0, load(&self->control[WORD]));
}

TEST_F(arm, a_timeout_holds_with_much_slack)
{
	self->arguments.timeout = monotonic_ns() + 10 * MILLISECOND;
	self->arguments.slack = NO_LOOK;
	ASSERT_EQ(0, arm(self));
	EXPECT_EQ(POLLIN, poll_for(self->file, FOR_EVER));
}

TEST_F(arm, a_timeout_that_has_passed_makes_it_readable_at_once)
{
	self->arguments.timeout = 0;
	ASSERT_EQ(0, arm(self));
	EXPECT_EQ(POLLIN, poll_now(self->file));
}

/* Again ------------------------------------------------------------------- */

TEST_F(arm, arming_again_begins_anew)
{
	ASSERT_EQ(0, arm(self));
	store(&self->control[WORD], 1);
	ASSERT_EQ(POLLIN, poll_for(self->file, FOR_EVER));
	self->arguments.value = 2;
	ASSERT_EQ(0, arm(self));
	EXPECT_EQ(0, poll_now(self->file));
	store(&self->control[WORD], 2);
	EXPECT_EQ(POLLIN, poll_for(self->file, FOR_EVER));
}

TEST_F(arm, arming_again_replaces_the_word)
{
	ASSERT_EQ(0, arm(self));
	self->arguments.word = WORD + 1;
	ASSERT_EQ(0, arm(self));
	store(&self->control[WORD], 1);
	EXPECT_EQ(0, poll_for(self->file, 5));
	store(&self->control[WORD + 1], 1);
	EXPECT_EQ(POLLIN, poll_for(self->file, FOR_EVER));
}

TEST_F(arm, nothing_ends_it)
{
	ASSERT_EQ(0, arm(self));
	self->arguments.flags = MK_WAIT_NOTHING;
	ASSERT_EQ(0, arm(self));
	store(&self->control[WORD], 1);
	EXPECT_EQ(0, poll_for(self->file, 5));
}

TEST_F(arm, nothing_ends_what_was_readable)
{
	store(&self->control[WORD], 1);
	ASSERT_EQ(0, arm(self));
	ASSERT_EQ(POLLIN, poll_now(self->file));
	self->arguments.flags = MK_WAIT_NOTHING;
	ASSERT_EQ(0, arm(self));
	EXPECT_EQ(0, poll_now(self->file));
}

TEST_F(arm, nothing_looks_at_no_memory)
{
	self->arguments.flags = MK_WAIT_NOTHING;
	self->arguments.memory = ~0u;
	self->arguments.word = ~0u;
	EXPECT_EQ(0, arm(self));
}

TEST_F(arm, each_file_is_armed_for_itself)
{
	struct mk_ioctl_wait other = self->arguments;

	other.value = 2;
	ASSERT_EQ(0, arm(self));
	ASSERT_EQ(0, ioctl(self->owner, MK_IOCTL_ARM, &other));
	store(&self->control[WORD], 2);
	EXPECT_EQ(POLLIN, poll_for(self->owner, FOR_EVER));
	EXPECT_EQ(0, poll_now(self->file));
}

TEST_F(arm, a_shared_file_is_armed_once)
{
	int same = dup(self->file);

	ASSERT_EQ(0, arm(self));
	self->arguments.value = 2;
	ASSERT_EQ(0, ioctl(same, MK_IOCTL_ARM, &self->arguments));
	store(&self->control[WORD], 1);
	EXPECT_EQ(0, poll_for(self->file, 5));
	store(&self->control[WORD], 2);
	EXPECT_EQ(POLLIN, poll_for(self->file, FOR_EVER));
	EXPECT_EQ(POLLIN, poll_now(same));
}

/* Who polls --------------------------------------------------------------- */

struct poller {
	pthread_t thread;
	int file;
	pid_t number;
	int events;
};

static void *poller_run(void *data)
{
	struct poller *poller = data;

	__atomic_store_n(&poller->number, gettid(), __ATOMIC_RELEASE);
	poller->events = poll_for(poller->file, FOR_EVER);
	return NULL;
}

static bool poller_start(struct poller *poller, int file)
{
	pid_t number = 0;

	*poller = (struct poller){ .file = file };
	if (pthread_create(&poller->thread, NULL, poller_run, poller))
		return false;
	while (!number)
		number = __atomic_load_n(&poller->number, __ATOMIC_ACQUIRE);
	return thread_sleeps(number);
}

static int poller_end(struct poller *poller)
{
	pthread_join(poller->thread, NULL);
	return poller->events;
}

TEST_F(arm, who_polls_is_woken_by_a_store)
{
	struct poller poller;

	ASSERT_EQ(0, arm(self));
	ASSERT_TRUE(poller_start(&poller, self->file));
	store(&self->control[WORD], 1);
	EXPECT_EQ(POLLIN, poller_end(&poller));
}

TEST_F(arm, who_polls_is_woken_by_a_wake)
{
	struct poller poller;

	self->arguments.slack = NO_LOOK;
	ASSERT_EQ(0, arm(self));
	ASSERT_TRUE(poller_start(&poller, self->file));
	store(&self->control[WORD], 1);
	ASSERT_EQ(0, ioctl(self->owner, MK_IOCTL_WAKE));
	EXPECT_EQ(POLLIN, poller_end(&poller));
}

TEST_F(arm, who_polls_is_woken_by_arming_for_what_is_so)
{
	struct poller poller;

	ASSERT_TRUE(poller_start(&poller, self->file));
	store(&self->control[WORD], 1);
	ASSERT_EQ(0, arm(self));
	EXPECT_EQ(POLLIN, poller_end(&poller));
}

TEST_F(arm, two_who_poll_are_both_woken)
{
	struct poller pollers[2];

	ASSERT_EQ(0, arm(self));
	ASSERT_TRUE(poller_start(&pollers[0], self->file));
	ASSERT_TRUE(poller_start(&pollers[1], self->file));
	store(&self->control[WORD], 1);
	EXPECT_EQ(POLLIN, poller_end(&pollers[0]));
	EXPECT_EQ(POLLIN, poller_end(&pollers[1]));
}

TEST_F(arm, an_edge_is_told_once_for_each_arming)
{
	int epoll = epoll_with(self->file, EPOLLIN | EPOLLET);

	ASSERT_LE(0, epoll);
	for (__u32 value = 1; value <= 3; value++) {
		self->arguments.value = value;
		ASSERT_EQ(0, arm(self));
		EXPECT_EQ(0, epoll_for(epoll, 0));
		store(&self->control[WORD], value);
		EXPECT_EQ(EPOLLIN, epoll_for(epoll, FOR_EVER));
		EXPECT_EQ(0, epoll_for(epoll, 0));
	}
}

TEST_F(arm, an_edge_is_told_when_it_is_readable_at_once)
{
	int epoll = epoll_with(self->file, EPOLLIN | EPOLLET);

	ASSERT_LE(0, epoll);
	store(&self->control[WORD], 1);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, arm(self));
		EXPECT_EQ(EPOLLIN, epoll_for(epoll, 0));
		EXPECT_EQ(0, epoll_for(epoll, 0));
	}
}

TEST_F(arm, a_level_is_told_until_it_is_armed_again)
{
	int epoll = epoll_with(self->file, EPOLLIN);

	ASSERT_LE(0, epoll);
	store(&self->control[WORD], 1);
	ASSERT_EQ(0, arm(self));
	EXPECT_EQ(EPOLLIN, epoll_for(epoll, 0));
	EXPECT_EQ(EPOLLIN, epoll_for(epoll, 0));
	self->arguments.value = 2;
	ASSERT_EQ(0, arm(self));
	EXPECT_EQ(0, epoll_for(epoll, 0));
}

/* Ends -------------------------------------------------------------------- */

TEST_F(arm, the_owners_end_is_a_hang_up)
{
	EXPECT_EQ(0, poll_now(self->file));
	close(self->owner);
	EXPECT_EQ(POLLHUP, poll_now(self->file));
}

TEST_F(arm, who_polls_is_woken_by_the_owners_end)
{
	struct poller poller;

	ASSERT_TRUE(poller_start(&poller, self->file));
	close(self->owner);
	EXPECT_EQ(POLLHUP, poller_end(&poller));
}

TEST_F(arm, an_edge_tells_the_owners_end)
{
	int epoll = epoll_with(self->file, EPOLLIN | EPOLLET);

	ASSERT_EQ(0, epoll_for(epoll, 0));
	close(self->owner);
	EXPECT_EQ(EPOLLHUP, epoll_for(epoll, FOR_EVER));
	EXPECT_EQ(0, epoll_for(epoll, 0));
}

TEST_F(arm, the_owners_end_is_looked_at)
{
	self->arguments.word = MK_CONTROL_SHUTDOWN;
	self->arguments.value = 0;
	self->arguments.flags = MK_WAIT_UNEQUAL;
	self->arguments.slack = NO_LOOK;
	ASSERT_EQ(0, arm(self));
	close(self->owner);
	EXPECT_EQ(POLLIN | POLLHUP, poll_now(self->file));
}

TEST_F(arm, the_engines_end_is_looked_at)
{
	int engine = context_attach(self->owner, MK_ROLE_ENGINE);

	self->arguments.slack = NO_LOOK;
	ASSERT_EQ(0, arm(self));
	store(&self->control[WORD], 1);
	close(engine);
	EXPECT_EQ(POLLIN, poll_now(self->file));
}

TEST_F(arm, a_file_may_be_closed_while_it_is_armed)
{
	struct counters with_file = counters_now();

	for (int i = 0; i < 100; i++) {
		int file = context_attach(self->owner, MK_ROLE_OBSERVER);

		self->arguments.slack = 1;
		ASSERT_EQ(0, ioctl(file, MK_IOCTL_ARM, &self->arguments));
		close(file);
	}
	EXPECT_TRUE(counters_return_to(with_file));
}

TEST_F(arm, a_file_may_be_closed_while_epoll_has_it)
{
	int epoll = epoll_with(self->file, EPOLLIN);

	ASSERT_EQ(0, arm(self));
	store(&self->control[WORD], 1);
	close(self->file);
	EXPECT_EQ(0, epoll_for(epoll, 5));
	self->file = -1;
}

/* Timers ------------------------------------------------------------------ */

/* How many timers of the module run; -1 when that cannot be seen. */
static int timers(void)
{
	FILE *file = fopen("/proc/timer_list", "re");
	char line[256];
	int count = 0;

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file))
		count += strstr(line, "[mk]") != NULL;
	fclose(file);
	return count;
}

TEST_F(arm, no_timer_runs_while_nothing_is_armed)
{
	int before = timers();

	if (before < 0) {
		SKIP(return, "/proc/timer_list cannot be read");
	}
	self->arguments.slack = SECOND_NS;
	ASSERT_EQ(0, arm(self));
	EXPECT_EQ(before + 1, timers());
	self->arguments.flags = MK_WAIT_NOTHING;
	ASSERT_EQ(0, arm(self));
	EXPECT_EQ(before, timers());
}

TEST_F(arm, no_timer_runs_once_it_is_readable)
{
	int before = timers();

	if (before < 0) {
		SKIP(return, "/proc/timer_list cannot be read");
	}
	self->arguments.slack = SECOND_NS;
	ASSERT_EQ(0, arm(self));
	EXPECT_EQ(before + 1, timers());
	store(&self->control[WORD], 1);
	ASSERT_EQ(0, ioctl(self->owner, MK_IOCTL_WAKE));
	ASSERT_EQ(POLLIN, poll_now(self->file));
	EXPECT_EQ(before, timers());
}

TEST_HARNESS_MAIN

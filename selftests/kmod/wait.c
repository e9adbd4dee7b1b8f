// SPDX-License-Identifier: GPL-2.0-only
/* MK_IOCTL_WAIT and MK_IOCTL_WAKE */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "children.h"
#include "common.h"
#include "harness.h"

#define WORD	    MK_CONTROL_EPOCH
#define MILLISECOND 1000000ull
#define NO_LOOK	    (3000 * SECOND_NS) /* only somebody else makes the kernel look */

FIXTURE(wait)
{
	int device;
	int owner;
	__u32 *control;
	struct mk_ioctl_wait arguments; /* for WORD to be 1, which it is not */
};

FIXTURE_SETUP(wait)
{
	DEVICE_OPEN(self->device);
	self->owner = context_create(self->device);
	ASSERT_LE(0, self->owner);
	self->control = memory_map(self->owner, MK_REGION_CONTROL, MK_EXPORT_WRITE);
	ASSERT_NE(MAP_FAILED, self->control);
	self->arguments = (struct mk_ioctl_wait){
		.memory = MK_REGION_CONTROL,
		.word = WORD,
		.mask = ~0u,
		.value = 1,
		.timeout = NEVER,
		.slack = NO_LOOK,
	};
}

FIXTURE_TEARDOWN(wait)
{
	close(self->owner);
	close(self->device);
}

static int wait_now(FIXTURE_DATA(wait) * self)
{
	return errno_of(ioctl(self->owner, MK_IOCTL_WAIT, &self->arguments));
}

/* A thread that waits. */
struct waiter {
	pthread_t thread;
	int file;
	struct mk_ioctl_wait arguments;
	pid_t number;
	int result;
};

static void *waiter_run(void *data)
{
	struct waiter *waiter = data;

	__atomic_store_n(&waiter->number, gettid(), __ATOMIC_RELEASE);
	waiter->result = errno_of(ioctl(waiter->file, MK_IOCTL_WAIT, &waiter->arguments));
	return NULL;
}

/* Returns once it sleeps. */
static bool waiter_start(struct waiter *waiter, int file,
			 const struct mk_ioctl_wait *arguments)
{
	pid_t number = 0;

	*waiter = (struct waiter){ .file = file, .arguments = *arguments, .result = -1 };
	if (pthread_create(&waiter->thread, NULL, waiter_run, waiter))
		return false;
	while (!number)
		number = __atomic_load_n(&waiter->number, __ATOMIC_ACQUIRE);
	return thread_sleeps(number);
}

static int waiter_end(struct waiter *waiter)
{
	pthread_join(waiter->thread, NULL);
	return waiter->result;
}

/* Rejections -------------------------------------------------------------- */

TEST_F(wait, unknown_flags_are_refused)
{
	self->arguments.flags = 1u << 2;
	EXPECT_EQ(EINVAL, wait_now(self));
	self->arguments.flags = 1u << 31;
	EXPECT_EQ(EINVAL, wait_now(self));
}

TEST_F(wait, for_nothing_is_refused)
{
	self->arguments.flags = MK_WAIT_NOTHING;
	EXPECT_EQ(EINVAL, wait_now(self));
}

TEST_F(wait, on_unknown_memory_is_refused)
{
	self->arguments.memory = MK_MEMORY_COUNT;
	EXPECT_EQ(EINVAL, wait_now(self));
	self->arguments.memory = ~0u;
	EXPECT_EQ(EINVAL, wait_now(self));
	self->arguments.memory = MK_MEMORY_ARENA(1);
	EXPECT_EQ(EINVAL, wait_now(self));
}

TEST_F(wait, on_words_behind_the_end_is_refused)
{
	struct mk_memory_info control =
		context_info(self->owner).memory[MK_REGION_CONTROL];

	/* The mapping is larger than the region. */
	ASSERT_LT(control.bytes, control.mapped_bytes);
	self->arguments.word = control.bytes / sizeof(__u32);
	EXPECT_EQ(ERANGE, wait_now(self));
	self->arguments.word = ~0u;
	EXPECT_EQ(ERANGE, wait_now(self));
}

/* Looking ----------------------------------------------------------------- */

TEST_F(wait, the_last_word_can_be_waited_for)
{
	self->arguments.word =
		context_info(self->owner).memory[MK_REGION_CONTROL].bytes / 4 - 1;
	store(&self->control[self->arguments.word], 1);
	EXPECT_EQ(0, wait_now(self));
}

TEST_F(wait, every_memory_can_be_waited_on)
{
	for (__u32 memory = 0; memory <= MK_MEMORY_ARENA(0); memory++) {
		__u32 *words = memory_map(self->owner, memory, MK_EXPORT_WRITE);

		ASSERT_NE(MAP_FAILED, words);
		store(&words[3], 100 + memory);
		self->arguments.memory = memory;
		self->arguments.word = 3;
		self->arguments.value = 100 + memory;
		EXPECT_EQ(0, wait_now(self));
	}
}

TEST_F(wait, words_of_later_pages_are_found)
{
	__u32 *arena = memory_map(self->owner, MK_MEMORY_ARENA(0), MK_EXPORT_WRITE);
	__u32 word = 5 * page_bytes() / sizeof(*arena) + 7;

	ASSERT_NE(MAP_FAILED, arena);
	store(&arena[word], 1);
	self->arguments.memory = MK_MEMORY_ARENA(0);
	self->arguments.word = word;
	EXPECT_EQ(0, wait_now(self));
	EXPECT_EQ(1, self->arguments.seen);
}

TEST_F(wait, what_is_already_so_is_not_waited_for)
{
	store(&self->control[WORD], 1);
	EXPECT_EQ(0, wait_now(self));
	EXPECT_EQ(1, self->arguments.seen);
}

TEST_F(wait, only_masked_bits_are_compared)
{
	store(&self->control[WORD], 0xabcd1234);
	self->arguments.mask = 0xffff;
	self->arguments.value = 0x1234;
	EXPECT_EQ(0, wait_now(self));
	EXPECT_EQ(0xabcd1234, self->arguments.seen);
}

TEST_F(wait, bits_outside_the_mask_are_never_equal)
{
	self->arguments.mask = 0;
	self->arguments.timeout = 0;
	EXPECT_EQ(ETIMEDOUT, wait_now(self));
	self->arguments.value = 0;
	EXPECT_EQ(0, wait_now(self));
}

TEST_F(wait, unequal_is_the_opposite)
{
	self->arguments.flags = MK_WAIT_UNEQUAL;
	EXPECT_EQ(0, wait_now(self));
	EXPECT_EQ(0, self->arguments.seen);
	store(&self->control[WORD], 1);
	self->arguments.timeout = 0;
	EXPECT_EQ(ETIMEDOUT, wait_now(self));
	EXPECT_EQ(1, self->arguments.seen);
}

/* Timeouts ---------------------------------------------------------------- */

TEST_F(wait, a_timeout_that_has_passed_is_one_look)
{
	store(&self->control[WORD], 5);
	self->arguments.timeout = 0;
	EXPECT_EQ(ETIMEDOUT, wait_now(self));
	EXPECT_EQ(5, self->arguments.seen);
	self->arguments.value = 5;
	EXPECT_EQ(0, wait_now(self));
}

TEST_F(wait, a_timeout_is_absolute_and_not_early)
{
	__u64 until = monotonic_ns() + 20 * MILLISECOND;

	self->arguments.timeout = until;
	self->arguments.slack = MILLISECOND;
	EXPECT_EQ(ETIMEDOUT, wait_now(self));
	EXPECT_LE(until, monotonic_ns());
	EXPECT_EQ(0, self->arguments.seen);
}

/* Here the slack is for the answer, but not for hours behind the timeout. */
TEST_F(wait, a_timeout_holds_with_much_slack)
{
	self->arguments.timeout = monotonic_ns() + 20 * MILLISECOND;
	EXPECT_EQ(ETIMEDOUT, wait_now(self));
}

TEST_F(wait, the_largest_timeouts_are_never)
{
	__u64 timeouts[] = { 1ull << 63, NEVER, (1ull << 63) - 1 };

	for (size_t i = 0; i < ARRAY_SIZE(timeouts); i++) {
		struct waiter waiter;

		store(&self->control[WORD], 0);
		self->arguments.timeout = timeouts[i];
		ASSERT_TRUE(waiter_start(&waiter, self->owner, &self->arguments));
		store(&self->control[WORD], 1);
		ASSERT_EQ(0, ioctl(self->owner, MK_IOCTL_WAKE));
		EXPECT_EQ(0, waiter_end(&waiter));
	}
}

/* Stores ------------------------------------------------------------------ */

TEST_F(wait, a_store_is_seen_after_the_slack)
{
	__u64 slacks[] = { 0, 1, MK_WAIT_SLACK_MIN, MILLISECOND };

	for (size_t i = 0; i < ARRAY_SIZE(slacks); i++) {
		struct waiter waiter;

		store(&self->control[WORD], 0);
		self->arguments.slack = slacks[i];
		ASSERT_TRUE(waiter_start(&waiter, self->owner, &self->arguments));
		store(&self->control[WORD], 1);
		EXPECT_EQ(0, waiter_end(&waiter));
		EXPECT_EQ(1, waiter.arguments.seen);
	}
}

TEST_F(wait, a_store_and_a_wake_are_seen_at_once)
{
	struct waiter waiter;

	ASSERT_TRUE(waiter_start(&waiter, self->owner, &self->arguments));
	store(&self->control[WORD], 1);
	ASSERT_EQ(0, ioctl(self->owner, MK_IOCTL_WAKE));
	EXPECT_EQ(0, waiter_end(&waiter));
	EXPECT_EQ(1, waiter.arguments.seen);
}

TEST_F(wait, a_wake_without_the_store_is_slept_through)
{
	struct waiter waiter;

	ASSERT_TRUE(waiter_start(&waiter, self->owner, &self->arguments));
	ASSERT_EQ(0, ioctl(self->owner, MK_IOCTL_WAKE));
	EXPECT_TRUE(thread_sleeps(waiter.number));
	store(&self->control[WORD], 1);
	ASSERT_EQ(0, ioctl(self->owner, MK_IOCTL_WAKE));
	EXPECT_EQ(0, waiter_end(&waiter));
}

TEST_F(wait, a_wake_is_for_all_who_wait)
{
	int observer = context_attach(self->owner, MK_ROLE_OBSERVER);
	int producer = context_attach(self->owner, MK_ROLE_PRODUCER);
	struct waiter waiters[3];

	ASSERT_TRUE(waiter_start(&waiters[0], self->owner, &self->arguments));
	ASSERT_TRUE(waiter_start(&waiters[1], self->owner, &self->arguments));
	ASSERT_TRUE(waiter_start(&waiters[2], observer, &self->arguments));
	store(&self->control[WORD], 1);
	ASSERT_EQ(0, ioctl(producer, MK_IOCTL_WAKE));
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(0, waiter_end(&waiters[i]));
	}
}

TEST_F(wait, a_wake_is_for_its_context_only)
{
	int other = context_create(self->device);
	struct waiter waiter;

	ASSERT_TRUE(waiter_start(&waiter, self->owner, &self->arguments));
	store(&self->control[WORD], 1);
	ASSERT_EQ(0, ioctl(other, MK_IOCTL_WAKE));
	EXPECT_TRUE(thread_sleeps(waiter.number));
	EXPECT_EQ(-1, waiter.result);
	ASSERT_EQ(0, ioctl(self->owner, MK_IOCTL_WAKE));
	EXPECT_EQ(0, waiter_end(&waiter));
}

/* Ends -------------------------------------------------------------------- */

TEST_F(wait, the_owners_end_is_looked_at)
{
	int observer = context_attach(self->owner, MK_ROLE_OBSERVER);
	struct waiter waiter;

	self->arguments.word = MK_CONTROL_SHUTDOWN;
	self->arguments.value = 0;
	self->arguments.flags = MK_WAIT_UNEQUAL;
	ASSERT_TRUE(waiter_start(&waiter, observer, &self->arguments));
	close(self->owner);
	EXPECT_EQ(0, waiter_end(&waiter));
	EXPECT_NE(0, waiter.arguments.seen);
}

TEST_F(wait, the_engines_end_is_looked_at)
{
	int engine = context_attach(self->owner, MK_ROLE_ENGINE);
	struct waiter waiter;

	ASSERT_TRUE(waiter_start(&waiter, self->owner, &self->arguments));
	store(&self->control[WORD], 1);
	close(engine);
	EXPECT_EQ(0, waiter_end(&waiter));
}

/* Who waits for something else goes on, as the kernel may still finish its work. */
TEST_F(wait, other_words_are_waited_for_after_the_owners_end)
{
	int engine = context_attach(self->owner, MK_ROLE_ENGINE);
	struct waiter waiter;

	ASSERT_TRUE(waiter_start(&waiter, engine, &self->arguments));
	close(self->owner);
	EXPECT_TRUE(thread_sleeps(waiter.number));
	EXPECT_EQ(-1, waiter.result);
	store(&self->control[WORD], 1);
	ASSERT_EQ(0, ioctl(engine, MK_IOCTL_WAKE));
	EXPECT_EQ(0, waiter_end(&waiter));
}

/* Signals ----------------------------------------------------------------- */

static void do_nothing(int number)
{
	(void)number;
}

static bool handle_signal(int flags)
{
	struct sigaction action = { .sa_handler = do_nothing, .sa_flags = flags };

	return !sigaction(SIGUSR1, &action, NULL);
}

TEST_F(wait, a_signal_interrupts_it)
{
	struct waiter waiter;

	ASSERT_TRUE(handle_signal(0));
	ASSERT_TRUE(waiter_start(&waiter, self->owner, &self->arguments));
	ASSERT_EQ(0, pthread_kill(waiter.thread, SIGUSR1));
	EXPECT_EQ(EINTR, waiter_end(&waiter));
}

TEST_F(wait, a_restarting_signal_does_not_interrupt_it)
{
	struct waiter waiter;

	ASSERT_TRUE(handle_signal(SA_RESTART));
	ASSERT_TRUE(waiter_start(&waiter, self->owner, &self->arguments));
	ASSERT_EQ(0, pthread_kill(waiter.thread, SIGUSR1));
	EXPECT_TRUE(thread_sleeps(waiter.number));
	store(&self->control[WORD], 1);
	ASSERT_EQ(0, ioctl(self->owner, MK_IOCTL_WAKE));
	EXPECT_EQ(0, waiter_end(&waiter));
}

TEST_F(wait, a_restarted_wait_ends_at_the_same_time)
{
	struct waiter waiter;

	ASSERT_TRUE(handle_signal(SA_RESTART));
	self->arguments.timeout = monotonic_ns() + 50 * MILLISECOND;
	self->arguments.slack = MILLISECOND;
	ASSERT_TRUE(waiter_start(&waiter, self->owner, &self->arguments));
	ASSERT_EQ(0, pthread_kill(waiter.thread, SIGUSR1));
	EXPECT_EQ(ETIMEDOUT, waiter_end(&waiter));
	EXPECT_LE(self->arguments.timeout, monotonic_ns());
}

static int wait_for_ever(int socket, void *data)
{
	FIXTURE_DATA(wait) *self = data;

	return tell(socket) ? wait_now(self) : 127;
}

TEST_F(wait, a_process_that_waits_can_be_killed)
{
	struct child child = child_start(wait_for_ever, self);

	ASSERT_TRUE(hear(child.socket));
	ASSERT_TRUE(thread_sleeps(child.pid));
	child_kill(&child);
	EXPECT_EQ(-1, child.pid);
}

TEST_HARNESS_MAIN

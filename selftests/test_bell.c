// SPDX-License-Identifier: MIT
/*
 * Sleeping by a bell: in a loop, and with somebody who rings before each step of the
 * sleeper's.  Every sleep has a limit that only a lost wake-up comes to.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "bell.h"

#define ROUNDS	 20000u
#define MOMENTS	 1000u
#define LIMIT_NS UINT64_C(20000000000)

/* What only a wake ends is a futex on the bell, and nowhere else. */
static _Atomic uint32_t *bell; /* on a page of its own */
static _Atomic uint32_t timeouts;

static void futex_sleep(struct mk_backing *backing, uint32_t memory, uint32_t word,
			uint32_t value, uint64_t timeout_ns)
{
	const struct timespec timeout = {
		.tv_sec = (time_t)(timeout_ns / 1000000000u),
		.tv_nsec = (long)(timeout_ns % 1000000000u),
	};

	if (backing->memories[memory].address != bell || word ||
	    (syscall(SYS_futex, bell, FUTEX_WAIT, value, &timeout, NULL, 0) < 0 &&
	     errno == ETIMEDOUT))
		timeouts++;
}

static void futex_wake(struct mk_backing *backing, uint32_t memory, uint32_t word)
{
	(void)backing;
	(void)memory;
	(void)word;
	syscall(SYS_futex, bell, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static const struct mk_backing_ops ops = { .sleep = futex_sleep, .wake = futex_wake };
static struct mk_backing backing = { .ops = &ops };

static void *map_page(void)
{
	void *page = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(page, MAP_FAILED);
	return page;
}

static int open_bell(void **state)
{
	(void)state;
	bell = map_page();
	backing.memories[MK_BELL_MEMORY].address = bell;
	return 0;
}

static int close_bell(void **state)
{
	(void)state;
	return munmap((void *)bell, (size_t)sysconf(_SC_PAGESIZE));
}

/*
 * One who sleeps until a word counts on, and one who watches it get ready for that and
 * stores a moment later: sooner or later between any two steps of the sleeper's.
 */
static struct {
	_Atomic uint32_t word;
	_Atomic uint32_t ready;
	uint32_t payload; /* what the word publishes: for TSan to look at */
	uint32_t wrong;
} game;

static void *sleep_often(void *unused)
{
	(void)unused;
	for (uint32_t number = 0; number < ROUNDS && !timeouts; number++) {
		atomic_store_explicit(&game.ready, number + 1, memory_order_release);
		while (atomic_load_explicit(&game.word, memory_order_acquire) == number &&
		       !timeouts)
			mk_bell_sleep(&backing, &game.word, number, LIMIT_NS);
		game.wrong += !timeouts && game.payload != number + 1;
	}
	return NULL;
}

static void wait_a_moment(uint32_t round)
{
	/* An odd step, so that the moments do not come in order. */
	for (uint32_t left = round * 37 % MOMENTS; left; left--)
		atomic_signal_fence(memory_order_seq_cst);
}

static void wake_often(void)
{
	for (uint32_t number = 0; number < ROUNDS && !timeouts; number++) {
		while (atomic_load_explicit(&game.ready, memory_order_acquire) ==
			       number &&
		       !timeouts)
			sched_yield();
		wait_a_moment(number);
		game.payload = number + 1;
		atomic_store_explicit(&game.word, number + 1, memory_order_release);
		mk_bell_ring(&backing);
	}
}

static void test_no_wake_is_lost(void **state)
{
	pthread_t sleeper;

	(void)state;
	assert_int_equal(pthread_create(&sleeper, NULL, sleep_often, NULL), 0);
	wake_often();
	assert_int_equal(pthread_join(sleeper, NULL), 0);
	assert_int_equal(timeouts, 0);
	assert_int_equal(game.wrong, 0);
	assert_int_equal(game.word, ROUNDS);
}

static void test_changed_word(void **state)
{
	_Atomic uint32_t word = 1;

	(void)state;
	timeouts = 0;
	/* It is another one already, so nobody sleeps, and nobody need wake. */
	mk_bell_sleep(&backing, &word, 0, LIMIT_NS);
	assert_int_equal(timeouts, 0);
	/* And this would be slept on, until the limit. */
	mk_bell_sleep(&backing, &word, 1, 1000);
	assert_int_equal(timeouts, 1);
}

/* Somebody who stores and rings at a certain step of a sleeper's. */
static _Atomic uint32_t *raced_word;
static void *guarded_page;

static void store_and_ring(void)
{
	atomic_store_explicit(raced_word, 2, memory_order_release);
	mk_bell_ring(&backing);
}

/* The step that loads from the guarded page has been come to, and is not done yet. */
static void at_guarded_page(int signal)
{
	(void)signal;
	mprotect(guarded_page, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE);
	store_and_ring();
}

static void expect_no_sleep_through(void *page)
{
	const struct sigaction catcher = { .sa_handler = at_guarded_page };
	struct sigaction before;

	assert_int_equal(sigaction(SIGSEGV, &catcher, &before), 0);
	guarded_page = page;
	assert_int_equal(mprotect(page, (size_t)sysconf(_SC_PAGESIZE), PROT_NONE), 0);
	mk_bell_sleep(&backing, raced_word, 1, LIMIT_NS);
	assert_int_equal(sigaction(SIGSEGV, &before, NULL), 0);
	assert_int_equal(*raced_word, 2);
	assert_int_equal(timeouts, 0);
}

static int make_word(void **state)
{
	(void)state;
	timeouts = 0;
	raced_word = map_page();
	*raced_word = 1;
	return 0;
}

static int free_word(void **state)
{
	(void)state;
	return munmap((void *)raced_word, (size_t)sysconf(_SC_PAGESIZE));
}

static void test_rings_before_the_count(void **state)
{
	(void)state;
	expect_no_sleep_through((void *)bell);
}

static void test_rings_before_the_look(void **state)
{
	(void)state;
	expect_no_sleep_through((void *)raced_word);
}

static void ring_before_sleeping(struct mk_backing *unused, uint32_t memory,
				 uint32_t word, uint32_t value, uint64_t timeout_ns)
{
	(void)unused;
	store_and_ring();
	futex_sleep(&backing, memory, word, value, timeout_ns);
}

static void test_rings_before_the_sleep(void **state)
{
	static const struct mk_backing_ops late = { .sleep = ring_before_sleeping };
	struct mk_backing raced = backing;

	(void)state;
	raced.ops = &late;
	mk_bell_sleep(&raced, raced_word, 1, LIMIT_NS);
	assert_int_equal(timeouts, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_wake_is_lost),
		cmocka_unit_test(test_changed_word),
		cmocka_unit_test_setup_teardown(test_rings_before_the_count, make_word,
						free_word),
		cmocka_unit_test_setup_teardown(test_rings_before_the_look, make_word,
						free_word),
		cmocka_unit_test_setup_teardown(test_rings_before_the_sleep, make_word,
						free_word),
	};

	return cmocka_run_group_tests(tests, open_bell, close_bell);
}

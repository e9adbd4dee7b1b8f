/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests use of the kernel's kselftest_harness.h, for trees that do not have
 * it.  Each test runs in a process group of its own with a limit of time; what it
 * leaves behind is killed.  Output is TAP 13.  Arguments name tests: only those run
 * whose "fixture.variant.test" contains one of them.
 *
 * With -DKSELFTEST_HARNESS='"FILE"' the tests are built with the kernel's instead, so
 * they use nothing that only this one has.
 */
#ifndef MK_SELFTESTS_HARNESS_H
#define MK_SELFTESTS_HARNESS_H

#ifdef KSELFTEST_HARNESS
#include KSELFTEST_HARNESS
#else

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEST_TIMEOUT_DEFAULT 30

enum { HARNESS_PASS = 0, HARNESS_FAIL = 1, HARNESS_SKIP = 4 };

struct __test_metadata;

struct __variant {
	const char *name;
	const void *data;
	struct __variant *next;
};

struct __fixture {
	const char *name;
	struct __variant *variants;
};

/* One test, which runs once for each variant of its fixture. */
struct __test_metadata {
	const char *name;
	struct __fixture *fixture;
	void (*run)(struct __test_metadata *test, const void *variant);
	int timeout; /* in seconds */
	struct __test_metadata *next;
	/* Of the run that is going on. */
	int result;
	bool handler; /* the block behind a failed expectation is to run */
	jmp_buf out;
	char *reason; /* for which it is skipped; shared with the parent */
};

#define HARNESS_REASON_BYTES 256

static struct __test_metadata *__tests;
static struct __fixture __attribute__((unused)) __no_fixture = { .name = "global" };

#define __APPEND(list, item)                       \
	do {                                       \
		__typeof__(list) *__end = &(list); \
		while (*__end)                     \
			__end = &(*__end)->next;   \
		*__end = (item);                   \
	} while (0)

#define TH_LOG(format, ...)                                                     \
	printf("# %s:%d:%s: " format "\n", __FILE__, __LINE__, _metadata->name, \
	       ##__VA_ARGS__)

#define SKIP(statement, ...)                                                    \
	do {                                                                    \
		snprintf(_metadata->reason, HARNESS_REASON_BYTES, __VA_ARGS__); \
		_metadata->result = HARNESS_SKIP;                               \
		statement;                                                      \
	} while (0)

#define __REGISTER(function, object)                                         \
	static void __attribute__((constructor)) __register_##function(void) \
	{                                                                    \
		__APPEND(__tests, object);                                   \
	}

#define TEST(test)                                                                       \
	static void test(struct __test_metadata *_metadata);                             \
	static void __run_##test(struct __test_metadata *_metadata, const void *variant) \
	{                                                                                \
		(void)variant;                                                           \
		if (!setjmp(_metadata->out))                                             \
			test(_metadata);                                                 \
	}                                                                                \
	static struct __test_metadata __test_##test = {                                  \
		.name = #test,                                                           \
		.fixture = &__no_fixture,                                                \
		.run = __run_##test,                                                     \
		.timeout = TEST_TIMEOUT_DEFAULT,                                         \
	};                                                                               \
	__REGISTER(test, &__test_##test)                                                 \
	static void test(struct __test_metadata __attribute__((unused)) * _metadata)

#define FIXTURE_DATA(fixture)	 struct __data_##fixture
#define FIXTURE_VARIANT(fixture) struct __variant_##fixture

#define __FIXTURE_ARGUMENTS(fixture_name)                                  \
	struct __test_metadata __attribute__((unused)) * _metadata,        \
		FIXTURE_DATA(fixture_name) __attribute__((unused)) * self, \
		const FIXTURE_VARIANT(fixture_name) __attribute__((unused)) * variant

#define FIXTURE(fixture_name)                                                         \
	FIXTURE_VARIANT(fixture_name);                                                \
	static struct __fixture __fixture_##fixture_name = { .name = #fixture_name }; \
	FIXTURE_DATA(fixture_name)

#define FIXTURE_SETUP(fixture) static void fixture##_setup(__FIXTURE_ARGUMENTS(fixture))
#define FIXTURE_TEARDOWN(fixture) \
	static void fixture##_teardown(__FIXTURE_ARGUMENTS(fixture))

#define FIXTURE_VARIANT_ADD(fixture, variant)                                            \
	extern const FIXTURE_VARIANT(fixture) __data_##fixture##_##variant;              \
	static struct __variant __object_##fixture##_##variant = {                       \
		.name = #variant,                                                        \
		.data = &__data_##fixture##_##variant,                                   \
	};                                                                               \
	static void __attribute__((constructor)) __register_##fixture##_##variant(void)  \
	{                                                                                \
		__APPEND(__fixture_##fixture.variants, &__object_##fixture##_##variant); \
	}                                                                                \
	const FIXTURE_VARIANT(fixture) __data_##fixture##_##variant =

#define TEST_F(fixture, test) TEST_F_TIMEOUT(fixture, test, TEST_TIMEOUT_DEFAULT)

#define TEST_F_TIMEOUT(fixture_name, test, seconds)                                  \
	static void fixture_name##_##test(__FIXTURE_ARGUMENTS(fixture_name));        \
	static void __run_##fixture_name##_##test(struct __test_metadata *_metadata, \
						  const void *variant)               \
	{                                                                            \
		/* Not on the stack: it is read again after a longjmp(). */          \
		static FIXTURE_DATA(fixture_name) self;                              \
		static bool is_set_up;                                               \
		if (!setjmp(_metadata->out)) {                                       \
			fixture_name##_setup(_metadata, &self, variant);             \
			if (_metadata->result != HARNESS_PASS)                       \
				return;                                              \
			is_set_up = true;                                            \
			fixture_name##_##test(_metadata, &self, variant);            \
		}                                                                    \
		if (is_set_up && !setjmp(_metadata->out))                            \
			fixture_name##_teardown(_metadata, &self, variant);          \
	}                                                                            \
	static struct __test_metadata __test_##fixture_name##_##test = {             \
		.name = #test,                                                       \
		.fixture = &__fixture_##fixture_name,                                \
		.run = __run_##fixture_name##_##test,                                \
		.timeout = seconds,                                                  \
	};                                                                           \
	__REGISTER(fixture_name##_##test, &__test_##fixture_name##_##test)           \
	static void fixture_name##_##test(__FIXTURE_ARGUMENTS(fixture_name))

/* Runs the block that may follow, and then goes on, or out of the test. */
#define __HANDLER(is_assertion)    \
	for (; _metadata->handler; \
	     _metadata->handler = false, __leave(_metadata, is_assertion))

static inline void __leave(struct __test_metadata *test, bool is_assertion)
{
	if (is_assertion)
		longjmp(test->out, 1);
}

#define __EXPECT(expected, relation, seen, is_assertion)                               \
	do {                                                                           \
		intmax_t __expected = (intmax_t)(expected);                            \
		intmax_t __seen = (intmax_t)(seen);                                    \
		if (!(__expected relation __seen)) {                                   \
			TH_LOG("expected %s (%jd) %s %s (%jd)", #expected, __expected, \
			       #relation, #seen, __seen);                              \
			_metadata->result = HARNESS_FAIL;                              \
			_metadata->handler = true;                                     \
		}                                                                      \
	} while (0);                                                                   \
	__HANDLER(is_assertion)

#define __EXPECT_STRINGS(expected, relation, seen, is_assertion)                        \
	do {                                                                            \
		const char *__expected = (expected), *__seen = (seen);                  \
		if (!(strcmp(__expected, __seen) relation 0)) {                         \
			TH_LOG("expected '%s' %s '%s'", __expected, #relation, __seen); \
			_metadata->result = HARNESS_FAIL;                               \
			_metadata->handler = true;                                      \
		}                                                                       \
	} while (0);                                                                    \
	__HANDLER(is_assertion)

#define ASSERT_EQ(expected, seen)    __EXPECT(expected, ==, seen, true)
#define ASSERT_NE(expected, seen)    __EXPECT(expected, !=, seen, true)
#define ASSERT_LT(expected, seen)    __EXPECT(expected, <, seen, true)
#define ASSERT_LE(expected, seen)    __EXPECT(expected, <=, seen, true)
#define ASSERT_GT(expected, seen)    __EXPECT(expected, >, seen, true)
#define ASSERT_GE(expected, seen)    __EXPECT(expected, >=, seen, true)
#define ASSERT_NULL(seen)	     __EXPECT(NULL, ==, seen, true)
#define ASSERT_TRUE(seen)	     __EXPECT(0, !=, seen, true)
#define ASSERT_FALSE(seen)	     __EXPECT(0, ==, seen, true)
#define ASSERT_STREQ(expected, seen) __EXPECT_STRINGS(expected, ==, seen, true)
#define ASSERT_STRNE(expected, seen) __EXPECT_STRINGS(expected, !=, seen, true)
#define EXPECT_EQ(expected, seen)    __EXPECT(expected, ==, seen, false)
#define EXPECT_NE(expected, seen)    __EXPECT(expected, !=, seen, false)
#define EXPECT_LT(expected, seen)    __EXPECT(expected, <, seen, false)
#define EXPECT_LE(expected, seen)    __EXPECT(expected, <=, seen, false)
#define EXPECT_GT(expected, seen)    __EXPECT(expected, >, seen, false)
#define EXPECT_GE(expected, seen)    __EXPECT(expected, >=, seen, false)
#define EXPECT_NULL(seen)	     __EXPECT(NULL, ==, seen, false)
#define EXPECT_TRUE(seen)	     __EXPECT(0, !=, seen, false)
#define EXPECT_FALSE(seen)	     __EXPECT(0, ==, seen, false)
#define EXPECT_STREQ(expected, seen) __EXPECT_STRINGS(expected, ==, seen, false)
#define EXPECT_STRNE(expected, seen) __EXPECT_STRINGS(expected, !=, seen, false)

/* Returns the result of a test's process, having ended all that it started. */
static int __wait_for_test(const struct __test_metadata *test, pid_t pid)
{
	struct pollfd ended = { .fd = syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
	int status = 0;

	if (ended.fd < 0 || poll(&ended, 1, test->timeout * 1000) != 1)
		printf("# %s: not at its end after %d s\n", test->name, test->timeout);
	kill(-pid, SIGKILL);
	waitpid(pid, &status, 0);
	while (waitpid(-1, NULL, 0) > 0)
		;
	close(ended.fd);
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	printf("# %s: ended by signal %d\n", test->name, WTERMSIG(status));
	return HARNESS_FAIL;
}

static int __run_test(struct __test_metadata *test, const void *variant)
{
	pid_t pid;

	fflush(stdout);
	test->reason[0] = '\0';
	pid = fork();
	if (pid < 0)
		return HARNESS_FAIL;
	if (!pid) {
		setpgid(0, 0);
		test->run(test, variant);
		fflush(stdout);
		_exit(test->result);
	}
	setpgid(pid, pid);
	return __wait_for_test(test, pid);
}

static bool __is_chosen(const char *name, int argc, char **argv)
{
	if (argc < 2)
		return true;
	for (int i = 1; i < argc; i++)
		if (strstr(name, argv[i]))
			return true;
	return false;
}

static int __run_all(int argc, char **argv)
{
	struct __variant none = { .name = "" };
	unsigned int count = 0, failed = 0, skipped = 0;
	char name[HARNESS_REASON_BYTES];
	char *reason = mmap(NULL, HARNESS_REASON_BYTES, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (reason == MAP_FAILED)
		return HARNESS_FAIL;
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* So that what a test leaves behind can be waited for. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	printf("TAP version 13\n");
	for (struct __test_metadata *test = __tests; test; test = test->next) {
		struct __variant *variant = test->fixture->variants ?: &none;

		test->reason = reason;
		for (; variant; variant = variant->next) {
			int result;

			snprintf(name, sizeof(name), "%s%s%s.%s", test->fixture->name,
				 variant->name[0] ? "." : "", variant->name, test->name);
			if (!__is_chosen(name, argc, argv))
				continue;
			result = __run_test(test, variant->data);
			failed += result != HARNESS_PASS && result != HARNESS_SKIP;
			skipped += result == HARNESS_SKIP;
			printf("%s %u %s%s%s\n",
			       result && result != HARNESS_SKIP ? "not ok" : "ok",
			       ++count, name, result == HARNESS_SKIP ? " # SKIP " : "",
			       reason);
		}
	}
	printf("1..%u\n", count);
	return failed ? HARNESS_FAIL : skipped == count ? HARNESS_SKIP : HARNESS_PASS;
}

#define TEST_HARNESS_MAIN                     \
	int main(int argc, char **argv)       \
	{                                     \
		return __run_all(argc, argv); \
	}

#endif /* KSELFTEST_HARNESS */

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#endif

#endif /* MK_SELFTESTS_HARNESS_H */

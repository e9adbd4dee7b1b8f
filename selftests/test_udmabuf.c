// SPDX-License-Identifier: MIT
/*
 * What udmabuf is asked, with the system calls played, and what it makes of that where the
 * kernel has it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "error.h"
#include "udmabuf.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static const char device_path[] = "/dev/udmabuf";
static const char limit_path[] = "/sys/module/udmabuf/parameters/size_limit_mb";

static struct {
	bool is_played;
	int open_error; /* 0: it opens */
	int error;	/* 0: the request is met */
	const char *limit;
	uint32_t requests;
	struct udmabuf_create request; /* the last */
} played;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_ioctl(int fd, unsigned long request, void *argument);
int __wrap_ioctl(int fd, unsigned long request, void *argument);
FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);

int __wrap_open(const char *path, int flags, ...)
{
	if (!played.is_played || strcmp(path, device_path))
		return __real_open(path, flags);
	if (played.open_error) {
		errno = played.open_error;
		return -1;
	}
	return __real_open("/dev/null", O_RDWR | O_CLOEXEC);
}

int __wrap_ioctl(int fd, unsigned long request, void *argument)
{
	if (!played.is_played || request != UDMABUF_CREATE)
		return __real_ioctl(fd, request, argument);
	played.requests++;
	played.request = *(const struct udmabuf_create *)argument;
	errno = played.error;
	return played.error ? -1 : fcntl((int)played.request.memfd, F_DUPFD_CLOEXEC, 0);
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
	if (!played.is_played || strcmp(path, limit_path))
		return __real_fopen(path, mode);
	errno = ENOENT;
	return played.limit ? fmemopen((void *)(uintptr_t)played.limit,
				       strlen(played.limit), "r") :
			      NULL;
}

static int play(void **state)
{
	(void)state;
	memset(&played, 0, sizeof(played));
	played.is_played = true;
	return 0;
}

static int use_kernel(void **state)
{
	play(state);
	played.is_played = false;
	return 0;
}

static int make_memfd(size_t bytes, int seals)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void expect_refusal(int fd, int error, const char *text)
{
	int ret = mk_udmabuf_create(fd);

	if (ret != error || !strstr(mk_error_text(), text))
		fail_msg("had %d, expected %d with \"%s\"; text: %s", ret, error, text,
			 mk_error_text());
	close(fd);
}

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static void test_asks(void **state)
{
	const size_t bytes = 3 * page_bytes();
	int memfd = make_memfd(bytes, SEALS);
	int fd;

	(void)state;
	fd = mk_udmabuf_create(memfd);
	assert_true(fd >= 0);
	assert_int_equal(played.requests, 1);
	assert_int_equal(played.request.memfd, memfd);
	assert_int_equal(played.request.flags, UDMABUF_FLAGS_CLOEXEC);
	assert_int_equal(played.request.offset, 0);
	assert_int_equal(played.request.size, bytes);
	close(fd);
	close(memfd);
}

/* The kernel would say EINVAL, and not why; so it is not even asked. */
static void test_seals_and_sizes(void **state)
{
	const size_t page = page_bytes();

	(void)state;
	expect_refusal(make_memfd(page, F_SEAL_GROW), -EINVAL, "shrinking");
	expect_refusal(make_memfd(page, SEALS | F_SEAL_WRITE), -EINVAL, "written to");
	expect_refusal(make_memfd(page + 1, SEALS), -EINVAL, "whole pages");
	expect_refusal(make_memfd(0, SEALS), -EINVAL, "whole pages");
	expect_refusal(open("/dev/null", O_RDWR | O_CLOEXEC), -EINVAL, "no memfd");
	assert_int_equal(played.requests, 0);
}

static void test_device_is_missing(void **state)
{
	(void)state;
	played.open_error = ENOENT;
	expect_refusal(make_memfd(page_bytes(), SEALS), -ENODEV, "modprobe udmabuf");
	played.open_error = EACCES;
	expect_refusal(make_memfd(page_bytes(), SEALS), -EACCES, "kvm");
	played.open_error = EMFILE;
	expect_refusal(make_memfd(page_bytes(), SEALS), -EMFILE, device_path);
	assert_int_equal(played.requests, 0);
}

static void test_limit(void **state)
{
	(void)state;
	played.error = EINVAL;
	played.limit = "64\n";
	expect_refusal(make_memfd((64u << 20) + page_bytes(), SEALS), -EFBIG, "64 MiB");
	/* Then it was something else. */
	expect_refusal(make_memfd(64u << 20, SEALS), -EINVAL, "no DMA-buf");
	played.limit = NULL;
	expect_refusal(make_memfd((64u << 20) + page_bytes(), SEALS), -EINVAL,
		       "no DMA-buf");
	played.error = ENOMEM;
	expect_refusal(make_memfd(page_bytes(), SEALS), -ENOMEM, strerror(ENOMEM));
}

static void test_is_memfd(void **state)
{
	int memfd = make_memfd(page_bytes(), SEALS);
	int other = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)state;
	assert_true(mk_udmabuf_is_memfd(memfd));
	assert_false(mk_udmabuf_is_memfd(other));
	close(other);
	close(memfd);
}

static volatile uint32_t *map(int fd)
{
	void *address =
		mmap(NULL, page_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_ptr_not_equal(address, MAP_FAILED);
	return address;
}

/* Either side's stores are the other's, for they are the same pages. */
static void test_kernel_makes_one(void **state)
{
	volatile uint32_t *words, *same;
	int memfd, fd;

	(void)state;
	if (access(device_path, R_OK | W_OK)) {
		print_message("# skipped: %s: %s\n", device_path, strerror(errno));
		skip();
	}
	memfd = make_memfd(page_bytes(), SEALS);
	fd = mk_udmabuf_create(memfd);
	if (fd < 0)
		fail_msg("%s", mk_error_text());
	assert_false(mk_udmabuf_is_memfd(fd));
	words = map(memfd);
	same = map(fd);
	words[0] = 1;
	assert_int_equal(same[0], 1);
	same[1] = 2;
	assert_int_equal(words[1], 2);
	munmap((void *)(uintptr_t)words, page_bytes());
	munmap((void *)(uintptr_t)same, page_bytes());
	close(fd);
	close(memfd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_asks, play),
		cmocka_unit_test_setup(test_seals_and_sizes, play),
		cmocka_unit_test_setup(test_device_is_missing, play),
		cmocka_unit_test_setup(test_limit, play),
		cmocka_unit_test_setup(test_is_memfd, play),
		cmocka_unit_test_setup(test_kernel_makes_one, use_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

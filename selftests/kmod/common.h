/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of mk.ko share: contexts, their memory, and what the module counts. */
#ifndef MK_SELFTESTS_COMMON_H
#define MK_SELFTESTS_COMMON_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <linux/mk.h>

#define DEVICE_PATH "/dev/mk"

/* The context that most tests use.  Its io queue's first page is the device's. */
#define TEST_SLOTS	      64u
#define TEST_WINDOW_SLOTS     8u
#define TEST_WINDOWS	      (TEST_SLOTS / TEST_WINDOW_SLOTS)
#define TEST_IO_REQUEST_SLOTS 128u
#define TEST_IO_SLOTS	      256u
#define TEST_STATE_BYTES      4096u
#define TEST_ARENA_PAGES      16u

/* Nobody; so not the user of any other test either. */
#define OTHER_USER 64242u

/* A number that no context ever gets. */
#define UNKNOWN_ID (~0ULL)

#define NEVER	   (~0ULL)
#define SECOND_NS  1000000000ULL

/* The errno of what a system call returned; 0 when it succeeded. */
static inline int errno_of(long result)
{
	return result < 0 ? errno : 0;
}

size_t page_bytes(void);
__u64 monotonic_ns(void);

int device_open(void);
/* Whether the device is not there, or not ours to open: a reason to skip. */
bool device_is_missing(int error);

/* Opens the device; a test that cannot have it is skipped, another error fails. */
#define DEVICE_OPEN(file)                                                                \
	do {                                                                             \
		(file) = device_open();                                                  \
		if ((file) < 0 && device_is_missing(errno))                              \
			SKIP(return, "%s: %s; load mk.ko and have the right to open it", \
				   DEVICE_PATH, strerror(errno));                        \
		ASSERT_LE(0, (file));                                                    \
	} while (0)

#define NEEDS_ROOT()                                \
	do {                                        \
		if (geteuid())                      \
			SKIP(return, "needs root"); \
	} while (0)

struct mk_ioctl_create context_arguments(void);

/* These return a file, or -1 and errno. */
int context_create(int device);
int context_create_with(int device, struct mk_ioctl_create *arguments);
int context_open(int device, __u64 id, __u32 role);
int context_attach(int file, __u32 role);

/* All zero when that fails, so without a role. */
struct mk_ioctl_info context_info(int file);
__u64 context_id(int file);

/* These return a DMA-buf, or -1 and errno. */
int memory_export(int file, __u32 memory, __u32 flags);
int memory_export_pages(int file, __u32 memory, __u32 flags, __u64 offset, __u64 size);
/* A shared mapping of a whole memory, as writable as its flags, or MAP_FAILED. */
void *memory_map(int file, __u32 memory, __u32 flags);

size_t memory_bytes(int file, __u32 memory);

__u32 load(const __u32 *word);
void store(__u32 *word, __u32 value);

/* Whether the context's kernel was told to leave. */
bool is_shut_down(const __u32 *control);

/* What the module says exists. */
struct counters {
	long contexts;
	long attachments;
	long exports;
	long pages;
};

struct counters counters_now(void);
/*
 * What is released behind the caller's back, as by io_uring's workers, is gone after a
 * while: looks until it is, or for some seconds.  Says what is left.
 */
bool counters_return_to(struct counters wanted);

long parameter_read(const char *name);
bool parameter_write(const char *name, long value);

/* The lowest one that is free.  A descriptor that leaks takes it, with a file or without. */
int lowest_descriptor(void);

#endif /* MK_SELFTESTS_COMMON_H */

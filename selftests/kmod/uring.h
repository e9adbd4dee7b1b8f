/* SPDX-License-Identifier: GPL-2.0-only */
/* As much of io_uring as the tests need: one request at a time, no library. */
#ifndef MK_SELFTESTS_URING_H
#define MK_SELFTESTS_URING_H

#include <linux/io_uring.h>
#include <stdbool.h>
#include <stddef.h>

struct uring {
	int file;
	struct io_uring_params parameters;
	unsigned char *rings;
	struct io_uring_sqe *entries;
};

/* False, with errno, where there is no io_uring or where it is forbidden. */
bool uring_open(struct uring *uring);
void uring_close(struct uring *uring);

/* 0 or an errno.  The one fixed buffer. */
int uring_register(struct uring *uring, void *buffer, size_t bytes);
int uring_unregister(struct uring *uring);

/* Begins to read from the start of a file; @fixed: by way of the registered buffer. */
bool uring_start_read(struct uring *uring, int file, void *buffer, size_t bytes,
		      bool fixed);
/* Bytes that were read, or -errno. */
int uring_finish(struct uring *uring);
/* Both. */
int uring_read(struct uring *uring, int file, void *buffer, size_t bytes, bool fixed);

#endif /* MK_SELFTESTS_URING_H */

/* SPDX-License-Identifier: MIT */
/* Where a context's memory comes from: for now, sealed memfds. */
#ifndef MK_SRC_BACKING_H
#define MK_SRC_BACKING_H

#include <stddef.h>

/* One mapped memory.  An unmapped one is {NULL, 0, 0, -1}. */
struct mk_memory {
	void *address;	     /* page-aligned */
	size_t bytes;	     /* in use */
	size_t mapped_bytes; /* whole pages */
	int fd;
};

#define MK_MEMORY_NONE ((struct mk_memory){ .fd = -1 })

/* Make and map @bytes of zeroed memory that other processes can map by its fd. */
int mk_memory_create(const char *name, size_t bytes, struct mk_memory *memory);

/*
 * Map memory that another process made.  @fd is duplicated.  A file that may
 * shrink is refused: a mapping of it could fault at any time.  All of the file
 * is taken; @memory->bytes is its size until the caller knows better.
 */
int mk_memory_map(const char *name, int fd, struct mk_memory *memory);

void mk_memory_unmap(struct mk_memory *memory);

#endif /* MK_SRC_BACKING_H */

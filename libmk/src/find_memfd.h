/* SPDX-License-Identifier: MIT */
/* What one process has of contexts in memfds. */
#ifndef MK_SRC_FIND_MEMFD_H
#define MK_SRC_FIND_MEMFD_H

#include <dirent.h>
#include <stdint.h>

#include "backing.h"

struct mk_memfd_context {
	uint64_t token;
	uint64_t bytes;
	uint32_t present;     /* bit n: there is a file of memory n */
	int fds[MK_MEMORIES]; /* the process's numbers */
};

struct mk_memfd_process {
	DIR *directory; /* its /proc/PID/fd: no other process's, even when it is gone */
	struct mk_memfd_context *contexts;
	uint32_t count;
};

/* mk_memfd_process_close() gives it back. -ESRCH, -EACCES, -ENOMEM. */
int mk_memfd_process_open(uint32_t pid, struct mk_memfd_process *process);
void mk_memfd_process_close(struct mk_memfd_process *process);

#endif /* MK_SRC_FIND_MEMFD_H */

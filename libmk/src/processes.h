/* SPDX-License-Identifier: MIT */
/* All processes of this machine that can be seen, one by one. */
#ifndef MK_SRC_PROCESSES_H
#define MK_SRC_PROCESSES_H

#include <stdint.h>

/*
 * Call @visit for each process, in no order, until it returns something else than 0, which
 * is returned then.  Any of them may be gone by the time of the call.  A negative errno
 * with a text: they cannot be listed.
 */
int mk_processes_visit(int (*visit)(uint32_t pid, void *data), void *data);

#endif /* MK_SRC_PROCESSES_H */

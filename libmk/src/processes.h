/* SPDX-License-Identifier: MIT */
/* All processes of this machine that can be seen, and what they have open, one by one. */
#ifndef MK_SRC_PROCESSES_H
#define MK_SRC_PROCESSES_H

#include <dirent.h>
#include <stdint.h>

/*
 * Call @visit for each process, in no order, until it returns something else than 0, which
 * is returned then.  Any of them may be gone by the time of the call.  A negative errno
 * with a text: they cannot be listed.
 */
int mk_processes_visit(int (*visit)(uint32_t pid, void *data), void *data);

/* @directory is a process's /proc/PID/fd, in which @entry is one of its descriptors. */
typedef int mk_descriptor_visit(int directory, const char *entry, void *data);

/* That folder, which is no other process's even when this one is gone; or NULL and errno. */
DIR *mk_descriptors_open(uint32_t pid);

/* As mk_processes_visit(), for each descriptor, once. */
int mk_descriptors_visit(DIR *directory, mk_descriptor_visit *visit, void *data);

/* The same for a process, which has none if it may not be looked into. */
int mk_process_look_into(uint32_t pid, mk_descriptor_visit *visit, void *data);

#endif /* MK_SRC_PROCESSES_H */

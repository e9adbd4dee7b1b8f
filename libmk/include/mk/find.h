/* SPDX-License-Identifier: MIT */
/*
 * Contexts that are there on this machine, for who looks from outside: those of mk.ko's,
 * and those in memfds of processes that the caller may look into.  For the latter that
 * is what ptrace(2) calls PTRACE_MODE_READ: of the same user, or with CAP_SYS_PTRACE.
 * /proc must be mounted.
 */
#ifndef MK_FIND_H
#define MK_FIND_H

#include <stddef.h>
#include <stdint.h>

#include <mk/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A process that has a context, as far as that can be seen from outside. */
struct mk_found_context {
	uint64_t id;	/* for mk_context_open(); 0: it is not mk.ko's */
	uint64_t token; /* for mk_context_attach_process(); 0: it is mk.ko's */
	uint64_t bytes; /* mapped, of all its memories; of a device's context its cq */
	uint32_t pid;
	uint32_t number; /* mk.ko: of the process's file, a producer's id */
	/* MK_BACKING_DEVICE: its cq alone is in a memfd, the rest cannot be had so. */
	enum mk_backing_kind backing;
	enum mk_role role; /* mk.ko: of that file; else 0, which cannot be seen */
};

/**
 * mk_contexts_find() - list contexts and the processes that have them
 * @pid: of one process; 0: all that can be looked into, but the caller's own
 * @found: receives an entry for each context of each process; with mk.ko one for each
 *         open file
 * @capacity: of @found
 * @count: receives how many there are, also when that is more than @capacity
 *
 * With mk.ko a context is listed by the process that opened it, which may be gone.  Who
 * cannot be looked into is left out, unless it is @pid.
 *
 * -ENOSPC: there are more; the first @capacity are there
 * -ESRCH, -EACCES: there is no process @pid, or it must not be looked into
 * -ENOMEM, or the system's error
 */
MK_PUBLIC int mk_contexts_find(uint32_t pid, struct mk_found_context *found,
			       size_t capacity, size_t *count);

/**
 * mk_context_attach_process() - look at a context that a process has in memfds
 * @pid: of the process; it is not asked, and does not notice
 * @token: of the context, from mk_contexts_find(); 0: the only one that it has
 * @context: receives it, as MK_ROLE_OBSERVER: all memory is mapped to be read only.  Who
 *           wants to do more asks the owner (mk_context_share(), mk_context_connect()).
 *
 * What is found is checked as in mk_context_attach(), whose errors come too.
 *
 * -ENOENT: the process has no such context
 * -EEXIST: it has several, and @token is 0
 * -ENOTSUP: the context lies in a device's memory, but for its cq
 * -ESRCH, -EACCES: as for mk_contexts_find()
 */
MK_PUBLIC int mk_context_attach_process(uint32_t pid, uint64_t token,
					struct mk_context **context);

/* What a process is in a context. */
enum mk_holder_kind {
	MK_HOLDER_ENGINE,
	MK_HOLDER_PUMP,
	MK_HOLDER_PRODUCER, /* or an ingester */
	MK_HOLDER_OTHER,    /* mk.ko: an owner or an observer */
};

struct mk_holder {
	enum mk_holder_kind kind;
	uint32_t id; /* a producer's, as in its leases; else 0 */
	uint32_t pid;
};

/**
 * mk_context_holders() - which processes are what in a context
 * @holders: receives them
 * @capacity: of @holders
 * @count: receives how many there are, also when that is more than @capacity
 *
 * What is in memfds is found by locks in the files of all processes that the caller may
 * look into, so others are missing; and a child of a fork shows what its parent holds.
 * Takes about a microsecond for each open file of each process.
 *
 * -ENOSPC: there are more; the first @capacity are there
 * or the system's error
 */
MK_PUBLIC int mk_context_holders(const struct mk_context *context,
				 struct mk_holder *holders, size_t capacity,
				 size_t *count);

#ifdef __cplusplus
}
#endif

#endif /* MK_FIND_H */

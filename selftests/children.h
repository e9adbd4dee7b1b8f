/* SPDX-License-Identifier: MIT */
/*
 * Processes of a test.  They are forked while the test's process has one thread,
 * talk by single bytes over pipes, and die with the test.
 */
#ifndef MK_SELFTESTS_CHILDREN_H
#define MK_SELFTESTS_CHILDREN_H

#include <stdbool.h>
#include <sys/types.h>

#include <mk/mk.h>

struct child {
	pid_t pid;
	int pidfd;
	int to_child;
	int from_child;
};

/* Its ends of the pipes, for a child. */
struct child_pipes {
	int from_parent;
	int to_parent;
};

/* Runs in the child; what it returns is the exit status. */
typedef int (*child_body)(void *argument, const struct child_pipes *pipes);

/* The test fails when a child cannot be forked, or does not answer in time. */
void child_start(struct child *child, child_body body, void *argument);
void child_tell(const struct child *child);
void child_await(const struct child *child);
void child_signal(const struct child *child, int number);
/* Returns the status as waitpid() gives it, and forgets the child. */
int child_reap(struct child *child);
void child_kill(struct child *child);
void child_expect_success(struct child *child);

/* The same from the child's side; false when the parent has gone. */
bool child_say_ready(const struct child_pipes *pipes);
bool child_await_word(const struct child_pipes *pipes);

/* Attaches by what the child inherited; NULL after saying why. */
struct mk_context *child_attach(const struct mk_context *parents, enum mk_role role);

/*
 * A body: attach to the context that is the argument, run an engine on it until
 * told to end, or until SIGINT or SIGTERM, and stop it.
 */
int child_engine(void *context, const struct child_pipes *pipes);

#endif /* MK_SELFTESTS_CHILDREN_H */

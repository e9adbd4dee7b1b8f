/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes of a test, which talk over a socket and die with the test. */
#ifndef MK_SELFTESTS_CHILDREN_H
#define MK_SELFTESTS_CHILDREN_H

#include <stdbool.h>
#include <sys/types.h>

struct child {
	pid_t pid;
	int socket;
};

/* Runs in the child; what it returns, 0 to 127, is the child's answer. */
typedef int (*child_body)(int socket, void *argument);

/* The pid is -1 when there is no child. */
struct child child_start(child_body body, void *argument);

/* Closes the socket and waits: the child's answer, or 128 and the signal it died of. */
int child_wait(struct child *child);
/* Returns when all that the child held was released. */
void child_kill(struct child *child);

/* The answer of a child that runs now. */
int in_child(child_body body, void *argument);

/* These fail when the other side is gone. */
bool tell(int socket);
bool hear(int socket);
bool send_file(int socket, int file);
int receive_file(int socket);

/* From root to another user, for good. */
bool become_user(uid_t user);

/* Looks until a thread sleeps in the kernel; false when it ends instead. */
bool thread_sleeps(pid_t thread);

#endif /* MK_SELFTESTS_CHILDREN_H */

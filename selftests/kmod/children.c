// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "children.h"

#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct child child_start(child_body body, void *argument)
{
	struct child child = { .pid = -1, .socket = -1 };
	pid_t parent = getpid();
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return child;
	fflush(stdout);
	child.pid = fork();
	if (!child.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* It may have died before; in a pid namespace of its own it is 0. */
		if (getppid() && getppid() != parent)
			_exit(127);
		close(ends[0]);
		_exit(body(ends[1], argument));
	}
	close(ends[1]);
	child.socket = ends[0];
	return child;
}

int child_wait(struct child *child)
{
	int status = 0;

	close(child->socket);
	if (waitpid(child->pid, &status, 0) != child->pid)
		return -1;
	child->pid = -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void child_kill(struct child *child)
{
	kill(child->pid, SIGKILL);
	child_wait(child);
}

int in_child(child_body body, void *argument)
{
	struct child child = child_start(body, argument);

	return child_wait(&child);
}

static bool send_with(int socket, void *control, size_t bytes)
{
	char byte = 0;
	struct iovec part = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = bytes,
	};

	return sendmsg(socket, &message, MSG_NOSIGNAL) == 1;
}

bool tell(int socket)
{
	return send_with(socket, NULL, 0);
}

bool hear(int socket)
{
	char byte;

	return recv(socket, &byte, 1, 0) == 1;
}

bool send_file(int socket, int file)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = {
		.header = {
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN(sizeof(int)),
		},
	};

	memcpy(CMSG_DATA(&control.header), &file, sizeof(file));
	return send_with(socket, &control, sizeof(control));
}

int receive_file(int socket)
{
	char byte;
	struct iovec part = { .iov_base = &byte, .iov_len = 1 };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control;
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int file;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&message))
		return -1;
	memcpy(&file, CMSG_DATA(&control.header), sizeof(file));
	return file;
}

bool become_user(uid_t user)
{
	return !setgroups(0, NULL) && !setresgid(user, user, user) &&
	       !setresuid(user, user, user);
}

bool thread_sleeps(pid_t thread)
{
	char path[64], state = 'R';

	snprintf(path, sizeof(path), "/proc/%d/stat", thread);
	while (state == 'R') {
		FILE *file = fopen(path, "re");

		sched_yield();
		if (!file)
			return false;
		/* Behind the name, which may contain anything but has its brackets. */
		if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
			state = 'Z';
		fclose(file);
	}
	return state == 'S' || state == 'D';
}

// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "serve_message.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	char bytes[CMSG_SPACE(MK_CONTEXT_FDS * sizeof(int))];
	struct cmsghdr aligned;
};

void mk_serve_close_fds(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
}

int mk_serve_send(int socket, const void *bytes, size_t length, const int *fds,
		  size_t count)
{
	union control control = { 0 };
	struct iovec vector = { (void *)bytes, length };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };

	if (count) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.aligned.cmsg_level = SOL_SOCKET;
		control.aligned.cmsg_type = SCM_RIGHTS;
		control.aligned.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.aligned), fds, count * sizeof(int));
	}
	/* A message of a SEQPACKET socket goes whole or not at all. */
	return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* The system installs what fits, also of a message that was cut. */
static size_t take_fds(struct msghdr *message, int fds[MK_CONTEXT_FDS])
{
	size_t count = 0;

	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
	     header = CMSG_NXTHDR(message, header)) {
		size_t bytes = header->cmsg_len - CMSG_LEN(0);

		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(fds + count, CMSG_DATA(header), bytes);
		count += bytes / sizeof(int);
	}
	return count;
}

int64_t mk_serve_receive(int socket, void *bytes, size_t length, int fds[MK_CONTEXT_FDS],
			 size_t *count)
{
	union control control;
	struct iovec vector = { bytes, length };
	struct msghdr message = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = fds ? &control : NULL,
		.msg_controllen = fds ? sizeof(control) : 0,
	};
	ssize_t had = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);

	if (had < 0)
		return -errno;
	if (fds)
		*count = take_fds(&message, fds);
	if (message.msg_flags & MSG_TRUNC || (fds && message.msg_flags & MSG_CTRUNC)) {
		if (fds)
			mk_serve_close_fds(fds, *count);
		return -EPROTO;
	}
	return had;
}

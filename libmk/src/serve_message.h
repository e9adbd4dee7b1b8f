/* SPDX-License-Identifier: MIT */
/*
 * What a server and its clients say: one message each way, and the descriptors with the
 * reply.  Words are the host's: both are on one machine.
 */
#ifndef MK_SRC_SERVE_MESSAGE_H
#define MK_SRC_SERVE_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include <mk/context.h>

#define MK_SERVE_MAGIC	 0x56534b4du /* "MKSV" */
#define MK_SERVE_VERSION 1u

/* A later version may be longer, but begins with these two words. */
struct mk_serve_request {
	uint32_t magic;
	uint32_t version;
	uint32_t role;
	uint32_t zero;
};

struct mk_serve_reply {
	uint32_t magic;
	uint32_t version;
	uint32_t error;	   /* errno, or 0: the descriptors are there */
	uint32_t fd_count; /* that come with this */
	char text[240];	   /* of the error, ended by a zero */
};

/*
 * One message of @length bytes with @count descriptors, which stay the caller's; 0 or a
 * negative errno, without a text.
 */
int mk_serve_send(int socket, const void *bytes, size_t length, const int *fds,
		  size_t count);

/*
 * One message.  @fds receives its descriptors, close-on-exec, the caller's to close, and
 * @count how many; with NULL for both the system throws them away.  Returns the bytes
 * that the message had, @length at most, 0 when the peer has gone, or a negative errno
 * without a text: -EPROTO when it had more bytes or descriptors than there is room for.
 */
int64_t mk_serve_receive(int socket, void *bytes, size_t length, int fds[MK_CONTEXT_FDS],
			 size_t *count);

/* Close all of them. */
void mk_serve_close_fds(const int *fds, size_t count);

#endif /* MK_SRC_SERVE_MESSAGE_H */

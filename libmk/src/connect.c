// SPDX-License-Identifier: MIT
/* The client's side of <mk/serve.h>. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <mk/serve.h>

#include "error.h"
#include "serve_message.h"
#include "socket_file.h"

#define TIMEOUT_S  10
#define LAST_ERRNO 4095u

static int fail_to_connect(int error, const char *path)
{
	if (error == ENOENT || error == ECONNREFUSED)
		return mk_fail(error,
			       "no server is at %s; start one, as with mkrun, or see "
			       "that its name and XDG_RUNTIME_DIR are the same here",
			       path);
	if (error == EAGAIN)
		return mk_fail(ETIMEDOUT, "the server at %s lets nobody in for %d s",
			       path, TIMEOUT_S);
	return mk_fail(error, "cannot connect to the server at %s: %s", path,
		       strerror(error));
}

static int open_socket(const struct sockaddr_un *address)
{
	const struct timeval timeout = { .tv_sec = TIMEOUT_S };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return mk_fail(errno, "cannot make a socket: %s", strerror(errno));
	if (!setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) &&
	    !setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) &&
	    !connect(fd, (const struct sockaddr *)address, sizeof(*address)))
		return fd;
	error = errno;
	close(fd);
	return fail_to_connect(error, address->sun_path);
}

/* What a server says is shown to a person, on a terminal perhaps. */
static void make_printable(char *text, size_t room)
{
	text[room - 1] = '\0';
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static int check_reply(struct mk_serve_reply *reply, int64_t length, size_t count,
		       const char *path)
{
	if (length != sizeof(*reply) || reply->magic != MK_SERVE_MAGIC)
		return mk_fail(EPROTO,
			       "what answers at %s does not hand out contexts; is it "
			       "the right socket?",
			       path);
	if (reply->version != MK_SERVE_VERSION)
		return mk_fail(EPROTO,
			       "the server at %s speaks version %u, this library %u; use "
			       "the same libmk on both sides",
			       path, reply->version, MK_SERVE_VERSION);
	if (reply->error && reply->error <= LAST_ERRNO) {
		make_printable(reply->text, sizeof(reply->text));
		return mk_fail((int)reply->error, "the server at %s says: %s", path,
			       reply->text);
	}
	if (reply->error || !count || reply->fd_count != count)
		return mk_fail(EPROTO,
			       "the server at %s gave %zu descriptors, and said that "
			       "they are %u; may this process have more?  (ulimit -n)",
			       path, count, reply->fd_count);
	return 0;
}

static int receive_context(int socket, const char *path, struct mk_context **context)
{
	struct mk_serve_reply reply;
	int fds[MK_CONTEXT_FDS];
	size_t count = 0;
	int64_t length = mk_serve_receive(socket, &reply, sizeof(reply), fds, &count);
	int ret;

	if (length == -EAGAIN)
		return mk_fail(ETIMEDOUT, "the server at %s did not answer within %d s",
			       path, TIMEOUT_S);
	if (length == -EPROTO)
		return mk_fail(EPROTO,
			       "the server at %s says more than it should, or this "
			       "process has no descriptors left",
			       path);
	if (!length)
		length = -ECONNRESET;
	if (length < 0)
		return mk_fail((int)-length, "the server at %s did not answer: %s", path,
			       strerror((int)-length));
	ret = check_reply(&reply, length, count, path);
	if (!ret)
		ret = mk_context_attach(fds, count, context);
	mk_serve_close_fds(fds, count);
	return ret;
}

int mk_context_connect(const char *name, enum mk_role role, struct mk_context **context)
{
	const struct mk_serve_request request = {
		.magic = MK_SERVE_MAGIC,
		.version = MK_SERVE_VERSION,
		.role = (uint32_t)role,
	};
	struct sockaddr_un address;
	int ret = mk_socket_address(name, &address);
	int fd;

	if (ret)
		return ret;
	fd = open_socket(&address);
	if (fd < 0)
		return fd;
	ret = mk_serve_send(fd, &request, sizeof(request), NULL, 0);
	if (ret)
		ret = mk_fail(-ret, "the server at %s takes no request: %s",
			      address.sun_path, strerror(-ret));
	else
		ret = receive_context(fd, address.sun_path, context);
	close(fd);
	return ret;
}

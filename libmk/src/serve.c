// SPDX-License-Identifier: MIT
/* The server's side of <mk/serve.h>. */
#define _GNU_SOURCE
#include <mk/serve.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "context.h"
#include "deadline.h"
#include "error.h"
#include "serve_message.h"
#include "socket_file.h"

/* Who has connected and not asked yet: so many, and for so long. */
#define CLIENTS	    16
#define PATIENCE_NS UINT64_C(5000000000)
/* Without a descriptor for who connects, the next try is after this. */
#define PAUSE_NS  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

#define KNOWN_ROLES                                                        \
	(MK_SERVE_ROLE(MK_ROLE_ENGINE) | MK_SERVE_ROLE(MK_ROLE_PRODUCER) | \
	 MK_SERVE_ROLE(MK_ROLE_OBSERVER))

struct client {
	int socket;
	uint64_t deadline_ns;
};

struct mk_server {
	const struct mk_context *context;
	uint32_t roles;
	struct mk_socket_file file;
	int epoll;
	int timer;	       /* for the first client's deadline, or the pause's end */
	uint64_t pause_end_ns; /* 0: there is no pause */
	size_t client_count;
	struct client clients[CLIENTS]; /* the oldest first */
};

/* Clients ------------------------------------------------------------------- */

static void drop(struct mk_server *server, size_t index)
{
	close(server->clients[index].socket);
	server->client_count--;
	memmove(&server->clients[index], &server->clients[index + 1],
		(server->client_count - index) * sizeof(server->clients[0]));
}

static int watch(struct mk_server *server, int operation, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	return epoll_ctl(server->epoll, operation, fd, &event) ? -errno : 0;
}

/* Who says nothing must not keep out who has come to ask. */
static void add(struct mk_server *server, int socket)
{
	if (server->client_count == CLIENTS)
		drop(server, 0);
	if (watch(server, EPOLL_CTL_ADD, socket, EPOLLIN)) {
		close(socket);
		return;
	}
	server->clients[server->client_count++] = (struct client){
		.socket = socket,
		.deadline_ns = mk_now_ns() + PATIENCE_NS,
	};
}

static int accept_all(struct mk_server *server)
{
	for (;;) {
		int socket = accept4(server->file.socket, NULL, NULL,
				     SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (socket >= 0) {
			add(server, socket);
		} else if (errno == EAGAIN) {
			return 0;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			int error = errno;

			/* It stays readable, and nobody should spin for that. */
			server->pause_end_ns = mk_now_ns() + PAUSE_NS;
			watch(server, EPOLL_CTL_MOD, server->file.socket, 0);
			return mk_fail(error, "cannot let in who connects: %s",
				       strerror(error));
		}
	}
}

/* Answers ------------------------------------------------------------------- */

static int check_peer(int socket)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length))
		return mk_fail(errno, "who connects cannot be told: %s", strerror(errno));
	/* Root could take the context from our memory as well. */
	if (peer.uid && peer.uid != geteuid())
		return mk_fail(EACCES,
			       "process %d is user %u's, and the context user %u's; only "
			       "the same user is let in",
			       peer.pid, peer.uid, geteuid());
	return 0;
}

static int check_request(const struct mk_server *server,
			 const struct mk_serve_request *request, int64_t length)
{
	if (length < (int64_t)sizeof(*request) || request->magic != MK_SERVE_MAGIC)
		return mk_fail(EPROTO, "that is no request for a context; connect by "
				       "mk_context_connect()");
	if (request->version != MK_SERVE_VERSION || request->zero)
		return mk_fail(EPROTO,
			       "a request of version %u, this server speaks %u; use the "
			       "same libmk on both sides",
			       request->version, MK_SERVE_VERSION);
	if (request->role > MK_ROLE_OBSERVER ||
	    !(MK_SERVE_ROLE(request->role) & server->roles))
		return mk_fail(
			EACCES, "role %u is not handed out here; those that are:%s%s%s",
			request->role,
			server->roles & MK_SERVE_ROLE(MK_ROLE_ENGINE) ? " engine" : "",
			server->roles & MK_SERVE_ROLE(MK_ROLE_PRODUCER) ? " producer" :
									  "",
			server->roles & MK_SERVE_ROLE(MK_ROLE_OBSERVER) ? " observer" :
									  "");
	return 0;
}

/* Whether the client has a context now.  Its socket is new, so that this waits for no one. */
static bool answer(const struct mk_server *server, int socket,
		   const struct mk_serve_request *request, int64_t length)
{
	struct mk_serve_reply reply = { MK_SERVE_MAGIC, MK_SERVE_VERSION, 0, 0, "" };
	int fds[MK_CONTEXT_FDS];
	int ret = check_peer(socket);

	if (!ret)
		ret = check_request(server, request, length);
	if (!ret)
		ret = mk_context_share(server->context, (enum mk_role)request->role, fds);
	if (ret < 0) {
		reply.error = (uint32_t)-ret;
		snprintf(reply.text, sizeof(reply.text), "%s", mk_error_text());
	} else {
		reply.fd_count = (uint32_t)ret;
	}
	ret = mk_serve_send(socket, &reply, sizeof(reply), fds, reply.fd_count);
	mk_serve_close_fds(fds, reply.fd_count);
	return !ret && !reply.error;
}

/* Whether the client has a context now. */
static bool hear(struct mk_server *server, int socket)
{
	struct mk_serve_request request = { 0 };
	int64_t length;
	bool is_served = false;
	size_t index = 0;

	while (index < server->client_count && server->clients[index].socket != socket)
		index++;
	/* Who was dropped meanwhile may still be among the events. */
	if (index == server->client_count)
		return false;
	length = mk_serve_receive(socket, &request, sizeof(request), NULL, NULL);
	if (length == -EAGAIN || length == -EINTR)
		return false;
	if (length > 0 || length == -EPROTO)
		is_served = answer(server, socket, &request, length);
	drop(server, index);
	return is_served;
}

/* Time ---------------------------------------------------------------------- */

static void drop_late(struct mk_server *server)
{
	uint64_t now = mk_now_ns();

	while (server->client_count && server->clients[0].deadline_ns <= now)
		drop(server, 0);
	if (server->pause_end_ns && server->pause_end_ns <= now) {
		server->pause_end_ns = 0;
		watch(server, EPOLL_CTL_MOD, server->file.socket, EPOLLIN);
	}
}

/* Also makes the timer unreadable, until what is next. */
static void set_timer(struct mk_server *server)
{
	struct itimerspec next = { 0 };
	uint64_t at = server->pause_end_ns;

	if (server->client_count && (!at || server->clients[0].deadline_ns < at))
		at = server->clients[0].deadline_ns;
	next.it_value.tv_sec = (time_t)(at / 1000000000u);
	next.it_value.tv_nsec = (long)(at % 1000000000u);
	timerfd_settime(server->timer, TFD_TIMER_ABSTIME, &next, NULL);
}

/* The server ---------------------------------------------------------------- */

int mk_server_run(struct mk_server *server, uint64_t timeout_ns)
{
	struct epoll_event events[CLIENTS + 2];
	uint64_t timeout_ms = (timeout_ns + NS_PER_MS - 1) / NS_PER_MS;
	int ret = 0, served = 0, count;

	if (timeout_ns > UINT64_MAX - NS_PER_MS || timeout_ms > INT32_MAX)
		timeout_ms = INT32_MAX;
	count = epoll_wait(server->epoll, events, CLIENTS + 2, (int)timeout_ms);
	if (count < 0 && errno != EINTR)
		return mk_fail(errno, "cannot wait for clients: %s", strerror(errno));
	for (int i = 0; i < count; i++) {
		if (events[i].data.fd == server->file.socket)
			ret = accept_all(server);
		else if (events[i].data.fd != server->timer)
			served += hear(server, events[i].data.fd);
	}
	drop_late(server);
	set_timer(server);
	return served || !ret ? served : ret;
}

static int check_roles(const struct mk_context *context, uint32_t roles)
{
	enum mk_role most = MK_ROLE_ENGINE;

	if (!roles || roles & ~KNOWN_ROLES)
		return mk_fail(EINVAL,
			       "roles 0x%x to hand out; use MK_SERVE_ROLE() of "
			       "MK_ROLE_ENGINE, MK_ROLE_PRODUCER and MK_ROLE_OBSERVER",
			       roles);
	while (!(roles & MK_SERVE_ROLE(most)))
		most++;
	return mk_context_check_role(context, most, "let in more than itself");
}

static int start_watching(struct mk_server *server)
{
	int ret;

	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	server->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (server->epoll < 0 || server->timer < 0)
		return mk_fail(errno, "no descriptors for a server: %s", strerror(errno));
	ret = watch(server, EPOLL_CTL_ADD, server->file.socket, EPOLLIN);
	if (!ret)
		ret = watch(server, EPOLL_CTL_ADD, server->timer, EPOLLIN);
	return ret ? mk_fail(-ret, "cannot watch a socket: %s", strerror(-ret)) : 0;
}

int mk_server_open(const struct mk_context *context, const char *name, uint32_t roles,
		   struct mk_server **result)
{
	struct mk_server *server;
	int ret = check_roles(context, roles);

	if (ret)
		return ret;
	server = calloc(1, sizeof(*server));
	if (!server)
		return mk_fail(ENOMEM, "no memory for a server");
	server->context = context;
	server->roles = roles;
	server->epoll = -1;
	server->timer = -1;
	ret = mk_socket_file_open(name, &server->file);
	if (!ret)
		ret = start_watching(server);
	if (ret)
		mk_server_close(server);
	else
		*result = server;
	return ret;
}

const char *mk_server_path(const struct mk_server *server)
{
	return server->file.address.sun_path;
}

int mk_server_descriptor(const struct mk_server *server)
{
	return server->epoll;
}

void mk_server_close(struct mk_server *server)
{
	if (!server)
		return;
	while (server->client_count)
		drop(server, 0);
	if (server->timer >= 0)
		close(server->timer);
	if (server->epoll >= 0)
		close(server->epoll);
	mk_socket_file_close(&server->file);
	free(server);
}

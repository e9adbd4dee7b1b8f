// SPDX-License-Identifier: MIT
/* Contexts that are handed out at a socket, to clients that mean well and others. */
#define _GNU_SOURCE
#include "live.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "children.h"
#include "serve_message.h"

#define TIMEOUT_MS ((int)(LIVE_TIMEOUT_NS / LIVE_NS_PER_MS))
#define NOBODY	   65534
#define ALL_ROLES                                                          \
	(MK_SERVE_ROLE(MK_ROLE_ENGINE) | MK_SERVE_ROLE(MK_ROLE_PRODUCER) | \
	 MK_SERVE_ROLE(MK_ROLE_OBSERVER))

static const struct mk_geometry geometry = { .observable_words = 8, .tenants = 1 };

static char folder[] = "/tmp/mk-serve-XXXXXX";
static char path[sizeof(folder) + 16];

static struct mk_server *open_server(struct live *live, uint32_t roles)
{
	struct mk_server *server;

	live_create(live, &geometry);
	live_ok(mk_server_open(live->context, path, roles, &server));
	assert_string_equal(mk_server_path(server), path);
	return server;
}

/* Until @fd is readable, or its peer has gone; how many were let in meanwhile. */
static int serve_until(struct mk_server *server, int fd)
{
	struct pollfd looks[] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = mk_server_descriptor(server), .events = POLLIN },
	};
	int served = 0;

	do {
		int ret;

		assert_true(poll(looks, 2, TIMEOUT_MS) > 0);
		ret = mk_server_run(server, 0);
		assert_true(ret >= 0);
		served += ret;
	} while (!looks[0].revents);
	return served;
}

static size_t open_fds(void)
{
	DIR *list = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(list);
	while (readdir(list))
		count++;
	closedir(list);
	return count;
}

/* Clients that mean well ------------------------------------------------------- */

/* What bodies are given that know the socket; a server has a context, too. */
struct client {
	char path[sizeof(path)];
	enum mk_role role;
};

static void start_client(struct child *child, child_body body,
			 const struct mk_context *context, enum mk_role role)
{
	struct client client = { .role = role };

	memcpy(client.path, path, sizeof(path));
	child_start(child, body,
		    &(struct child_options){ .context = context,
					     .role = role,
					     .argument = &client,
					     .argument_bytes = sizeof(client) });
}

static int expect_in_child(int expected, int had, const char *what)
{
	if (had == expected)
		return EXIT_SUCCESS;
	fprintf(stderr, "child: %s: had %d, expected %d; %s\n", what, had, expected,
		mk_error_text());
	return EXIT_FAILURE;
}

static int produce(const struct child_self *self)
{
	const struct client *client = self->argument;
	struct mk_producer *producer;
	struct mk_context *context;

	if (mk_context_connect(client->path, client->role, &context) ||
	    mk_producer_open(context, NULL, &producer) ||
	    live_run(producer, &LIVE_ITEM(MK_OP_STORE_U32, 42, LIVE_OBSERVABLE(0)))) {
		fprintf(stderr, "child: %s\n", mk_error_text());
		return EXIT_FAILURE;
	}
	mk_producer_close(producer);
	mk_context_close(context);
	return EXIT_SUCCESS;
}

static int observe(const struct child_self *self)
{
	const struct client *client = self->argument;
	struct mk_producer *producer;
	struct mk_context *context;
	uint32_t value = 0;
	int ret;

	ret = expect_in_child(0, mk_context_connect(client->path, client->role, &context),
			      "connect");
	if (ret)
		return ret;
	ret = mk_context_role(context) != MK_ROLE_OBSERVER ||
	      mk_context_observable(context, 0, &value) || value != 42 ||
	      expect_in_child(-EACCES, mk_producer_open(context, NULL, &producer),
			      "an observer becomes a producer");
	mk_context_close(context);
	return ret;
}

static int refused(const struct child_self *self)
{
	const struct client *client = self->argument;
	struct mk_context *context;

	return expect_in_child(-EACCES,
			       mk_context_connect(client->path, client->role, &context),
			       "connect");
}

static void run_client(struct mk_server *server, child_body body, enum mk_role role,
		       int served)
{
	struct child child;

	start_client(&child, body, NULL, role);
	assert_int_equal(serve_until(server, child.pidfd), served);
	child_expect_success(&child);
}

static void test_hands_out(void **state)
{
	struct live *live = *state;
	struct mk_server *server = open_server(live, ALL_ROLES);

	live_start(live, NULL);
	run_client(server, produce, MK_ROLE_PRODUCER, 1);
	run_client(server, observe, MK_ROLE_OBSERVER, 1);
	mk_server_close(server);
	assert_int_equal(access(path, F_OK), -1);
}

static void test_refuses_roles(void **state)
{
	enum mk_role roles[] = { MK_ROLE_ENGINE, MK_ROLE_PRODUCER, MK_ROLE_OWNER,
				 (enum mk_role)32 };
	struct mk_server *server = open_server(*state, MK_SERVE_ROLE(MK_ROLE_OBSERVER));

	for (int i = 0; i < 4; i++)
		run_client(server, refused, roles[i], 0);
	mk_server_close(server);
}

static void test_hands_out_no_more_than_it_may(void **state)
{
	struct live *live = *state;
	struct mk_context *observer;
	struct mk_server *server;

	live_create(live, &geometry);
	observer = live_attach(live, MK_ROLE_OBSERVER);
	live_expect(-EACCES, mk_server_open(observer, path,
					    MK_SERVE_ROLE(MK_ROLE_PRODUCER), &server));
	live_expect(-EINVAL, mk_server_open(observer, path, 0, &server));
	live_expect(-EINVAL, mk_server_open(observer, path, MK_SERVE_ROLE(MK_ROLE_OWNER),
					    &server));
	mk_context_close(observer);
}

static int refused_as_nobody(const struct child_self *self)
{
	return setgid(NOBODY) || setuid(NOBODY) ? EXIT_FAILURE : refused(self);
}

static void test_refuses_other_users(void **state)
{
	struct mk_server *server;

	if (geteuid()) {
		print_message("# only root can be another user\n");
		skip();
	}
	server = open_server(*state, ALL_ROLES);
	assert_int_equal(chmod(folder, 0755), 0);
	/* The system refuses, and were it open, the server does. */
	run_client(server, refused_as_nobody, MK_ROLE_OBSERVER, 0);
	assert_int_equal(chmod(path, 0666), 0);
	run_client(server, refused_as_nobody, MK_ROLE_OBSERVER, 0);
	mk_server_close(server);
}

/* Clients that do not --------------------------------------------------------- */

static int connect_raw(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	strcpy(address.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* The server answers that this is nonsense, and hangs up. */
static void say_nonsense(struct mk_server *server, const void *bytes, size_t length,
			 const int *fds, size_t count)
{
	struct mk_serve_reply reply;
	int fd = connect_raw();

	assert_int_equal(mk_serve_send(fd, bytes, length, fds, count), 0);
	assert_int_equal(serve_until(server, fd), 0);
	assert_int_equal(recv(fd, &reply, sizeof(reply), 0), sizeof(reply));
	assert_int_equal(reply.error, EPROTO);
	assert_int_equal(reply.fd_count, 0);
	assert_true(strlen(reply.text) > 0);
	assert_int_equal(recv(fd, &reply, sizeof(reply), 0), 0);
	close(fd);
}

static void test_nonsense(void **state)
{
	static const char much[8192] = "MKSV";
	struct mk_serve_request request = { MK_SERVE_MAGIC, MK_SERVE_VERSION,
					    MK_ROLE_OBSERVER, 0 };
	struct mk_server *server = open_server(*state, ALL_ROLES);
	size_t fds;
	int empty;

	live_start(*state, NULL);
	fds = open_fds();
	say_nonsense(server, "x", 1, NULL, 0);
	say_nonsense(server, much, sizeof(much), NULL, 0);
	/* Descriptors that nobody asked for. */
	say_nonsense(server, "x", 1, (int[]){ 0, 1, 2 }, 3);
	say_nonsense(server, &request, sizeof(request) - 1, NULL, 0);
	request.version++;
	say_nonsense(server, &request, sizeof(request), NULL, 0);
	request.version--;
	request.zero = 1;
	say_nonsense(server, &request, sizeof(request), NULL, 0);
	request.magic++;
	say_nonsense(server, &request, sizeof(request), NULL, 0);
	/* An empty message looks like the end. */
	empty = connect_raw();
	assert_int_equal(mk_serve_send(empty, "", 0, NULL, 0), 0);
	assert_int_equal(serve_until(server, empty), 0);
	close(empty);
	assert_int_equal(open_fds(), fds);
	run_client(server, produce, MK_ROLE_PRODUCER, 1);
	assert_int_equal(open_fds(), fds);
	mk_server_close(server);
}

/* However many say nothing, who asks is answered; and they are left after a while. */
static void test_silent_clients(void **state)
{
	enum { SILENT = 100 };
	struct mk_server *server = open_server(*state, ALL_ROLES);
	int silent[SILENT];
	char byte;

	live_start(*state, NULL);
	for (int i = 0; i < SILENT; i++) {
		silent[i] = connect_raw();
		assert_int_equal(mk_server_run(server, LIVE_TIMEOUT_NS), 0);
	}
	run_client(server, produce, MK_ROLE_PRODUCER, 1);
	assert_int_equal(serve_until(server, silent[SILENT - 1]), 0);
	for (int i = 0; i < SILENT; i++) {
		assert_int_equal(recv(silent[i], &byte, 1, 0), 0);
		close(silent[i]);
	}
	mk_server_close(server);
}

/* Does not read its answers, which have descriptors with them. */
static int never_reads(const struct child_self *self)
{
	const struct client *client = self->argument;
	struct mk_serve_request request = { MK_SERVE_MAGIC, MK_SERVE_VERSION,
					    MK_ROLE_OBSERVER, 0 };

	child_say_ready(self);
	for (;;) {
		struct sockaddr_un address = { .sun_family = AF_UNIX };
		int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

		strcpy(address.sun_path, client->path);
		if (fd < 0)
			break;
		if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
			mk_serve_send(fd, &request, sizeof(request), NULL, 0);
	}
	/* As many as a process may have. */
	pause();
	return EXIT_FAILURE;
}

static void test_killed_clients(void **state)
{
	const uint64_t limit_ns = (live_slow() ? 60 : 2) * LIVE_NS_PER_SECOND;
	uint64_t begin = live_now_ns(), random = 5;
	struct mk_server *server;
	struct child child;
	int served = 0;
	size_t fds;

	server = open_server(*state, ALL_ROLES);
	fds = open_fds();
	while (live_now_ns() - begin < limit_ns) {
		uint32_t rounds = live_random(&random) % 100;

		start_client(&child, never_reads, NULL, MK_ROLE_OBSERVER);
		child_await(&child);
		for (uint32_t i = 0; i < rounds; i++)
			served += mk_server_run(server, LIVE_NS_PER_MS);
		child_kill(&child);
	}
	print_message("# %d clients were let in\n", served);
	assert_true(served > 0);
	/* What the dead have left is seen, too. */
	for (int i = 0; i < 1000 && open_fds() > fds; i++)
		mk_server_run(server, LIVE_NS_PER_MS);
	assert_int_equal(open_fds(), fds);
	mk_server_close(server);
}

/* Other servers --------------------------------------------------------------- */

static int serve_until_killed(const struct child_self *self)
{
	const struct client *client = self->argument;
	struct mk_server *server;

	if (mk_server_open(self->context, client->path, MK_SERVE_ROLE(client->role),
			   &server)) {
		fprintf(stderr, "child: %s\n", mk_error_text());
		return EXIT_FAILURE;
	}
	child_say_ready(self);
	pause();
	return EXIT_FAILURE;
}

static void test_replaces_the_dead_only(void **state)
{
	struct live *live = *state;
	struct mk_context *context;
	struct mk_server *server;
	struct child child;

	live_create(live, &geometry);
	live_expect(-ENOENT, mk_context_connect(path, MK_ROLE_OBSERVER, &context));
	start_client(&child, serve_until_killed, live->context, MK_ROLE_OBSERVER);
	child_await(&child);
	live_expect(-EADDRINUSE, mk_server_open(live->context, path, ALL_ROLES, &server));
	child_kill(&child);
	live_expect(-ECONNREFUSED, mk_context_connect(path, MK_ROLE_OBSERVER, &context));
	live_ok(mk_server_open(live->context, path, ALL_ROLES, &server));
	live_expect(-EADDRINUSE, mk_server_open(live->context, path, ALL_ROLES, &server));
	mk_server_close(server);
}

static void test_removes_nothing_but_sockets(void **state)
{
	struct live *live = *state;
	struct mk_server *server;
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
	live_create(live, &geometry);
	live_expect(-EEXIST, mk_server_open(live->context, path, ALL_ROLES, &server));
	assert_int_equal(unlink(path), 0);
}

static void test_names(void **state)
{
	char name[200], expected[sizeof(folder) + 32];
	struct live *live = *state;
	struct mk_server *server;
	struct stat there;

	live_create(live, &geometry);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(setenv("XDG_RUNTIME_DIR", folder, 1), 0);
	live_expect(-ENAMETOOLONG,
		    mk_server_open(live->context, name, ALL_ROLES, &server));
	live_expect(-EINVAL, mk_server_open(live->context, "", ALL_ROLES, &server));
	live_ok(mk_server_open(live->context, "test", ALL_ROLES, &server));
	snprintf(expected, sizeof(expected), "%s/mk/test.sock", folder);
	assert_string_equal(mk_server_path(server), expected);
	assert_int_equal(stat(expected, &there), 0);
	assert_int_equal(there.st_mode & 0777, 0600);
	mk_server_close(server);
	snprintf(expected, sizeof(expected), "%s/mk", folder);
	assert_int_equal(rmdir(expected), 0);
}

/* What a server may say that is none of ours. */
struct lie {
	struct mk_serve_reply reply;
	size_t length;
	size_t fds;
	int expected;
};

static const struct lie lies[] = {
	{ { 0, 1, 0, 1, "" }, sizeof(struct mk_serve_reply), 1, -EPROTO },
	{ { MK_SERVE_MAGIC, 2, 0, 1, "" }, sizeof(struct mk_serve_reply), 1, -EPROTO },
	{ { MK_SERVE_MAGIC, 1, 0, 2, "" }, sizeof(struct mk_serve_reply), 1, -EPROTO },
	{ { MK_SERVE_MAGIC, 1, 0, 0, "" }, sizeof(struct mk_serve_reply), 0, -EPROTO },
	{ { MK_SERVE_MAGIC, 1, 70000, 0, "" }, sizeof(struct mk_serve_reply), 0, -EPROTO },
	{ { MK_SERVE_MAGIC, 1, EBUSY, 1, "x\033x" },
	  sizeof(struct mk_serve_reply),
	  1,
	  -EBUSY },
	{ { MK_SERVE_MAGIC, 1, 0, 1, "" }, 8, 1, -EPROTO },
	{ { MK_SERVE_MAGIC, 1, 0, 0, "" }, 0, 0, -ECONNRESET },
	/* Not those of a context. */
	{ { MK_SERVE_MAGIC, 1, 0, MK_CONTEXT_FDS, "" },
	  sizeof(struct mk_serve_reply),
	  MK_CONTEXT_FDS,
	  -EPROTO },
};
#define LIES (sizeof(lies) / sizeof(lies[0]))

static int lie(const struct child_self *self)
{
	struct mk_serve_request request;
	int fds[MK_CONTEXT_FDS] = { 0 };

	for (size_t i = 0; i < LIES; i++) {
		int fd = accept4(self->fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0 || recv(fd, &request, sizeof(request), 0) < 0 ||
		    mk_serve_send(fd, &lies[i].reply, lies[i].length, fds, lies[i].fds))
			return EXIT_FAILURE;
		close(fd);
	}
	return EXIT_SUCCESS;
}

static void test_servers_that_lie(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct mk_context *context;
	struct child child;
	size_t fds;

	(void)state;
	strcpy(address.sun_path, path);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	child_start(&child, lie, &(struct child_options){ .fd = &listener });
	fds = open_fds();
	for (size_t i = 0; i < LIES; i++) {
		live_expect(lies[i].expected,
			    mk_context_connect(path, MK_ROLE_PRODUCER, &context));
		assert_int_equal(open_fds(), fds);
		assert_null(strchr(mk_error_text(), '\033'));
	}
	child_expect_success(&child);
	close(listener);
	assert_int_equal(unlink(path), 0);
}

static const struct child_entry bodies[] = {
	CHILD_BODY(produce),	 CHILD_BODY(observe),
	CHILD_BODY(refused),	 CHILD_BODY(refused_as_nobody),
	CHILD_BODY(never_reads), CHILD_BODY(serve_until_killed),
	CHILD_BODY(lie),
};

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		LIVE_TEST(test_hands_out),
		LIVE_TEST(test_refuses_roles),
		LIVE_TEST(test_nonsense),
		LIVE_TEST(test_silent_clients),
		LIVE_TEST(test_refuses_other_users),
		LIVE_TEST(test_hands_out_no_more_than_it_may),
		LIVE_TEST(test_killed_clients),
		LIVE_TEST(test_replaces_the_dead_only),
		LIVE_TEST(test_removes_nothing_but_sockets),
		LIVE_TEST(test_names),
		LIVE_TEST(test_servers_that_lie),
	};
	int ret;

	children_main(argc, argv, bodies);
	if (!mkdtemp(folder)) {
		perror("a folder for the sockets");
		return EXIT_FAILURE;
	}
	snprintf(path, sizeof(path), "%s/socket", folder);
	ret = live_main(tests);
	rmdir(folder);
	return ret;
}

// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "children.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "live.h"

#define TIMEOUT_MS ((int)(LIVE_TIMEOUT_NS / LIVE_NS_PER_MS))
#define CHILD_FLAG "--child"

/*
 * A child is executed as "PROGRAM --child BODY FD", and reads this from the pipe FD
 * first.  Descriptors have the numbers there that they have in the parent.
 */
struct brief {
	pid_t parent;
	int to_parent;
	int fd;
	struct child_memory memory; /* where it is the child says itself */
	/* A context by its id, or where it has none by its descriptors. */
	enum mk_role role;
	uint64_t context_id;
	int context_fds[MK_CONTEXT_FDS];
	int context_fd_count;
	_Alignas(max_align_t) unsigned char argument[CHILD_ARGUMENT_BYTES];
};
_Static_assert(sizeof(struct brief) <= PIPE_BUF, "a pipe takes it at once");

/* The bodies of this program. */
static const struct child_entry *entries;
static size_t entry_count;

static bool map_memory(struct child_memory *memory)
{
	memory->at = mmap(NULL, memory->bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			  memory->fd, 0);
	return memory->at != MAP_FAILED;
}

static void close_all(const int *fds, int count)
{
	while (count > 0)
		close(fds[--count]);
}

/* False when the parent has gone already. */
static bool die_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return getppid() == parent;
}

/* Starting, in the parent ------------------------------------------------------ */

struct child_memory child_memory_create(size_t bytes)
{
	struct child_memory memory = { .bytes = bytes };

	memory.fd = memfd_create("children", MFD_CLOEXEC);
	assert_true(memory.fd >= 0);
	assert_int_equal(ftruncate(memory.fd, (off_t)bytes), 0);
	assert_true(map_memory(&memory));
	return memory;
}

void child_memory_free(struct child_memory *memory)
{
	munmap(memory->at, memory->bytes);
	close(memory->fd);
}

static void open_pipes(struct child *child, struct child_self *self)
{
	int down[2], up[2];

	assert_int_equal(pipe2(down, O_CLOEXEC), 0);
	assert_int_equal(pipe2(up, O_CLOEXEC), 0);
	child->to_child = down[1];
	child->from_child = up[0];
	self->from_parent = down[0];
	self->to_parent = up[1];
}

static void have_started(struct child *child, const struct child_self *self, pid_t pid)
{
	close(self->from_parent);
	close(self->to_parent);
	child->pid = pid;
	child->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	assert_true(child->pidfd >= 0);
}

static const char *name_of(child_body body)
{
	for (size_t i = 0; i < entry_count; i++)
		if (entries[i].body == body)
			return entries[i].name;
	print_error("main() does not list this body for children_main()\n");
	fail();
	return NULL;
}

/* Of mk.ko's files it is known who opened them, so a child opens its own. */
static void share_context(struct brief *brief, const struct child_options *options)
{
	brief->role = options->role;
	brief->context_id = mk_context_id(options->context);
	if (brief->context_id)
		return;
	brief->context_fd_count =
		mk_context_share(options->context, options->role, brief->context_fds);
	live_ok(brief->context_fd_count < 0 ? brief->context_fd_count : 0);
}

static struct brief write_brief(const struct child *child, const struct child_self *self,
				const struct child_options *options)
{
	struct brief brief = {
		.parent = getpid(),
		.to_parent = self->to_parent,
		.fd = options->fd ? *options->fd : -1,
		.memory.fd = -1,
	};

	if (options->memory)
		brief.memory = *options->memory;
	if (options->context)
		share_context(&brief, options);
	assert_true(options->argument_bytes <= sizeof(brief.argument));
	if (options->argument)
		memcpy(brief.argument, options->argument, options->argument_bytes);
	assert_int_equal(write(child->to_child, &brief, sizeof(brief)), sizeof(brief));
	return brief;
}

/* By its number; in the parent it stays close-on-exec. */
static void inherit(posix_spawn_file_actions_t *actions, int fd)
{
	if (fd >= 0)
		assert_int_equal(posix_spawn_file_actions_adddup2(actions, fd, fd), 0);
}

/* Nothing of the parent's runs between its fork and its exec, so threads do not matter. */
static pid_t spawn(const char *body, int from_parent, const struct brief *brief)
{
	posix_spawn_file_actions_t actions;
	char number[16];
	char *const argv[] = { program_invocation_name, CHILD_FLAG, (char *)body, number,
			       NULL };
	pid_t pid;

	snprintf(number, sizeof(number), "%d", from_parent);
	assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
	inherit(&actions, from_parent);
	inherit(&actions, brief->to_parent);
	inherit(&actions, brief->fd);
	inherit(&actions, brief->memory.fd);
	for (int i = 0; i < brief->context_fd_count; i++)
		inherit(&actions, brief->context_fds[i]);
	/* The parent's TAP is not for others to write to. */
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO,
							  STDOUT_FILENO),
			 0);
	assert_int_equal(
		posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

void child_start(struct child *child, child_body body,
		 const struct child_options *options)
{
	static const struct child_options nothing;
	const char *name = name_of(body);
	struct child_self self;
	struct brief brief;

	open_pipes(child, &self);
	brief = write_brief(child, &self, options ? options : &nothing);
	have_started(child, &self, spawn(name, self.from_parent, &brief));
	close_all(brief.context_fds, brief.context_fd_count);
}

void child_start_on(struct child *child, child_body body,
		    const struct mk_context *context, enum mk_role role)
{
	child_start(child, body,
		    &(struct child_options){ .context = context, .role = role });
}

void child_start_engine(struct child *child, const struct mk_context *context)
{
	child_start_on(child, child_engine, context, MK_ROLE_ENGINE);
	child_await(child);
}

void child_fork(struct child *child, child_body body, void *argument)
{
	struct child_self self = { .argument = argument, .fd = -1 };
	pid_t parent = getpid(), pid;

	open_pipes(child, &self);
	/* What stdio holds would be written by both. */
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		close(child->to_child);
		close(child->from_child);
		_exit(die_with(parent) ? body(&self) : EXIT_FAILURE);
	}
	have_started(child, &self, pid);
}

/* Started, in the parent -------------------------------------------------------- */

void child_tell(const struct child *child)
{
	assert_int_equal(write(child->to_child, "w", 1), 1);
}

void child_await(const struct child *child)
{
	struct pollfd look = { .fd = child->from_child, .events = POLLIN };
	char byte;

	assert_int_equal(poll(&look, 1, TIMEOUT_MS), 1);
	/* End of file: the child ended instead, and has said why. */
	assert_int_equal(read(child->from_child, &byte, 1), 1);
}

void child_signal(const struct child *child, int number)
{
	assert_int_equal(kill(child->pid, number), 0);
}

int child_reap(struct child *child)
{
	struct pollfd look = { .fd = child->pidfd, .events = POLLIN };
	int status = 0;

	assert_int_equal(poll(&look, 1, TIMEOUT_MS), 1);
	assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
	close(child->pidfd);
	close(child->to_child);
	close(child->from_child);
	child->pid = 0;
	return status;
}

void child_kill(struct child *child)
{
	int status;

	child_signal(child, SIGKILL);
	status = child_reap(child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

void child_expect_success(struct child *child)
{
	int status = child_reap(child);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EXIT_SUCCESS);
}

/* In the child ----------------------------------------------------------------- */

static int take_context(const struct brief *brief, struct mk_context **context)
{
	int ret = 0;

	if (brief->context_id)
		ret = mk_context_open(brief->context_id, brief->role, context);
	else if (brief->context_fd_count)
		ret = mk_context_attach(brief->context_fds,
					(size_t)brief->context_fd_count, context);
	if (ret)
		fprintf(stderr, "child: attach: %s\n", mk_error_text());
	close_all(brief->context_fds, brief->context_fd_count);
	return ret;
}

static int run_child(child_body body, int from_parent)
{
	struct brief brief;
	struct child_self self = { .from_parent = from_parent,
				   .argument = brief.argument };

	if (read(from_parent, &brief, sizeof(brief)) != sizeof(brief)) {
		fprintf(stderr, "child: a test starts these, and nobody else\n");
		return EXIT_FAILURE;
	}
	if (!die_with(brief.parent))
		return EXIT_FAILURE;
	/* By its path it would be "exe". */
	prctl(PR_SET_NAME, program_invocation_short_name);
	self.to_parent = brief.to_parent;
	self.fd = brief.fd;
	if (brief.memory.fd >= 0) {
		if (!map_memory(&brief.memory)) {
			perror("child: map what it shares with its parent");
			return EXIT_FAILURE;
		}
		self.memory = brief.memory.at;
	}
	return take_context(&brief, &self.context) ? EXIT_FAILURE : body(&self);
}

void children_main_count(int argc, char **argv, const struct child_entry *bodies,
			 size_t count)
{
	entries = bodies;
	entry_count = count;
	if (argc != 4 || strcmp(argv[1], CHILD_FLAG))
		return;
	for (size_t i = 0; i < count; i++)
		/* At once, as those leave that mean to close nothing. */
		if (!strcmp(argv[2], bodies[i].name))
			_exit(run_child(bodies[i].body, atoi(argv[3])));
	fprintf(stderr, "%s: there is no body %s\n", argv[0], argv[2]);
	_exit(EXIT_FAILURE);
}

bool child_say_ready(const struct child_self *self)
{
	return write(self->to_parent, "r", 1) == 1;
}

bool child_await_word(const struct child_self *self)
{
	char byte;
	ssize_t had;

	do {
		had = read(self->from_parent, &byte, 1);
	} while (had < 0 && errno == EINTR);
	return had == 1;
}

/* Waits for the parent's word or a signal, as a program with an engine does. */
static bool await_end(const struct child_self *self, const sigset_t *signals)
{
	int signal_fd = signalfd(-1, signals, SFD_CLOEXEC);
	struct pollfd looks[] = {
		{ .fd = self->from_parent, .events = POLLIN },
		{ .fd = signal_fd, .events = POLLIN },
	};
	bool ended;

	if (signal_fd < 0)
		return false;
	ended = poll(looks, 2, TIMEOUT_MS) > 0;
	close(signal_fd);
	return ended;
}

int child_engine(const struct child_self *self)
{
	struct mk_engine *engine;
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	if (live_try_start(self->context, NULL, &engine)) {
		fprintf(stderr, "child: start an engine: %s\n", mk_error_text());
		return EXIT_FAILURE;
	}
	if (!child_say_ready(self) || !await_end(self, &signals)) {
		fprintf(stderr, "child: nobody ended the engine\n");
		return EXIT_FAILURE;
	}
	if (mk_engine_stop(engine, LIVE_TIMEOUT_NS)) {
		fprintf(stderr, "child: stop the engine: %s\n", mk_error_text());
		return EXIT_FAILURE;
	}
	mk_context_close(self->context);
	return EXIT_SUCCESS;
}

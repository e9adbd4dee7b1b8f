// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "children.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "live.h"

#define TIMEOUT_MS ((int)(LIVE_TIMEOUT_NS / LIVE_NS_PER_MS))

static int run_child(child_body body, void *argument, const struct child_pipes *pipes,
		     pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		return EXIT_FAILURE;
	return body(argument, pipes);
}

void child_start(struct child *child, child_body body, void *argument)
{
	pid_t parent = getpid();
	int down[2], up[2];

	assert_int_equal(pipe(down), 0);
	assert_int_equal(pipe(up), 0);
	/* What stdio holds would be written by both. */
	fflush(NULL);
	child->pid = fork();
	assert_true(child->pid >= 0);
	if (!child->pid) {
		const struct child_pipes pipes = { down[0], up[1] };

		close(down[1]);
		close(up[0]);
		_exit(run_child(body, argument, &pipes, parent));
	}
	close(down[0]);
	close(up[1]);
	child->to_child = down[1];
	child->from_child = up[0];
	child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	assert_true(child->pidfd >= 0);
}

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

bool child_say_ready(const struct child_pipes *pipes)
{
	return write(pipes->to_parent, "r", 1) == 1;
}

bool child_await_word(const struct child_pipes *pipes)
{
	char byte;
	ssize_t had;

	do {
		had = read(pipes->from_parent, &byte, 1);
	} while (had < 0 && errno == EINTR);
	return had == 1;
}

struct mk_context *child_attach(const struct mk_context *parents, enum mk_role role)
{
	struct mk_context *context = NULL;

	if (live_try_attach(parents, role, &context))
		fprintf(stderr, "child: attach: %s\n", mk_error_text());
	return context;
}

/* Waits for the parent's word or a signal, as a program with an engine does. */
static bool await_end(const struct child_pipes *pipes, const sigset_t *signals)
{
	int signal_fd = signalfd(-1, signals, SFD_CLOEXEC);
	struct pollfd looks[] = {
		{ .fd = pipes->from_parent, .events = POLLIN },
		{ .fd = signal_fd, .events = POLLIN },
	};
	bool ended;

	if (signal_fd < 0)
		return false;
	ended = poll(looks, 2, TIMEOUT_MS) > 0;
	close(signal_fd);
	return ended;
}

int child_engine(void *parents, const struct child_pipes *pipes)
{
	struct mk_context *context = child_attach(parents, MK_ROLE_ENGINE);
	struct mk_engine *engine;
	sigset_t signals;

	if (!context)
		return EXIT_FAILURE;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	if (live_try_start(context, NULL, &engine)) {
		fprintf(stderr, "child: start an engine: %s\n", mk_error_text());
		return EXIT_FAILURE;
	}
	if (!child_say_ready(pipes) || !await_end(pipes, &signals)) {
		fprintf(stderr, "child: nobody ended the engine\n");
		return EXIT_FAILURE;
	}
	if (mk_engine_stop(engine, LIVE_TIMEOUT_NS)) {
		fprintf(stderr, "child: stop the engine: %s\n", mk_error_text());
		return EXIT_FAILURE;
	}
	mk_context_close(context);
	return EXIT_SUCCESS;
}

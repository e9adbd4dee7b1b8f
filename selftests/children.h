/* SPDX-License-Identifier: MIT */
/*
 * Processes of a test.  They talk by single bytes over pipes, and die with the test.
 *
 * A child is what a user's process is: a program of its own.  It is this same program,
 * executed anew, so it has no driver loaded and no threads, whatever its parent has;
 * GPU drivers need not work in the child of a fork, and sanitizers may hang there.  Its
 * main() comes to children_main(), which runs one of the bodies listed there.
 *
 * A body has nothing of the parent's but what it is given: a context, which it is
 * attached to; memory that both have; one descriptor; and some bytes, without pointers.
 * It is no test: nothing is asserted there, and nothing is printed but to stderr.
 */
#ifndef MK_SELFTESTS_CHILDREN_H
#define MK_SELFTESTS_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <mk/mk.h>

/* Of an argument, at most. */
#define CHILD_ARGUMENT_BYTES 256

struct child {
	pid_t pid;
	int pidfd;
	int to_child;
	int from_child;
};

/* What a body has. */
struct child_self {
	/* Its ends of the pipes. */
	int from_parent;
	int to_parent;
	struct mk_context *context; /* NULL without one */
	void *memory;		    /* NULL without any */
	int fd;			    /* -1 without one */
	void *argument;
};

/* Runs in the child; what it returns is the exit status. */
typedef int (*child_body)(const struct child_self *self);

/* In main -------------------------------------------------------------------------- */

struct child_entry {
	const char *name;
	child_body body;
};
#define CHILD_BODY(function)        \
	{                           \
#function, function \
	}

/*
 * First in main(), with a static array of all bodies that the program starts; does not
 * return in a child.
 */
#define children_main(argc, argv, bodies)             \
	children_main_count((argc), (argv), (bodies), \
			    sizeof(bodies) / sizeof((bodies)[0]))
void children_main_count(int argc, char **argv, const struct child_entry *bodies,
			 size_t count);

/* In the parent: each fails the test when it goes wrong or takes too long ----------- */

/* Zeros, for a test and its children. */
struct child_memory {
	void *at;
	size_t bytes;
	int fd;
};
struct child_memory child_memory_create(size_t bytes);
void child_memory_free(struct child_memory *memory);

/* What a child is given; each may be left out. */
struct child_options {
	const struct mk_context *context; /* it attaches in @role */
	enum mk_role role;
	const struct child_memory *memory;
	const int *fd;
	const void *argument; /* the child has a copy */
	size_t argument_bytes;
};

/* @options may be NULL. */
void child_start(struct child *child, child_body body,
		 const struct child_options *options);
/* The same for one that is given a context, and nothing else. */
void child_start_on(struct child *child, child_body body,
		    const struct mk_context *context, enum mk_role role);
/* Starts child_engine(), which must be among the bodies, and waits until it runs. */
void child_start_engine(struct child *child, const struct mk_context *context);
/*
 * For tests of what a fork leaves its child: @body runs in such a one, with @argument as
 * it is.  It must not need a driver that the parent has loaded.
 */
void child_fork(struct child *child, child_body body, void *argument);

void child_tell(const struct child *child);
void child_await(const struct child *child);
void child_signal(const struct child *child, int number);
/* Returns the status as waitpid() gives it, and forgets the child. */
int child_reap(struct child *child);
void child_kill(struct child *child);
void child_expect_success(struct child *child);

/* In the child --------------------------------------------------------------------- */

/* False when the parent has gone. */
bool child_say_ready(const struct child_self *self);
bool child_await_word(const struct child_self *self);

/*
 * A body, for a context in MK_ROLE_ENGINE: runs an engine until told to end, or until
 * SIGINT or SIGTERM, and stops it.
 */
int child_engine(const struct child_self *self);

#endif /* MK_SELFTESTS_CHILDREN_H */

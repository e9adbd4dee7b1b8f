// SPDX-License-Identifier: MIT
/*
 * Two processes and one context.  The first makes it, waits for an answer in it, and is
 * killed.  The second attaches by the context's id, answers, and sees the first one die.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/mk.h>

#define ARENA MK_MEMORY_ARENA(0)

static void die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

/* Timeouts are absolute, so that a call can be repeated after a signal. */
static uint64_t in_seconds(uint64_t seconds)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return ((uint64_t)now.tv_sec + seconds) * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Maps one memory of a context as a whole. */
static atomic_uint *map(int context, uint32_t memory, uint32_t flags)
{
	struct mk_ioctl_export export = { .memory = memory, .flags = flags };
	int access = flags & MK_EXPORT_WRITE ? PROT_READ | PROT_WRITE : PROT_READ;
	struct mk_ioctl_info info = { 0 };
	void *words;

	if (ioctl(context, MK_IOCTL_INFO, &info))
		die("MK_IOCTL_INFO");
	if (ioctl(context, MK_IOCTL_EXPORT, &export))
		die("MK_IOCTL_EXPORT");
	words = mmap(NULL, info.memory[memory].mapped_bytes, access, MAP_SHARED,
		     export.fd, 0);
	if (words == MAP_FAILED)
		die("mmap");
	close(export.fd); /* the mapping keeps the pages */
	return words;
}

/* Sleeps until a word is no longer 0, and returns it. */
static uint32_t wait_for_word(int context, uint32_t memory, uint32_t word)
{
	struct mk_ioctl_wait wait = {
		.memory = memory,
		.word = word,
		.mask = UINT32_MAX,
		.value = 0,
		.flags = MK_WAIT_UNEQUAL,
		.timeout = in_seconds(10),
	};

	if (ioctl(context, MK_IOCTL_WAIT, &wait))
		die("MK_IOCTL_WAIT");
	return wait.seen;
}

static void own(int device, int pipe_end)
{
	struct mk_ioctl_create create = {
		.geometry = {
			.slots = 1024,
			.window_slots = 32,
			.log_records = 64,
			.io_slots = 64,
		},
		.arena_bytes = { 4096 },
	};

	if (ioctl(device, MK_IOCTL_CREATE, &create))
		die("MK_IOCTL_CREATE");
	printf("owner: made a context\n");
	if (write(pipe_end, &create.id, sizeof(create.id)) != sizeof(create.id))
		die("write");
	printf("owner: word 0 of the arena is %u\n", wait_for_word(create.fd, ARENA, 0));
	raise(SIGKILL);
}

static void produce(int device, uint64_t id)
{
	struct mk_ioctl_open open = { .id = id, .role = MK_ROLE_PRODUCER };
	struct mk_ioctl_export forbidden = {
		.memory = MK_REGION_CONTROL,
		.flags = MK_EXPORT_WRITE,
	};
	struct pollfd owner = { .events = 0 };
	atomic_uint *arena;

	if (ioctl(device, MK_IOCTL_OPEN, &open))
		die("MK_IOCTL_OPEN");
	printf("producer: attached as number %u\n", open.number);
	if (ioctl(open.fd, MK_IOCTL_EXPORT, &forbidden))
		printf("producer: writing control: %s\n", strerror(errno));

	/* A store is seen in time; the owner sleeps less long when told of it. */
	arena = map(open.fd, ARENA, MK_EXPORT_WRITE);
	atomic_store_explicit(&arena[0], 42, memory_order_release);
	if (ioctl(open.fd, MK_IOCTL_WAKE))
		die("MK_IOCTL_WAKE");

	owner.fd = open.fd;
	if (poll(&owner, 1, 10000) != 1 || !(owner.revents & POLLHUP))
		die("poll");
	printf("producer: the owner is gone; SHUTDOWN is %u, word 0 is %u\n",
	       wait_for_word(open.fd, MK_REGION_CONTROL, MK_CONTROL_SHUTDOWN),
	       atomic_load_explicit(&arena[0], memory_order_acquire));
}

int main(void)
{
	int device = open("/dev/mk", O_RDWR | O_CLOEXEC);
	int ends[2];
	uint64_t id;
	pid_t owner;

	if (device < 0)
		die("/dev/mk");
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (pipe(ends))
		die("pipe");
	owner = fork();
	if (owner < 0)
		die("fork");
	if (owner == 0) {
		own(device, ends[1]);
		return EXIT_SUCCESS;
	}
	close(ends[1]);
	if (read(ends[0], &id, sizeof(id)) != sizeof(id))
		die("read");
	produce(device, id);
	waitpid(owner, NULL, 0);
	return EXIT_SUCCESS;
}

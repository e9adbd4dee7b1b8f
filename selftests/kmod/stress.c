// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many processes make contexts, export, map and pass them on, and are killed at any
 * moment; nothing is left of it.  MK_ROUNDS says how many are killed, MK_SEED when.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "children.h"
#include "common.h"
#include "harness.h"
#include "random.h"

#define WORKERS	       4
#define DEFAULT_ROUNDS 200
#define LONGEST_LIFE   24 /* 2 to that many ns */
/* Files and DMA-bufs that a worker keeps of its victims. */
#define KEPT 6

struct worker {
	int device;
	unsigned long rounds;
	struct random random;
	int kept[KEPT];
};

static unsigned long setting(const char *name, unsigned long otherwise)
{
	const char *value = getenv(name);

	return value ? strtoul(value, NULL, 0) : otherwise;
}

/* A victim ---------------------------------------------------------------- */

static void touch(struct random *random, int file)
{
	__u32 memory = random_below(random, MK_MEMORY_ARENA(1));
	__u32 flags = random_below(random, 2) ? MK_EXPORT_WRITE : MK_EXPORT_READ;
	size_t bytes = memory_bytes(file, memory);
	volatile __u32 *words = memory_map(file, memory, flags);

	if (words == MAP_FAILED)
		return;
	for (size_t i = 0; i < bytes / sizeof(*words); i += 512) {
		/* The word that says how far its owner is stays as it is. */
		if (flags && memory != MK_REGION_CONTROL)
			words[i] = i;
		(void)words[i];
	}
	if (one_in(random, 2))
		munmap((void *)words, bytes);
}

static void lease(struct random *random, int owner, int producer)
{
	size_t bytes = memory_bytes(owner, MK_REGION_CQ);
	__u64 *words = memory_map(owner, MK_REGION_CQ, MK_EXPORT_WRITE);

	if (words == MAP_FAILED)
		return;
	words[bytes / sizeof(*words) - 1 - random_below(random, 64)] =
		(1ull << 32) + context_info(producer).number;
	munmap(words, bytes);
}

static struct mk_ioctl_wait never_true(struct random *random)
{
	return (struct mk_ioctl_wait){
		.memory = MK_REGION_CONTROL,
		.word = MK_CONTROL_EPOCH,
		.mask = ~0u,
		.value = 1,
		.timeout = NEVER,
		.slack = random_below(random, 200000),
	};
}

static void *wait_for_ever(void *data)
{
	struct random random = random_from((uintptr_t)data);
	struct mk_ioctl_wait arguments = never_true(&random);

	ioctl((int)(uintptr_t)data, MK_IOCTL_WAIT, &arguments);
	return NULL;
}

/* Uses a context until it is killed, and says so when the owner's file is here only. */
static void use_for_ever(struct random *random, int socket, int owner)
{
	for (;;) {
		int file =
			context_attach(owner, MK_ROLE_ENGINE + random_below(random, 3));
		struct mk_ioctl_wait arguments = never_true(random);
		pthread_t thread;

		switch (random_below(random, 8)) {
		case 0:
			ioctl(file, MK_IOCTL_ARM, &arguments);
			break;
		case 1:
			lease(random, owner, file);
			break;
		case 2:
			pthread_create(&thread, NULL, wait_for_ever,
				       (void *)(uintptr_t)owner);
			break;
		case 3:
			ioctl(owner, MK_IOCTL_WAKE);
			break;
		case 4:
			send_file(socket, memory_export(owner, MK_MEMORY_ARENA(0),
							MK_EXPORT_WRITE));
			break;
		default:
			touch(random, file < 0 ? owner : file);
		}
		if (!one_in(random, 4))
			close(file);
	}
}

static void live_for_ever(int socket, const struct worker *worker, uint64_t seed)
{
	struct random random = random_from(seed);
	pid_t victim = getpid();
	int owner = context_create(worker->device);
	int observer = context_attach(owner, MK_ROLE_OBSERVER);

	send_file(socket, observer);
	close(observer);
	if (one_in(&random, 4) && !fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* It may have died before. */
		if (getppid() != victim)
			_exit(0);
		random = random_from(seed + 1);
	}
	use_for_ever(&random, socket, owner);
}

/* A worker ---------------------------------------------------------------- */

/* Any moment will do, early ones above all, so this waits for nothing. */
static void let_pass(struct random *random)
{
	__u32 limit = 1u << (10 + random_below(random, LONGEST_LIFE - 9));
	struct timespec moment = { .tv_nsec = random_below(random, limit) };

	nanosleep(&moment, NULL);
}

static void keep(struct worker *worker, int file)
{
	int *place = &worker->kept[random_below(&worker->random, KEPT)];

	close(*place);
	*place = file;
}

static int receive_without_waiting(int socket)
{
	struct pollfd polled = { .fd = socket, .events = POLLIN };

	return poll(&polled, 1, 0) == 1 && polled.revents & POLLIN ?
		       receive_file(socket) :
		       -1;
}

/* Whether the context that lost its owner looks like one. */
static bool is_orphan(int observer)
{
	const __u32 *control = memory_map(observer, MK_REGION_CONTROL, MK_EXPORT_READ);
	bool is_told = context_info(observer).flags & MK_CONTEXT_OWNER_GONE;
	bool is_orphan;

	if (control == MAP_FAILED)
		return false;
	is_orphan = is_told && is_shut_down(control);
	munmap((void *)control, memory_bytes(observer, MK_REGION_CONTROL));
	return is_orphan;
}

static bool round_of(struct worker *worker)
{
	uint64_t seed = random_next(&worker->random);
	int observer, file, ends[2];
	bool is_well;
	pid_t victim;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return false;
	victim = fork();
	if (victim < 0)
		return false;
	if (!victim) {
		close(ends[0]);
		live_for_ever(ends[1], worker, seed);
	}
	close(ends[1]);
	let_pass(&worker->random);
	kill(victim, SIGKILL);
	/* And what it had forked, which dies with it and is ours then. */
	while (waitpid(-1, NULL, 0) > 0)
		;
	observer = receive_without_waiting(ends[0]);
	is_well = observer < 0 || is_orphan(observer);
	if (!is_well)
		printf("# an owner is gone, and the context does not know\n");
	if (one_in(&worker->random, 2))
		keep(worker, observer);
	else
		close(observer);
	while ((file = receive_without_waiting(ends[0])) >= 0)
		keep(worker, file);
	close(ends[0]);
	return is_well;
}

static int work(int socket, void *data)
{
	struct worker *worker = data;

	(void)socket;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	memset(worker->kept, 0xff, sizeof(worker->kept));
	for (unsigned long i = 0; i < worker->rounds; i++)
		if (!round_of(worker))
			return 1;
	return 0;
}

FIXTURE(stress)
{
	int device;
};

FIXTURE_SETUP(stress)
{
	DEVICE_OPEN(self->device);
}

FIXTURE_TEARDOWN(stress)
{
	close(self->device);
}

TEST_F_TIMEOUT(stress, nothing_is_left_of_those_who_are_killed, 7200)
{
	unsigned long rounds = setting("MK_ROUNDS", DEFAULT_ROUNDS);
	unsigned long seed = setting("MK_SEED", getpid());
	struct counters before = counters_now();
	struct child children[WORKERS];

	TH_LOG("%lu rounds, MK_SEED=%lu", rounds, seed);
	for (int i = 0; i < WORKERS; i++) {
		struct worker worker = {
			.device = self->device,
			.rounds = (rounds + i) / WORKERS,
			.random = random_from(seed + i),
		};

		children[i] = child_start(work, &worker);
		ASSERT_LT(0, children[i].pid);
	}
	for (int i = 0; i < WORKERS; i++) {
		EXPECT_EQ(0, child_wait(&children[i]));
	}
	EXPECT_TRUE(counters_return_to(before));
}

TEST_HARNESS_MAIN

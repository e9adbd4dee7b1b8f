// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many processes make contexts, export, map and pass them on, and are killed at any
 * moment; nothing is left of it.  MK_ROUNDS says how many owners are killed, MK_SEED
 * decides when.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/param.h>
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
/*
 * What has a context lives on for up to that many times as long as its quickest
 * predecessor took to have one: on any machine that is time for some calls.
 */
#define LONGEST_LIFE 8
/* One in so many more is killed before it has one, or just then. */
#define EARLY_DEATHS 8
/* Files and DMA-bufs that a worker keeps of its victims. */
#define KEPT 6
/* How often the test says how far it is. */
#define NEWS_MS 10000

struct worker {
	int device;
	unsigned long rounds;
	unsigned long *done; /* rounds, of all workers */
	struct random random;
	uint64_t seed;	/* the next victim's */
	__u64 birth_ns; /* what the quickest one took to have a context */
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
	/* Of a window, and of ingest slots. */
	words[bytes / sizeof(*words) - 1 - random_below(random, 64)] =
		(1ull << 32) + context_info(producer).number;
	words[MK_CQ_INGEST_LEASES / 2 + random_below(random, MK_CQ_INGEST_LEASE_COUNT)] =
		(2ull << 32) + context_info(producer).number;
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

static int live_for_ever(int socket, void *data)
{
	const struct worker *worker = data;
	struct random random = random_from(worker->seed);
	pid_t victim = getpid();
	int owner = context_create(worker->device);
	int observer = context_attach(owner, MK_ROLE_OBSERVER);

	if (observer < 0 || !send_file(socket, observer))
		return 1;
	close(observer);
	if (one_in(&random, 4) && !fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* It may have died before. */
		if (getppid() != victim)
			_exit(0);
		random = random_from(worker->seed + 1);
	}
	use_for_ever(&random, socket, owner);
	return 0;
}

/* A worker ---------------------------------------------------------------- */

/* Any moment will do, early ones above all, so this waits for nothing. */
static void let_pass(struct random *random, __u64 longest)
{
	__u64 ns = random_next(random) % ((longest >> random_below(random, 8)) + 1);
	struct timespec moment = { ns / SECOND_NS, ns % SECOND_NS };

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

/* Whether a context whose owner is killed knows; one that dies early may have had none. */
static bool kill_one(struct worker *worker, bool early)
{
	__u64 began = monotonic_ns();
	int observer = -1, file;
	struct child victim;
	bool is_well;

	worker->seed = random_next(&worker->random);
	victim = child_start(live_for_ever, worker);
	if (victim.pid < 0)
		return false;
	if (!early) {
		observer = receive_file(victim.socket);
		worker->birth_ns = MIN(worker->birth_ns, monotonic_ns() - began);
	}
	let_pass(&worker->random, (early ? 2 : LONGEST_LIFE) * worker->birth_ns);
	kill(victim.pid, SIGKILL);
	/* And what it had forked, which dies with it and is ours then. */
	while (waitpid(-1, NULL, 0) > 0)
		;
	if (early)
		observer = receive_without_waiting(victim.socket);
	is_well = observer < 0 ? early : is_orphan(observer);
	if (!is_well)
		fprintf(stderr, "# %s\n",
			observer < 0 ? "a victim got no context" :
				       "an owner is gone, and the context does not know");
	if (one_in(&worker->random, 2))
		keep(worker, observer);
	else
		close(observer);
	while ((file = receive_without_waiting(victim.socket)) >= 0)
		keep(worker, file);
	close(victim.socket);
	return is_well;
}

static int work(int socket, void *data)
{
	struct worker *worker = data;

	(void)socket;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	memset(worker->kept, 0xff, sizeof(worker->kept));
	for (unsigned long i = 0; i < worker->rounds; i++) {
		if (one_in(&worker->random, EARLY_DEATHS) && !kill_one(worker, true))
			return 1;
		if (!kill_one(worker, false))
			return 1;
		__atomic_add_fetch(worker->done, 1, __ATOMIC_RELAXED);
	}
	return 0;
}

/* The test ---------------------------------------------------------------- */

/* Until a worker ends, which closes its socket. */
static void await(const struct child *worker, const unsigned long *done,
		  unsigned long rounds)
{
	struct pollfd polled = { .fd = worker->socket };

	while (!poll(&polled, 1, NEWS_MS)) {
		printf("# %lu of %lu rounds\n", __atomic_load_n(done, __ATOMIC_RELAXED),
		       rounds);
		fflush(stdout);
	}
}

FIXTURE(stress)
{
	int device;
	unsigned long *done; /* rounds; shared with the workers */
};

FIXTURE_SETUP(stress)
{
	DEVICE_OPEN(self->device);
	self->done = mmap(NULL, sizeof(*self->done), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->done);
}

FIXTURE_TEARDOWN(stress)
{
	munmap(self->done, sizeof(*self->done));
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
			.done = self->done,
			.birth_ns = SECOND_NS,
			.random = random_from(seed + i),
		};

		children[i] = child_start(work, &worker);
		ASSERT_LT(0, children[i].pid);
	}
	for (int i = 0; i < WORKERS; i++) {
		await(&children[i], self->done, rounds);
		EXPECT_EQ(0, child_wait(&children[i]));
	}
	EXPECT_EQ(rounds, *self->done);
	EXPECT_TRUE(counters_return_to(before));
}

TEST_HARNESS_MAIN

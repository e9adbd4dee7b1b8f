// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls the module at random, with structures that are nearly right, from several
 * processes of two threads each, which share files and are killed now and then.
 *
 *   fuzz [--seed NUMBER] [--seconds NUMBER] [--workers NUMBER]
 *
 * A seed decides what each worker does first; who gets where when is up to the system.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"
#include "fuzz_worker.h"
#include "random.h"

#define MAX_WORKERS 16
/* Without a call that returns in that time, something hangs. */
#define PATIENCE_NS (60 * SECOND_NS)
/* How often the test says how far it is. */
#define NEWS_NS (10 * SECOND_NS)

struct options {
	unsigned long seed;
	unsigned long seconds;
	unsigned long workers;
};

/* Of each worker; one that takes the place of another counts on. */
static struct fuzz_progress *progress;

struct worker {
	pid_t process;
	unsigned long calls[FUZZ_THREADS]; /* that were seen last */
	__u64 moved[FUZZ_THREADS];	   /* when that was more than before */
};

static pid_t start(int device, uint64_t seed, unsigned int number)
{
	pid_t process;

	fflush(stdout);
	process = fork();
	if (!process)
		fuzz_work(device, seed, &progress[number]);
	return process;
}

static void end(pid_t process)
{
	if (process < 0)
		return;
	kill(process, SIGKILL);
	waitpid(process, NULL, 0);
}

/* Whether all threads of a worker that is let live return from their calls. */
static bool goes_on(struct worker *worker, const struct fuzz_progress *seen)
{
	__u64 now = monotonic_ns();

	for (int i = 0; i < FUZZ_THREADS; i++) {
		unsigned long calls = __atomic_load_n(&seen->calls[i], __ATOMIC_RELAXED);

		if (calls != worker->calls[i] || !worker->moved[i])
			worker->moved[i] = now;
		worker->calls[i] = calls;
		if (now - worker->moved[i] > PATIENCE_NS)
			return false;
	}
	return true;
}

static unsigned long tell_progress(const struct options *options)
{
	unsigned long calls = 0, successes = 0;

	for (unsigned long i = 0; i < options->workers; i++) {
		for (int k = 0; k < FUZZ_THREADS; k++)
			calls += progress[i].calls[k];
		successes += progress[i].successes;
	}
	printf("# %lu calls, %lu ioctls that succeeded\n", calls, successes);
	return successes;
}

/* Whether calls returned until the time was over. */
static bool fuzz(int device, const struct options *options)
{
	const __u64 until = monotonic_ns() + options->seconds * SECOND_NS;
	__u64 news = monotonic_ns() + NEWS_NS;
	struct random random = random_from(options->seed);
	struct worker workers[MAX_WORKERS] = { 0 };
	bool is_well = true;

	for (unsigned long i = 0; i < options->workers; i++)
		workers[i].process = start(device, random_next(&random) >> 8, i);
	while (monotonic_ns() < until && is_well) {
		unsigned int victim = random_below(&random, options->workers);

		/* Nothing is waited for: any moment will do to kill one. */
		poll(NULL, 0, random_below(&random, 1000));
		is_well = goes_on(&workers[0], &progress[0]);
		if (monotonic_ns() >= news) {
			tell_progress(options);
			fflush(stdout);
			news += NEWS_NS;
		}
		/* The first is never killed, so that a call that hangs is seen. */
		if (!victim)
			continue;
		end(workers[victim].process);
		workers[victim].process =
			start(device, random_next(&random) >> 8, victim);
	}
	for (unsigned long i = 0; i < options->workers; i++)
		end(workers[i].process);
	return tell_progress(options) && is_well;
}

static bool still_works(int device)
{
	struct mk_ioctl_wait wait = {
		.memory = MK_MEMORY_ARENA(0), .mask = ~0u, .value = 1, .timeout = NEVER
	};
	int context = context_create(device);
	__u32 *words = memory_map(context, MK_MEMORY_ARENA(0), MK_EXPORT_WRITE);
	bool works;

	if (words == MAP_FAILED)
		return false;
	store(words, 1);
	works = !ioctl(context, MK_IOCTL_WAIT, &wait) && wait.seen == 1;
	munmap(words, memory_bytes(context, MK_MEMORY_ARENA(0)));
	close(context);
	return works;
}

static bool result(bool is_well, const char *name)
{
	static int number;

	printf("%s %d %s\n", is_well ? "ok" : "not ok", ++number, name);
	return is_well;
}

static bool parse(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' },
		{ "workers", required_argument, NULL, 'w' },
		{ 0 },
	};

	for (int name; (name = getopt_long(argc, argv, "", names, NULL)) != -1;) {
		unsigned long *value = name == 's' ? &options->seed :
				       name == 't' ? &options->seconds :
				       name == 'w' ? &options->workers :
						     NULL;

		if (!value)
			return false;
		*value = strtoul(optarg, NULL, 0);
	}
	return optind == argc && options->workers && options->workers <= MAX_WORKERS;
}

int main(int argc, char **argv)
{
	struct options options = { .seed = monotonic_ns(), .seconds = 5, .workers = 3 };
	struct counters before;
	bool is_well = true;
	int device;

	if (!parse(argc, argv, &options)) {
		fprintf(stderr,
			"fuzz [--seed NUMBER] [--seconds NUMBER] [--workers 1..%d]\n",
			MAX_WORKERS);
		return 2;
	}
	device = device_open();
	if (device < 0) {
		printf("TAP version 13\n1..0 # SKIP %s: %s\n", DEVICE_PATH,
		       strerror(errno));
		return device_is_missing(errno) ? 4 : 1;
	}
	progress = mmap(NULL, MAX_WORKERS * sizeof(*progress), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (progress == MAP_FAILED)
		return 1;
	printf("TAP version 13\n1..3\n# --seed %lu --seconds %lu --workers %lu\n",
	       options.seed, options.seconds, options.workers);
	before = counters_now();
	is_well &= result(fuzz(device, &options), "all calls return");
	is_well &= result(counters_return_to(before), "nothing is left");
	is_well &= result(still_works(device), "the module works as before");
	return !is_well;
}

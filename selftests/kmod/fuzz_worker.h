/* SPDX-License-Identifier: GPL-2.0-only */
/* A process of two threads that calls the module at random until it is killed. */
#ifndef MK_SELFTESTS_FUZZ_WORKER_H
#define MK_SELFTESTS_FUZZ_WORKER_H

#include <stdint.h>

#define FUZZ_THREADS 2

/* What a worker tells about itself, in memory that its parent shares. */
struct fuzz_progress {
	unsigned long calls[FUZZ_THREADS];
	unsigned long successes; /* of ioctls of the module */
};

_Noreturn void fuzz_work(int device, uint64_t seed, struct fuzz_progress *progress);

#endif /* MK_SELFTESTS_FUZZ_WORKER_H */

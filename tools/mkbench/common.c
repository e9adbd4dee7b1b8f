// SPDX-License-Identifier: MIT
/* What every part needs: the time, the user's signals. */
#include <signal.h>
#include <time.h>

#include "bench.h"

static volatile sig_atomic_t ended_by;

static void note_signal(int number)
{
	ended_by = number;
}

void note_signals(void)
{
	const struct sigaction action = { .sa_handler = note_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool interrupted(void)
{
	return ended_by != 0;
}

int interrupted_by(void)
{
	return ended_by;
}

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

uint64_t seconds_as_ns(double seconds)
{
	return (uint64_t)(seconds * (double)NS_PER_SECOND);
}

double per_second(uint64_t count, uint64_t ns)
{
	return ns ? (double)count * (double)NS_PER_SECOND / (double)ns : 0;
}

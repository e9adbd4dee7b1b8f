// SPDX-License-Identifier: MIT
/*
 * The limit: two threads that answer each other through two words of shared
 * memory.  Nothing that polls memory on this machine turns round faster.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "baselines.h"
#include "bench.h"

#define PING_PONG_SAMPLES   100000
#define WARM_UP_TRIPS	    1000
#define SPINS_BETWEEN_LOOKS (1u << 16)
#define NO_MORE		    UINT32_MAX

struct table {
	/* Two lines apart, as some processors fetch lines in pairs. */
	alignas(128) atomic_uint ping;
	alignas(128) atomic_uint pong;
	alignas(128) bool yields; /* one processor: spinning alone would not end */
	int processors[2];	  /* -1: anywhere */
};

static void pin_to(int processor)
{
	cpu_set_t set;

	if (processor < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	/* Without it the number is only less steady. */
	(void)pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void choose_processors(struct table *table)
{
	cpu_set_t allowed;
	int found = 0;

	table->processors[0] = table->processors[1] = -1;
	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return;
	table->yields = CPU_COUNT(&allowed) < 2;
	if (table->yields)
		return;
	for (int cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++)
		if (CPU_ISSET(cpu, &allowed))
			table->processors[found++] = cpu;
}

/* Waits until @word is not @old; false when that took too long. */
static bool await_change(struct table *table, atomic_uint *word, uint32_t old,
			 uint32_t *seen)
{
	uint64_t begin = 0;
	uint32_t spins = 0;

	for (;;) {
		*seen = atomic_load_explicit(word, memory_order_acquire);
		if (*seen != old)
			return true;
		if (table->yields)
			sched_yield();
		if (++spins % SPINS_BETWEEN_LOOKS)
			continue;
		if (!begin)
			begin = now_ns();
		if (now_ns() - begin > PATIENCE_NS)
			return false;
	}
}

static void *answer(void *argument)
{
	struct table *table = argument;
	uint32_t seen = 0;

	pin_to(table->processors[1]);
	while (await_change(table, &table->ping, seen, &seen) && seen != NO_MORE)
		atomic_store_explicit(&table->pong, seen, memory_order_release);
	return NULL;
}

static int play(struct table *table, struct sampler *sampler)
{
	uint32_t seen;

	for (uint32_t turn = 1; turn <= WARM_UP_TRIPS + sampler->capacity; turn++) {
		uint64_t start = now_ns();

		atomic_store_explicit(&table->ping, turn, memory_order_release);
		if (!await_change(table, &table->pong, turn - 1, &seen)) {
			fprintf(stderr, "mkbench: ping-pong: the other thread did not "
					"answer within 10 s\n");
			return -ETIMEDOUT;
		}
		if (turn > WARM_UP_TRIPS)
			sampler_add(sampler, now_ns() - start);
		if (interrupted())
			return -EINTR;
	}
	return 0;
}

int measure_ping_pong(uint32_t samples, struct distribution *result)
{
	struct table table = { 0 };
	struct sampler sampler;
	cpu_set_t before;
	pthread_t thread;
	bool restore;
	int error = sampler_init(
		&sampler, samples < PING_PONG_SAMPLES ? samples : PING_PONG_SAMPLES);

	if (error)
		return error;
	choose_processors(&table);
	error = pthread_create(&thread, NULL, answer, &table);
	if (error) {
		sampler_finish(&sampler, result);
		fprintf(stderr, "mkbench: ping-pong: no second thread: %s\n",
			strerror(error));
		return -error;
	}
	restore = !pthread_getaffinity_np(pthread_self(), sizeof(before), &before);
	pin_to(table.processors[0]);
	error = play(&table, &sampler);
	if (restore)
		(void)pthread_setaffinity_np(pthread_self(), sizeof(before), &before);
	atomic_store_explicit(&table.ping, NO_MORE, memory_order_release);
	pthread_join(thread, NULL);
	sampler_finish(&sampler, result);
	return error;
}

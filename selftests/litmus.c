// SPDX-License-Identifier: MIT
#include "litmus.h"

#include <stdlib.h>
#include <string.h>

#define BUDGET_MS 300u

static uint64_t budget_ns(void)
{
	const char *value = getenv("MK_LITMUS_MS");
	uint64_t ms = value && *value ? strtoul(value, NULL, 10) : BUDGET_MS;

	return ms * LIVE_NS_PER_MS * (live_slow() ? 10 : 1);
}

struct litmus_trial litmus_begin(void)
{
	return (struct litmus_trial){ live_now_ns(), budget_ns(), 0 };
}

bool litmus_goes_on(struct litmus_trial *trial)
{
	enum { ROUNDS_LEAST = 16 };

	trial->rounds++;
	return trial->rounds <= ROUNDS_LEAST ||
	       live_now_ns() - trial->begin_ns < trial->budget_ns;
}

void litmus_end(const struct litmus_trial *trial, const char *what)
{
	print_message("# %s: %u rounds\n", what, trial->rounds);
}

void litmus_spin_ns(uint64_t duration_ns)
{
	uint64_t begin = live_now_ns();

	while (live_now_ns() - begin < duration_ns)
		;
}

uint32_t litmus_word(uint32_t round, uint32_t index)
{
	return (round * 16 + index + 1) * 2654435761u;
}

uint32_t litmus_load(const struct live *live, uint32_t memory, uint32_t word)
{
	const _Atomic uint32_t *words = mk_context_memory(live->context, memory, NULL);

	return atomic_load(&words[word]);
}

static bool rests(void *data)
{
	const struct live *live = data;

	/*
	 * In this order: a publish that found it announced has taken that back, and
	 * after another announcement the state is no more that of the sleep before.
	 */
	return litmus_load(live, MK_REGION_CQ, MK_CQ_PARK_FUTEX) == MK_PARK_PARKED &&
	       litmus_load(live, MK_REGION_CQ, MK_CQ_ENGINE_STATE) == MK_ENGINE_PARKED;
}

bool litmus_rests(struct live *live)
{
	return live_eventually(rests, live);
}

bool litmus_is_in_place(const struct live *live)
{
	return strcmp(mk_context_backing(live->context), "device") != 0;
}

/* Threads ------------------------------------------------------------------ */

static struct litmus_thread *running[LITMUS_THREAD_LIMIT];

static void end(struct litmus_thread *thread)
{
	atomic_store(&thread->stop, true);
	assert_int_equal(pthread_join(thread->thread, NULL), 0);
	for (int i = 0; i < LITMUS_THREAD_LIMIT; i++)
		if (running[i] == thread)
			running[i] = NULL;
}

int litmus_teardown(void **state)
{
	for (int i = 0; i < LITMUS_THREAD_LIMIT; i++)
		if (running[i])
			end(running[i]);
	return live_teardown(state);
}

void litmus_start(struct litmus_thread *thread, struct live *live, uint32_t index,
		  void *(*run)(void *))
{
	int free_place = 0;

	while (free_place < LITMUS_THREAD_LIMIT && running[free_place])
		free_place++;
	assert_true(free_place < LITMUS_THREAD_LIMIT);
	memset(thread, 0, sizeof(*thread));
	thread->live = live;
	thread->index = index;
	assert_int_equal(pthread_create(&thread->thread, NULL, run, thread), 0);
	running[free_place] = thread;
}

void litmus_join(struct litmus_thread *thread)
{
	uint64_t begin = live_now_ns();

	/* On a busy machine it may not have begun yet, and then it has seen nothing. */
	while (!atomic_load(&thread->rounds) && live_now_ns() - begin < LIVE_TIMEOUT_NS)
		live_pause_ns(LIVE_NS_PER_MS);
	end(thread);
	if (!thread->wrong) {
		assert_true(atomic_load(&thread->rounds) > 0);
		return;
	}
	print_error("thread %u, round %u: %s: had %u, expected %u; %s\n", thread->index,
		    atomic_load(&thread->rounds), thread->wrong, thread->had,
		    thread->expected, thread->text);
	fail();
}

bool litmus_wrong(struct litmus_thread *thread, const char *what, uint32_t had,
		  uint32_t expected)
{
	thread->wrong = what;
	thread->had = had;
	thread->expected = expected;
	strncpy(thread->text, mk_error_text(), sizeof(thread->text) - 1);
	atomic_fetch_add(&thread->rounds, 1);
	return false;
}

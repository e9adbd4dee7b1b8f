// SPDX-License-Identifier: MIT
#include "thread.h"

#include <string.h>

#include "deadline.h"
#include "error.h"

void mk_signals_block(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, before);
}

void mk_signals_restore(const sigset_t *before)
{
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

int mk_thread_start(pthread_t *thread, void *(*function)(void *), void *data,
		    const char *what)
{
	sigset_t before;
	int error;

	mk_signals_block(&before);
	error = pthread_create(thread, NULL, function, data);
	mk_signals_restore(&before);
	if (error)
		return mk_fail(error, "cannot start %s: %s", what, strerror(error));
	return 0;
}

void mk_lock_init(pthread_mutex_t *lock, pthread_cond_t *changed)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(changed, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(lock, NULL);
}

void mk_lock_destroy(pthread_mutex_t *lock, pthread_cond_t *changed)
{
	pthread_cond_destroy(changed);
	pthread_mutex_destroy(lock);
}

struct timespec mk_deadline_after(uint64_t timeout_ns)
{
	uint64_t end = mk_now_ns() + timeout_ns;

	if (end < timeout_ns)
		end = UINT64_MAX;
	return (struct timespec){
		.tv_sec = (time_t)(end / 1000000000u),
		.tv_nsec = (long)(end % 1000000000u),
	};
}

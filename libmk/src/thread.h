/* SPDX-License-Identifier: MIT */
/* The library's own threads, and waiting for them with a timeout. */
#ifndef MK_SRC_THREAD_H
#define MK_SRC_THREAD_H

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <time.h>

/*
 * Start a thread that leaves signals to the program's own threads.  @what names it in
 * the text of an error.
 */
int mk_thread_start(pthread_t *thread, void *(*function)(void *), void *data,
		    const char *what);

/* Threads that are started between these two leave signals to others. */
void mk_signals_block(sigset_t *before);
void mk_signals_restore(const sigset_t *before);

/* A lock, and a condition whose timed waits are on CLOCK_MONOTONIC. */
void mk_lock_init(pthread_mutex_t *lock, pthread_cond_t *changed);
void mk_lock_destroy(pthread_mutex_t *lock, pthread_cond_t *changed);

/* The time @timeout_ns from now, for a timed wait on such a condition. */
struct timespec mk_deadline_after(uint64_t timeout_ns);

#endif /* MK_SRC_THREAD_H */

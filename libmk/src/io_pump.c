// SPDX-License-Identifier: MIT
#include "io_pump.h"

#include <errno.h>
#include <sched.h>

#include "deadline.h"
#include "error.h"
#include "io_claim.h"
#include "io_end.h"
#include "io_start.h"
#include "thread.h"

#define REST_SHORTEST_NS 20000u
#define REST_LONGEST_NS	 1000000u
/* When nothing was asked for so long, a rest may take longer still. */
#define IDLE_LONG_NS UINT64_C(1000000000)
#define REST_IDLE_NS 4000000u
/* Looks at the queue and at the system between two looks at the clock. */
#define SPIN_LOOKS 64

/* Locking ---------------------------------------------------------------------- */

void mk_io_lock(struct mk_io *io)
{
	atomic_fetch_add(&io->wanted, 1);
	pthread_mutex_lock(&io->lock);
	atomic_fetch_sub(&io->wanted, 1);
}

void mk_io_unlock(struct mk_io *io)
{
	pthread_mutex_unlock(&io->lock);
}

/* A busy pump would hold the lock always, and get it back before others wake up. */
static void give_way(struct mk_io *io)
{
	if (!atomic_load(&io->wanted))
		return;
	pthread_mutex_unlock(&io->lock);
	while (atomic_load(&io->wanted))
		sched_yield();
	pthread_mutex_lock(&io->lock);
}

/* The thread in the pump ------------------------------------------------------- */

bool mk_io_is_callback(const struct mk_io *io)
{
	return io->calling && pthread_equal(io->pumper, pthread_self());
}

int mk_io_enter(struct mk_io *io)
{
	if (mk_io_is_callback(io))
		return mk_fail(EDEADLK, "a callback cannot run the pump that waits for "
					"it; return first");
	if (io->is_pumped)
		return mk_fail(EBUSY, "another thread is in the pump; stop that one "
				      "(mk_io_stop)");
	io->is_pumped = true;
	io->pumper = pthread_self();
	return 0;
}

void mk_io_leave(struct mk_io *io)
{
	io->is_pumped = false;
	pthread_cond_broadcast(&io->changed);
}

/* Callbacks -------------------------------------------------------------------- */

static void call(struct mk_io *io, const struct mk_io_pending *pending)
{
	const struct mk_io_call made = {
		.request = pending->request,
		.token = pending->token,
		.data = mk_io_arena_at(io, pending),
	};
	struct mk_io_handle *handle = pending->plan.outside;
	mk_io_callback function = handle->callback.function;
	void *user = handle->callback.user;

	io->calling = handle;
	pthread_mutex_unlock(&io->lock);
	function(io, &made, user);
	pthread_mutex_lock(&io->lock);
	io->calling = NULL;
	pthread_cond_broadcast(&io->changed);
}

static void call_callbacks(struct mk_io *io)
{
	struct mk_list *link;

	while ((link = mk_list_take(&io->calls)))
		call(io, mk_list_entry(link, struct mk_io_pending, link));
}

/* Rounds ----------------------------------------------------------------------- */

static void note_idle(struct mk_io *io, bool is_idle)
{
	uint64_t now = is_idle ? mk_now_ns() : 0;

	if (!io->idle_since_ns || !is_idle)
		io->idle_since_ns = now;
	io->idle_ns = now - io->idle_since_ns;
}

int mk_io_settle(struct mk_io *io)
{
	uint64_t before = io->events;
	int ret;

	mk_io_reap(io);
	mk_io_send_cancels(io);
	mk_io_start_queued(io);
	ret = mk_io_ring_submit(&io->ring);
	/* What was in the page cache has ended already. */
	mk_io_reap(io);
	mk_io_store_answers(io);
	note_idle(io, io->events == before);
	return ret;
}

/* Do what there is to do. */
static int run_round(struct mk_io *io)
{
	uint64_t before = io->events;
	int ret;

	mk_io_take_requests(io);
	ret = mk_io_settle(io);
	call_callbacks(io);
	mk_io_store_answers(io);
	if (io->events != before)
		note_idle(io, false);
	return ret;
}

bool mk_io_is_settled(const struct mk_io *io)
{
	return !io->ring.in_flight && mk_list_is_empty(&io->queued) &&
	       mk_list_is_empty(&io->starved);
}

static uint64_t rest_ns(const struct mk_io *io)
{
	uint64_t longest = io->idle_ns > IDLE_LONG_NS ? REST_IDLE_NS : REST_LONGEST_NS;
	uint64_t rest = io->idle_ns / 8;

	if (rest < REST_SHORTEST_NS)
		return REST_SHORTEST_NS;
	return rest < longest ? rest : longest;
}

static void spin(struct mk_io *io)
{
	pthread_mutex_unlock(&io->lock);
	for (int i = 0; i < SPIN_LOOKS && !mk_ioq_has_requests(&io->queue) &&
			!mk_io_ring_has_ended(&io->ring);
	     i++)
		mk_cpu_relax();
	pthread_mutex_lock(&io->lock);
}

void mk_io_rest(struct mk_io *io, uint64_t limit_ns)
{
	uint64_t rest = rest_ns(io);
	struct timespec until;

	if (rest > limit_ns)
		rest = limit_ns;
	if (io->idle_ns < io->spin_ns) {
		spin(io);
	} else if (io->ring.in_flight) {
		pthread_mutex_unlock(&io->lock);
		mk_io_ring_wait(&io->ring, rest);
		pthread_mutex_lock(&io->lock);
	} else {
		until = mk_deadline_after(rest);
		pthread_cond_timedwait(&io->changed, &io->lock, &until);
	}
}

/* Run -------------------------------------------------------------------------- */

static int64_t run_for(struct mk_io *io, uint64_t timeout_ns)
{
	uint64_t begin_ns = timeout_ns ? mk_now_ns() : 0;
	uint64_t before = io->answered;
	uint64_t elapsed;
	int ret;

	for (;;) {
		ret = run_round(io);
		if (ret || io->answered != before || !timeout_ns)
			break;
		elapsed = mk_now_ns() - begin_ns;
		if (elapsed >= timeout_ns)
			break;
		/* Not where something has just happened, which may have more behind it. */
		if (io->idle_since_ns)
			mk_io_rest(io, timeout_ns - elapsed);
		give_way(io);
	}
	return ret ? ret : (int64_t)(io->answered - before);
}

int64_t mk_io_run(struct mk_io *io, uint64_t timeout_ns)
{
	int64_t ret;

	mk_io_lock(io);
	ret = mk_io_enter(io);
	if (!ret) {
		ret = run_for(io, timeout_ns);
		mk_io_descriptor_arm(&io->descriptor, &io->queue, rest_ns(io));
		mk_io_leave(io);
	}
	mk_io_unlock(io);
	return ret;
}

int mk_io_descriptor(struct mk_io *io)
{
	int ret;

	mk_io_lock(io);
	ret = mk_io_descriptor_open(&io->descriptor, io->context, io->ring.ring.ring_fd);
	mk_io_unlock(io);
	return ret;
}

/* The thread ------------------------------------------------------------------- */

static void *pump_thread(void *data)
{
	struct mk_io *io = data;
	int ret;

	pthread_mutex_lock(&io->lock);
	io->pumper = pthread_self();
	while (!io->stop) {
		ret = run_round(io);
		/* What the system refuses now it may take later. */
		if (ret || io->idle_since_ns)
			mk_io_rest(io, UINT64_MAX);
		give_way(io);
	}
	/* The system would cancel a thread's transfers as it ends, but not wait. */
	mk_io_cancel_all(io);
	while (!mk_io_is_settled(io)) {
		ret = mk_io_settle(io);
		if (ret || io->idle_since_ns)
			mk_io_rest(io, UINT64_MAX);
	}
	mk_io_store_answers(io);
	io->thread_has_ended = true;
	mk_io_leave(io);
	pthread_mutex_unlock(&io->lock);
	return NULL;
}

int mk_io_start(struct mk_io *io)
{
	int ret;

	mk_io_lock(io);
	ret = mk_io_enter(io);
	if (!ret) {
		io->stop = false;
		io->thread_has_ended = false;
		ret = mk_thread_start(&io->thread, pump_thread, io, "the pump's thread");
		io->has_thread = !ret;
		if (ret)
			mk_io_leave(io);
	}
	mk_io_unlock(io);
	return ret;
}

/* With the lock held. */
static int stop_thread(struct mk_io *io, uint64_t timeout_ns)
{
	struct timespec deadline = mk_deadline_after(timeout_ns);
	int error = 0;

	if (!io->has_thread)
		return 0;
	if (mk_io_is_callback(io))
		return mk_fail(EDEADLK, "a callback cannot stop the thread that it runs "
					"in; return first");
	io->stop = true;
	pthread_cond_broadcast(&io->changed);
	while (!io->thread_has_ended && !error)
		error = pthread_cond_timedwait(&io->changed, &io->lock, &deadline);
	if (!io->thread_has_ended)
		return mk_fail(ETIMEDOUT,
			       "the pump's thread has not ended in %llu ns; a callback "
			       "runs, or the system has not ended a transfer",
			       (unsigned long long)timeout_ns);
	io->has_thread = false;
	return 0;
}

int mk_io_stop(struct mk_io *io, uint64_t timeout_ns)
{
	bool had_thread;
	pthread_t thread;
	int ret;

	mk_io_lock(io);
	had_thread = io->has_thread;
	thread = io->thread;
	ret = stop_thread(io, timeout_ns);
	mk_io_unlock(io);
	if (had_thread && !ret)
		pthread_join(thread, NULL);
	return ret;
}

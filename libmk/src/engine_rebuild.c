// SPDX-License-Identifier: MIT
/*
 * What follows when a device is lost: what it has left is looked at and kept, what it was
 * in the midst of is told as interrupted, and it is opened anew for the same context.
 * Documentation/recovery.rst says what survives, and what a producer sees.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mk/snapshot.h>

#include "deadline.h"
#include "engine_private.h"
#include "error.h"
#include "exec_cpu.h"
#include "thread.h"
#include "trace.h"

#define DEFAULT_REBUILDS 3u
/* A device that is being reset may not be had at once. */
#define FIRST_PAUSE_NS 100000000u
#define LAST_PAUSE_NS  2000000000u
/* A device that has lasted so long again is well, even if there was nothing to do. */
#define LASTING_NS 1000000000u
/* A device that is lost now and then for days must not fill a disk. */
#define SNAPSHOTS_LIMIT 4u

/* How often ----------------------------------------------------------------------- */

int mk_engine_set_rebuild_limit(struct mk_engine *engine, uint32_t wanted)
{
	const char *value = getenv("MK_REBUILDS");
	unsigned long number;
	char *end;

	engine->rebuild_limit = wanted == MK_REBUILD_NEVER ? 0 : wanted;
	if (wanted)
		return 0;
	engine->rebuild_limit = DEFAULT_REBUILDS;
	if (!value || !*value)
		return 0;
	errno = 0;
	number = strtoul(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno || number > UINT_MAX)
		return mk_fail(
			EINVAL,
			"the environment variable MK_REBUILDS is \"%s\"; it is how "
			"often in a row a lost device is opened anew, 0 for never",
			value);
	engine->rebuild_limit = (uint32_t)number;
	return 0;
}

/* What is left -------------------------------------------------------------------- */

void mk_engine_leave_snapshot(struct mk_engine *engine, char *text, size_t bytes)
{
	size_t length = strlen(text);
	char path[MK_SNAPSHOT_PATH_BYTES];
	int ret;

	if (!engine->snapshot_directory)
		return;
	ret = mk_snapshot_save(engine->context, engine->snapshot_directory,
			       MK_SNAPSHOT_LOST, path);
	snprintf(text + length, bytes - length,
		 ret ? "; no snapshot: %s" : "; a snapshot is in %s",
		 ret ? mk_error_text() : path);
}

/* What the context says of itself is still there. */
static bool has_its_header(const struct mk_context *context)
{
	return mk_control_load(context, MK_CONTROL_MAGIC) == MK_CONTROL_MAGIC_VALUE &&
	       mk_control_load(context, MK_CONTROL_ABI_VERSION) == MK_ABI_VERSION &&
	       mk_control_load(context, MK_CONTROL_SLOT_COUNT) == context->geometry.slots;
}

/* By what the driver knows, of which @cause is told more, and by what is there. */
static bool memory_has_survived(struct mk_engine *engine, char *cause, size_t bytes)
{
	size_t length = strlen(cause);
	struct mk_loss loss = { .memory_survived = true };

	engine->ops->explain_loss(engine->runner, &loss);
	if (*loss.cause)
		snprintf(cause + length, bytes - length, "; %s", loss.cause);
	return loss.memory_survived && has_its_header(engine->context);
}

/* Each dispatch in a trace that has begun has an end. */
static void trace_end_of_dispatches(struct mk_engine *engine, uint32_t count)
{
	while (mk_is_traced(engine->trace) && count--)
		mk_trace_dispatch(engine->trace, MK_TRACE_DISPATCH_END, 0, 0);
}

/* Open the device again -------------------------------------------------------------- */

/* Until the time is over or somebody wants the engine to end. */
static void pause_before_attempt(struct mk_engine *engine)
{
	uint64_t pause_ns = FIRST_PAUSE_NS;
	struct timespec deadline;
	int error = 0;

	for (uint32_t i = 1; i < engine->rebuild_attempts && pause_ns < LAST_PAUSE_NS;
	     i++)
		pause_ns *= 4;
	if (pause_ns > LAST_PAUSE_NS)
		pause_ns = LAST_PAUSE_NS;
	deadline = mk_deadline_after(pause_ns);
	pthread_mutex_lock(&engine->lock);
	while (!mk_engine_must_end(engine) && !error)
		error = pthread_cond_timedwait(&engine->changed, &engine->lock,
					       &deadline);
	pthread_mutex_unlock(&engine->lock);
}

/* Who is to end needs no device any more: that is success. */
static int reopen(struct mk_engine *engine)
{
	int ret = mk_fail(EIO, "it was lost again %u times in a row without progress",
			  engine->rebuild_attempts);

	while (!mk_engine_must_end(engine)) {
		if (engine->rebuild_attempts >= engine->rebuild_limit)
			return ret;
		if (engine->rebuild_attempts)
			pause_before_attempt(engine);
		engine->rebuild_attempts++;
		ret = engine->ops->reopen(engine->runner);
		if (!ret || ret == -ENOTSUP)
			return ret;
	}
	return 0;
}

/* The whole ------------------------------------------------------------------------- */

static void tell(struct mk_engine *engine, const char *cause, uint32_t interrupted)
{
	pthread_mutex_lock(&engine->lock);
	engine->info.rebuilds++;
	engine->info.interrupted += interrupted;
	snprintf(engine->info.rebuild_cause, sizeof(engine->info.rebuild_cause), "%s",
		 cause);
	pthread_mutex_unlock(&engine->lock);
}

/* Producers that wait for what will not end any more are told so by their waits. */
static int give_memory_up(struct mk_engine *engine, const char *cause)
{
	atomic_store_explicit(mk_cq_word(engine->context, MK_CQ_MEMORY_LOST), 1,
			      memory_order_release);
	return mk_fail(EIO,
		       "%s; the device's memory did not survive that, and what had not "
		       "ended is interrupted: create a new context",
		       cause);
}

/* The text that stands says why it cannot be opened. */
static int fail_for_good(int error, const char *cause)
{
	char reason[256];

	snprintf(reason, sizeof(reason), "%s", mk_error_text());
	return mk_fail(-error, "%s; the device cannot be used again: %s", cause, reason);
}

int mk_engine_rebuild(struct mk_engine *engine, int error)
{
	uint32_t queued = engine->queued;
	char cause[sizeof(engine->info.rebuild_cause)];
	bool has_survived;
	uint32_t interrupted;
	int ret;

	/*
	 * One that hangs may come to itself, and must not run beside another.  One whose
	 * loops were cut would do it again.
	 */
	if (error == -ETIMEDOUT || error == -ENOTRECOVERABLE || !engine->ops->reopen ||
	    !engine->rebuild_limit)
		return error;
	snprintf(cause, sizeof(cause), "%s", mk_error_text());
	if (!mk_engine_has_ended(engine, engine->limits.timeout_ns))
		return mk_fail(ETIMEDOUT, "%s; a dispatch has not ended since", cause);
	trace_end_of_dispatches(engine, queued);

	has_survived = memory_has_survived(engine, cause, sizeof(cause));
	if (engine->snapshots++ < SNAPSHOTS_LIMIT)
		mk_engine_leave_snapshot(engine, cause, sizeof(cause));
	engine->loss_is_kept = true;
	if (!has_survived)
		return give_memory_up(engine, cause);
	/* Nothing runs: producers have their answers before there is a device again. */
	interrupted = mk_recover(engine->context);
	if (engine->rebuilt_ns && mk_now_ns() - engine->rebuilt_ns > LASTING_NS)
		engine->rebuild_attempts = 0;
	ret = reopen(engine);
	if (ret)
		return fail_for_good(ret, cause);
	engine->loss_is_kept = false;
	tell(engine, cause, interrupted);
	if (mk_engine_must_end(engine))
		return 0;
	engine->rebuilt_ns = mk_now_ns();
	mk_engine_begin_dispatches(engine);
	mk_engine_drain_again(engine);
	return 0;
}

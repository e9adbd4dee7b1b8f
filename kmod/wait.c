// SPDX-License-Identifier: GPL-2.0-only
#include "wait.h"

#include <linux/sched/signal.h>

#include "compat.h"
#include "memory.h"

/* Above this a look is not worth a timer; and sums with it do not overflow. */
#define SLACK_MAX_NS (3600ULL * NSEC_PER_SEC)

void mk_condition_init(struct mk_condition *condition, const struct mk_ioctl_wait *args)
{
	u64 slack = args->slack ? args->slack : MK_WAIT_SLACK_DEFAULT;

	condition->word = args->word;
	condition->mask = args->mask;
	condition->value = args->value;
	condition->unequal = args->flags & MK_WAIT_UNEQUAL;
	/* Room for the slack, which never matters: that is in 292 years. */
	condition->timeout =
		ns_to_ktime(min_t(u64, args->timeout, KTIME_MAX - MK_WAIT_SLACK_DEFAULT));
	condition->slack = clamp_t(u64, slack, MK_WAIT_SLACK_MIN, SLACK_MAX_NS);
}

static bool is_met(const struct mk_condition *condition, u32 *seen)
{
	*seen = mk_memory_load(condition->memory, condition->word);
	return ((*seen & condition->mask) == condition->value) != condition->unequal;
}

static bool has_timed_out(const struct mk_condition *condition)
{
	return ktime_compare(ktime_get(), condition->timeout) >= 0;
}

/* When to look again: not before @earliest, and at most @slack ns later. */
struct next_look {
	ktime_t earliest;
	u64 slack;
};

/*
 * The first half of the slack is waited out, the other is left to the timers, to put
 * several expiries together.  A timeout is no answer that may be late by all of it.
 */
static struct next_look next_look(const struct mk_condition *condition)
{
	ktime_t latest = ktime_add_ns(condition->timeout, MK_WAIT_SLACK_DEFAULT);
	ktime_t next = ktime_add_ns(ktime_get(), condition->slack / 2);

	if (ktime_after(next, condition->timeout))
		next = condition->timeout;
	return (struct next_look){
		.earliest = next,
		.slack = min_t(u64, condition->slack / 2, ktime_sub(latest, next)),
	};
}

int mk_wait(const struct mk_condition *condition, wait_queue_head_t *wakeups, u32 *seen)
{
	struct next_look next;
	DEFINE_WAIT(wait);
	int error;

	for (;;) {
		/* Before the look, so that who stores and then wakes is not missed. */
		prepare_to_wait(wakeups, &wait, TASK_INTERRUPTIBLE);
		error = 0;
		if (is_met(condition, seen))
			break;
		error = -ETIMEDOUT;
		if (has_timed_out(condition))
			break;
		error = -ERESTARTSYS;
		if (signal_pending(current))
			break;
		next = next_look(condition);
		schedule_hrtimeout_range(&next.earliest, next.slack, HRTIMER_MODE_ABS);
	}
	finish_wait(wakeups, &wait);
	return error;
}

/* True while the condition is still waited for. */
static bool look(struct mk_arm *arm, u32 *seen)
{
	lockdep_assert_held(&arm->lock);
	if (!arm->waiting)
		return false;
	if (!is_met(&arm->condition, seen) && !has_timed_out(&arm->condition))
		return true;
	arm->waiting = false;
	arm->fired = true;
	wake_up_poll(&arm->readers, EPOLLIN | EPOLLRDNORM);
	return false;
}

static enum hrtimer_restart arm_expired(struct hrtimer *timer)
{
	struct mk_arm *arm = container_of(timer, struct mk_arm, timer);
	enum hrtimer_restart restart = HRTIMER_NORESTART;
	struct next_look next;
	u32 seen;

	spin_lock(&arm->lock);
	if (look(arm, &seen)) {
		next = next_look(&arm->condition);
		hrtimer_set_expires_range_ns(timer, next.earliest, next.slack);
		restart = HRTIMER_RESTART;
	}
	spin_unlock(&arm->lock);
	return restart;
}

void mk_arm_init(struct mk_arm *arm)
{
	mutex_init(&arm->changing);
	spin_lock_init(&arm->lock);
	init_waitqueue_head(&arm->readers);
	hrtimer_setup(&arm->timer, arm_expired, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_SOFT);
}

void mk_arm_set(struct mk_arm *arm, const struct mk_condition *condition, u32 *seen)
{
	struct mk_memory *former;
	struct next_look next;

	mutex_lock(&arm->changing);
	/* The timer must have let go of the condition before that changes. */
	spin_lock_bh(&arm->lock);
	arm->waiting = false;
	spin_unlock_bh(&arm->lock);
	hrtimer_cancel(&arm->timer);

	spin_lock_bh(&arm->lock);
	former = arm->condition.memory;
	arm->condition = condition ? *condition : (struct mk_condition){};
	arm->waiting = condition;
	arm->fired = false;
	if (look(arm, seen)) {
		next = next_look(&arm->condition);
		hrtimer_start_range_ns(&arm->timer, next.earliest, next.slack,
				       HRTIMER_MODE_ABS_SOFT);
	}
	spin_unlock_bh(&arm->lock);
	mutex_unlock(&arm->changing);

	if (former)
		mk_memory_put(former);
}

void mk_arm_destroy(struct mk_arm *arm)
{
	u32 seen;

	mk_arm_set(arm, NULL, &seen);
	mutex_destroy(&arm->changing);
}

void mk_arm_wake(struct mk_arm *arm)
{
	u32 seen;

	spin_lock_bh(&arm->lock);
	if (arm->waiting && !look(arm, &seen))
		/* Else it runs once more and sees that nothing waits. */
		hrtimer_try_to_cancel(&arm->timer);
	spin_unlock_bh(&arm->lock);
}

bool mk_arm_has_fired(struct mk_arm *arm)
{
	bool fired;

	spin_lock_bh(&arm->lock);
	fired = arm->fired;
	spin_unlock_bh(&arm->lock);
	return fired;
}

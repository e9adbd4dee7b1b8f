/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Waiting for a word to have a value.
 *
 * Words are stored to by processes and devices that tell nobody, so the kernel looks
 * from a timer, which runs only while somebody waits or is armed.
 */
#ifndef MK_WAIT_H
#define MK_WAIT_H

#include <linux/hrtimer.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include <linux/mk.h>

struct mk_memory;

/**
 * struct mk_condition - what is waited for
 * @memory: reachable; the condition holds a reference
 * @word: index, inside the memory
 * @mask: bits to look at
 * @value: compared with these
 * @unequal: wanted to differ
 * @timeout: when to give up, CLOCK_MONOTONIC
 * @slack: ns that an answer may be late; @timeout is kept better than that
 */
struct mk_condition {
	struct mk_memory *memory;
	u32 word;
	u32 mask;
	u32 value;
	bool unequal;
	ktime_t timeout;
	u64 slack;
};

/**
 * struct mk_arm - the condition that a file is armed for
 * @changing: held while @condition.memory is replaced, and taken first
 * @lock: protects all that follows; taken by the timer
 * @waiting: armed, and not fired
 * @fired: the file is readable
 * @condition: without memory when it was never armed
 * @timer: runs while @waiting
 * @readers: who polls the file
 */
struct mk_arm {
	struct mutex changing; /* one at a time arms */
	spinlock_t lock;       /* with the timer */
	bool waiting;
	bool fired;
	struct mk_condition condition;
	struct hrtimer timer;
	wait_queue_head_t readers;
};

/* Fill in all but the memory from what a caller asked for. */
void mk_condition_init(struct mk_condition *condition, const struct mk_ioctl_wait *args);

/**
 * mk_wait() - sleep until a condition holds
 * @condition: the caller keeps its reference to the memory
 * @wakeups: where mk_context_wake() says that a look is worth while
 * @seen: receives the word
 *
 * Return: 0, -ETIMEDOUT or -ERESTARTSYS.
 */
int mk_wait(const struct mk_condition *condition, wait_queue_head_t *wakeups, u32 *seen);

void mk_arm_init(struct mk_arm *arm);
/* Nothing else may use @arm any more. */
void mk_arm_destroy(struct mk_arm *arm);

/**
 * mk_arm_set() - arm for a condition instead of the last one
 * @arm: of the file
 * @condition: its reference to the memory goes over; NULL is for nothing
 * @seen: receives the word; unchanged without a condition
 */
void mk_arm_set(struct mk_arm *arm, const struct mk_condition *condition, u32 *seen);

/* Look now, if it is armed. */
void mk_arm_wake(struct mk_arm *arm);

bool mk_arm_has_fired(struct mk_arm *arm);

#endif /* MK_WAIT_H */

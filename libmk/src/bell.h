/* SPDX-License-Identifier: MIT */
/*
 * How to sleep on a word that no futex can be on, because its memory is a driver's: by a bell,
 * a count beside it on which there can be one.
 *
 *   sleeper                             waker
 *   count = bell (acquire)              the word, as it is stored anyway
 *   look at the word: not as it was?    bell += 1 (release)
 *   FUTEX_WAIT while bell == count      FUTEX_WAKE
 *
 * No wake-up is lost.  Either the sleeper's count has the addition of the waker: then it sees
 * the word as well, and does not wait.  Or it has not: then FUTEX_WAIT, which compares in
 * one step with falling asleep, finds the addition, or falls asleep before it, and so
 * before FUTEX_WAKE, which comes after it.
 *
 * The bell is written by all who wake.  There is one for all words: who sleeps on another
 * one looks once more than needed.
 */
#ifndef MK_SRC_BELL_H
#define MK_SRC_BELL_H

#include "backing.h"

/* Where it is: the first word of this memory of its backing's, in the cq's stead. */
#define MK_BELL_MEMORY MK_REGION_CQ
#define MK_BELL_BYTES  4u

/* Sleep while @word, which is anywhere, has @value, until the bell, or for @timeout_ns. */
void mk_bell_sleep(struct mk_backing *backing, const void *word, uint32_t value,
		   uint64_t timeout_ns);

/* After a store to any word. */
void mk_bell_ring(struct mk_backing *backing);

#endif /* MK_SRC_BELL_H */

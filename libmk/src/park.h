/* SPDX-License-Identifier: MIT */
/*
 * Parking: an engine with nothing to do sleeps on a word in the cq, and who gives it
 * something to do wakes it.
 *
 *   engine                              producer
 *   word = PARKED                       slot status = PUBLISHED
 *   full fence                          full fence
 *   look at every slot once more        look at the word
 *   sleep while word == PARKED          if PARKED: word = AWAKE, wake
 *
 * Of two stores each followed by a load of the other's word, at least one load
 * sees the other's store.  So either the engine finds the slot or the producer
 * finds the engine parked.  A producer that dies between its store and the wake
 * is the one case left, and therefore the engine never sleeps without a limit.  Nor
 * does everybody who stores SHUTDOWN wake it.
 */
#ifndef MK_SRC_PARK_H
#define MK_SRC_PARK_H

#include "context.h"

/* After a store that gives the engine work: fence, look, wake. */
void mk_park_wake(struct mk_context *context);

/* Say that the engine is about to sleep; then look once more, then sleep. */
void mk_park_announce(struct mk_context *context);
void mk_park_withdraw(struct mk_context *context);

/* False once somebody has woken the engine. */
bool mk_park_is_announced(struct mk_context *context);

/* Sleep until woken, or until @timeout_ns has passed. */
void mk_park_sleep(struct mk_context *context, uint64_t timeout_ns);

#endif /* MK_SRC_PARK_H */

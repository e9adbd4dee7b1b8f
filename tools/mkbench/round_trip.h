/* SPDX-License-Identifier: MIT */
#ifndef MKBENCH_ROUND_TRIP_H
#define MKBENCH_ROUND_TRIP_H

#include "bench.h"
#include "session.h"
#include "statistics.h"

/* round_trip() - publish one NOP and wait for it; 0 or a negative errno that was told */
int round_trip(struct mk_producer *producer, uint64_t *elapsed_ns);

/*
 * open_warm_producer() - a producer that may lease all windows, after round trips until the
 * engine has seen its first dispatches; 0 or a negative errno that was told
 */
int open_warm_producer(const struct session *session, struct mk_producer **producer);

/* measure_round_trips() - one after the other, for at most @limit_ns */
int measure_round_trips(struct mk_producer *producer, uint32_t samples, uint64_t limit_ns,
			const char *name, struct distribution *result);

/* wait_for() - wait for a ticket that must end DONE; 0 or a negative errno, told */
int wait_for(struct mk_producer *producer, const struct mk_ticket *ticket);

#endif /* MKBENCH_ROUND_TRIP_H */

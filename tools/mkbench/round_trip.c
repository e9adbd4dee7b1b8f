// SPDX-License-Identifier: MIT
/* One operation at a time: from its publish until its completion is seen. */
#include "round_trip.h"

#include <errno.h>
#include <stdio.h>

#include "sampling.h"

/* Enough for the engine's first dispatches; in the very first a driver compiles. */
#define WARM_UP_TRIPS	    2000
#define WARM_UP_LIMIT_NS    (NS_PER_SECOND / 5)
#define TRIPS_BETWEEN_LOOKS 256
/* So long may that take on a machine with other work. */
#define COMPILER_PATIENCE_NS (120 * NS_PER_SECOND)

static int wait_until(struct mk_producer *producer, const struct mk_ticket *ticket,
		      uint64_t patience_ns)
{
	int result = mk_producer_wait(producer, ticket, patience_ns);

	if (result < 0)
		return complain("wait", result);
	if (result > 0) {
		fprintf(stderr, "mkbench: slot %u ended with fault %d, expected DONE\n",
			ticket->slot, result);
		return -EIO;
	}
	return 0;
}

int wait_for(struct mk_producer *producer, const struct mk_ticket *ticket)
{
	return wait_until(producer, ticket, PATIENCE_NS);
}

static int trip_within(struct mk_producer *producer, uint64_t patience_ns,
		       uint64_t *elapsed_ns)
{
	static const struct mk_item nop = { .opcode = MK_OP_NOP };
	struct mk_ticket ticket;
	uint64_t start = now_ns();
	int error;

	error = mk_producer_publish(producer, &nop, PATIENCE_NS, &ticket);
	if (error)
		return complain("publish", error);
	error = wait_until(producer, &ticket, patience_ns);
	*elapsed_ns = now_ns() - start;
	return error;
}

int round_trip(struct mk_producer *producer, uint64_t *elapsed_ns)
{
	return trip_within(producer, PATIENCE_NS, elapsed_ns);
}

static int warm_up(struct mk_producer *producer)
{
	uint64_t elapsed_ns, begin;
	int error = trip_within(producer, COMPILER_PATIENCE_NS, &elapsed_ns);

	begin = now_ns();
	for (int trip = 1; trip < WARM_UP_TRIPS && !error && !interrupted() &&
			   now_ns() - begin < WARM_UP_LIMIT_NS;
	     trip++)
		error = round_trip(producer, &elapsed_ns);
	return interrupted() ? -EINTR : error;
}

int open_warm_producer(const struct session *session, struct mk_producer **producer)
{
	int error = session_producer(session, UINT32_MAX, producer);

	if (error)
		return error;
	error = warm_up(*producer);
	if (error)
		mk_producer_close(*producer);
	return error;
}

static int take_trip(void *argument, uint64_t *elapsed_ns)
{
	return round_trip(argument, elapsed_ns);
}

int measure_round_trips(struct mk_producer *producer, uint32_t samples, uint64_t limit_ns,
			const char *name, struct distribution *result)
{
	const struct sampling sampling = {
		.name = name,
		.samples = samples,
		.between_looks = TRIPS_BETWEEN_LOOKS,
		.limit_ns = limit_ns,
		.take = take_trip,
		.argument = producer,
	};

	return take_samples(&sampling, result);
}

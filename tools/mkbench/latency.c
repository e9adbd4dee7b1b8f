// SPDX-License-Identifier: MIT
/* One operation at a time: from its publish until its completion is seen. */
#include <errno.h>
#include <stdio.h>

#include "bench.h"
#include "progress.h"

/* Enough for the engine's first dispatches, in which a driver still compiles. */
#define WARM_UP_TRIPS	    2000
#define TRIPS_BETWEEN_LOOKS 1024

static int round_trip(struct mk_producer *producer, uint64_t *elapsed_ns)
{
	static const struct mk_item nop = { .opcode = MK_OP_NOP };
	struct mk_ticket ticket;
	uint64_t start = now_ns();
	int result;

	result = mk_producer_publish(producer, &nop, PATIENCE_NS, &ticket);
	if (result)
		return complain("publish", result);
	result = mk_producer_wait(producer, &ticket, PATIENCE_NS);
	*elapsed_ns = now_ns() - start;
	if (result < 0)
		return complain("wait", result);
	if (result > 0) {
		fprintf(stderr, "mkbench: a NOP ended with fault %d, expected DONE\n",
			result);
		return -EIO;
	}
	return 0;
}

int measure_round_trip(struct mk_producer *producer, uint32_t samples,
		       struct distribution *result)
{
	struct sampler sampler;
	uint64_t elapsed_ns, begin;
	int error = 0;

	if (sampler_init(&sampler, samples))
		return complain("memory for the samples", -ENOMEM);
	for (int trip = 0; trip < WARM_UP_TRIPS && !error && !interrupted(); trip++)
		error = round_trip(producer, &elapsed_ns);

	begin = now_ns();
	while (!error && sampler.count < samples) {
		if (sampler.count % TRIPS_BETWEEN_LOOKS == 0) {
			progress_show("round trips", (double)sampler.count / samples);
			if (interrupted())
				error = -EINTR;
			if (now_ns() - begin > STAGE_LIMIT_NS && sampler.count)
				break;
		}
		if (!error)
			error = round_trip(producer, &elapsed_ns);
		if (!error)
			sampler_add(&sampler, elapsed_ns);
	}
	progress_end();
	sampler_finish(&sampler, result);
	return error;
}

// SPDX-License-Identifier: MIT
/* As many operations as go through, from one thread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "progress.h"

/* A publish of many is atomic for nobody; this only amortises the calls. */
#define CHUNK_SLOTS	     256
#define CHUNKS_BETWEEN_LOOKS 256

/* Publishes one chunk, and notes which use of each slot was its last. */
static int publish_chunk(struct mk_producer *producer, struct mk_ticket *last_uses,
			 uint64_t *published)
{
	static const struct mk_item nops[CHUNK_SLOTS]; /* opcode 0 is NOP */
	struct mk_ticket tickets[CHUNK_SLOTS];
	int64_t count;

	_Static_assert(MK_OP_NOP == 0, "a zeroed item is a NOP");
	count = mk_producer_publish_many(producer, nops, CHUNK_SLOTS, PATIENCE_NS,
					 tickets);
	if (count < 0)
		return complain("publish", (int)count);
	for (int64_t i = 0; i < count; i++)
		last_uses[tickets[i].slot] = tickets[i];
	*published += (uint64_t)count;
	return 0;
}

/* A slot's last use ends after its earlier ones, so these are all that count. */
static int wait_for_last_uses(struct mk_producer *producer,
			      const struct mk_ticket *last_uses, uint32_t slots)
{
	for (uint32_t slot = 0; slot < slots; slot++) {
		int result = 0;

		if (last_uses[slot].count)
			result =
				mk_producer_wait(producer, &last_uses[slot], PATIENCE_NS);
		if (result < 0)
			return complain("wait", result);
		if (result > 0) {
			fprintf(stderr,
				"mkbench: slot %u ended with fault %d, expected DONE\n",
				slot, result);
			return -EIO;
		}
	}
	return 0;
}

int measure_stream(struct mk_context *context, struct mk_producer *producer,
		   double seconds, struct bench_results *results)
{
	uint32_t slots = mk_context_geometry(context)->slots;
	uint64_t duration_ns = (uint64_t)(seconds * (double)NS_PER_SECOND);
	struct mk_ticket *last_uses = calloc(slots, sizeof(*last_uses));
	uint64_t published = 0, begin, elapsed = 0;
	int error = 0;

	if (!last_uses)
		return complain("memory for the tickets", -ENOMEM);
	begin = now_ns();
	for (uint64_t chunk = 0; !error && elapsed < duration_ns; chunk++) {
		error = publish_chunk(producer, last_uses, &published);
		elapsed = now_ns() - begin;
		if (chunk % CHUNKS_BETWEEN_LOOKS == 0)
			progress_show("streaming", (double)elapsed / (double)duration_ns);
		if (interrupted())
			error = -EINTR;
	}
	if (!error)
		error = wait_for_last_uses(producer, last_uses, slots);
	results->streamed_ns = now_ns() - begin;
	results->streamed_slots = published;
	progress_end();
	free(last_uses);
	return error;
}

/* SPDX-License-Identifier: MIT */
/*
 * What the pump has answered while a trace was recorded, for requests that ask the same.
 * The device may ask in another order, and in other io slots.
 */
#ifndef MKINSPECT_REPLAY_ANSWERS_H
#define MKINSPECT_REPLAY_ANSWERS_H

#include <stdbool.h>

#include <mk/trace.h>

/* A piece of what came to the arena; the trace's. */
struct answer_data {
	const struct mk_trace_data *data;
	struct answer_data *next;
};

struct answer {
	struct mk_trace_io io;
	struct answer_data *data;
	struct answer *next; /* later ones */
};

struct answers {
	struct answer *first;
	struct answer *last;
	struct answer_data **gathered; /* by io slot: of the next answer there */
	uint32_t io_slots;
};

/* -ENOMEM, which was told, these. */
int answers_init(struct answers *answers, uint32_t io_slots);
int answers_add_data(struct answers *answers, const struct mk_trace_data *data);
int answers_add(struct answers *answers, const struct mk_trace_io *io);

/* The oldest answer to such a request, the caller's now; NULL: there is none (yet). */
struct answer *answers_take(struct answers *answers, const struct mk_io_request *request);
void answer_free(struct answer *answer);

bool answers_is_same(const struct mk_io_request *one, const struct mk_io_request *two);
void answers_free(struct answers *answers);

#endif /* MKINSPECT_REPLAY_ANSWERS_H */

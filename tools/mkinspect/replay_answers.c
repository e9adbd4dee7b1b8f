// SPDX-License-Identifier: MIT
#include "replay_answers.h"

#include <errno.h>
#include <stdlib.h>

#include "common/complain.h"

static int no_memory(void)
{
	return complain_of(-ENOMEM, "no memory is left for the answers in the trace");
}

int answers_init(struct answers *answers, uint32_t io_slots)
{
	*answers = (struct answers){ .io_slots = io_slots };
	answers->gathered = calloc(io_slots, sizeof(struct answer_data *));
	return answers->gathered ? 0 : no_memory();
}

int answers_add_data(struct answers *answers, const struct mk_trace_data *data)
{
	struct answer_data *piece = malloc(sizeof(*piece));

	if (!piece)
		return no_memory();
	/* They lie in different places, so their order does not matter. */
	*piece = (struct answer_data){ data, answers->gathered[data->slot] };
	answers->gathered[data->slot] = piece;
	return 0;
}

int answers_add(struct answers *answers, const struct mk_trace_io *io)
{
	struct answer *answer = malloc(sizeof(*answer));

	if (!answer)
		return no_memory();
	*answer =
		(struct answer){ .io = *io, .data = answers->gathered[io->request.slot] };
	answers->gathered[io->request.slot] = NULL;
	if (answers->last)
		answers->last->next = answer;
	else
		answers->first = answer;
	answers->last = answer;
	return 0;
}

bool answers_is_same(const struct mk_io_request *one, const struct mk_io_request *two)
{
	return one->op == two->op && one->source == two->source &&
	       one->destination == two->destination && one->offset == two->offset &&
	       one->byte_count == two->byte_count && one->tag == two->tag;
}

struct answer *answers_take(struct answers *answers, const struct mk_io_request *request)
{
	struct answer *before = NULL;
	struct answer *answer = answers->first;

	while (answer && !answers_is_same(&answer->io.request, request)) {
		before = answer;
		answer = answer->next;
	}
	if (!answer)
		return NULL;
	if (before)
		before->next = answer->next;
	else
		answers->first = answer->next;
	if (answers->last == answer)
		answers->last = before;
	answer->next = NULL;
	return answer;
}

static void free_data(struct answer_data *piece)
{
	while (piece) {
		struct answer_data *next = piece->next;

		free(piece);
		piece = next;
	}
}

void answer_free(struct answer *answer)
{
	free_data(answer->data);
	free(answer);
}

void answers_free(struct answers *answers)
{
	while (answers->first) {
		struct answer *next = answers->first->next;

		answer_free(answers->first);
		answers->first = next;
	}
	for (uint32_t i = 0; answers->gathered && i < answers->io_slots; i++)
		free_data(answers->gathered[i]);
	free(answers->gathered);
}

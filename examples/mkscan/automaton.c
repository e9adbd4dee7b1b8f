// SPDX-License-Identifier: MIT
#define _GNU_SOURCE /* reallocarray */
#include "automaton.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "scan_layout.h"

#define ROOT	    0u
#define BYTE_VALUES 256u

/* A branching state deeper down becomes dense from this many children on; below,
 * it is a chain of sparse states, one for each child.
 */
#define DENSE_CHILDREN 5u

struct automaton_state {
	uint32_t first_child; /* children are numbered consecutively */
	uint32_t fail;	      /* the state of the longest suffix that has one */
	uint32_t output;      /* the longest pattern that ends here, AUTOMATON_NONE */
	uint32_t row;	      /* AUTOMATON_NONE when sparse */
	uint32_t word;	      /* where it is encoded */
	uint16_t children;
	uint8_t byte; /* that leads here from the parent */
};

/* The patterns that begin with what a state stands for. */
struct range {
	uint32_t first;
	uint32_t end;
};

struct level {
	struct range *ranges; /* of consecutive states */
	uint32_t count;
};

static bool dense(const struct automaton_state *state)
{
	return state->row != AUTOMATON_NONE;
}

/* Words before a state's first one, see scan_layout.h. */
static uint32_t words_before(const struct automaton_state *state)
{
	return state->output != AUTOMATON_NONE;
}

static uint32_t words_of(const struct automaton_state *state)
{
	if (dense(state))
		return SCAN_DENSE_WORDS;
	return SCAN_SPARSE_WORDS * (state->children ? state->children : 1);
}

/* Makes room for one more element. */
static void *grow(void *array, uint32_t count, uint32_t *capacity, size_t bytes)
{
	uint32_t more = *capacity ? *capacity * 2 : 256;

	if (count < *capacity)
		return array;
	array = reallocarray(array, more, bytes);
	if (array)
		*capacity = more;
	return array;
}

static int add_state(struct automaton *automaton, uint8_t byte, uint32_t fail)
{
	struct automaton_state *states;

	states = grow(automaton->states, automaton->state_count,
		      &automaton->state_capacity, sizeof(*states));
	if (!states)
		return -ENOMEM;
	automaton->states = states;
	states[automaton->state_count++] = (struct automaton_state){
		.fail = fail,
		.output = AUTOMATON_NONE,
		.row = AUTOMATON_NONE,
		.byte = byte,
	};
	return 0;
}

/* Where a byte leads.  All states up to the given one's depth must be complete. */
static uint32_t next_state(const struct automaton *automaton, uint32_t number,
			   uint8_t byte)
{
	for (;;) {
		const struct automaton_state *state = &automaton->states[number];

		if (dense(state))
			return automaton->rows[state->row * BYTE_VALUES + byte];
		for (uint32_t i = 0; i < state->children; i++) {
			if (automaton->states[state->first_child + i].byte == byte)
				return state->first_child + i;
		}
		number = state->fail;
	}
}

/* The row of a dense state: what it and then its fails know, the nearest first. */
static int add_row(struct automaton *automaton, uint32_t number)
{
	bool known[BYTE_VALUES] = { false };
	uint32_t *rows, *row;

	rows = grow(automaton->rows, automaton->row_count, &automaton->row_capacity,
		    BYTE_VALUES * sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	automaton->rows = rows;
	row = &rows[automaton->row_count * BYTE_VALUES];

	for (uint32_t at = number;; at = automaton->states[at].fail) {
		const struct automaton_state *state = &automaton->states[at];

		for (uint32_t i = 0; i < state->children; i++) {
			uint32_t child = state->first_child + i;
			uint8_t byte = automaton->states[child].byte;

			if (!known[byte])
				row[byte] = child;
			known[byte] = true;
		}
		if (at != ROOT && !dense(state))
			continue;
		for (uint32_t byte = 0; byte < BYTE_VALUES; byte++) {
			if (!known[byte])
				row[byte] = at == ROOT ?
						    ROOT :
						    rows[state->row * BYTE_VALUES + byte];
		}
		break;
	}
	automaton->states[number].row = automaton->row_count++;
	return 0;
}

/* Sets the outputs of a state and passes over the pattern that ends there. */
static void set_output(struct automaton *automaton, uint32_t number, uint32_t depth,
		       struct range *range)
{
	struct automaton_state *state = &automaton->states[number];

	if (number == ROOT)
		return;
	state->output = automaton->states[state->fail].output;
	/* A prefix is sorted before what it is a prefix of. */
	if (automaton->patterns[range->first].length == depth) {
		automaton->suffix[range->first] = state->output;
		state->output = range->first++;
	}
}

static int add_children(struct automaton *automaton, uint32_t number, uint32_t depth,
			struct range range, struct level *next)
{
	const struct byte_string *patterns = automaton->patterns;
	int error = 0;

	automaton->states[number].first_child = automaton->state_count;
	while (!error && range.first < range.end) {
		struct range child = { range.first, range.first };
		uint8_t byte = patterns[range.first].bytes[depth];
		uint32_t fail = ROOT;

		while (child.end < range.end && patterns[child.end].bytes[depth] == byte)
			child.end++;
		if (number != ROOT)
			fail = next_state(automaton, automaton->states[number].fail,
					  byte);
		error = add_state(automaton, byte, fail);
		automaton->states[number].children++;
		next->ranges[next->count++] = child;
		range.first = child.end;
	}
	return error;
}

static int complete_state(struct automaton *automaton, uint32_t number, uint32_t depth,
			  struct range range, struct level *next)
{
	const struct automaton_state *state;
	int error;

	set_output(automaton, number, depth, &range);
	error = add_children(automaton, number, depth, range, next);
	if (error)
		return error;
	state = &automaton->states[number];
	if (number < automaton->dense_states || number == ROOT ||
	    state->children >= DENSE_CHILDREN)
		error = add_row(automaton, number);
	automaton->words += words_before(state) + words_of(state);
	return error;
}

/* Breadth first, because a state is made from its fail, which is less deep. */
static int build_levels(struct automaton *automaton, struct level *level,
			struct level *next, uint64_t words_max)
{
	uint32_t number = ROOT;
	int error = add_state(automaton, 0, ROOT);

	level->ranges[0] = (struct range){ 0, automaton->pattern_count };
	level->count = 1;
	for (uint32_t depth = 0; !error && level->count; depth++) {
		struct range *ranges = level->ranges;

		next->count = 0;
		for (uint32_t i = 0; !error && i < level->count; i++) {
			error = complete_state(automaton, number++, depth, ranges[i],
					       next);
			if (!error && automaton->words > words_max)
				error = -E2BIG;
		}
		*level = *next;
		next->ranges = ranges;
	}
	return error;
}

int automaton_build(struct automaton *automaton, const struct byte_string *patterns,
		    uint32_t pattern_count, uint32_t dense_states, uint64_t words_max)
{
	struct level level, next;
	int error = -ENOMEM;

	*automaton = (struct automaton){
		.patterns = patterns,
		.pattern_count = pattern_count,
		.dense_states = dense_states,
		.suffix = calloc(pattern_count, sizeof(*automaton->suffix)),
	};
	/* No level has more states than there are patterns. */
	level.ranges = calloc(pattern_count, sizeof(*level.ranges));
	next.ranges = calloc(pattern_count, sizeof(*next.ranges));
	if (automaton->suffix && level.ranges && next.ranges)
		error = build_levels(automaton, &level, &next, words_max);
	free(level.ranges);
	free(next.ranges);
	return error;
}

static uint32_t reference(const struct automaton *automaton, uint32_t number)
{
	const struct automaton_state *state = &automaton->states[number];

	return state->word | (dense(state) ? 0 : SCAN_REF_SPARSE) |
	       (state->output == AUTOMATON_NONE ? 0 : SCAN_REF_OUTPUT);
}

/* Whether all of a state's bytes are among those of another. */
static bool judges_no_more(const struct automaton *automaton, uint32_t number,
			   uint32_t than)
{
	const struct automaton_state *state = &automaton->states[number];
	const struct automaton_state *other = &automaton->states[than];

	if (dense(state))
		return false;
	for (uint32_t i = 0, j = 0; i < state->children; i++) {
		uint8_t byte = automaton->states[state->first_child + i].byte;

		while (j < other->children &&
		       automaton->states[other->first_child + j].byte < byte)
			j++;
		if (j == other->children ||
		    automaton->states[other->first_child + j].byte != byte)
			return false;
	}
	return true;
}

/* Makes each sparse state fail to one that knows a byte that it does not know
 * itself; without it a scan could fail through thousands of states that can but
 * say no again.  The builder is done, and the fails it needed are overwritten.
 */
static void shorten_fails(struct automaton *automaton)
{
	for (uint32_t number = 1; number < automaton->state_count; number++) {
		struct automaton_state *state = &automaton->states[number];

		while (!dense(state) && judges_no_more(automaton, state->fail, number))
			state->fail = automaton->states[state->fail].fail;
	}
}

static void encode_sparse(uint32_t *words, uint8_t byte, uint32_t child, uint32_t fail)
{
	words[0] = (fail & ~SCAN_REF_OUTPUT) | (byte & 0xfu) << SCAN_BYTE_SHIFT;
	words[1] = child | (uint32_t)(byte >> 4) << SCAN_BYTE_SHIFT;
}

static void encode_state(const struct automaton *automaton, uint32_t number,
			 uint32_t *words)
{
	const struct automaton_state *state = &automaton->states[number];
	uint32_t fail = reference(automaton, state->fail);
	uint32_t word = state->word;

	if (state->output != AUTOMATON_NONE)
		words[word - 1] = state->output;
	if (dense(state)) {
		const uint32_t *row = &automaton->rows[state->row * BYTE_VALUES];

		for (uint32_t byte = 0; byte < BYTE_VALUES; byte++)
			words[word + byte] = reference(automaton, row[byte]);
		return;
	}
	/* A leaf knows no byte; any one will do, if it leads where the fail would. */
	if (state->children == 0)
		encode_sparse(&words[word], 0,
			      reference(automaton, next_state(automaton, state->fail, 0)),
			      fail);
	for (uint32_t i = 0; i < state->children; i++, word += SCAN_SPARSE_WORDS) {
		uint32_t child = state->first_child + i;
		uint32_t other = word + SCAN_SPARSE_WORDS;

		encode_sparse(&words[word], automaton->states[child].byte,
			      reference(automaton, child),
			      i + 1u < state->children ? other | SCAN_REF_SPARSE : fail);
	}
}

void automaton_encode(struct automaton *automaton, uint32_t *words)
{
	uint32_t word = SCAN_ROOT;

	for (uint32_t number = 0; number < automaton->state_count; number++) {
		struct automaton_state *state = &automaton->states[number];

		word += words_before(state);
		state->word = word;
		word += words_of(state);
	}
	shorten_fails(automaton);
	for (uint32_t number = 0; number < automaton->state_count; number++)
		encode_state(automaton, number, words);
}

void automaton_forget_states(struct automaton *automaton)
{
	free(automaton->states);
	free(automaton->rows);
	automaton->states = NULL;
	automaton->rows = NULL;
}

/* A pattern's suffix is shorter than it, so the longest patterns go first. */
int automaton_propagate(const struct automaton *automaton, uint64_t *counts)
{
	uint32_t *order = calloc(automaton->pattern_count, sizeof(*order));
	uint32_t begin[PATTERN_BYTES_MAX + 2] = { 0 };

	if (!order)
		return -ENOMEM;
	/* A counting sort by falling length. */
	for (uint32_t i = 0; i < automaton->pattern_count; i++)
		begin[PATTERN_BYTES_MAX - automaton->patterns[i].length + 1]++;
	for (uint32_t i = 1; i < PATTERN_BYTES_MAX + 2; i++)
		begin[i] += begin[i - 1];
	for (uint32_t i = 0; i < automaton->pattern_count; i++)
		order[begin[PATTERN_BYTES_MAX - automaton->patterns[i].length]++] = i;
	for (uint32_t i = 0; i < automaton->pattern_count; i++) {
		uint32_t suffix = automaton->suffix[order[i]];

		if (suffix != AUTOMATON_NONE)
			counts[suffix] += counts[order[i]];
	}
	free(order);
	return 0;
}

void automaton_free(struct automaton *automaton)
{
	automaton_forget_states(automaton);
	free(automaton->suffix);
	*automaton = (struct automaton){ 0 };
}

/* SPDX-License-Identifier: MIT */
/*
 * The Aho-Corasick automaton of a set of byte strings, in the form that the scan
 * opcode runs (scan_layout.h).
 *
 * The scanner counts each position once, at the longest pattern that ends there.
 * All other patterns that end there too are suffixes of it, and each pattern
 * knows its longest suffix that is a pattern: automaton_propagate() adds the
 * counts up along these links.
 */
#ifndef AUTOMATON_H
#define AUTOMATON_H

#include <stddef.h>
#include <stdint.h>

#include "patterns.h"

/*
 * States that are dense even if few bytes lead on from them: the first ones, which
 * are the shallowest, and in which a scan spends nearly all of its time.  Dense
 * states are fast to scan with and take 1 KiB each.
 */
#define AUTOMATON_DENSE_STATES 16384u

struct automaton_state;

struct automaton {
	const struct byte_string *patterns;
	uint32_t pattern_count;
	uint32_t dense_states;

	struct automaton_state *states; /* in the order of their depth */
	uint32_t state_count;
	uint32_t state_capacity;
	uint32_t *rows; /* of each dense state: the 256 states that follow */
	uint32_t row_count;
	uint32_t row_capacity;
	uint32_t *suffix; /* of each pattern: its longest suffix, AUTOMATON_NONE */
	uint64_t words;	  /* of the encoded automaton */
};

#define AUTOMATON_NONE UINT32_MAX

/**
 * automaton_build() - build the automaton of some patterns
 * @patterns: sorted and without duplicates; must outlive the automaton
 * @pattern_count: at least one
 * @dense_states: AUTOMATON_DENSE_STATES, or fewer for a smaller automaton
 * @words_max: what the encoded automaton may take
 *
 * Return: 0, -E2BIG when it needs more than @words_max, -ENOMEM; in each case the
 * automaton wants automaton_free().
 */
int automaton_build(struct automaton *automaton, const struct byte_string *patterns,
		    uint32_t pattern_count, uint32_t dense_states, uint64_t words_max);

/* Writes automaton->words words, to be scanned with from the arena's start. */
void automaton_encode(struct automaton *automaton, uint32_t *words);

/* Frees what only automaton_encode() needs, which is most of it. */
void automaton_forget_states(struct automaton *automaton);

/* Turns counts of longest matches, one for each pattern, into counts of all. */
int automaton_propagate(const struct automaton *automaton, uint64_t *counts);

void automaton_free(struct automaton *automaton);

#endif /* AUTOMATON_H */

/* SPDX-License-Identifier: MIT */
/* What a replay has found, gathered and told. */
#ifndef MKINSPECT_REPLAY_RESULT_H
#define MKINSPECT_REPLAY_RESULT_H

#include <stdbool.h>
#include <stdint.h>

/* Those that are told one by one; all are counted. */
#define DIFFERENCES_TOLD 16

enum difference_kind {
	DIFFERENT_OBSERVABLE,
	DIFFERENT_ARENA,
	DIFFERENT_EPOCH,
	DIFFERENT_COMPLETION,
};

struct difference {
	enum difference_kind kind;
	bool at_end;	/* not at an epoch */
	uint32_t epoch; /* since the trace's beginning */
	uint64_t index; /* observable, word of the arena, or slot */
	uint64_t expected;
	uint64_t had;
};

struct replay_result {
	const char *engine;
	uint64_t published;
	uint64_t completed;
	uint64_t requests;
	uint64_t ingests;
	uint32_t epochs;	   /* compared */
	uint32_t epochs_unsettled; /* not compared, since work was in flight */
	uint64_t observables;	   /* words compared at the end */
	uint64_t arena_words;
	uint32_t unfinished; /* slots that had not ended when the recording did */
	bool has_end;	     /* the trace says what memory was at the end */
	uint64_t ns;
	uint64_t differences;
	struct difference told[DIFFERENCES_TOLD];
};

void result_add(struct replay_result *result, const struct difference *difference);
/* Print it; 0, or EXIT_DIFFERENT. */
int result_print(const struct replay_result *result, bool as_json);

#endif /* MKINSPECT_REPLAY_RESULT_H */

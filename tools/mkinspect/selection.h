/* SPDX-License-Identifier: MIT */
/* Which elements of an object are asked for. */
#ifndef MKINSPECT_SELECTION_H
#define MKINSPECT_SELECTION_H

#include <stdbool.h>
#include <stdint.h>

#define RANGES_LIMIT 16

struct range {
	uint32_t first;
	uint32_t last;
};

struct choice {
	bool is_given;
	uint32_t value;
};

struct selection {
	struct range ranges[RANGES_LIMIT];
	uint32_t range_count; /* 0: all */
	struct choice status;
	struct choice opcode;
	struct choice tenant;
	struct choice priority;
	bool all;
};

static inline bool choice_allows(const struct choice *choice, uint32_t value)
{
	return !choice->is_given || choice->value == value;
}

/* Whether @index is asked for. */
static inline bool selection_has(const struct selection *selection, uint32_t index)
{
	for (uint32_t i = 0; i < selection->range_count; i++)
		if (index >= selection->ranges[i].first &&
		    index <= selection->ranges[i].last)
			return true;
	return !selection->range_count;
}

/* Whether what is empty is wanted too. */
static inline bool selection_has_empty(const struct selection *selection)
{
	return selection->all || selection->range_count || selection->status.is_given;
}

#endif /* MKINSPECT_SELECTION_H */

/* SPDX-License-Identifier: MIT */
/*
 * Since when each slot has been in its present use and status, as far as looks show it:
 * it was so in all looks since, and may have been before the first.
 */
#ifndef MKINSPECT_AGES_H
#define MKINSPECT_AGES_H

#include "view.h"

struct ages {
	struct age *slots; /* NULL: there was no look */
	uint32_t count;
};

struct oldest {
	bool is_found;
	bool is_at_least; /* it was so at the first look already */
	uint32_t slot;
	uint64_t age_ns;
};

/* Take a look into account; -ENOMEM, which was told. */
int ages_note(struct ages *ages, const struct view *view);
/* The slot in flight, as in @view, that has been so the longest. */
void ages_oldest(const struct ages *ages, const struct view *view, struct oldest *oldest);
void ages_free(struct ages *ages);

#endif /* MKINSPECT_AGES_H */

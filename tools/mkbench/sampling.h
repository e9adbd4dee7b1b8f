/* SPDX-License-Identifier: MIT */
#ifndef MKBENCH_SAMPLING_H
#define MKBENCH_SAMPLING_H

#include "statistics.h"

struct sampling {
	const char *name;	/* for the progress */
	uint32_t samples;	/* at most */
	uint32_t warm_up;	/* taken before, and left out */
	uint32_t between_looks; /* at the clock, and for the user's signals */
	uint64_t limit_ns;	/* ends it early, with the samples that there are */
	int (*take)(void *argument, uint64_t *elapsed_ns);
	void *argument;
};

/* take_samples() - 0; a negative errno that was told, from @take too; -EINTR */
int take_samples(const struct sampling *sampling, struct distribution *result);

#endif /* MKBENCH_SAMPLING_H */

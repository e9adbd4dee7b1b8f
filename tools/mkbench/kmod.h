/* SPDX-License-Identifier: MIT */
/* What a context's memory costs, by where it comes from. */
#ifndef MKBENCH_KMOD_H
#define MKBENCH_KMOD_H

#include <stdint.h>

#include "statistics.h"

enum kmod_way {
	KMOD_WAY_MK,
	KMOD_WAY_UDMABUF,
	KMOD_WAY_MEMFD,
	KMOD_WAYS,
};

enum kmod_phase {
	KMOD_CREATE,
	KMOD_EXPORT,
	KMOD_TOUCH, /* and map */
	KMOD_TEARDOWN,
	KMOD_PHASES,
};

struct kmod_costs {
	struct distribution phases[KMOD_PHASES];
	struct distribution ready; /* all but the teardown */
};

struct kmod_results {
	uint32_t memories;
	uint64_t bytes;			   /* of all of them */
	struct kmod_costs ways[KMOD_WAYS]; /* no samples: this machine has no such way */
};

/* 0, or a negative errno that was told. */
int report_kmod_json(const struct kmod_results *results);
int report_kmod_table(const struct kmod_results *results);

#endif /* MKBENCH_KMOD_H */

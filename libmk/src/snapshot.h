/* SPDX-License-Identifier: MIT */
/* The inside of a snapshot, which is taken in snapshot.c or read in snapshot_read.c. */
#ifndef MK_SRC_SNAPSHOT_H
#define MK_SRC_SNAPSHOT_H

#include <mk/snapshot.h>

#include "backing.h"

struct mk_snapshot {
	struct mk_snapshot_info info;
	uint32_t *words[MK_MEMORIES]; /* NULL: not in it */
	size_t counts[MK_MEMORIES];
	uint32_t *ring;	   /* with statuses; words[MK_REGION_RING] where that has them */
	uint32_t *changed; /* a bit for each slot of the ring */
};

struct mk_snapshot *mk_snapshot_new(void);

/* Words of the bits in changed. */
size_t mk_snapshot_changed_words(const struct mk_snapshot *snapshot);

/* Make the ring with statuses; -ENOMEM. */
int mk_snapshot_finish(struct mk_snapshot *snapshot);

#endif /* MK_SRC_SNAPSHOT_H */

/* SPDX-License-Identifier: MIT */
/* All contexts that can be seen on this machine, in an array that grows. */
#ifndef MKINSPECT_FOUND_H
#define MKINSPECT_FOUND_H

#include <stddef.h>
#include <stdint.h>

#include <mk/find.h>

struct found {
	struct mk_found_context *contexts;
	size_t count;
};

/*
 * @pid: of one process, or 0
 * @token: of one context, or 0
 *
 * -errno, which was told.
 */
int found_get(uint32_t pid, uint64_t token, struct found *found);
void found_free(struct found *found);

#endif /* MKINSPECT_FOUND_H */

/* SPDX-License-Identifier: MIT */
/* What sizes a context may have, and what follows from them. */
#ifndef MK_SRC_GEOMETRY_H
#define MK_SRC_GEOMETRY_H

#include <stddef.h>

#include <mk/context.h>

#include "backing.h"

/* Put the defaults where there is 0. */
void mk_geometry_fill(struct mk_geometry *geometry);

/* -EINVAL or -EOVERFLOW for what the format cannot express. */
int mk_geometry_check(const struct mk_geometry *geometry);

/* What follows is for geometries that passed the check. */

uint32_t mk_geometry_windows(const struct mk_geometry *geometry);

/* The bytes of every memory; 0 of one that there is not. */
void mk_geometry_sizes(const struct mk_geometry *geometry, size_t bytes[MK_MEMORIES]);

#endif /* MK_SRC_GEOMETRY_H */

/* SPDX-License-Identifier: MIT */
/* The verbs that look: show, dump, watch and diff. */
#ifndef MKINSPECT_LOOK_H
#define MKINSPECT_LOOK_H

#include "options.h"

/* 0 or a negative errno, which was told. */
int look_once(const struct object *object, const struct options *options);
int look_dump(const struct object *object, const struct options *options);
int look_diff(const struct object *object, const struct options *options);

/*
 * look_again() - watch, in lines: a report at each interval, until it was done often
 * enough, or a signal came
 */
int look_again(const struct object *object, const struct options *options);

#endif /* MKINSPECT_LOOK_H */

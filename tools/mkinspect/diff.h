/* SPDX-License-Identifier: MIT */
/* What is different between two reports of the same object. */
#ifndef MKINSPECT_DIFF_H
#define MKINSPECT_DIFF_H

#include "options.h"

struct json_object;

/*
 * Rows of an array belong together when their first members are the same.  0 or a
 * negative errno, which was told.
 */
int diff_report(const struct object *object, const struct options *options,
		struct json_object *from, struct json_object *to);

#endif /* MKINSPECT_DIFF_H */

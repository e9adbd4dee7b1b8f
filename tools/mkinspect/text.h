/* SPDX-License-Identifier: MIT */
/* Reports as text for people, from the same objects that are printed as JSON. */
#ifndef MKINSPECT_TEXT_H
#define MKINSPECT_TEXT_H

#include "object.h"

struct json_object;

/* What is no array first, each with its key, then @tables; 0 or -EIO. */
int text_print(struct json_object *report, const struct table *tables);

/* The rows alone, for what goes on without an end. */
int text_print_rows(struct json_object *report, const struct table *tables);

#endif /* MKINSPECT_TEXT_H */

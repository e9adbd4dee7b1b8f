/* SPDX-License-Identifier: MIT */
/* Pieces of reports that several objects have. */
#ifndef MKINSPECT_REPORT_H
#define MKINSPECT_REPORT_H

#include "options.h"
#include "source.h"

#define REPORT_SCHEMA 1

/* The head that every report has; @source NULL: it is of no context. */
void report_begin(struct json_output *json, const struct object *object, enum verb verb,
		  const struct source *source, const struct view *view);

/* The sizes of a context. */
void report_geometry(struct json_output *json, const struct mk_geometry *geometry);

/* A number, and with "_name" behind the key its name, or null. */
void report_named(struct json_output *json, const char *key, uint32_t value,
		  const char *name);
/* How much a second, since the look before; null where there was none. */
void report_rate(struct json_output *json, const char *key, const struct look *look,
		 uint64_t difference);
void report_words(struct json_output *json, const char *key, const uint32_t *words,
		  size_t count);

/*
 * Print what was built, in the form that was asked for, and free it; 0 or -errno, which
 * was told.
 */
int report_end(struct json_output *json, const struct object *object,
	       const struct options *options);

#endif /* MKINSPECT_REPORT_H */

/* SPDX-License-Identifier: MIT */
/*
 * Texts of debug records, as lines: a number and a format (<mk/log.h>) in quotes, such as
 *
 *   # what mkscan says
 *   0x10  "block %u has %u matches\n"
 *
 * Empty lines and what is behind a '#' count for nothing.  A user's file has them, and a
 * context's owner registers them so.
 */
#ifndef MK_TOOLS_FORMATS_H
#define MK_TOOLS_FORMATS_H

#include <stdio.h>

#include <mk/log.h>

struct formats {
	struct mk_log_format *formats;
	size_t count;
};

/* -errno, which was told with file and line; also when the system fails. */
int formats_read(const char *path, struct formats *formats);

/*
 * The same of an open file, which may be anybody's.  What is wrong with it, and @line with
 * the number of the line; NULL: nothing.  formats_free() gives back what was read, also
 * after an error.
 */
const char *formats_parse(FILE *stream, struct formats *formats, int *line);
void formats_free(struct formats *formats);

/* The format of @number; NULL: there is none. */
const char *formats_find(const struct formats *formats, uint32_t number);

#endif /* MK_TOOLS_FORMATS_H */

/* SPDX-License-Identifier: MIT */
/*
 * Texts of debug records, from a file: a line for each, of a number and a format in
 * quotes, such as
 *
 *   # what mkscan says
 *   0x10  "block %u has %u matches\n"
 *
 * A format has %u, %d, %x, %X, %o, %c and %%, with flags and a width as in C; each takes
 * the next of the record's three words.  Empty lines and what is behind a '#' count for
 * nothing.
 */
#ifndef MKINSPECT_FORMATS_H
#define MKINSPECT_FORMATS_H

#include <stddef.h>
#include <stdint.h>

#define FORMAT_ARGS 3

struct format;

struct formats {
	struct format *formats;
	size_t count;
};

/* -errno, which was told with file and line. */
int formats_read(const char *path, struct formats *formats);
void formats_free(struct formats *formats);

/* What the file says of @id; NULL: nothing. */
const char *formats_find(const struct formats *formats, uint32_t id);

/*
 * Fill @text, of @bytes, with @format and its words; longer ones are cut.  A format that
 * formats_check() refuses is printed as far as it is good.
 */
void formats_print(const char *format, const uint32_t args[FORMAT_ARGS], char *text,
		   size_t bytes);

/* What is wrong with a format; NULL: nothing. */
const char *formats_check(const char *format);

#endif /* MKINSPECT_FORMATS_H */

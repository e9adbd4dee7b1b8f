/* SPDX-License-Identifier: MIT */
/* The patterns that were asked for, in the order given, and the set they form. */
#ifndef PATTERNS_H
#define PATTERNS_H

#include <stddef.h>
#include <stdint.h>

#define PATTERN_BYTES_MAX 4096

struct byte_string {
	uint8_t *bytes;
	uint32_t length;
};

struct pattern_list {
	struct byte_string *given; /* in the order given; duplicates stay */
	size_t given_count;
	size_t given_capacity;

	/* What pattern_list_sort() adds: without duplicates, a prefix before what
	 * it is a prefix of.  The bytes are those of the list above.
	 */
	struct byte_string *sorted;
	size_t sorted_count;
	uint32_t *place; /* where in sorted each given pattern is */
	uint32_t longest;
};

/*
 * All print what is wrong to stderr, and then return a negative errno.
 * @origin is what to call the pattern's source in such a message.
 */
int pattern_list_add(struct pattern_list *list, const void *bytes, size_t length,
		     const char *origin);
/* One pattern a line; "-" is stdin. */
int pattern_list_add_file(struct pattern_list *list, const char *path);
int pattern_list_sort(struct pattern_list *list);
void pattern_list_free(struct pattern_list *list);

#endif /* PATTERNS_H */

// SPDX-License-Identifier: MIT
#define _GNU_SOURCE /* asprintf, qsort_r, reallocarray */
#include "patterns.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

static int out_of_memory(void)
{
	message("no memory is left for the patterns; give fewer");
	return -ENOMEM;
}

int pattern_list_add(struct pattern_list *list, const void *bytes, size_t length,
		     const char *origin)
{
	struct byte_string *pattern;

	if (length == 0 || length > PATTERN_BYTES_MAX) {
		message("%s: a pattern of %s; expected 1 to %d bytes: %s it", origin,
			length ? "more bytes than can be scanned for" : "no bytes",
			PATTERN_BYTES_MAX, length ? "shorten" : "remove");
		return -EINVAL;
	}
	if (list->given_count == list->given_capacity) {
		size_t capacity = list->given_capacity ? list->given_capacity * 2 : 64;
		struct byte_string *given;

		given = reallocarray(list->given, capacity, sizeof(*given));
		if (!given)
			return out_of_memory();
		list->given = given;
		list->given_capacity = capacity;
	}
	pattern = &list->given[list->given_count];
	pattern->bytes = malloc(length);
	if (!pattern->bytes)
		return out_of_memory();
	memcpy(pattern->bytes, bytes, length);
	pattern->length = length;
	list->given_count++;
	return 0;
}

/* Reads at most one byte more than a pattern may have, which is then refused. */
static size_t read_line(FILE *file, char *line, bool *end)
{
	size_t length = 0;
	int byte = EOF;

	while (length <= PATTERN_BYTES_MAX) {
		byte = getc_unlocked(file);
		if (byte == EOF || byte == '\n')
			break;
		line[length++] = byte;
	}
	*end = byte == EOF;
	return length;
}

static int add_lines(struct pattern_list *list, FILE *file, const char *name)
{
	char line[PATTERN_BYTES_MAX + 1];
	unsigned long number = 0;
	bool end = false;
	int error = 0;

	while (!error && !end) {
		size_t length = read_line(file, line, &end);
		char *origin;

		if (end && length == 0)
			break;
		if (asprintf(&origin, "%s:%lu", name, ++number) < 0)
			return out_of_memory();
		error = pattern_list_add(list, line, length, origin);
		free(origin);
	}
	if (!error && ferror(file)) {
		error = -errno;
		message("%s: cannot read the patterns: %s", name, strerror(-error));
	}
	return error;
}

int pattern_list_add_file(struct pattern_list *list, const char *path)
{
	FILE *file;
	int error;

	if (strcmp(path, "-") == 0)
		return add_lines(list, stdin, "standard input");
	file = fopen(path, "re");
	if (!file) {
		error = -errno;
		message("%s: cannot open the file of patterns: %s", path,
			strerror(-error));
		return error;
	}
	error = add_lines(list, file, path);
	fclose(file);
	return error;
}

static int compare(const struct byte_string *left, const struct byte_string *right)
{
	uint32_t shorter = left->length < right->length ? left->length : right->length;
	int order = memcmp(left->bytes, right->bytes, shorter);

	if (order)
		return order;
	return left->length < right->length ? -1 : left->length > right->length;
}

static int compare_given(const void *left, const void *right, void *argument)
{
	const struct byte_string *given = argument;

	return compare(&given[*(const uint32_t *)left], &given[*(const uint32_t *)right]);
}

int pattern_list_sort(struct pattern_list *list)
{
	uint32_t *order = calloc(list->given_count, sizeof(*order));

	list->sorted = calloc(list->given_count, sizeof(*list->sorted));
	list->place = calloc(list->given_count, sizeof(*list->place));
	if (!order || !list->sorted || !list->place) {
		free(order);
		return out_of_memory();
	}
	for (size_t i = 0; i < list->given_count; i++)
		order[i] = i;
	qsort_r(order, list->given_count, sizeof(*order), compare_given, list->given);

	list->sorted_count = 0;
	list->longest = 0;
	for (size_t i = 0; i < list->given_count; i++) {
		struct byte_string *pattern = &list->given[order[i]];
		size_t last = list->sorted_count - 1;

		if (list->sorted_count == 0 || compare(&list->sorted[last], pattern) != 0)
			list->sorted[list->sorted_count++] = *pattern;
		list->place[order[i]] = list->sorted_count - 1;
		if (pattern->length > list->longest)
			list->longest = pattern->length;
	}
	free(order);
	return 0;
}

void pattern_list_free(struct pattern_list *list)
{
	for (size_t i = 0; i < list->given_count; i++)
		free(list->given[i].bytes);
	free(list->given);
	free(list->sorted);
	free(list->place);
	memset(list, 0, sizeof(*list));
}

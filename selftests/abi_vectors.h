/* SPDX-License-Identifier: MIT */
/* What the two parts of the program abi_vectors share. */
#ifndef SELFTESTS_ABI_VECTORS_H
#define SELFTESTS_ABI_VECTORS_H

#include "vectors.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * A buffer at an odd address, so that code that takes words for aligned shows,
 * and of the exact size, so that a sanitizer sees the byte behind it.
 */
struct buffer {
	char *memory;
	char *bytes;
	size_t length;
};

/* A length that makes no sense lets the line fail and gives an empty buffer. */
struct buffer buffer_of_size(struct vectors *v, int64_t length);
void buffer_free(struct buffer *buffer);

/* "ok" of an object; the text of an error is part of the interface. */
void expect_ok(struct vectors *v, struct json_object *object, int64_t result);

/* The cases that are lists of operations on one buffer. */
void run_ring(struct vectors *v, struct json_object *line);
void run_io_queue(struct vectors *v, struct json_object *line);

#endif /* SELFTESTS_ABI_VECTORS_H */

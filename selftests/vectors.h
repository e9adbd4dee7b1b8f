/* SPDX-License-Identifier: MIT */
/*
 * Running a file of vectors: one JSON object a line, each a case that passes or
 * fails.  The getters are strict.  They record the first thing that is wrong with
 * a line and then return something harmless, so that a case reads top to bottom
 * and asks vectors_failed() only where going on would do harm.
 */
#ifndef SELFTESTS_VECTORS_H
#define SELFTESTS_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json.h>

struct vectors;

typedef void (*vectors_case)(struct vectors *v, struct json_object *line);

/*
 * Run the lines of the file, of each @every ones the first, print what failed and
 * "N passed, N failed".  Returns the program's exit status: 1 when any line failed or
 * there was none.
 */
int vectors_run(const char *path, size_t every, vectors_case run);

/* Let the current line fail; only its first failure is printed. */
void vectors_fail(struct vectors *v, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
bool vectors_failed(const struct vectors *v);

/* The object has exactly the fields named, of which the last is NULL. */
void vectors_fields(struct vectors *v, struct json_object *object, ...)
	__attribute__((sentinel));

bool vectors_bool(struct vectors *v, struct json_object *object, const char *name);
int64_t vectors_int(struct vectors *v, struct json_object *object, const char *name);
uint32_t vectors_u32(struct vectors *v, struct json_object *object, const char *name);
const char *vectors_string(struct vectors *v, struct json_object *object,
			   const char *name);
/* An array, never NULL, to be read with the functions below. */
struct json_object *vectors_array(struct vectors *v, struct json_object *object,
				  const char *name);
/* Bytes written in hex; belongs to the caller. */
void *vectors_hex(struct vectors *v, struct json_object *object, const char *name,
		  size_t *length);

/* Elements.  One that is missing or of another kind lets the line fail. */
bool vectors_bool_at(struct vectors *v, struct json_object *array, size_t index);
uint32_t vectors_u32_at(struct vectors *v, struct json_object *array, size_t index);
uint64_t vectors_u64_at(struct vectors *v, struct json_object *array, size_t index);
struct json_object *vectors_array_at(struct vectors *v, struct json_object *array,
				     size_t index);

void vectors_expect(struct vectors *v, const char *what, int64_t had, int64_t expected);
void vectors_expect_u64(struct vectors *v, const char *what, uint64_t had,
			uint64_t expected);
void vectors_expect_bytes(struct vectors *v, const char *what, const void *had,
			  size_t had_length, const void *expected,
			  size_t expected_length);
/* The field holds these bytes in hex. */
void vectors_expect_hex(struct vectors *v, struct json_object *object, const char *name,
			const void *had, size_t length);

/* malloc() that ends the program rather than fail, also good for 0 bytes. */
void *vectors_alloc(size_t bytes);

#endif /* SELFTESTS_VECTORS_H */

// SPDX-License-Identifier: MIT
#include "vectors.h"

#include <err.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct vectors {
	const char *path;
	size_t line;
	bool line_failed;
	size_t passed;
	size_t failed;
	struct json_object *no_array; /* stands in for an array that is missing */
};

void vectors_fail(struct vectors *v, const char *format, ...)
{
	va_list args;

	if (v->line_failed)
		return;
	v->line_failed = true;
	printf("%s:%zu: ", v->path, v->line);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

bool vectors_failed(const struct vectors *v)
{
	return v->line_failed;
}

void *vectors_alloc(size_t bytes)
{
	void *memory = malloc(bytes ? bytes : 1);

	if (!memory)
		err(EXIT_FAILURE, "%zu bytes", bytes);
	return memory;
}

/* Fields */

static bool is_named(const char *key, va_list names)
{
	const char *name;

	while ((name = va_arg(names, const char *))) {
		if (!strcmp(name, key))
			return true;
	}
	return false;
}

void vectors_fields(struct vectors *v, struct json_object *object, ...)
{
	const char *name;
	va_list names;

	va_start(names, object);
	while ((name = va_arg(names, const char *))) {
		if (!json_object_object_get_ex(object, name, NULL))
			vectors_fail(v, "field '%s' is missing", name);
	}
	va_end(names);
	if (!json_object_is_type(object, json_type_object))
		return;
	json_object_object_foreach(object, key, value)
	{
		(void)value;
		va_start(names, object);
		if (!is_named(key, names))
			vectors_fail(v, "field '%s' is unknown here", key);
		va_end(names);
	}
}

/* NULL, and a failed line, unless the value is of this type. */
static struct json_object *typed(struct vectors *v, struct json_object *value,
				 enum json_type type, const char *what)
{
	if (json_object_is_type(value, type))
		return value;
	vectors_fail(v, "'%s' is not of type %s", what, json_type_to_name(type));
	return NULL;
}

static struct json_object *field(struct vectors *v, struct json_object *object,
				 enum json_type type, const char *name)
{
	return typed(v, json_object_object_get(object, name), type, name);
}

static uint32_t to_u32(struct vectors *v, struct json_object *number)
{
	int64_t value = json_object_get_int64(number);

	if (value >= 0 && value <= UINT32_MAX)
		return value;
	vectors_fail(v, "%" PRId64 " does not fit 32 bits", value);
	return 0;
}

bool vectors_bool(struct vectors *v, struct json_object *object, const char *name)
{
	return json_object_get_boolean(field(v, object, json_type_boolean, name));
}

int64_t vectors_int(struct vectors *v, struct json_object *object, const char *name)
{
	return json_object_get_int64(field(v, object, json_type_int, name));
}

uint32_t vectors_u32(struct vectors *v, struct json_object *object, const char *name)
{
	return to_u32(v, field(v, object, json_type_int, name));
}

const char *vectors_string(struct vectors *v, struct json_object *object,
			   const char *name)
{
	struct json_object *string = field(v, object, json_type_string, name);

	return string ? json_object_get_string(string) : "";
}

struct json_object *vectors_array(struct vectors *v, struct json_object *object,
				  const char *name)
{
	struct json_object *array = field(v, object, json_type_array, name);

	return array ? array : v->no_array;
}

static int hex_digit(char digit)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = digit ? strchr(digits, digit) : NULL;

	return at ? at - digits : -1;
}

void *vectors_hex(struct vectors *v, struct json_object *object, const char *name,
		  size_t *length)
{
	const char *text = vectors_string(v, object, name);
	size_t digits = strlen(text);
	uint8_t *bytes = vectors_alloc(digits / 2);

	if (digits % 2)
		vectors_fail(v, "'%s' has an odd number of digits", name);
	*length = digits / 2;
	for (size_t i = 0; i < *length; i++) {
		int high = hex_digit(text[2 * i]);
		int low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			vectors_fail(v, "'%s' has no hex digit at byte %zu", name, i);
		bytes[i] = (high & 0xf) << 4 | (low & 0xf);
	}
	return bytes;
}

/* Elements */

static struct json_object *element(struct vectors *v, struct json_object *array,
				   enum json_type type, size_t index)
{
	return typed(v, json_object_array_get_idx(array, index), type, "array element");
}

bool vectors_bool_at(struct vectors *v, struct json_object *array, size_t index)
{
	return json_object_get_boolean(element(v, array, json_type_boolean, index));
}

uint32_t vectors_u32_at(struct vectors *v, struct json_object *array, size_t index)
{
	return to_u32(v, element(v, array, json_type_int, index));
}

uint64_t vectors_u64_at(struct vectors *v, struct json_object *array, size_t index)
{
	return json_object_get_uint64(element(v, array, json_type_int, index));
}

struct json_object *vectors_array_at(struct vectors *v, struct json_object *array,
				     size_t index)
{
	struct json_object *inner = element(v, array, json_type_array, index);

	return inner ? inner : v->no_array;
}

/* Expectations */

void vectors_expect(struct vectors *v, const char *what, int64_t had, int64_t expected)
{
	if (had != expected)
		vectors_fail(v, "%s: had %" PRId64 ", expected %" PRId64, what, had,
			     expected);
}

void vectors_expect_u64(struct vectors *v, const char *what, uint64_t had,
			uint64_t expected)
{
	if (had != expected)
		vectors_fail(v, "%s: had %" PRIu64 ", expected %" PRIu64, what, had,
			     expected);
}

void vectors_expect_bytes(struct vectors *v, const char *what, const void *had,
			  size_t had_length, const void *expected, size_t expected_length)
{
	const uint8_t *a = had;
	const uint8_t *b = expected;

	if (had_length != expected_length) {
		vectors_fail(v, "%s: had %zu bytes, expected %zu", what, had_length,
			     expected_length);
		return;
	}
	for (size_t i = 0; i < had_length; i++) {
		if (a[i] != b[i]) {
			vectors_fail(v, "%s: byte %zu (word %zu) had %02x, expected %02x",
				     what, i, i / 4, a[i], b[i]);
			return;
		}
	}
}

void vectors_expect_hex(struct vectors *v, struct json_object *object, const char *name,
			const void *had, size_t length)
{
	size_t expected_length;
	void *expected = vectors_hex(v, object, name, &expected_length);

	vectors_expect_bytes(v, name, had, length, expected, expected_length);
	free(expected);
}

/* Lines */

/* Returns the whole line as JSON, or NULL. */
static struct json_object *parse(const char *text, size_t length)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *line;

	if (!tokener)
		errx(EXIT_FAILURE, "no memory for a JSON parser");
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	line = json_tokener_parse_ex(tokener, text, length);
	if (json_tokener_get_error(tokener) != json_tokener_success ||
	    json_tokener_get_parse_end(tokener) != length) {
		json_object_put(line);
		line = NULL;
	}
	json_tokener_free(tokener);
	return line;
}

static void run_line(struct vectors *v, vectors_case run, char *text, size_t length)
{
	struct json_object *line;

	if (length && text[length - 1] == '\n')
		length--;
	v->line_failed = false;
	line = parse(text, length);
	if (json_object_is_type(line, json_type_object))
		run(v, line);
	else
		vectors_fail(v, "not one JSON object");
	json_object_put(line);
	if (v->line_failed)
		v->failed++;
	else
		v->passed++;
}

int vectors_run(const char *path, size_t every, vectors_case run)
{
	struct vectors v = { .path = path, .no_array = json_object_new_array() };
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t room = 0;
	ssize_t length;
	bool unreadable;

	if (!v.no_array)
		errx(EXIT_FAILURE, "no memory for an array");
	if (!file)
		err(EXIT_FAILURE, "%s", path);
	while ((length = getline(&text, &room, file)) >= 0)
		if (v.line++ % every == 0)
			run_line(&v, run, text, length);
	unreadable = ferror(file);
	if (unreadable)
		warn("%s", path);
	else if (!v.line)
		warnx("%s: no vectors in it", path);
	free(text);
	fclose(file);
	json_object_put(v.no_array);
	printf("%zu passed, %zu failed\n", v.passed, v.failed);
	return v.failed || !v.line || unreadable ? EXIT_FAILURE : EXIT_SUCCESS;
}

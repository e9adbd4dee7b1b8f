// SPDX-License-Identifier: MIT
/*
 * Reads what mkscan -j printed from stdin, checks its form, and prints it as mkscan
 * prints text, the patterns restored from their hex form.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

static void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("scan_json: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(1);
}

static struct json_object *member(struct json_object *object, const char *key,
				  enum json_type type)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value))
		fail("key %s is missing", key);
	if (json_object_get_type(value) != type)
		fail("key %s is a %s; expected a %s", key,
		     json_type_to_name(json_object_get_type(value)),
		     json_type_to_name(type));
	return value;
}

static struct json_object *parse(FILE *stream)
{
	enum json_tokener_error error = json_tokener_continue;
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *root = NULL;
	char buffer[65536];
	size_t got;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	while ((got = fread(buffer, 1, sizeof(buffer), stream)) > 0) {
		if (root && strspn(buffer, "\n") != got)
			fail("something follows the object");
		if (root)
			continue;
		root = json_tokener_parse_ex(tokener, buffer, got);
		error = json_tokener_get_error(tokener);
		if (!root && error != json_tokener_continue)
			fail("no JSON: %s", json_tokener_error_desc(error));
	}
	json_tokener_free(tokener);
	if (!root)
		fail("the object does not end");
	return root;
}

static size_t from_hex(const char *hex, uint8_t *bytes)
{
	size_t length = strlen(hex) / 2;

	for (size_t i = 0; i < length; i++) {
		unsigned int byte;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			fail("hex is '%s'", hex);
		bytes[i] = byte;
	}
	return length;
}

static void print_pattern(struct json_object *object)
{
	const char *hex = json_object_get_string(member(object, "hex", json_type_string));
	uint64_t count = json_object_get_uint64(member(object, "count", json_type_int));
	uint8_t *bytes = malloc(strlen(hex) + 1);
	size_t length = from_hex(hex, bytes);
	struct json_object *text;

	if (json_object_object_get_ex(object, "pattern", &text) &&
	    ((size_t)json_object_get_string_len(text) != length ||
	     memcmp(json_object_get_string(text), bytes, length) != 0))
		fail("pattern and hex differ: %s", hex);
	printf("%llu\t", (unsigned long long)count);
	fwrite(bytes, 1, length, stdout);
	putchar('\n');
	free(bytes);
}

int main(void)
{
	struct json_object *root = parse(stdin);
	struct json_object *patterns = member(root, "patterns", json_type_array);

	if (json_object_get_int(member(root, "schema_version", json_type_int)) != 1)
		fail("schema_version is not 1");
	member(root, "bytes", json_type_int);
	member(root, "files", json_type_int);
	member(root, "failed_files", json_type_array);
	member(root, "statistics", json_type_object);
	for (size_t i = 0; i < json_object_array_length(patterns); i++)
		print_pattern(json_object_array_get_idx(patterns, i));
	json_object_put(root);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* Results as a JSON object. */
#ifndef MK_TOOLS_JSON_OUTPUT_H
#define MK_TOOLS_JSON_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

struct json_object;

/* Out of memory shows at the end. */
struct json_output {
	struct json_object *whole;
	struct json_object *object; /* where keys go: the whole, or a row */
	struct json_object *rows;
	bool failed;
};

enum json_form {
	JSON_PRETTY, /* for an object that is all of the output */
	JSON_LINE,   /* for one of many, each on a line */
};

/* json_begin() - an object, first the schema's version */
void json_begin(struct json_output *json, uint64_t schema);
/* NULL is null. */
void json_text(struct json_output *json, const char *key, const char *text);
void json_flag(struct json_output *json, const char *key, bool flag);
void json_number(struct json_output *json, const char *key, uint64_t number);
/* With two digits behind the point. */
void json_decimal(struct json_output *json, const char *key, double value);
void json_null(struct json_output *json, const char *key);
/*
 * A list of objects: keys that follow a json_row() go into a new one, and after
 * json_end_rows() into the whole again.
 */
void json_begin_rows(struct json_output *json, const char *key);
void json_row(struct json_output *json);
void json_end_rows(struct json_output *json);
/* For values of other kinds; takes them, also when that fails. */
void json_add(struct json_output *json, const char *key, struct json_object *value);
void json_append(struct json_output *json, struct json_object *list,
		 struct json_object *value);
/*
 * json_end() - print the object on standard output and free it; 0, -ENOMEM when there was
 * no memory for all of it and nothing was printed, or -EIO
 */
int json_end(struct json_output *json, enum json_form form);

#endif /* MK_TOOLS_JSON_OUTPUT_H */

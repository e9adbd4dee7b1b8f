/* SPDX-License-Identifier: MIT */
/* The forms of results: a JSON object for a program, a table for a person. */
#ifndef MKBENCH_OUTPUT_H
#define MKBENCH_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "statistics.h"

struct json_object;

/* Out of memory shows at the end. */
struct json_output {
	struct json_object *object;
	bool failed;
};

/* json_begin() - an object with the schema's version and the verb */
void json_begin(struct json_output *json, const char *verb);
void json_text(struct json_output *json, const char *key, const char *text);
void json_number(struct json_output *json, const char *key, uint64_t number);
void json_ratio(struct json_output *json, const char *key, double ratio);
/* Its keys begin with @prefix. */
void json_distribution(struct json_output *json, const char *prefix,
		       const struct distribution *values);
/* json_end() - print the object and free it; 0, or a negative errno that was told */
int json_end(struct json_output *json);

/* Rows of a table. */
void table_head(const char *title);
void table_distribution(const char *name, const struct distribution *values);
/* table_end() - 0, or -EIO that was told */
int table_end(void);

/* Of the medians; 0 when there is none to divide by. */
double ratio(const struct distribution *over, const struct distribution *under);

#endif /* MKBENCH_OUTPUT_H */

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
	struct json_object *whole;
	struct json_object *object; /* where keys go: the whole, or a row */
	struct json_object *rows;
	bool failed;
};

/* json_begin() - an object with the schema's version and the verb */
void json_begin(struct json_output *json, const char *verb);
void json_text(struct json_output *json, const char *key, const char *text);
void json_number(struct json_output *json, const char *key, uint64_t number);
/* With two digits behind the point. */
void json_decimal(struct json_output *json, const char *key, double value);
void json_null(struct json_output *json, const char *key);
/* Its keys begin with @prefix. */
void json_distribution(struct json_output *json, const char *prefix,
		       const struct distribution *values);
/* For curves: json_fractions() says of what the quantiles are, once. */
void json_fractions(struct json_output *json);
void json_quantiles(struct json_output *json, const char *prefix,
		    const struct distribution *values);
/*
 * A list of objects: keys that follow a json_row() go into a new one, and after
 * json_end_rows() into the whole again.
 */
void json_begin_rows(struct json_output *json, const char *key);
void json_row(struct json_output *json);
void json_end_rows(struct json_output *json);
/* json_end() - print the object and free it; 0, or a negative errno that was told */
int json_end(struct json_output *json);

/* Rows of a table. */
void table_head(const char *title);
void table_distribution(const char *name, const struct distribution *values);
void table_times(const char *name, double times);
/* table_end() - 0, or -EIO that was told */
int table_end(void);

/* Of the medians; 0 when there is none to divide by. */
double ratio(const struct distribution *over, const struct distribution *under);

#endif /* MKBENCH_OUTPUT_H */

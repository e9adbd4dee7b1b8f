/* SPDX-License-Identifier: MIT */
/* The forms of results: a JSON object for a program, a table for a person. */
#ifndef MKBENCH_OUTPUT_H
#define MKBENCH_OUTPUT_H

#include "common/json_output.h"
#include "statistics.h"

/* results_begin() - an object with the schema's version and the verb */
void results_begin(struct json_output *json, const char *verb);
/* Its keys begin with @prefix. */
void json_distribution(struct json_output *json, const char *prefix,
		       const struct distribution *values);
/* For curves: json_fractions() says of what the quantiles are, once. */
void json_fractions(struct json_output *json);
void json_quantiles(struct json_output *json, const char *prefix,
		    const struct distribution *values);
/* results_end() - print the object and free it; 0, or a negative errno that was told */
int results_end(struct json_output *json);

/* Rows of a table. */
void table_head(const char *title);
void table_distribution(const char *name, const struct distribution *values);
void table_times(const char *name, double times);
/* table_end() - 0, or -EIO that was told */
int table_end(void);

/* Of the medians; 0 when there is none to divide by. */
double ratio(const struct distribution *over, const struct distribution *under);

#endif /* MKBENCH_OUTPUT_H */

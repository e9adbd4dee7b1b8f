// SPDX-License-Identifier: MIT
#include "output.h"

#include <errno.h>
#include <stdio.h>

#include <json-c/json.h>

#include "bench.h"

/* Goes up when a key changes its meaning or goes; mkbench(1) lists the keys. */
#define SCHEMA_VERSION 2

double ratio(const struct distribution *over, const struct distribution *under)
{
	return under->p50_ns ? (double)over->p50_ns / (double)under->p50_ns : 0;
}

static int finish_output(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return 0;
	perror("mkbench: writing the results");
	return -EIO;
}

/* json-c takes ownership of @value.  After a failure nothing is touched any more. */
static void add(struct json_output *json, const char *key, struct json_object *value)
{
	if (value && !json->failed && !json_object_object_add(json->object, key, value))
		return;
	json_object_put(value);
	json->failed = true;
}

static void append(struct json_output *json, struct json_object *list,
		   struct json_object *value)
{
	if (value && !json->failed && !json_object_array_add(list, value))
		return;
	json_object_put(value);
	json->failed = true;
}

void json_text(struct json_output *json, const char *key, const char *text)
{
	add(json, key, json_object_new_string(text));
}

void json_number(struct json_output *json, const char *key, uint64_t number)
{
	add(json, key, json_object_new_uint64(number));
}

void json_decimal(struct json_output *json, const char *key, double value)
{
	char digits[32];

	snprintf(digits, sizeof(digits), "%.2f", value);
	add(json, key, json_object_new_double_s(value, digits));
}

void json_null(struct json_output *json, const char *key)
{
	if (!json->failed && json_object_object_add(json->object, key, NULL))
		json->failed = true;
}

void json_distribution(struct json_output *json, const char *prefix,
		       const struct distribution *values)
{
	const struct {
		const char *suffix;
		uint64_t value;
	} rows[] = {
		{ "samples", values->samples },
		{ "p50_ns", values->p50_ns },
		{ "p99_ns", values->p99_ns },
		{ "p999_ns", values->p999_ns },
	};
	char key[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(key, sizeof(key), "%s%s", prefix, rows[i].suffix);
		json_number(json, key, rows[i].value);
	}
}

void json_fractions(struct json_output *json)
{
	struct json_object *list = json_object_new_array();

	add(json, "fractions", list);
	for (int i = 0; i < QUANTILES; i++) {
		char digits[32];

		snprintf(digits, sizeof(digits), "%g", quantile_fractions[i]);
		append(json, list,
		       json_object_new_double_s(quantile_fractions[i], digits));
	}
}

void json_quantiles(struct json_output *json, const char *prefix,
		    const struct distribution *values)
{
	struct json_object *list = json_object_new_array();
	char key[64];

	snprintf(key, sizeof(key), "%squantiles_ns", prefix);
	add(json, key, list);
	for (int i = 0; i < QUANTILES; i++)
		append(json, list, json_object_new_uint64(values->quantiles_ns[i]));
}

void json_begin_rows(struct json_output *json, const char *key)
{
	json->rows = json_object_new_array();
	add(json, key, json->rows);
}

void json_row(struct json_output *json)
{
	json->object = json_object_new_object();
	append(json, json->rows, json->object);
}

void json_end_rows(struct json_output *json)
{
	json->object = json->whole;
}

void json_begin(struct json_output *json, const char *verb)
{
	json->whole = json->object = json_object_new_object();
	json->failed = !json->object;
	json_number(json, "schema", SCHEMA_VERSION);
	json_text(json, "verb", verb);
}

int json_end(struct json_output *json)
{
	const char *text = NULL;

	if (!json->failed)
		text = json_object_to_json_string_ext(
			json->whole, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
					     JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text)
		puts(text);
	json_object_put(json->whole);
	return text ? finish_output() : complain("memory for the results", -ENOMEM);
}

void table_head(const char *title)
{
	printf("%-28s %10s %10s %10s\n", title, "p50", "p99", "p99.9");
}

void table_distribution(const char *name, const struct distribution *values)
{
	if (values->samples)
		printf("%-28s %10.3f %10.3f %10.3f\n", name, (double)values->p50_ns / 1e3,
		       (double)values->p99_ns / 1e3, (double)values->p999_ns / 1e3);
	else
		printf("%-28s %10s %10s %10s\n", name, "-", "-", "-");
}

void table_times(const char *name, double times)
{
	printf("%-28s %10.1f times\n", name, times);
}

int table_end(void)
{
	return finish_output();
}

// SPDX-License-Identifier: MIT
#include "output.h"

#include <errno.h>
#include <stdio.h>

#include <json-c/json.h>

#include "bench.h"

/* Goes up when a key changes its meaning or goes; mkbench(1) lists the keys. */
#define SCHEMA_VERSION 3

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

	json_add(json, "fractions", list);
	for (int i = 0; i < QUANTILES; i++) {
		char digits[32];

		snprintf(digits, sizeof(digits), "%g", quantile_fractions[i]);
		json_append(json, list,
			    json_object_new_double_s(quantile_fractions[i], digits));
	}
}

void json_quantiles(struct json_output *json, const char *prefix,
		    const struct distribution *values)
{
	struct json_object *list = json_object_new_array();
	char key[64];

	snprintf(key, sizeof(key), "%squantiles_ns", prefix);
	json_add(json, key, list);
	for (int i = 0; i < QUANTILES; i++)
		json_append(json, list, json_object_new_uint64(values->quantiles_ns[i]));
}

void results_begin(struct json_output *json, const char *verb)
{
	json_begin(json, SCHEMA_VERSION);
	json_text(json, "verb", verb);
}

int results_end(struct json_output *json)
{
	int ret = json_end(json, JSON_PRETTY);

	if (ret == -ENOMEM)
		return complain("memory for the results", ret);
	return ret ? finish_output() : 0;
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

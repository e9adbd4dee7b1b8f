// SPDX-License-Identifier: MIT
#include "json_output.h"

#include <errno.h>
#include <stdio.h>

#include <json-c/json.h>

/* json-c takes ownership of @value.  After a failure nothing is touched any more. */
void json_add(struct json_output *json, const char *key, struct json_object *value)
{
	if (value && !json->failed && !json_object_object_add(json->object, key, value))
		return;
	json_object_put(value);
	json->failed = true;
}

void json_append(struct json_output *json, struct json_object *list,
		 struct json_object *value)
{
	if (value && !json->failed && !json_object_array_add(list, value))
		return;
	json_object_put(value);
	json->failed = true;
}

void json_text(struct json_output *json, const char *key, const char *text)
{
	if (text)
		json_add(json, key, json_object_new_string(text));
	else
		json_null(json, key);
}

void json_flag(struct json_output *json, const char *key, bool flag)
{
	json_add(json, key, json_object_new_boolean(flag));
}

void json_number(struct json_output *json, const char *key, uint64_t number)
{
	json_add(json, key, json_object_new_uint64(number));
}

void json_decimal(struct json_output *json, const char *key, double value)
{
	char digits[32];

	snprintf(digits, sizeof(digits), "%.2f", value);
	json_add(json, key, json_object_new_double_s(value, digits));
}

void json_null(struct json_output *json, const char *key)
{
	if (!json->failed && json_object_object_add(json->object, key, NULL))
		json->failed = true;
}

void json_begin_rows(struct json_output *json, const char *key)
{
	json->rows = json_object_new_array();
	json_add(json, key, json->rows);
}

void json_row(struct json_output *json)
{
	json->object = json_object_new_object();
	json_append(json, json->rows, json->object);
}

void json_end_rows(struct json_output *json)
{
	json->object = json->whole;
}

void json_begin(struct json_output *json, uint64_t schema)
{
	json->whole = json->object = json_object_new_object();
	json->failed = !json->object;
	json_number(json, "schema", schema);
}

int json_end(struct json_output *json, enum json_form form)
{
	const char *text = NULL;
	int flags = JSON_C_TO_STRING_NOSLASHESCAPE;

	if (form == JSON_PRETTY)
		flags |= JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED;
	if (!json->failed)
		text = json_object_to_json_string_ext(json->whole, flags);
	if (text)
		puts(text);
	json_object_put(json->whole);
	if (!text)
		return -ENOMEM;
	return fflush(stdout) || ferror(stdout) ? -EIO : 0;
}

// SPDX-License-Identifier: MIT
#include "diff.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "report.h"

#define PATH_BYTES 256

static const struct column difference_columns[] = {
	{ "path", "WHAT", -40, CELL_PLAIN },
	{ "from", "FROM", -20, CELL_PLAIN },
	{ "to", "TO", -20, CELL_PLAIN },
	{ 0 },
};

static const struct table difference_tables[] = {
	{ "differences", difference_columns, NULL },
	{ 0 },
};

static void compare(struct json_output *json, const char *path, struct json_object *from,
		    struct json_object *to);

static void add_difference(struct json_output *json, const char *path,
			   struct json_object *from, struct json_object *to)
{
	json_row(json);
	json_text(json, "path", path);
	if (!json->failed) {
		json_object_object_add(json->object, "from", json_object_get(from));
		json_object_object_add(json->object, "to", json_object_get(to));
	}
}

/* The first member, by which a row is known; NULL for what is no row. */
static struct json_object *key_of(struct json_object *row, const char **name)
{
	struct json_object_iterator at, end;

	if (!json_object_is_type(row, json_type_object))
		return NULL;
	at = json_object_iter_begin(row);
	end = json_object_iter_end(row);
	if (json_object_iter_equal(&at, &end))
		return NULL;
	*name = json_object_iter_peek_name(&at);
	return json_object_iter_peek_value(&at);
}

static bool is_array_of_rows(struct json_object *value)
{
	const char *name;

	return json_object_is_type(value, json_type_array) &&
	       json_object_array_length(value) &&
	       key_of(json_object_array_get_idx(value, 0), &name);
}

/* Rows by their keys, as text; a row stays the array's too. */
static struct json_object *index_rows(struct json_object *rows)
{
	size_t count = rows ? json_object_array_length(rows) : 0;
	struct json_object *index = json_object_new_object();
	const char *name;

	for (size_t i = 0; i < count && index; i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		json_object_object_add(index, json_object_get_string(key_of(row, &name)),
				       json_object_get(row));
	}
	return index;
}

static struct json_object *find_row(struct json_object *index, struct json_object *row)
{
	const char *name;

	return json_object_object_get(index, json_object_get_string(key_of(row, &name)));
}

static void compare_row(struct json_output *json, const char *path,
			struct json_object *row, struct json_object *from,
			struct json_object *to)
{
	char row_path[PATH_BYTES];
	const char *name;

	snprintf(row_path, sizeof(row_path), "%s[%s]", path,
		 json_object_get_string(key_of(row, &name)));
	compare(json, row_path, from, to);
}

static void compare_rows(struct json_output *json, const char *path,
			 struct json_object *from, struct json_object *to)
{
	struct json_object *before = index_rows(from), *after = index_rows(to);
	size_t count = from ? json_object_array_length(from) : 0;

	if (!before || !after)
		json->failed = true;
	for (size_t i = 0; i < count && !json->failed; i++) {
		struct json_object *row = json_object_array_get_idx(from, i);

		compare_row(json, path, row, row, find_row(after, row));
	}
	count = to ? json_object_array_length(to) : 0;
	for (size_t i = 0; i < count && !json->failed; i++) {
		struct json_object *row = json_object_array_get_idx(to, i);

		if (!find_row(before, row))
			compare_row(json, path, row, NULL, row);
	}
	json_object_put(before);
	json_object_put(after);
}

static bool is_of_the_look(const char *path, const char *key)
{
	static const char *const keys[] = { "verb", "context", "snapshot" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!*path && !strcmp(key, keys[i]))
			return true;
	return false;
}

/* A member that one of them lacks is null there. */
static void compare_members(struct json_output *json, const char *path,
			    struct json_object *from, struct json_object *to)
{
	struct json_object *either = from ? from : to;

	json_object_object_foreach(either, key, value)
	{
		char member[PATH_BYTES];

		(void)value;
		if (is_of_the_look(path, key))
			continue;
		snprintf(member, sizeof(member), "%s%s%s", path, *path ? "." : "", key);
		compare(json, member, from ? json_object_object_get(from, key) : NULL,
			to ? json_object_object_get(to, key) : NULL);
	}
}

static void compare(struct json_output *json, const char *path, struct json_object *from,
		    struct json_object *to)
{
	if (json_object_equal(from, to))
		return;
	if (is_array_of_rows(from) || is_array_of_rows(to))
		compare_rows(json, path, from, to);
	else if (json_object_is_type(from ? from : to, json_type_object))
		compare_members(json, path, from, to);
	else
		add_difference(json, path, from, to);
}

int diff_report(const struct object *object, const struct options *options,
		struct json_object *from, struct json_object *to)
{
	const struct object as_diff = { .name = object->name,
					.tables = difference_tables };
	struct json_output json;

	report_begin(&json, object, VERB_DIFF, NULL, NULL);
	json_text(&json, "from_file", options->files[0]);
	json_text(&json, "to_file", options->files[1]);
	json_begin_rows(&json, "differences");
	compare_members(&json, "", from, to);
	json_end_rows(&json);
	return report_end(&json, &as_diff, options);
}

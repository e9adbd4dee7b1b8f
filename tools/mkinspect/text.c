// SPDX-License-Identifier: MIT
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "common/terminal.h"

#define CELL_BYTES   256
#define WORDS_A_LINE 8

static struct json_object *get(struct json_object *object, const char *key)
{
	return object ? json_object_object_get(object, key) : NULL;
}

/* Colours: for what somebody should look at ---------------------------------------- */

static bool is_alarming(const char *text)
{
	static const char *const words[] = { "FAULT", "LOST", "ERROR", "dead" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(text, words[i]))
			return true;
	return false;
}

static void put(const char *text, int width)
{
	bool in_colour = is_alarming(text) && terminal_has_colors();

	printf("%s%*s%s", in_colour ? "\033[31m" : "", width, text,
	       in_colour ? "\033[0m" : "");
}

/* Values ---------------------------------------------------------------------------- */

static void print_list(struct json_object *list, char text[CELL_BYTES])
{
	size_t count = json_object_array_length(list);
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < count && used < CELL_BYTES; i++) {
		uint64_t word =
			json_object_get_uint64(json_object_array_get_idx(list, i));

		used += (size_t)snprintf(text + used, CELL_BYTES - used, "%s0x%" PRIx64,
					 i ? " " : "", word);
	}
}

static void print_value(struct json_object *value, enum cell_form form,
			char text[CELL_BYTES])
{
	if (!value)
		snprintf(text, CELL_BYTES, "-");
	else if (json_object_is_type(value, json_type_array))
		print_list(value, text);
	else if (json_object_is_type(value, json_type_boolean))
		snprintf(text, CELL_BYTES, "%s",
			 json_object_get_boolean(value) ? "yes" : "no");
	else if (form == CELL_HEX && json_object_is_type(value, json_type_int))
		snprintf(text, CELL_BYTES, "0x%" PRIx64, json_object_get_uint64(value));
	else
		snprintf(text, CELL_BYTES, "%s", json_object_get_string(value));
}

/* A number that has a name is printed as that. */
static void print_member(struct json_object *row, const char *key, enum cell_form form,
			 char text[CELL_BYTES])
{
	char name_key[64];
	struct json_object *name;

	snprintf(name_key, sizeof(name_key), "%s_name", key);
	name = get(row, name_key);
	print_value(name && form == CELL_PLAIN ? name : get(row, key), form, text);
}

/* Tables ------------------------------------------------------------------------------ */

static void print_table(struct json_object *rows, const struct table *table, int indent);

static void end_line(char *line)
{
	size_t length = strlen(line);

	while (length && line[length - 1] == ' ')
		line[--length] = '\0';
}

static void print_titles(const struct table *table, int indent)
{
	char line[1024] = "";
	size_t used = 0;

	for (const struct column *column = table->columns; column->key; column++)
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%*s",
					 used ? "  " : "", column->width, column->title);
	end_line(line);
	printf("%*s%s\n", indent, "", line);
}

static void print_row(struct json_object *row, const struct table *table, int indent)
{
	printf("%*s", indent, "");
	for (const struct column *column = table->columns; column->key; column++) {
		bool is_last = !column[1].key;
		char text[CELL_BYTES];

		print_member(row, column->key, column->form, text);
		if (column != table->columns)
			fputs("  ", stdout);
		put(text, is_last && column->width < 0 ? 0 : column->width);
	}
	fputc('\n', stdout);
	if (table->inner)
		print_table(get(row, table->inner->key), table->inner, indent + 8);
}

static void print_table(struct json_object *rows, const struct table *table, int indent)
{
	size_t count = rows ? json_object_array_length(rows) : 0;

	if (count && !indent)
		print_titles(table, indent);
	for (size_t i = 0; i < count; i++)
		print_row(json_object_array_get_idx(rows, i), table, indent);
}

static void print_words(struct json_object *report)
{
	struct json_object *words = get(report, "words");
	uint64_t first = json_object_get_uint64(get(report, "first_word"));
	size_t count = words ? json_object_array_length(words) : 0;

	for (size_t i = 0; i < count; i++) {
		if (i % WORDS_A_LINE == 0)
			printf("%08" PRIx64 ":", first + i);
		printf(" %08" PRIx64,
		       json_object_get_uint64(json_object_array_get_idx(words, i)));
		if (i % WORDS_A_LINE == WORDS_A_LINE - 1 || i + 1 == count)
			fputc('\n', stdout);
	}
}

/* Scalars ----------------------------------------------------------------------------- */

static bool is_name_of_other(struct json_object *object, const char *key)
{
	size_t length = strlen(key);
	char other[64];

	if (length < 6 || length >= sizeof(other) || strcmp(key + length - 5, "_name"))
		return false;
	memcpy(other, key, length - 5);
	other[length - 5] = '\0';
	return json_object_object_get_ex(object, other, NULL);
}

static void print_scalars(struct json_object *object, const char *prefix)
{
	json_object_object_foreach(object, key, value)
	{
		static const char *const skipped[] = {
			"schema", "object", "verb", "context", "snapshot", "first_word"
		};
		bool is_skipped = is_name_of_other(object, key);
		char title[128], text[CELL_BYTES];

		for (size_t i = 0; i < sizeof(skipped) / sizeof(skipped[0]); i++)
			is_skipped |= !*prefix && !strcmp(key, skipped[i]);
		if (is_skipped || json_object_is_type(value, json_type_array))
			continue;
		snprintf(title, sizeof(title), "%s%s%s", prefix, *prefix ? " " : "", key);
		for (char *at = title; *at; at++)
			if (*at == '_')
				*at = ' ';
		if (json_object_is_type(value, json_type_object)) {
			print_scalars(value, title);
			continue;
		}
		print_member(object, key, CELL_PLAIN, text);
		printf("%-28s ", title);
		put(text, 0);
		fputc('\n', stdout);
	}
}

/* The head ------------------------------------------------------------------------------ */

static void print_time(uint64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000u);
	struct tm parts;
	char text[64];

	if (!localtime_r(&seconds, &parts) ||
	    !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts))
		return;
	printf(", %s.%03u", text, (unsigned int)(ns / 1000000u % 1000u));
}

/* Which context it is, when it was looked at, and how torn that may be. */
static void print_head(struct json_object *report)
{
	struct json_object *context = get(report, "context");
	struct json_object *snapshot = get(report, "snapshot");
	uint64_t changed =
		json_object_get_uint64(get(get(snapshot, "tear"), "slots_changed"));

	if (!context)
		return;
	printf("# %s", json_object_get_string(get(context, "backing")));
	if (get(context, "id"))
		printf(" %" PRIu64, json_object_get_uint64(get(context, "id")));
	if (get(context, "token"))
		printf(" %s", json_object_get_string(get(context, "token")));
	if (get(context, "pid"))
		printf(" of process %" PRIu64,
		       json_object_get_uint64(get(context, "pid")));
	if (get(context, "file"))
		printf(" from %s", json_object_get_string(get(context, "file")));
	print_time(json_object_get_uint64(get(snapshot, "taken_ns")));
	if (changed)
		printf(", %" PRIu64 " slots changed while it was copied", changed);
	fputc('\n', stdout);
}

int text_print_rows(struct json_object *report, const struct table *tables)
{
	for (const struct table *table = tables; table && table->key; table++) {
		struct json_object *rows = get(report, table->key);
		size_t count = rows ? json_object_array_length(rows) : 0;

		for (size_t i = 0; i < count; i++)
			print_row(json_object_array_get_idx(rows, i), table, 0);
	}
	return fflush(stdout) || ferror(stdout) ? -EIO : 0;
}

int text_print(struct json_object *report, const struct table *tables)
{
	print_head(report);
	print_scalars(report, "");
	if (get(report, "first_word"))
		print_words(report);
	for (const struct table *table = tables; table && table->key; table++)
		print_table(get(report, table->key), table, 0);
	return fflush(stdout) || ferror(stdout) ? -EIO : 0;
}

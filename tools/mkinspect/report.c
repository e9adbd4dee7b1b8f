// SPDX-License-Identifier: MIT
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "common/complain.h"
#include "names.h"
#include "text.h"

void report_named(struct json_output *json, const char *key, uint32_t value,
		  const char *name)
{
	char name_key[64];

	json_number(json, key, value);
	snprintf(name_key, sizeof(name_key), "%s_name", key);
	json_text(json, name_key, name);
}

void report_words(struct json_output *json, const char *key, const uint32_t *words,
		  size_t count)
{
	struct json_object *list = json_object_new_array();

	json_add(json, key, list);
	for (size_t i = 0; i < count; i++)
		json_append(json, list, json_object_new_uint64(words[i]));
}

/* Keys that follow go into a new object, until @whole is put back. */
static struct json_object *begin_part(struct json_output *json, const char *key)
{
	struct json_object *before = json->object;
	struct json_object *part = json_object_new_object();

	json_add(json, key, part);
	json->object = part;
	return before;
}

static void add_context(struct json_output *json, const struct source *source,
			const struct view *view)
{
	struct json_object *before = begin_part(json, "context");
	char token[20];

	snprintf(token, sizeof(token), "%016" PRIx64, source->token);
	json_text(json, "backing", name_backing((uint32_t)view->info->geometry.backing));
	if (view->info->id)
		json_number(json, "id", view->info->id);
	else
		json_null(json, "id");
	json_text(json, "token", source->token ? token : NULL);
	if (source->pid)
		json_number(json, "pid", source->pid);
	else
		json_null(json, "pid");
	json_text(json, "file", source->path);
	json->object = before;
}

static void add_snapshot(struct json_output *json, const struct mk_snapshot_info *info)
{
	struct json_object *before = begin_part(json, "snapshot");
	struct json_object *snapshot;

	json_number(json, "taken_ns", info->taken_ns);
	json_number(json, "monotonic_ns", info->monotonic_ns);
	json_number(json, "copy_ns", info->copy_ns);
	json_number(json, "pid", info->pid);
	json_text(json, "reason", name_reason((uint32_t)info->reason));
	json_flag(json, "is_split", info->is_split);
	snapshot = begin_part(json, "tear");
	json_number(json, "slots_changed", info->tear.slots_changed);
	json_number(json, "slots_done", info->tear.slots_done);
	json_number(json, "io_slots_changed", info->tear.io_slots_changed);
	json_number(json, "log_records", info->tear.log_records);
	json_number(json, "log_restarts", info->tear.log_restarts);
	json_number(json, "dispatches", info->tear.dispatches);
	json->object = snapshot;
	json->object = before;
}

void report_begin(struct json_output *json, const struct object *object, enum verb verb,
		  const struct source *source, const struct view *view)
{
	json_begin(json, REPORT_SCHEMA);
	json_text(json, "object", object->name);
	json_text(json, "verb", verb_name(verb));
	if (!source)
		return;
	add_context(json, source, view);
	add_snapshot(json, view->info);
}

void report_geometry(struct json_output *json, const struct mk_geometry *geometry)
{
	json_number(json, "slots", geometry->slots);
	json_number(json, "window_slots", geometry->window_slots);
	json_number(json, "log_records", geometry->log_records);
	json_number(json, "io_slots", geometry->io_slots);
	json_number(json, "io_request_slots", geometry->io_request_slots);
	json_number(json, "observable_words", geometry->observable_words);
	json_number(json, "arena_bytes", geometry->arena_bytes);
	json_flag(json, "allows_shutdown", geometry->flags & MK_CONTEXT_ALLOW_SHUTDOWN);
}

void report_rate(struct json_output *json, const char *key, const struct look *look,
		 uint64_t difference)
{
	uint64_t ns = look->before ? look->now->info->monotonic_ns -
					     look->before->info->monotonic_ns :
				     0;

	if (ns)
		json_decimal(json, key, (double)difference * 1e9 / (double)ns);
	else
		json_null(json, key);
}

int report_end(struct json_output *json, const struct object *object,
	       const struct options *options)
{
	int ret;

	if (options->form == FORM_TEXT) {
		ret = json->failed    ? -ENOMEM :
		      options->follow ? text_print_rows(json->whole, object->tables) :
					text_print(json->whole, object->tables);
		json_object_put(json->whole);
	} else {
		ret = json_end(json,
			       options->form == FORM_PRETTY ? JSON_PRETTY : JSON_LINE);
	}
	return ret ? complain_of(ret, "writing what was found: %s", strerror(-ret)) : 0;
}

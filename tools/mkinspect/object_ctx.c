// SPDX-License-Identifier: MIT
/* ctx: which contexts there are, and what one is. */
#include "decode.h"
#include "found.h"
#include "names.h"
#include "report.h"

#include <inttypes.h>
#include <stdio.h>

static const struct column found_columns[] = {
	{ "backing", "BACKING", -7, CELL_PLAIN },
	{ "id", "ID", 6, CELL_PLAIN },
	{ "token", "TOKEN", -16, CELL_PLAIN },
	{ "pid", "PID", 7, CELL_PLAIN },
	{ "role", "ROLE", -8, CELL_PLAIN },
	{ "bytes", "BYTES", 12, CELL_PLAIN },
	{ 0 },
};

static const struct column memory_columns[] = {
	{ "memory", "MEMORY", -8, CELL_PLAIN },
	{ "bytes", "BYTES", 12, CELL_PLAIN },
	{ "is_in_snapshot", "COPIED", -6, CELL_PLAIN },
	{ 0 },
};

static const struct table tables[] = {
	{ "contexts", found_columns, NULL },
	{ "memories", memory_columns, NULL },
	{ 0 },
};

static void add_found(struct json_output *json, const struct mk_found_context *found)
{
	char token[20];

	json_row(json);
	json_text(json, "backing", name_backing((uint32_t)found->backing));
	if (found->id)
		json_number(json, "id", found->id);
	else
		json_null(json, "id");
	snprintf(token, sizeof(token), "%016" PRIx64, found->token);
	json_text(json, "token", found->token ? token : NULL);
	json_number(json, "pid", found->pid);
	json_text(json, "role", found->id ? name_role((uint32_t)found->role) : NULL);
	json_number(json, "bytes", found->bytes);
}

static int list(const struct object *object, const struct options *options)
{
	struct json_output json;
	struct found found;
	int ret = found_get(0, 0, &found);

	if (ret)
		return ret;
	report_begin(&json, object, VERB_LIST, NULL, NULL);
	json_begin_rows(&json, "contexts");
	for (size_t i = 0; i < found.count; i++)
		add_found(&json, &found.contexts[i]);
	json_end_rows(&json);
	found_free(&found);
	return report_end(&json, object, options);
}

static void add_memories(struct json_output *json, const struct view *view)
{
	json_begin_rows(json, "memories");
	for (uint32_t i = 0; i < VIEW_MEMORIES; i++) {
		bool is_there = view->info->memories >> i & 1;

		json_row(json);
		json_text(json, "memory", name_memory(i));
		if (is_there)
			json_number(json, "bytes",
				    view->memories[i].count * sizeof(uint32_t));
		else if (i == VIEW_ARENA)
			json_number(json, "bytes", view->info->geometry.arena_bytes);
		else
			json_null(json, "bytes");
		json_flag(json, "is_in_snapshot", is_there);
	}
	json_end_rows(json);
}

static void build(const struct look *look, struct json_output *json)
{
	const struct view *view = look->now;

	report_geometry(json, &view->info->geometry);
	json_number(json, "abi_version",
		    view_word(view, MK_REGION_CONTROL, MK_CONTROL_ABI_VERSION));
	report_named(
		json, "engine_state", view_word(view, MK_REGION_CQ, MK_CQ_ENGINE_STATE),
		name_engine_state(view_word(view, MK_REGION_CQ, MK_CQ_ENGINE_STATE)));
	json_number(json, "engine_pid", view_word(view, MK_REGION_CQ, MK_CQ_OWNER_PID));
	json_flag(json, "is_shut_down",
		  view_word(view, MK_REGION_CONTROL, MK_CONTROL_SHUTDOWN));
	add_memories(json, view);
}

const struct object ctx_object = {
	.name = "ctx",
	.summary = "contexts that there are, and what one is",
	.verbs = HAS(VERB_LIST) | HAS(VERB_SHOW),
	.memories = MK_SNAPSHOT_MEMORY(MK_REGION_CONTROL) |
		    MK_SNAPSHOT_MEMORY(MK_REGION_CQ),
	.build = build,
	.tables = tables,
	.run = list,
};

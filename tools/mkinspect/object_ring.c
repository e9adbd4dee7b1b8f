// SPDX-License-Identifier: MIT
/* ring: slots, raw and decoded. */
#include <json-c/json.h>

#include "decode.h"
#include "names.h"
#include "report.h"

static const struct column inner_columns[] = {
	{ "operation", "", 3, CELL_PLAIN },
	{ "opcode", "", -12, CELL_PLAIN },
	{ "args", "", -1, CELL_HEX_LIST },
	{ 0 },
};

static const struct table inner_table = { "inner", inner_columns, NULL };

static const struct column slot_columns[] = {
	{ "slot", "SLOT", 7, CELL_PLAIN },
	{ "raw_status", "RAW", 10, CELL_HEX },
	{ "status", "STATUS", -9, CELL_PLAIN },
	{ "opcode", "OPCODE", -12, CELL_PLAIN },
	{ "raw_opcode", "RAW", 10, CELL_HEX },
	{ "tenant", "TENANT", 6, CELL_PLAIN },
	{ "place", "PRIORITY", -8, CELL_PLAIN },
	{ "completions", "USES", 8, CELL_PLAIN },
	{ "fault", "FAULT", -11, CELL_PLAIN },
	{ "is_changed", "TORN", -4, CELL_PLAIN },
	{ "args", "ARGUMENTS", -1, CELL_HEX_LIST },
	{ 0 },
};

static const struct table tables[] = {
	{ "slots", slot_columns, &inner_table },
	{ 0 },
};

static bool is_wanted(const struct selection *selection, uint32_t index,
		      const struct slot *slot)
{
	return selection_has(selection, index) &&
	       choice_allows(&selection->status, slot->status) &&
	       choice_allows(&selection->opcode, slot->words[MK_SLOT_OPCODE]) &&
	       choice_allows(&selection->tenant, slot->words[MK_SLOT_TENANT]) &&
	       choice_allows(&selection->priority, slot->place) &&
	       (slot->status != MK_STATUS_EMPTY || selection_has_empty(selection));
}

/* Those behind the last that is not 0 say nothing. */
static uint32_t count_args(const uint32_t *args)
{
	uint32_t count = MK_SLOT_ARG_COUNT;

	while (count && !args[count - 1])
		count--;
	return count;
}

/* A row of rows: json-c's own, since there is no other place for it. */
static void add_inner(struct json_output *json, const struct packed *packed)
{
	struct json_object *slot = json->object;
	struct json_object *list = json_object_new_array();

	json_add(json, "inner", list);
	for (uint32_t i = 0; i < packed->count; i++) {
		json->object = json_object_new_object();
		json_append(json, list, json->object);
		json_number(json, "operation", i);
		report_named(json, "opcode", packed->operations[i].opcode,
			     name_opcode(packed->operations[i].opcode));
		report_words(json, "args", packed->operations[i].args,
			     packed->operations[i].arg_count);
	}
	json->object = slot;
	json_text(json, "malformed", packed->malformed);
}

static void add_state(struct json_output *json, const struct slot *slot)
{
	if (!slot->has_state) {
		json_null(json, "progress_steps");
		json_null(json, "inner_done");
		json_null(json, "io_slot");
		return;
	}
	json_number(json, "progress_steps", slot->progress);
	json_number(json, "inner_done", slot->inner);
	if (slot->io_slot)
		json_number(json, "io_slot", slot->io_slot - 1);
	else
		json_null(json, "io_slot");
}

static void add_slot(struct json_output *json, uint32_t index, const struct slot *slot)
{
	const uint32_t *words = slot->words;
	struct packed packed;

	json_row(json);
	json_number(json, "slot", index);
	json_number(json, "window", slot->window);
	report_words(json, "words", words, MK_SLOT_WORDS);
	json_number(json, "raw_status", words[MK_SLOT_STATUS]);
	report_named(json, "status", slot->status, name_status(slot->status));
	json_number(json, "raw_opcode", words[MK_SLOT_OPCODE]);
	report_named(json, "opcode", words[MK_SLOT_OPCODE],
		     name_opcode(words[MK_SLOT_OPCODE]));
	json_number(json, "tenant", words[MK_SLOT_TENANT]);
	report_named(json, "priority", words[MK_SLOT_PRIORITY],
		     name_priority(words[MK_SLOT_PRIORITY]));
	report_named(json, "place", slot->place, name_priority(slot->place));
	json_number(json, "completions", slot->entry.count);
	report_named(json, "fault", slot->entry.fault, name_fault(slot->entry.fault));
	add_state(json, slot);
	json_flag(json, "is_changed", slot->changed);
	report_words(json, "args", words + MK_SLOT_ARGS,
		     count_args(words + MK_SLOT_ARGS));
	if (words[MK_SLOT_OPCODE] != MK_OP_PACKED_SLOT || slot->status == MK_STATUS_EMPTY)
		return;
	decode_packed(words + MK_SLOT_ARGS, &packed);
	add_inner(json, &packed);
}

static void build(const struct look *look, struct json_output *json)
{
	uint32_t slots = view_slots(look->now);
	uint64_t shown = 0;

	json_number(json, "slots_total", slots);
	json_begin_rows(json, "slots");
	for (uint32_t i = 0; i < slots; i++) {
		struct slot slot;

		decode_slot(look->now, i, &slot);
		if (!is_wanted(look->selection, i, &slot))
			continue;
		add_slot(json, i, &slot);
		shown++;
	}
	json_end_rows(json);
	json_number(json, "slots_shown", shown);
}

const struct object ring_object = {
	.name = "ring",
	.summary = "slots, packed ones unfolded; EMPTY ones with --all",
	.verbs = HAS(VERB_SHOW) | HAS(VERB_DUMP) | HAS(VERB_WATCH) | HAS(VERB_DIFF),
	.options = TAKES_RANGES | TAKES_STATUS | TAKES_OPCODE | TAKES_TENANT |
		   TAKES_PRIORITY | TAKES_ALL,
	.memories = MK_SNAPSHOT_MEMORY(MK_REGION_CONTROL) |
		    MK_SNAPSHOT_MEMORY(MK_REGION_RING) |
		    MK_SNAPSHOT_MEMORY(MK_REGION_CQ) |
		    MK_SNAPSHOT_MEMORY(MK_MEMORY_STATE),
	.build = build,
	.tables = tables,
	.memory = MK_REGION_RING,
	.unit_words = MK_SLOT_WORDS,
};

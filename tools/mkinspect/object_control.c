// SPDX-License-Identifier: MIT
/* control: the words of the control region; metrics: those that count operations. */
#include "decode.h"
#include "names.h"
#include "report.h"

static const struct column word_columns[] = {
	{ "word", "WORD", 6, CELL_PLAIN },    { "value", "RAW", 10, CELL_HEX },
	{ "value", "VALUE", 10, CELL_PLAIN }, { "name", "NAME", -18, CELL_PLAIN },
	{ "index", "INDEX", -6, CELL_PLAIN }, { 0 },
};

static const struct table word_tables[] = {
	{ "words_decoded", word_columns, NULL },
	{ 0 },
};

static void build_control(const struct look *look, struct json_output *json)
{
	const struct view_memory *memory = &look->now->memories[MK_REGION_CONTROL];

	json_number(json, "words_total", memory->count);
	json_begin_rows(json, "words_decoded");
	for (size_t word = 0; word < memory->count; word++) {
		uint32_t value = memory->words[word];
		struct control_word control;

		if (!selection_has(look->selection, (uint32_t)word) ||
		    (!value && !selection_has_empty(look->selection)))
			continue;
		decode_control_word((uint32_t)word, &control);
		json_row(json);
		json_number(json, "word", word);
		json_number(json, "value", value);
		json_text(json, "name", control.name);
		if (control.is_table)
			json_number(json, "index", control.index);
		else
			json_null(json, "index");
	}
	json_end_rows(json);
}

const struct object control_object = {
	.name = "control",
	.summary = "words of the control region",
	.verbs = HAS(VERB_SHOW) | HAS(VERB_DUMP) | HAS(VERB_WATCH) | HAS(VERB_DIFF),
	.options = TAKES_RANGES | TAKES_ALL,
	.memories = MK_SNAPSHOT_MEMORY(MK_REGION_CONTROL),
	.build = build_control,
	.tables = word_tables,
	.memory = MK_REGION_CONTROL,
	.unit_words = 1,
};

/* Metrics ------------------------------------------------------------------------- */

static const struct column metric_columns[] = {
	{ "opcode", "OPCODE", -14, CELL_PLAIN },
	{ "executions", "EXECUTIONS", 12, CELL_PLAIN },
	{ "rate_per_s", "PER SECOND", 14, CELL_PLAIN },
	{ 0 },
};

static const struct table metric_tables[] = {
	{ "metrics", metric_columns, NULL },
	{ 0 },
};

static void build_metrics(const struct look *look, struct json_output *json)
{
	json_begin_rows(json, "metrics");
	for (uint32_t i = 0; i < MK_METRIC_COUNT; i++) {
		uint64_t word = MK_CONTROL_METRICS + i;
		uint32_t count = view_word(look->now, MK_REGION_CONTROL, word);
		uint32_t before =
			look->before ? view_word(look->before, MK_REGION_CONTROL, word) :
				       0;

		if (!count && !look->selection->all)
			continue;
		json_row(json);
		report_named(json, "opcode", i, name_opcode(i));
		json_number(json, "executions", count);
		report_rate(json, "rate_per_s", look, (uint32_t)(count - before));
	}
	json_end_rows(json);
}

const struct object metrics_object = {
	.name = "metrics",
	.summary = "executions by opcode",
	.verbs = HAS(VERB_SHOW) | HAS(VERB_WATCH) | HAS(VERB_DIFF),
	.options = TAKES_ALL,
	.memories = MK_SNAPSHOT_MEMORY(MK_REGION_CONTROL),
	.build = build_metrics,
	.tables = metric_tables,
};

// SPDX-License-Identifier: MIT
/* log: debug records. */
#include "common/formats.h"
#include "decode.h"
#include "names.h"
#include "report.h"

#include <stdio.h>

#define TEXT_BYTES 256

static const struct column columns[] = {
	{ "record", "RECORD", 7, CELL_PLAIN },
	{ "format", "FORMAT", 10, CELL_HEX },
	{ "args", "WORDS", -34, CELL_HEX_LIST },
	{ "text", "TEXT", -1, CELL_PLAIN },
	{ 0 },
};

static const struct table tables[] = {
	{ "records", columns, NULL },
	{ 0 },
};

/* What the library's own records say; false for others. */
static bool print_builtin(const uint32_t *words, char text[TEXT_BYTES])
{
	const char *fault = name_fault(words[1]);
	const char *opcode = name_opcode(words[2]);

	switch (words[0]) {
	case MK_LOG_FORMAT_FAULT:
		snprintf(text, TEXT_BYTES, "fault %u %s: opcode 0x%x %s in slot %u",
			 words[1], fault ? fault : "?", words[2], opcode ? opcode : "?",
			 words[3] / MK_SLOT_WORDS);
		return true;
	case MK_LOG_FORMAT_INGEST_FAULT:
		snprintf(text, TEXT_BYTES, "fault %u %s: ingest in io slot %u, tag 0x%x",
			 words[1], fault ? fault : "?", words[2], words[3]);
		return true;
	default:
		return false;
	}
}

static void add_record(struct json_output *json, const struct look *look, uint32_t index)
{
	const uint32_t *words = decode_log_record(look->now, index);
	const char *format = formats_find(look->formats, words[0]);
	char text[TEXT_BYTES];

	json_row(json);
	json_number(json, "record", index);
	json_number(json, "format", words[0]);
	report_words(json, "args", words + 1, MK_LOG_RECORD_WORDS - 1);
	if (format)
		mk_log_format_print(format, words + 1, text, sizeof(text));
	json_text(json, "text", format || print_builtin(words, text) ? text : NULL);
}

/*
 * Across the drains of its owner a log starts anew: then all of it is new, and what came
 * between the two looks and was drained at once nobody here has seen.
 */
static uint32_t first_new(const struct look *look, const struct log_state *now,
			  struct json_output *json)
{
	struct log_state before;
	uint32_t restarts;

	if (!look->before) {
		json_null(json, "restarts");
		return 0;
	}
	decode_log(look->before, &before);
	restarts = now->generation - before.generation;
	json_number(json, "restarts", restarts);
	return look->follow && !restarts && before.records <= now->records ?
		       before.records :
		       0;
}

static void build(const struct look *look, struct json_output *json)
{
	struct log_state log;
	uint32_t first;

	decode_log(look->now, &log);
	json_number(json, "cursor_words", log.cursor);
	json_flag(json, "is_damaged", log.is_damaged);
	json_number(json, "generation", log.generation);
	json_number(json, "dropped", log.dropped);
	first = first_new(look, &log, json);
	json_begin_rows(json, "records");
	for (uint32_t i = first; i < log.records; i++)
		if (selection_has(look->selection, i))
			add_record(json, look, i);
	json_end_rows(json);
}

const struct object log_object = {
	.name = "log",
	.summary = "debug records",
	.verbs = HAS(VERB_SHOW) | HAS(VERB_DUMP) | HAS(VERB_WATCH) | HAS(VERB_DIFF),
	.options = TAKES_RANGES | TAKES_FORMATS | TAKES_FOLLOW,
	.memories = MK_SNAPSHOT_MEMORY(MK_REGION_DEBUG_LOG) |
		    MK_SNAPSHOT_MEMORY(MK_REGION_CQ) |
		    MK_SNAPSHOT_MEMORY(MK_MEMORY_STATE),
	.build = build,
	.tables = tables,
	.memory = MK_REGION_DEBUG_LOG,
	.unit_words = MK_LOG_RECORD_WORDS,
	.unit_first = MK_LOG_RECORDS,
};

// SPDX-License-Identifier: MIT
/* ioq: the device's requests, and the host's ingests. */
#include "decode.h"
#include "names.h"
#include "report.h"

static const struct column columns[] = {
	{ "io_slot", "SLOT", 7, CELL_PLAIN },
	{ "kind", "KIND", -7, CELL_PLAIN },
	{ "raw_status", "RAW", 6, CELL_HEX },
	{ "status", "STATUS", -9, CELL_PLAIN },
	{ "op", "OP", -5, CELL_PLAIN },
	{ "source", "SOURCE", 10, CELL_HEX },
	{ "destination", "DEST", 10, CELL_HEX },
	{ "offset_bytes", "OFFSET", 12, CELL_PLAIN },
	{ "bytes", "BYTES", 10, CELL_PLAIN },
	{ "tag", "TAG", 10, CELL_HEX },
	{ "reason", "REASON", -14, CELL_PLAIN },
	{ "slot", "ASKED BY", 8, CELL_PLAIN },
	{ 0 },
};

static const struct table tables[] = {
	{ "io_slots", columns, NULL },
	{ 0 },
};

static void add_offset(struct json_output *json, const struct io_slot *slot)
{
	if (!slot->has_reason) {
		json_number(json, "offset_bytes", slot->offset);
		json_null(json, "reason");
		json_null(json, "reason_name");
		json_null(json, "errno");
		return;
	}
	json_null(json, "offset_bytes");
	report_named(json, "reason", slot->words[MK_IO_REASON],
		     name_io_reason(slot->words[MK_IO_REASON]));
	json_number(json, "errno", slot->words[MK_IO_ERRNO]);
}

static void add_slot(struct json_output *json, uint32_t index, const struct io_slot *slot)
{
	const uint32_t *words = slot->words;

	json_row(json);
	json_number(json, "io_slot", index);
	json_text(json, "kind", slot->is_request ? "request" : "ingest");
	report_words(json, "words", words, MK_IO_SLOT_WORDS);
	json_number(json, "raw_status", words[MK_IO_STATUS]);
	report_named(json, "status", words[MK_IO_STATUS],
		     name_io_status(words[MK_IO_STATUS]));
	report_named(json, "op", words[MK_IO_OP], name_io_op(words[MK_IO_OP]));
	json_number(json, "source", words[MK_IO_SOURCE]);
	json_number(json, "destination", words[MK_IO_DESTINATION]);
	add_offset(json, slot);
	json_number(json, "bytes", words[MK_IO_BYTE_COUNT]);
	json_number(json, "tag", words[MK_IO_TAG]);
	if (slot->user)
		json_number(json, "slot", slot->user - 1);
	else
		json_null(json, "slot");
}

static void build(const struct look *look, struct json_output *json)
{
	const struct selection *selection = look->selection;
	uint32_t slots = view_io_slots(look->now);

	json_number(json, "io_slots_total", slots);
	json_number(json, "io_request_slots", look->now->info->geometry.io_request_slots);
	json_begin_rows(json, "io_slots");
	for (uint32_t i = 0; i < slots; i++) {
		struct io_slot slot;
		uint32_t status;

		decode_io_slot(look->now, i, &slot);
		status = slot.words[MK_IO_STATUS];
		if (selection_has(selection, i) &&
		    choice_allows(&selection->status, status) &&
		    (status != MK_STATUS_EMPTY || selection_has_empty(selection)))
			add_slot(json, i, &slot);
	}
	json_end_rows(json);
}

const struct object ioq_object = {
	.name = "ioq",
	.summary = "io requests and ingests; EMPTY ones with --all",
	.verbs = HAS(VERB_SHOW) | HAS(VERB_DUMP) | HAS(VERB_WATCH) | HAS(VERB_DIFF),
	.options = TAKES_RANGES | TAKES_STATUS | TAKES_ALL,
	.memories = MK_SNAPSHOT_MEMORY(MK_REGION_IO_QUEUE) |
		    MK_SNAPSHOT_MEMORY(MK_MEMORY_STATE),
	.build = build,
	.tables = tables,
	.memory = MK_REGION_IO_QUEUE,
	.unit_words = MK_IO_SLOT_WORDS,
};

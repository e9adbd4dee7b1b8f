// SPDX-License-Identifier: MIT
/* cq: its header, and an entry for each slot; producers: who has leases. */
#include <errno.h>
#include <stdlib.h>

#include "decode.h"
#include "holders.h"
#include "names.h"
#include "report.h"

static const struct column entry_columns[] = {
	{ "slot", "SLOT", 7, CELL_PLAIN },
	{ "raw", "RAW", 10, CELL_HEX },
	{ "status", "STATUS", -9, CELL_PLAIN },
	{ "fault", "FAULT", -11, CELL_PLAIN },
	{ "completions", "COMPLETIONS", 11, CELL_PLAIN },
	{ 0 },
};

static const struct table cq_tables[] = {
	{ "entries", entry_columns, NULL },
	{ 0 },
};

static void add_header(struct json_output *json, const struct view *view)
{
	uint32_t state = view_word(view, MK_REGION_CQ, MK_CQ_ENGINE_STATE);

	report_named(json, "engine_state", state, name_engine_state(state));
	json_flag(json, "is_park_announced",
		  view_word(view, MK_REGION_CQ, MK_CQ_PARK_FUTEX));
	json_number(json, "engine_pid", view_word(view, MK_REGION_CQ, MK_CQ_OWNER_PID));
	json_number(json, "dispatches", view_word(view, MK_REGION_CQ, MK_CQ_DISPATCHES));
	json_number(json, "heartbeat", decode_counter(view, MK_CQ_HEARTBEAT));
	json_number(json, "slots_done", decode_slots_done(view));
	json_number(json, "faults", decode_counter(view, MK_CQ_FAULTS));
	json_number(json, "io_requests", decode_counter(view, MK_CQ_IO_REQUESTS));
	json_number(json, "io_ingests", decode_counter(view, MK_CQ_IO_INGESTS));
	json_number(json, "log_dropped", decode_counter(view, MK_CQ_LOG_DROPPED));
	json_number(json, "log_generation", decode_counter(view, MK_CQ_LOG_GENERATION));
	json_number(json, "hint_window",
		    view_word(view, MK_REGION_CQ, MK_CQ_HINT_WINDOW));
	json_number(json, "hint_generation",
		    view_word(view, MK_REGION_CQ, MK_CQ_HINT_GENERATION));
}

static void build_cq(const struct look *look, struct json_output *json)
{
	const struct selection *selection = look->selection;

	add_header(json, look->now);
	json_begin_rows(json, "entries");
	for (uint32_t i = 0; i < look->now->info->geometry.slots; i++) {
		uint32_t word = view_word(look->now, MK_REGION_CQ,
					  (uint64_t)MK_CQ_HEADER_WORDS + i);
		struct entry entry = decode_entry(word);

		if (!selection_has(selection, i) ||
		    !choice_allows(&selection->status, entry.status) ||
		    (!word && !selection_has_empty(selection)))
			continue;
		json_row(json);
		json_number(json, "slot", i);
		json_number(json, "raw", word);
		report_named(json, "status", entry.status, name_status(entry.status));
		report_named(json, "fault", entry.fault, name_fault(entry.fault));
		json_number(json, "completions", entry.count);
	}
	json_end_rows(json);
}

const struct object cq_object = {
	.name = "cq",
	.summary = "counters, and how slots ended; unused ones with --all",
	.verbs = HAS(VERB_SHOW) | HAS(VERB_DUMP) | HAS(VERB_WATCH) | HAS(VERB_DIFF),
	.options = TAKES_RANGES | TAKES_STATUS | TAKES_ALL,
	.memories = MK_SNAPSHOT_MEMORY(MK_REGION_CQ) |
		    MK_SNAPSHOT_MEMORY(MK_MEMORY_STATE),
	.build = build_cq,
	.tables = cq_tables,
	.memory = MK_REGION_CQ,
	.unit_words = 1,
};

/* Producers ------------------------------------------------------------------------- */

#define PRODUCERS_LIMIT 4096

static const struct column producer_columns[] = {
	{ "id", "ID", 6, CELL_PLAIN },
	{ "generation", "GENERATION", 10, CELL_PLAIN },
	{ "pid", "PID", 7, CELL_PLAIN },
	{ "state", "STATE", -7, CELL_PLAIN },
	{ "windows", "WINDOWS", 7, CELL_PLAIN },
	{ "slots_in_flight", "IN FLIGHT", 9, CELL_PLAIN },
	{ "ingest_groups", "INGEST GROUPS", 13, CELL_PLAIN },
	{ 0 },
};

static const struct table producer_tables[] = {
	{ "producers", producer_columns, NULL },
	{ 0 },
};

static void add_pid(struct json_output *json, const char *key,
		    const struct mk_holder *holder)
{
	if (holder)
		json_number(json, key, holder->pid);
	else
		json_null(json, key);
}

/* Those who hold nothing that can be seen are dead, or another user's. */
static void add_producer(struct json_output *json, const struct look *look,
			 const struct lease *lease, const struct producer *producer)
{
	const struct mk_holder *holder =
		look->holders && lease->id ?
			holders_find(look->holders, MK_HOLDER_PRODUCER, lease->id) :
			NULL;

	json_row(json);
	json_number(json, "id", lease->id);
	if (producer)
		json_number(json, "generation", lease->generation);
	else
		json_null(json, "generation");
	add_pid(json, "pid", holder);
	json_text(json, "state",
		  !lease->id	 ? "left" :
		  holder	 ? "alive" :
		  !look->holders ? NULL :
				   "unseen");
	json_number(json, "windows", producer ? producer->windows : 0);
	json_number(json, "slots_in_flight", producer ? producer->slots_in_flight : 0);
	json_number(json, "ingest_groups", producer ? producer->ingest_groups : 0);
}

static bool has_lease(const struct producer *producers, size_t count, uint32_t id)
{
	for (size_t i = 0; i < count; i++)
		if (producers[i].lease.id == id)
			return true;
	return false;
}

/* Who is a producer, but has no lease at the moment. */
static void add_idle(struct json_output *json, const struct look *look,
		     const struct producer *producers, size_t count)
{
	for (size_t i = 0; look->holders && i < look->holders->count; i++) {
		const struct mk_holder *holder = &look->holders->holders[i];
		const struct lease lease = { .id = holder->id };

		if (holder->kind == MK_HOLDER_PRODUCER &&
		    !has_lease(producers, count, holder->id))
			add_producer(json, look, &lease, NULL);
	}
}

static void build_producers(const struct look *look, struct json_output *json)
{
	struct producer *producers = calloc(PRODUCERS_LIMIT, sizeof(*producers));
	size_t total, count;

	if (!producers) {
		json->failed = true;
		return;
	}
	total = decode_producers(look->now, producers, PRODUCERS_LIMIT);
	count = total < PRODUCERS_LIMIT ? total : PRODUCERS_LIMIT;
	add_pid(json, "engine_pid",
		look->holders ? holders_find(look->holders, MK_HOLDER_ENGINE, 0) : NULL);
	add_pid(json, "pump_pid",
		look->holders ? holders_find(look->holders, MK_HOLDER_PUMP, 0) : NULL);
	json_number(json, "leases_left_out", total - count);
	json_begin_rows(json, "producers");
	for (size_t i = 0; i < count; i++)
		add_producer(json, look, &producers[i].lease, &producers[i]);
	add_idle(json, look, producers, count);
	json_end_rows(json);
	free(producers);
}

const struct object producers_object = {
	.name = "producers",
	.summary = "who has leases, and which processes they are",
	.verbs = HAS(VERB_SHOW) | HAS(VERB_WATCH) | HAS(VERB_DIFF),
	.memories = MK_SNAPSHOT_MEMORY(MK_REGION_RING) |
		    MK_SNAPSHOT_MEMORY(MK_REGION_CQ) |
		    MK_SNAPSHOT_MEMORY(MK_MEMORY_STATE),
	.needs_holders = true,
	.build = build_producers,
	.tables = producer_tables,
};

// SPDX-License-Identifier: MIT
/* stats: how full and how fast. */
#include "ages.h"
#include "decode.h"
#include "names.h"
#include "report.h"

static const struct column columns[] = {
	{ "status", "STATUS", -10, CELL_PLAIN },
	{ "slots", "SLOTS", 8, CELL_PLAIN },
	{ 0 },
};

static const struct table tables[] = {
	{ "occupancy", columns, NULL },
	{ 0 },
};

static void add_counter(struct json_output *json, const struct look *look,
			const char *key, const char *rate, uint32_t word)
{
	uint32_t now = decode_counter(look->now, word);
	uint32_t before = look->before ? decode_counter(look->before, word) : 0;

	json_number(json, key, now);
	report_rate(json, rate, look, (uint32_t)(now - before));
}

static void add_rates(struct json_output *json, const struct look *look)
{
	uint64_t done = decode_slots_done(look->now);
	uint64_t before = look->before ? decode_slots_done(look->before) : 0;
	uint32_t dispatches = view_word(look->now, MK_REGION_CQ, MK_CQ_DISPATCHES);
	uint32_t dispatches_before =
		look->before ? view_word(look->before, MK_REGION_CQ, MK_CQ_DISPATCHES) :
			       0;

	if (look->before)
		json_number(json, "interval_ns",
			    look->now->info->monotonic_ns -
				    look->before->info->monotonic_ns);
	else
		json_null(json, "interval_ns");
	json_number(json, "slots_done", done);
	/* The halves of a number may be of two moments. */
	report_rate(json, "slots_done_per_s", look, done > before ? done - before : 0);
	add_counter(json, look, "faults", "faults_per_s", MK_CQ_FAULTS);
	add_counter(json, look, "io_requests", "io_requests_per_s", MK_CQ_IO_REQUESTS);
	add_counter(json, look, "io_ingests", "io_ingests_per_s", MK_CQ_IO_INGESTS);
	add_counter(json, look, "heartbeat", "heartbeats_per_s", MK_CQ_HEARTBEAT);
	json_number(json, "dispatches", dispatches);
	report_rate(json, "dispatches_per_s", look,
		    (uint32_t)(dispatches - dispatches_before));
	json_number(json, "log_dropped", decode_counter(look->now, MK_CQ_LOG_DROPPED));
}

static void add_oldest(struct json_output *json, const struct look *look)
{
	struct oldest oldest = { 0 };

	if (look->ages)
		ages_oldest(look->ages, look->now, &oldest);
	if (oldest.is_found) {
		json_number(json, "oldest_slot", oldest.slot);
		json_number(json, "oldest_age_ns", oldest.age_ns);
		json_flag(json, "oldest_is_at_least", oldest.is_at_least);
	} else {
		json_null(json, "oldest_slot");
		json_null(json, "oldest_age_ns");
		json_null(json, "oldest_is_at_least");
	}
}

static void build(const struct look *look, struct json_output *json)
{
	uint32_t state = view_word(look->now, MK_REGION_CQ, MK_CQ_ENGINE_STATE);
	struct statistics statistics;

	decode_statistics(look->now, &statistics);
	report_named(json, "engine_state", state, name_engine_state(state));
	json_number(json, "slots", statistics.slots);
	json_number(json, "queue_depth", statistics.in_flight);
	json_number(json, "masked", statistics.masked);
	json_number(json, "windows", statistics.windows);
	json_number(json, "windows_leased", statistics.windows_leased);
	json_number(json, "io_requests_published", statistics.io_requests_published);
	json_number(json, "io_requests_claimed", statistics.io_requests_claimed);
	json_number(json, "io_requests_answered", statistics.io_requests_answered);
	json_number(json, "ingests_in_flight", statistics.ingests_in_flight);
	add_oldest(json, look);
	add_rates(json, look);
	json_number(json, "slots_unknown", statistics.unknown);
	json_begin_rows(json, "occupancy");
	for (uint32_t i = 0; i <= MK_STATUS_FAULT; i++) {
		json_row(json);
		report_named(json, "status", i, name_status(i));
		json_number(json, "slots", statistics.by_status[i]);
	}
	json_end_rows(json);
}

const struct object stats_object = {
	.name = "stats",
	.summary = "occupancy, queue depth, the oldest slot, rates over an interval",
	.verbs = HAS(VERB_SHOW) | HAS(VERB_WATCH) | HAS(VERB_DIFF),
	.memories = MK_SNAPSHOT_DEFAULT,
	.needs_two = true,
	.has_screen = true,
	.build = build,
	.tables = tables,
};

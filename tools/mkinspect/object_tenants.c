// SPDX-License-Identifier: MIT
/* tenants: who may, and what lies in the ring of each. */
#include "decode.h"
#include "report.h"

static const struct column columns[] = {
	{ "tenant", "TENANT", 6, CELL_PLAIN },
	{ "mask", "MASK", 10, CELL_HEX },
	{ "quota", "QUOTA", 10, CELL_PLAIN },
	{ "fairness", "COUNTED", 10, CELL_PLAIN },
	{ "published", "PUBLISHED", 9, CELL_PLAIN },
	{ "in_flight", "IN FLIGHT", 9, CELL_PLAIN },
	{ "done", "DONE", 8, CELL_PLAIN },
	{ "faulted", "FAULTED", 8, CELL_PLAIN },
	{ 0 },
};

static const struct table tables[] = {
	{ "tenants", columns, NULL },
	{ 0 },
};

static uint32_t count_in_flight(const struct tenant *tenant)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i <= MK_STATUS_FAULT; i++)
		if (status_is_in_flight(i))
			count += tenant->slots[i];
	return count;
}

static void add_tenant(struct json_output *json, uint32_t number,
		       const struct tenant *tenant)
{
	json_row(json);
	json_number(json, "tenant", number);
	json_number(json, "mask", tenant->mask);
	json_flag(json, "is_authorised", tenant->mask);
	json_number(json, "quota", tenant->quota);
	json_number(json, "fairness", tenant->fairness);
	json_number(json, "published", tenant->slots[MK_STATUS_PUBLISHED]);
	json_number(json, "in_flight", count_in_flight(tenant));
	json_number(json, "done", tenant->slots[MK_STATUS_DONE]);
	json_number(json, "faulted", tenant->slots[MK_STATUS_FAULT]);
}

static bool is_used(const struct tenant *tenant)
{
	return tenant->mask || tenant->fairness || tenant->quota ||
	       count_in_flight(tenant) || tenant->slots[MK_STATUS_DONE] ||
	       tenant->slots[MK_STATUS_FAULT];
}

static void build(const struct look *look, struct json_output *json)
{
	struct tenant tenants[MK_TENANT_COUNT + 1];
	const struct tenant *others = &tenants[MK_TENANT_COUNT];

	decode_tenants(look->now, tenants);
	json_number(json, "unknown_in_flight", count_in_flight(others));
	json_number(json, "unknown_faulted", others->slots[MK_STATUS_FAULT]);
	json_begin_rows(json, "tenants");
	for (uint32_t i = 0; i < MK_TENANT_COUNT; i++)
		if (choice_allows(&look->selection->tenant, i) &&
		    (look->selection->all || look->selection->tenant.is_given ||
		     is_used(&tenants[i])))
			add_tenant(json, i, &tenants[i]);
	json_end_rows(json);
}

const struct object tenants_object = {
	.name = "tenants",
	.summary = "masks, quotas, and slots of each; unused ones with --all",
	.verbs = HAS(VERB_SHOW) | HAS(VERB_WATCH) | HAS(VERB_DIFF),
	.options = TAKES_TENANT | TAKES_ALL,
	.memories = MK_SNAPSHOT_MEMORY(MK_REGION_CONTROL) |
		    MK_SNAPSHOT_MEMORY(MK_REGION_RING) |
		    MK_SNAPSHOT_MEMORY(MK_REGION_CQ) |
		    MK_SNAPSHOT_MEMORY(MK_MEMORY_STATE),
	.build = build,
	.tables = tables,
};

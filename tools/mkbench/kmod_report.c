// SPDX-License-Identifier: MIT
/* What a context's memory costs, phase by phase. */
#include <stdio.h>
#include <sys/utsname.h>

#include "kmod.h"
#include "output.h"

static const struct {
	const char *key;
	const char *name;
} way_names[KMOD_WAYS] = {
	[KMOD_WAY_MK] = { "mk", "mk.ko" },
	[KMOD_WAY_UDMABUF] = { "udmabuf", "memfd + udmabuf" },
	[KMOD_WAY_MEMFD] = { "memfd", "memfd alone" },
};

static const struct {
	const char *key;
	const char *name;
} phase_names[KMOD_PHASES] = {
	[KMOD_CREATE] = { "create", "  create" },
	[KMOD_EXPORT] = { "export", "  export as DMA-buf" },
	[KMOD_TOUCH] = { "touch", "  map, touch every page" },
	[KMOD_TEARDOWN] = { "teardown", "  then: unmap, close" },
};

static void json_way(struct json_output *json, enum kmod_way way,
		     const struct kmod_results *results)
{
	const struct kmod_costs *costs = &results->ways[way];
	char prefix[64];

	snprintf(prefix, sizeof(prefix), "%s_", way_names[way].key);
	json_distribution(json, prefix, &costs->ready);
	for (int phase = 0; phase < KMOD_PHASES; phase++) {
		if (!costs->phases[phase].samples)
			continue;
		snprintf(prefix, sizeof(prefix), "%s_%s_", way_names[way].key,
			 phase_names[phase].key);
		json_distribution(json, prefix, &costs->phases[phase]);
	}
	if (way == KMOD_WAY_MK)
		return;
	snprintf(prefix, sizeof(prefix), "times_%s", way_names[way].key);
	json_decimal(json, prefix,
		     ratio(&results->ways[KMOD_WAY_MK].ready, &costs->ready));
}

int report_kmod_json(const struct kmod_results *results)
{
	struct json_output json;
	struct utsname system;

	uname(&system);
	results_begin(&json, "kmod");
	json_text(&json, "kernel", system.release);
	json_number(&json, "memories", results->memories);
	json_number(&json, "bytes", results->bytes);
	for (int way = 0; way < KMOD_WAYS; way++)
		if (results->ways[way].ready.samples)
			json_way(&json, (enum kmod_way)way, results);
	return results_end(&json);
}

static void table_way(enum kmod_way way, const struct kmod_costs *costs)
{
	table_distribution(way_names[way].name, &costs->ready);
	for (int phase = 0; phase < KMOD_PHASES; phase++)
		table_distribution(phase_names[phase].name, &costs->phases[phase]);
}

static void table_ratio(enum kmod_way way, const struct kmod_results *results)
{
	const struct kmod_costs *mk = &results->ways[KMOD_WAY_MK];
	const struct kmod_costs *other = &results->ways[way];

	if (other->ready.samples)
		printf("mk.ko takes %.2f times as long as %s (median)\n",
		       ratio(&mk->ready, &other->ready), way_names[way].name);
}

int report_kmod_table(const struct kmod_results *results)
{
	struct utsname system;

	uname(&system);
	printf("kernel     %s\n", system.release);
	printf("context    %u memories, %llu KiB\n\n", results->memories,
	       (unsigned long long)results->bytes >> 10);
	table_head("until touched, microseconds");
	for (int way = 0; way < KMOD_WAYS; way++)
		table_way((enum kmod_way)way, &results->ways[way]);
	putchar('\n');
	for (int way = KMOD_WAY_MK + 1; way < KMOD_WAYS; way++)
		table_ratio((enum kmod_way)way, results);
	return table_end();
}

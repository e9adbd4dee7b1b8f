// SPDX-License-Identifier: MIT
#include "decode.h"

static const struct {
	uint32_t first;
	uint32_t count; /* 0: a single word */
	const char *name;
} areas[] = {
	{ MK_CONTROL_SHUTDOWN, 0, "shutdown" },
	{ MK_CONTROL_DONE_COUNT, 0, "done_count" },
	{ MK_CONTROL_TENANT_BASE, 0, "tenant_base" },
	{ MK_CONTROL_TENANT_MASKS, MK_TENANT_COUNT, "tenant_mask" },
	{ MK_CONTROL_TENANT_QUOTAS, MK_TENANT_QUOTA_COUNT, "tenant_quota" },
	{ MK_CONTROL_TENANT_FAIRNESS, MK_TENANT_FAIRNESS_COUNT, "tenant_fairness" },
	{ MK_CONTROL_METRICS, MK_METRIC_COUNT, "metric" },
	{ MK_CONTROL_EPOCH, 0, "epoch" },
	{ MK_CONTROL_PRIORITY_OFFSETS, MK_PRIORITY_COUNT + 1, "priority_offset" },
	{ MK_CONTROL_STARVATION, 0, "starvation" },
	{ MK_CONTROL_PRIORITY_FAIRNESS, MK_PRIORITY_COUNT, "priority_fairness" },
	{ MK_CONTROL_MAGIC, 0, "magic" },
	{ MK_CONTROL_ABI_VERSION, 0, "abi_version" },
	{ MK_CONTROL_SLOT_COUNT, 0, "slot_count" },
	{ MK_CONTROL_RECORD_CAPACITY, 0, "record_capacity" },
	{ MK_CONTROL_IO_SLOT_COUNT, 0, "io_slot_count" },
	{ MK_CONTROL_OBSERVABLE_WORDS, 0, "observable_words" },
	{ MK_CONTROL_CONTEXT_FLAGS, 0, "context_flags" },
	{ MK_CONTROL_ARENA_BYTES_LOW, 0, "arena_bytes_low" },
	{ MK_CONTROL_ARENA_BYTES_HIGH, 0, "arena_bytes_high" },
};

void decode_control_word(uint32_t word, struct control_word *control)
{
	*control = (struct control_word){ .name = "reserved" };
	if (word >= MK_CONTROL_OBSERVABLES) {
		control->name = "observable";
		control->index = word - MK_CONTROL_OBSERVABLES;
		control->is_table = true;
		return;
	}
	for (size_t i = 0; i < sizeof(areas) / sizeof(areas[0]); i++) {
		if (word < areas[i].first ||
		    word >= areas[i].first + (areas[i].count ? areas[i].count : 1))
			continue;
		control->name = areas[i].name;
		control->index = word - areas[i].first;
		control->is_table = areas[i].count;
	}
}

// SPDX-License-Identifier: MIT
#include "doctor.h"

#include <stdarg.h>
#include <stdio.h>

static const struct check {
	const char *name;
	void (*look)(struct examination *examination);
	bool needs_two;
	bool needs_none; /* it is about the machine */
} checks[] = {
	{ "attaching", check_attaching, false, true },
	{ "words", check_words, false, false },
	{ "unknown-status", check_unknown_statuses, false, false },
	{ "engine-process", check_engine_process, false, false },
	{ "engine-lost", check_engine_lost, false, false },
	{ "engine-absent", check_engine_absent, false, false },
	{ "heartbeat", check_heartbeat, true, false },
	{ "parked", check_parked, true, false },
	{ "shutdown", check_shutdown, true, false },
	{ "claimed", check_claimed, true, false },
	{ "masked", check_masked, true, false },
	{ "starved", check_starved, true, false },
	{ "requests", check_requests, true, false },
	{ "leases", check_leases, true, false },
	{ "faults", check_faults, false, false },
	{ "log", check_log, false, false },
	{ "module", check_module, false, true },
	{ "vulkan", check_vulkan, false, true },
};

#define CHECKS (sizeof(checks) / sizeof(checks[0]))

static bool can_be_made(const struct examination *examination, const struct check *check)
{
	if (check->needs_none)
		return true;
	return examination->now && (examination->before || !check->needs_two);
}

void doctor_examine(struct examination *examination)
{
	examination->count = 0;
	for (size_t i = 0; i < CHECKS; i++) {
		if (!can_be_made(examination, &checks[i]))
			continue;
		examination->check = checks[i].name;
		checks[i].look(examination);
	}
}

size_t doctor_checks(const struct examination *examination)
{
	size_t count = 0;

	for (size_t i = 0; i < CHECKS; i++)
		count += can_be_made(examination, &checks[i]);
	return count;
}

struct finding *find(struct examination *examination, enum severity severity,
		     const char *advice, const char *format, ...)
{
	/* When there are that many, the last is as good as any other. */
	size_t index = examination->count < FINDINGS_LIMIT ? examination->count :
							     FINDINGS_LIMIT - 1;
	struct finding *finding = &examination->findings[index];
	va_list arguments;

	*finding = (struct finding){
		.check = examination->check,
		.severity = severity,
		.advice = advice,
		.slot = FINDING_NONE,
		.window = FINDING_NONE,
		.tenant = FINDING_NONE,
		.pid = FINDING_NONE,
	};
	va_start(arguments, format);
	vsnprintf(finding->text, sizeof(finding->text), format, arguments);
	va_end(arguments);
	examination->count++;
	return finding;
}

double doctor_seconds(const struct examination *examination)
{
	return (double)(examination->now->info->monotonic_ns -
			examination->before->info->monotonic_ns) /
	       1e9;
}

uint32_t doctor_engine_state(const struct view *view)
{
	return view_word(view, MK_REGION_CQ, MK_CQ_ENGINE_STATE);
}

bool doctor_engine_is_gone(const struct examination *examination)
{
	return examination->facts->is_live &&
	       examination->facts->engine_process == PROCESS_GONE;
}

const char *doctor_slots_text(uint32_t count, char text[32])
{
	snprintf(text, 32, "%u slot%s", count, count == 1 ? "" : "s");
	return text;
}

bool doctor_slot_stays(const struct examination *examination, uint32_t index,
		       const struct slot *now)
{
	struct slot before;

	decode_slot(examination->before, index, &before);
	return before.status == now->status && before.entry.count == now->entry.count &&
	       before.progress == now->progress && before.inner == now->inner &&
	       before.words[MK_SLOT_OPCODE] == now->words[MK_SLOT_OPCODE];
}

bool doctor_is_masked(const struct view *view, uint32_t tenant)
{
	return tenant < MK_TENANT_COUNT &&
	       !view_word(view, MK_REGION_CONTROL, MK_CONTROL_TENANT_MASKS + tenant);
}

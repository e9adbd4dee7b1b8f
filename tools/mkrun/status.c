// SPDX-License-Identifier: MIT
#include "status.h"

#include <stdlib.h>
#include <time.h>

#define NS_PER_SECOND UINT64_C(1000000000)

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

const char *state_name(uint32_t engine_state)
{
	static const char *const names[] = {
		[MK_ENGINE_IDLE] = "idle",     [MK_ENGINE_RUNNING] = "running",
		[MK_ENGINE_PARKED] = "parked", [MK_ENGINE_STOPPED] = "stopped",
		[MK_ENGINE_LOST] = "lost",
	};

	return engine_state < sizeof(names) / sizeof(names[0]) ? names[engine_state] :
								 "unknown";
}

static int compare(const void *a, const void *b)
{
	return (*(const uint64_t *)a > *(const uint64_t *)b) -
	       (*(const uint64_t *)a < *(const uint64_t *)b);
}

/* Of leases the owners are counted, each once. */
static void count_leases(const struct instance *instance, struct status *status)
{
	const struct mk_geometry *geometry = mk_context_geometry(instance->context);
	const uint32_t *cq = mk_context_memory(instance->context, MK_REGION_CQ, NULL);
	const volatile uint64_t *leases =
		(const volatile uint64_t *)(const void *)(cq + mk_cq_first_lease(
								       geometry->slots));
	uint64_t *owners;

	status->windows =
		(geometry->slots + geometry->window_slots - 1) / geometry->window_slots;
	owners = malloc(status->windows * sizeof(*owners));
	for (uint32_t i = 0; owners && i < status->windows; i++) {
		uint64_t owner = leases[i];

		if (owner)
			owners[status->windows_leased++] = owner;
	}
	if (owners)
		qsort(owners, status->windows_leased, sizeof(*owners), compare);
	for (uint32_t i = 0; owners && i < status->windows_leased; i++)
		status->producers += !i || owners[i] != owners[i - 1];
	free(owners);
}

void status_take(const struct instance *instance, const struct status *last,
		 struct status *status)
{
	static uint64_t begin_ns;
	double seconds;

	*status = (struct status){ .taken_ns = now_ns() };
	if (!begin_ns)
		begin_ns = status->taken_ns;
	status->uptime_ns = status->taken_ns - begin_ns;
	mk_context_counters(instance->context, &status->counters);
	if (instance->io)
		mk_io_counters(instance->io, &status->io);
	count_leases(instance, status);
	if (!last || status->taken_ns == last->taken_ns)
		return;
	seconds = (double)(status->taken_ns - last->taken_ns) / (double)NS_PER_SECOND;
	status->slots_per_second =
		(double)(status->counters.slots_done - last->counters.slots_done) /
		seconds;
	status->faults_per_second =
		(uint32_t)(status->counters.faults - last->counters.faults) / seconds;
	status->dispatches_per_second =
		(uint32_t)(status->counters.dispatches - last->counters.dispatches) /
		seconds;
}

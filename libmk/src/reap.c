// SPDX-License-Identifier: MIT
/* What the dead have left, for the owner: told, and freed where nothing is in flight. */
#include <mk/producer.h>

#include "context.h"
#include "ingest_groups.h"
#include "lease.h"
#include "windows.h"

struct report {
	struct mk_context *context;
	struct mk_dead_producer *dead;
	size_t capacity;
	size_t count;
};

/* NULL: there is no room for one more. */
static struct mk_dead_producer *find_or_add(struct report *report, uint64_t lease)
{
	struct mk_producer_identity identity;
	struct mk_dead_producer *dead;

	mk_lease_identify(lease, &identity);
	for (size_t i = 0; i < report->count; i++) {
		dead = &report->dead[i];
		if (dead->identity.id == identity.id &&
		    dead->identity.generation == identity.generation)
			return dead;
	}
	if (report->count == report->capacity)
		return NULL;
	dead = &report->dead[report->count++];
	*dead = (struct mk_dead_producer){ .identity = identity };
	return dead;
}

/*
 * Returns whose @place was, whose lease is @word, or NULL when it is free or somebody
 * lives who has it.  That the owner is dead is shown before its slots are looked at, so
 * none is published afterwards.
 */
static struct mk_dead_producer *
reap_place(struct report *report, mk_word64 *word, uint32_t place,
	   uint32_t (*count_in_flight)(const struct mk_context *context, uint32_t place),
	   uint32_t *in_flight)
{
	uint64_t lease = mk_lease_of_dead(report->context, word);
	struct mk_dead_producer *dead = lease ? find_or_add(report, lease) : NULL;

	if (!dead)
		return NULL;
	/* The slots may be in the device's memory, from where they could be loaded early. */
	if (report->context->write_combining)
		mk_read_fence();
	*in_flight = count_in_flight(report->context, place);
	if (!*in_flight)
		mk_lease_free(word, lease);
	return dead;
}

static void reap_windows(struct report *report)
{
	for (uint32_t i = 0; i < report->context->window_count; i++) {
		uint32_t in_flight;
		struct mk_dead_producer *dead =
			reap_place(report, mk_cq_lease(report->context, i), i,
				   mk_window_in_flight, &in_flight);

		if (!dead)
			continue;
		dead->windows++;
		dead->slots_in_flight += in_flight;
	}
}

static void reap_ingest_groups(struct report *report)
{
	uint32_t count = mk_ingest_group_count(report->context);

	for (uint32_t i = 0; i < count; i++) {
		uint32_t in_flight;
		struct mk_dead_producer *dead =
			reap_place(report, mk_cq_ingest_lease(report->context, i), i,
				   mk_ingest_group_in_flight, &in_flight);

		if (!dead)
			continue;
		dead->ingest_groups++;
		dead->ingests_in_flight += in_flight;
	}
}

int64_t mk_context_reap(struct mk_context *context, struct mk_dead_producer *dead,
			size_t capacity)
{
	struct report report = { context, dead, capacity, 0 };
	int ret = mk_context_check_role(context, MK_ROLE_ENGINE, "free others' leases");

	if (ret)
		return ret;
	reap_windows(&report);
	reap_ingest_groups(&report);
	return (int64_t)report.count;
}

// SPDX-License-Identifier: MIT
/* Ingests from producers of one process; a thread plays the device. */
#include "live.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "played_device.h"

#define REQUEST_SLOTS 128
#define GROUP	      8
#define GROUPS	      4
#define SLOTS	      (GROUPS * GROUP)
#define ARENA_WORDS   4096

static const struct mk_geometry geometry = {
	.io_slots = REQUEST_SLOTS + SLOTS,
	.io_request_slots = REQUEST_SLOTS,
	.arena_bytes = ARENA_WORDS * sizeof(uint32_t),
};

/* What is published under a tag: every word is known by it, and a word of the arena. */
static struct mk_ingest ingest_of(uint32_t tag)
{
	return (struct mk_ingest){
		.source = ~tag,
		.destination = tag % ARENA_WORDS,
		.offset = (uint64_t)tag << 32 | (tag ^ 0x5a5a5a5a),
		.byte_count = 3 * tag,
		.tag = tag,
	};
}

/* A log of what a device has seen. */
struct seen {
	struct mk_context *context;
	atomic_uint count;
	atomic_uint wrong;
	atomic_uchar *times; /* of each tag; or NULL */
};

static void see(void *argument, const uint32_t words[MK_IO_SLOT_WORDS])
{
	struct seen *seen = argument;
	const uint32_t *arena = mk_context_arena(seen->context);
	uint32_t tag = words[MK_IO_TAG];
	struct mk_ingest ingest = ingest_of(tag);

	if (words[MK_IO_OP] != MK_IO_OP_READ || words[MK_IO_SOURCE] != ingest.source ||
	    words[MK_IO_DESTINATION] != ingest.destination ||
	    words[MK_IO_OFFSET_LOW] != (uint32_t)ingest.offset ||
	    words[MK_IO_OFFSET_HIGH] != (uint32_t)(ingest.offset >> 32) ||
	    words[MK_IO_BYTE_COUNT] != ingest.byte_count ||
	    words[MK_IO_STATUS] != MK_STATUS_CLAIMED || arena[ingest.destination] != tag)
		atomic_fetch_add(&seen->wrong, 1);
	if (seen->times)
		atomic_fetch_add(&seen->times[tag], 1);
	atomic_fetch_add(&seen->count, 1);
}

struct fixture {
	struct live *live;
	struct seen seen;
	struct played_device device;
};

static void set_up(struct fixture *fixture, struct live *live,
		   const struct mk_geometry *sizes)
{
	live_create(live, sizes);
	*fixture = (struct fixture){
		.live = live,
		.seen = { .context = live->context },
		.device = { .context = live->context, .handle = see },
	};
	fixture->device.argument = &fixture->seen;
}

static struct mk_ingester *open_ingester(struct mk_context *context, uint32_t max_groups)
{
	const struct mk_ingester_options options = { .size = sizeof(options),
						     .max_groups = max_groups };
	struct mk_ingester *ingester = NULL;

	live_ok(mk_ingester_open(context, &options, &ingester));
	return ingester;
}

static int publish(struct mk_ingester *ingester, const struct mk_context *context,
		   uint32_t tag, uint64_t timeout_ns, struct mk_ingest_ticket *ticket)
{
	struct mk_ingest ingest = ingest_of(tag);
	uint32_t *arena = mk_context_arena(context);

	arena[ingest.destination] = tag;
	return mk_ingester_publish(ingester, &ingest, timeout_ns, ticket);
}

static uint64_t lease_of(const struct mk_context *context, uint32_t group)
{
	uint32_t word = MK_CQ_INGEST_LEASES + group * MK_CQ_LEASE_WORDS;

	return atomic_load(played_cq_word(context, word)) |
	       (uint64_t)atomic_load(played_cq_word(context, word + 1)) << 32;
}

/* Nothing is leased any more, and nothing in flight. */
static void expect_all_free(const struct mk_context *context)
{
	const struct mk_geometry *sizes = mk_context_geometry(context);

	for (uint32_t i = 0; i < MK_CQ_INGEST_LEASE_COUNT; i++)
		assert_int_equal(lease_of(context, i), 0);
	for (uint32_t i = sizes->io_request_slots; i < sizes->io_slots; i++)
		assert_int_equal(atomic_load(played_io_word(context, i, MK_IO_STATUS)),
				 MK_STATUS_EMPTY);
}

/* One at a time ------------------------------------------------------------- */

static void test_publish_and_wait(void **state)
{
	enum { ROUNDS = 1000 };
	struct fixture f;
	struct mk_ingester *ingester;
	struct mk_ingest_ticket ticket, first;

	set_up(&f, *state, &geometry);
	played_device_start(&f.device);
	ingester = open_ingester(f.live->context, 0);
	for (uint32_t tag = 1; tag <= ROUNDS; tag++) {
		live_ok(publish(ingester, f.live->context, tag, LIVE_TIMEOUT_NS,
				&ticket));
		live_ok(mk_ingester_wait(ingester, &ticket, LIVE_TIMEOUT_NS));
		assert_int_equal(atomic_load(&f.seen.count), tag);
		if (tag == 1)
			first = ticket;
	}
	/* As often as liked, however long ago. */
	live_ok(mk_ingester_wait(ingester, &first, 0));
	live_ok(mk_ingester_wait(ingester, &ticket, 0));
	mk_ingester_close(ingester);
	played_device_stop(&f.device);
	assert_int_equal(atomic_load(&f.seen.wrong), 0);
	assert_int_equal(atomic_load(played_cq_word(f.live->context, MK_CQ_IO_INGESTS)),
			 ROUNDS);
	expect_all_free(f.live->context);
}

/* The requests' slots are not touched. */
static void test_uses_ingest_slots_only(void **state)
{
	struct fixture f;
	struct mk_ingester *ingester;
	struct mk_ingest_ticket ticket;

	set_up(&f, *state, &geometry);
	ingester = open_ingester(f.live->context, GROUPS);
	for (uint32_t i = 0; i < SLOTS; i++) {
		live_ok(publish(ingester, f.live->context, i, 0, &ticket));
		assert_in_range(ticket.slot, REQUEST_SLOTS, REQUEST_SLOTS + SLOTS - 1);
	}
	for (uint32_t i = 0; i < REQUEST_SLOTS; i++)
		for (uint32_t k = 0; k < MK_IO_SLOT_WORDS; k++)
			assert_int_equal(
				atomic_load(played_io_word(f.live->context, i, k)), 0);
	mk_ingester_close(ingester);
}

static void test_wakes_a_parked_engine(void **state)
{
	struct fixture f;
	struct mk_ingester *ingester;
	_Atomic uint32_t *park;

	set_up(&f, *state, &geometry);
	park = played_cq_word(f.live->context, MK_CQ_PARK_FUTEX);
	ingester = open_ingester(f.live->context, 0);
	atomic_store(park, MK_PARK_PARKED);
	live_ok(publish(ingester, f.live->context, 1, 0, NULL));
	assert_int_equal(atomic_load(park), MK_PARK_AWAKE);
	mk_ingester_close(ingester);
}

/* A full queue ---------------------------------------------------------------- */

static void test_full_queue_holds_back(void **state)
{
	struct fixture f;
	struct mk_ingester *ingester;
	struct mk_ingest_ticket tickets[SLOTS + 1];

	set_up(&f, *state, &geometry);
	ingester = open_ingester(f.live->context, GROUPS);
	for (uint32_t i = 0; i < SLOTS; i++)
		live_ok(publish(ingester, f.live->context, i, 0, &tickets[i]));
	live_expect(-EAGAIN, publish(ingester, f.live->context, SLOTS, 0, NULL));
	live_expect(-ETIMEDOUT,
		    publish(ingester, f.live->context, SLOTS, LIVE_GLANCE_NS, NULL));
	live_expect(-EAGAIN, mk_ingester_wait(ingester, &tickets[0], 0));
	live_expect(-ETIMEDOUT, mk_ingester_wait(ingester, &tickets[0], LIVE_GLANCE_NS));

	played_device_start(&f.device);
	live_ok(publish(ingester, f.live->context, SLOTS, LIVE_TIMEOUT_NS,
			&tickets[SLOTS]));
	for (uint32_t i = 0; i <= SLOTS; i++)
		live_ok(mk_ingester_wait(ingester, &tickets[i], LIVE_TIMEOUT_NS));
	mk_ingester_close(ingester);
	played_device_stop(&f.device);
	assert_int_equal(atomic_load(&f.seen.count), SLOTS + 1);
	assert_int_equal(atomic_load(&f.seen.wrong), 0);
	expect_all_free(f.live->context);
}

/* No ingester has more than its share, unless it asks for it. */
static void test_groups_are_bounded(void **state)
{
	struct fixture f;
	struct mk_ingester *one, *half;

	set_up(&f, *state, &geometry);
	one = open_ingester(f.live->context, 1);
	for (uint32_t i = 0; i < GROUP; i++)
		live_ok(publish(one, f.live->context, i, 0, NULL));
	live_expect(-EAGAIN, publish(one, f.live->context, GROUP, 0, NULL));
	live_ok(mk_ingester_open(f.live->context, NULL, &half));
	for (uint32_t i = 0; i < SLOTS / 2; i++)
		live_ok(publish(half, f.live->context, GROUP + i, 0, NULL));
	live_expect(-EAGAIN, publish(half, f.live->context, SLOTS, 0, NULL));
	mk_ingester_close(half);
	mk_ingester_close(one);
}

/* Many that are published at once, in queues of many sizes. */
static void stream_through(void **state, uint32_t ingest_slots, uint32_t group_slots)
{
	enum { COUNT = 20000 };
	static struct mk_ingest ingests[COUNT];
	static struct mk_ingest_ticket tickets[COUNT];
	static atomic_uchar times[COUNT];
	struct mk_geometry sizes = geometry;
	uint32_t groups = (ingest_slots + group_slots - 1) / group_slots;
	struct mk_ingester *ingester;
	struct fixture f;
	uint32_t *arena;

	sizes.io_slots = REQUEST_SLOTS + ingest_slots;
	sizes.arena_bytes = COUNT * sizeof(uint32_t);
	memset(times, 0, sizeof(times));
	set_up(&f, *state, &sizes);
	f.seen.times = times;
	arena = mk_context_arena(f.live->context);
	for (uint32_t i = 0; i < COUNT; i++) {
		ingests[i] = ingest_of(i);
		arena[ingests[i].destination] = i;
	}
	ingester = open_ingester(f.live->context, groups);
	/* Each slot can be had, and no more than there are. */
	assert_true(COUNT > ingest_slots);
	live_expect(ingest_slots,
		    mk_ingester_publish_many(ingester, ingests, COUNT, 0, tickets));
	for (uint32_t i = 0; i < groups; i++)
		assert_int_not_equal(lease_of(f.live->context, i), 0);
	for (uint32_t i = groups; i < MK_CQ_INGEST_LEASE_COUNT; i++)
		assert_int_equal(lease_of(f.live->context, i), 0);

	played_device_start(&f.device);
	live_expect(COUNT - ingest_slots,
		    mk_ingester_publish_many(ingester, ingests + ingest_slots,
					     COUNT - ingest_slots, LIVE_TIMEOUT_NS,
					     tickets + ingest_slots));
	for (uint32_t i = 0; i < COUNT; i++)
		live_ok(mk_ingester_wait(ingester, &tickets[i], LIVE_TIMEOUT_NS));
	mk_ingester_close(ingester);
	played_device_stop(&f.device);
	for (uint32_t i = 0; i < COUNT; i++)
		assert_int_equal(atomic_load(&times[i]), 1);
	expect_all_free(f.live->context);
}

static void test_one_slot(void **state)
{
	stream_through(state, 1, GROUP);
}

static void test_last_group_is_short(void **state)
{
	stream_through(state, 3 * GROUP + 5, GROUP);
}

static void test_all_leases(void **state)
{
	stream_through(state, 256 * GROUP, GROUP);
}

static void test_large_groups(void **state)
{
	stream_through(state, 5000, 20);
}

/* Several --------------------------------------------------------------------- */

struct ingesting {
	struct mk_context *context;
	pthread_t thread;
	uint32_t first; /* tag */
	uint32_t count;
	int ret;
};

static void *ingest_in_thread(void *argument)
{
	struct ingesting *job = argument;
	struct mk_ingester *ingester;
	uint64_t random = job->first + 1;

	job->ret = mk_ingester_open(job->context, NULL, &ingester);
	for (uint32_t i = 0; i < job->count && !job->ret; i++) {
		struct mk_ingest_ticket ticket;

		job->ret = publish(ingester, job->context, job->first + i,
				   LIVE_TIMEOUT_NS, &ticket);
		if (!job->ret && live_random(&random) % 4 == 0)
			job->ret = mk_ingester_wait(ingester, &ticket, LIVE_TIMEOUT_NS);
	}
	if (job->ret)
		print_error("ingester: %d: %s\n", job->ret, mk_error_text());
	else
		mk_ingester_close(ingester);
	return NULL;
}

/* More of them than groups, so that they have to give way to each other. */
static void test_several_at_once(void **state)
{
	enum { INGESTERS = 2 * GROUPS, EACH = ARENA_WORDS / INGESTERS };
	static atomic_uchar times[INGESTERS * EACH];
	struct ingesting jobs[INGESTERS];
	struct fixture f;

	memset(times, 0, sizeof(times));
	set_up(&f, *state, &geometry);
	f.seen.times = times;
	played_device_start(&f.device);
	for (uint32_t i = 0; i < INGESTERS; i++) {
		jobs[i] = (struct ingesting){ .context = f.live->context,
					      .first = i * EACH,
					      .count = EACH };
		assert_int_equal(pthread_create(&jobs[i].thread, NULL, ingest_in_thread,
						&jobs[i]),
				 0);
	}
	for (uint32_t i = 0; i < INGESTERS; i++) {
		assert_int_equal(pthread_join(jobs[i].thread, NULL), 0);
		assert_int_equal(jobs[i].ret, 0);
	}
	played_device_stop(&f.device);
	assert_int_equal(atomic_load(&f.seen.wrong), 0);
	for (uint32_t i = 0; i < INGESTERS * EACH; i++)
		assert_int_equal(atomic_load(&times[i]), 1);
}

struct held_back {
	struct ingesting job;
	atomic_bool stop;
};

/* Streams without waiting for anything, and so never gives a group back by itself. */
static void *stream_on(void *argument)
{
	struct held_back *held = argument;
	struct mk_ingester *ingester;
	uint32_t tag = 0;

	held->job.ret = mk_ingester_open(
		held->job.context,
		&(struct mk_ingester_options){ .size = sizeof(struct mk_ingester_options),
					       .max_groups = GROUPS },
		&ingester);
	while (!held->job.ret && !atomic_load(&held->stop)) {
		tag = (tag + 1) % (ARENA_WORDS / 2);
		held->job.ret =
			publish(ingester, held->job.context, tag, LIVE_TIMEOUT_NS, NULL);
	}
	if (!held->job.ret)
		mk_ingester_close(ingester);
	return NULL;
}

/* Who has all groups lets others in. */
static void test_gives_way(void **state)
{
	struct held_back greedy = { 0 };
	struct mk_ingester *ingester;
	struct mk_ingest_ticket ticket;
	struct fixture f;

	set_up(&f, *state, &geometry);
	played_device_start(&f.device);
	greedy.job.context = f.live->context;
	assert_int_equal(pthread_create(&greedy.job.thread, NULL, stream_on, &greedy), 0);
	while (atomic_load(&f.seen.count) < 4 * SLOTS)
		sched_yield();
	ingester = open_ingester(f.live->context, 1);
	for (uint32_t i = 0; i < 100; i++) {
		live_ok(publish(ingester, f.live->context, ARENA_WORDS / 2 + i,
				LIVE_TIMEOUT_NS, &ticket));
		live_ok(mk_ingester_wait(ingester, &ticket, LIVE_TIMEOUT_NS));
	}
	mk_ingester_close(ingester);
	atomic_store(&greedy.stop, true);
	assert_int_equal(pthread_join(greedy.job.thread, NULL), 0);
	assert_int_equal(greedy.job.ret, 0);
	played_device_stop(&f.device);
}

/* What is left behind ---------------------------------------------------------- */

/* An ingester that closes leaves what is in flight to whoever takes the group over. */
static void test_closed_with_work_in_flight(void **state)
{
	enum { LEFT = 3 };
	struct mk_producer_identity identity;
	struct mk_dead_producer dead[2];
	struct mk_ingester *ingester;
	struct fixture f;

	set_up(&f, *state, &geometry);
	ingester = open_ingester(f.live->context, GROUPS);
	mk_ingester_identity(ingester, &identity);
	for (uint32_t i = 0; i < LEFT; i++)
		live_ok(publish(ingester, f.live->context, i, 0, NULL));
	live_expect(0, mk_context_reap(f.live->context, dead, 2));
	mk_ingester_close(ingester);

	for (int i = 0; i < 2; i++) {
		live_expect(1, mk_context_reap(f.live->context, dead, 2));
		assert_int_equal(dead[0].identity.id, 0);
		assert_int_equal(dead[0].identity.generation, identity.generation);
		assert_int_equal(dead[0].ingest_groups, 1);
		assert_int_equal(dead[0].ingests_in_flight, LEFT);
		assert_int_equal(dead[0].windows, 0);
		assert_int_equal(dead[0].slots_in_flight, 0);
	}
	/* No room to be told of it, so nothing is freed. */
	live_expect(0, mk_context_reap(f.live->context, NULL, 0));
	ingester = open_ingester(f.live->context, GROUPS);
	for (uint32_t i = LEFT; i < SLOTS; i++)
		live_ok(publish(ingester, f.live->context, i, 0, NULL));
	live_expect(-EAGAIN, publish(ingester, f.live->context, SLOTS, 0, NULL));
	live_expect(0, mk_context_reap(f.live->context, dead, 2));
	mk_ingester_close(ingester);

	played_device_start(&f.device);
	played_device_stop(&f.device);
	assert_int_equal(atomic_load(&f.seen.count), SLOTS);
	assert_int_equal(atomic_load(&f.seen.wrong), 0);
	/* The short of room are told in parts; each of these has nothing in flight. */
	live_expect(1, mk_context_reap(f.live->context, dead, 2));
	assert_int_equal(dead[0].ingest_groups, GROUPS);
	assert_int_equal(dead[0].ingests_in_flight, 0);
	live_expect(0, mk_context_reap(f.live->context, dead, 2));
	expect_all_free(f.live->context);
}

/* A device that died after it had recycled, and before it counted. */
static void test_recycled_and_not_counted(void **state)
{
	struct mk_ingest_ticket ticket;
	struct mk_ingester *ingester;
	struct fixture f;

	set_up(&f, *state, &geometry);
	f.device.never_counts = true;
	played_device_start(&f.device);
	ingester = open_ingester(f.live->context, 1);
	for (uint32_t i = 0; i < 2 * GROUP; i++)
		live_ok(publish(ingester, f.live->context, i, LIVE_TIMEOUT_NS, &ticket));
	live_ok(mk_ingester_wait(ingester, &ticket, LIVE_TIMEOUT_NS));
	mk_ingester_close(ingester);
	played_device_stop(&f.device);
}

/* Refusals --------------------------------------------------------------------- */

static void test_refuses(void **state)
{
	const struct {
		struct mk_ingester_options options;
		uint64_t unknown;
	} newer = { { .size = sizeof(newer) }, 1 };
	struct mk_ingest_ticket ticket = { .number = 1, .slot = REQUEST_SLOTS };
	struct mk_dead_producer dead;
	struct mk_ingester *ingester;
	struct mk_context *guest;
	struct fixture f;

	set_up(&f, *state, &geometry);
	ingester = open_ingester(f.live->context, 0);
	/* None was given yet, and none has this number. */
	live_expect(-EINVAL, mk_ingester_wait(ingester, &ticket, 0));
	live_ok(publish(ingester, f.live->context, 1, 0, &ticket));
	live_expect(-EAGAIN, mk_ingester_wait(ingester, &ticket, 0));
	ticket.number++;
	live_expect(-EINVAL, mk_ingester_wait(ingester, &ticket, 0));
	ticket.number = 0;
	live_expect(-EINVAL, mk_ingester_wait(ingester, &ticket, 0));
	mk_ingester_close(ingester);
	mk_ingester_close(NULL);

	ingester = NULL;
	if (strcmp(mk_context_backing(f.live->context), "device")) {
		guest = live_attach(f.live, MK_ROLE_OBSERVER);
		live_expect(-EACCES, mk_ingester_open(guest, NULL, &ingester));
		live_expect(-EACCES, mk_context_reap(guest, &dead, 1));
		mk_context_close(guest);
		guest = live_attach(f.live, MK_ROLE_PRODUCER);
		live_expect(-EACCES, mk_context_reap(guest, &dead, 1));
		mk_context_close(guest);
	}
	live_expect(-E2BIG, mk_ingester_open(f.live->context, &newer.options, &ingester));
	assert_null(ingester);
}

static void test_refuses_a_queue_of_requests(void **state)
{
	struct mk_geometry sizes = geometry;
	struct mk_ingester *ingester = NULL;
	struct fixture f;

	sizes.io_slots = REQUEST_SLOTS;
	set_up(&f, *state, &sizes);
	live_expect(-ENOSPC, mk_ingester_open(f.live->context, NULL, &ingester));
	assert_non_null(strstr(mk_error_text(), "io_request_slots"));
	assert_null(ingester);
}

/* Hostile words ------------------------------------------------------------------ */

struct spoiler {
	struct mk_context *context;
	atomic_uint spoiled;
	atomic_bool stop;
	pthread_t thread;
};

/* Small and near numbers are what passes for the real thing. */
static uint32_t hostile_word(uint64_t *random)
{
	uint32_t word = live_random(random);

	switch (live_random(random) % 3) {
	case 0:
		return word % 20;
	case 1:
		return ~(word % 4);
	default:
		return word;
	}
}

static void *spoil(void *argument)
{
	struct spoiler *spoiler = argument;
	const struct mk_geometry *sizes = mk_context_geometry(spoiler->context);
	uint32_t ingests = sizes->io_slots - sizes->io_request_slots;
	uint64_t random = 7;

	while (!atomic_load(&spoiler->stop)) {
		uint32_t where = live_random(&random);
		uint32_t value = hostile_word(&random);

		switch (live_random(&random) % 4) {
		case 0:
			atomic_store(played_cq_word(spoiler->context,
						    MK_CQ_INGEST_LEASES +
							    where % (2 * GROUPS)),
				     value);
			break;
		case 1:
			atomic_store(played_cq_word(spoiler->context,
						    MK_CQ_HINT_WINDOW + where % 4),
				     value);
			break;
		case 2:
			atomic_store(played_cq_word(spoiler->context, MK_CQ_IO_INGESTS),
				     value);
			break;
		default:
			atomic_store(
				played_io_word(spoiler->context,
					       sizes->io_request_slots + where % ingests,
					       MK_IO_STATUS),
				value);
		}
		atomic_fetch_add(&spoiler->spoiled, 1);
		/* Not without a pause, so that something also goes well. */
		sched_yield();
	}
	return NULL;
}

static void look_on(void *argument, const uint32_t words[MK_IO_SLOT_WORDS])
{
	struct seen *seen = argument;

	(void)words;
	atomic_fetch_add(&seen->count, 1);
}

static void wipe(struct mk_context *context)
{
	for (uint32_t i = 0; i < MK_CQ_INGEST_LEASE_COUNT * MK_CQ_LEASE_WORDS; i++)
		atomic_store(played_cq_word(context, MK_CQ_INGEST_LEASES + i), 0);
	for (uint32_t i = 0; i < SLOTS; i++)
		atomic_store(played_io_word(context, REQUEST_SLOTS + i, MK_IO_STATUS),
			     MK_STATUS_EMPTY);
	atomic_store(played_cq_word(context, MK_CQ_HINT_INGESTS), 0);
}

/* No crash, no hang, no other result than the documented ones. */
static void test_hostile_words(void **state)
{
	enum { ROUNDS = 20000 };
	struct mk_dead_producer dead[4];
	struct spoiler spoiler = { 0 };
	struct mk_ingest_ticket ticket;
	uint32_t published = 0, ended = 0, refused = 0;
	struct fixture f;

	set_up(&f, *state, &geometry);
	f.device.handle = look_on;
	played_device_start(&f.device);
	spoiler.context = f.live->context;
	assert_int_equal(pthread_create(&spoiler.thread, NULL, spoil, &spoiler), 0);
	for (uint32_t i = 0; i < ROUNDS || atomic_load(&spoiler.spoiled) < ROUNDS / 10;) {
		struct mk_ingester *ingester = open_ingester(f.live->context, 2);

		for (uint32_t end = i + 100; i < end; i++) {
			int64_t ret =
				publish(ingester, f.live->context, i, 10000, &ticket);

			assert_true(!ret || ret == -ETIMEDOUT);
			published += !ret;
			refused += ret != 0;
			if (ret)
				continue;
			ret = mk_ingester_wait(ingester, &ticket, 10000);
			assert_true(!ret || ret == -ETIMEDOUT);
			ended += !ret;
		}
		assert_in_range(mk_context_reap(f.live->context, dead, 4), 0, 4);
		mk_ingester_close(ingester);
	}
	atomic_store(&spoiler.stop, true);
	assert_int_equal(pthread_join(spoiler.thread, NULL), 0);
	played_device_stop(&f.device);
	print_message("# %u words: %u published, %u seen to end, %u refused\n",
		      atomic_load(&spoiler.spoiled), published, ended, refused);
	assert_true(published && ended);

	/* Nothing of it was kept. */
	wipe(f.live->context);
	f.device.handle = see;
	played_device_start(&f.device);
	{
		struct mk_ingester *ingester = open_ingester(f.live->context, 0);

		for (uint32_t i = 0; i < 4 * SLOTS; i++)
			live_ok(publish(ingester, f.live->context, i, LIVE_TIMEOUT_NS,
					&ticket));
		live_ok(mk_ingester_wait(ingester, &ticket, LIVE_TIMEOUT_NS));
		mk_ingester_close(ingester);
	}
	played_device_stop(&f.device);
	assert_int_equal(atomic_load(&f.seen.wrong), 0);
}

/* What no status is, is no reason to give a slot up for ever. */
static void test_garbage_is_no_ingest_in_flight(void **state)
{
	struct mk_dead_producer dead;
	struct mk_ingester *ingester;
	struct fixture f;

	set_up(&f, *state, &geometry);
	for (uint32_t group = 0; group < GROUPS; group++) {
		uint32_t word = MK_CQ_INGEST_LEASES + group * MK_CQ_LEASE_WORDS;

		atomic_store(played_cq_word(f.live->context, word + 1), 77);
	}
	for (uint32_t i = 0; i < SLOTS; i++)
		atomic_store(played_io_word(f.live->context, REQUEST_SLOTS + i,
					    MK_IO_STATUS),
			     0xdead0000 + i);
	ingester = open_ingester(f.live->context, GROUPS);
	for (uint32_t i = 0; i < SLOTS; i++)
		live_ok(publish(ingester, f.live->context, i, 0, NULL));
	live_expect(0, mk_context_reap(f.live->context, &dead, 1));
	mk_ingester_close(ingester);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIVE_TEST(test_publish_and_wait),
		LIVE_TEST(test_uses_ingest_slots_only),
		LIVE_TEST(test_wakes_a_parked_engine),
		LIVE_TEST(test_full_queue_holds_back),
		LIVE_TEST(test_groups_are_bounded),
		LIVE_TEST(test_one_slot),
		LIVE_TEST(test_last_group_is_short),
		LIVE_TEST(test_all_leases),
		LIVE_TEST(test_large_groups),
		LIVE_TEST(test_several_at_once),
		LIVE_TEST(test_gives_way),
		LIVE_TEST(test_closed_with_work_in_flight),
		LIVE_TEST(test_recycled_and_not_counted),
		LIVE_TEST(test_refuses),
		LIVE_TEST(test_refuses_a_queue_of_requests),
		LIVE_TEST(test_hostile_words),
		LIVE_TEST(test_garbage_is_no_ingest_in_flight),
	};

	return live_main(tests);
}

// SPDX-License-Identifier: MIT
/*
 * Ingesters of several processes, killed at any point: what they published arrives once,
 * every slot comes back, and the owner is told whose they were.  A process plays the
 * device.
 */
#include "live.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "children.h"
#include "played_device.h"

/* As a producer of mk.ko's needs them: whole pages of either kind. */
#define REQUEST_SLOTS	128
#define GROUP		8
#define GROUPS		4
#define SLOTS		(GROUPS * GROUP)
#define INGESTERS	4
#define QUICK_RUN_NS	(5 * LIVE_NS_PER_SECOND)
#define SLOW_RUN_NS	(120 * LIVE_NS_PER_SECOND)
#define ROUNDS_AT_LEAST 100

/* A tag is the ingester's index and a number that no other life of it has. */
#define NUMBER_BITS 24
#define NUMBERS	    (1u << NUMBER_BITS)
/* Of each ingester, more than are ever in flight. */
#define ARENA_WORDS 4096u

/* In memory that outlives who counts there; each has its own line. */
struct account {
	_Alignas(64) atomic_uint begun;	 /* before a publish */
	_Alignas(64) atomic_uint waited; /* ingests that were seen recycled */
	struct mk_producer_identity identity;
};

struct shared {
	atomic_bool finish;
	atomic_bool device_ends;
	atomic_uint seen;
	atomic_uint wrong;
	struct account accounts[INGESTERS];
	atomic_uchar times[INGESTERS][NUMBERS];
};

/* What a producer is given, of either kind. */
struct job {
	uint32_t index;
	uint32_t count; /* to publish */
	uint64_t random;
};

static void start_producer(struct child *child, child_body body, const struct live *live,
			   const struct child_memory *memory, const struct job *job)
{
	child_start(child, body,
		    &(struct child_options){
			    .context = live->context,
			    .role = MK_ROLE_PRODUCER,
			    .memory = memory,
			    .argument = job,
			    .argument_bytes = sizeof(*job),
		    });
}

static void create_queue(struct live *live)
{
	live_create(live, &(struct mk_geometry){
				  .slots = 64,
				  .io_slots = REQUEST_SLOTS + SLOTS,
				  .io_request_slots = REQUEST_SLOTS,
				  .tenants = 2,
				  .arena_bytes = INGESTERS * ARENA_WORDS * 4,
			  });
}

/* The device ------------------------------------------------------------------ */

static void see(void *argument, const uint32_t words[MK_IO_SLOT_WORDS])
{
	const struct child_self *self = argument;
	const uint32_t *arena = mk_context_arena(self->context);
	struct shared *shared = self->memory;
	uint32_t tag = words[MK_IO_TAG];
	uint32_t index = tag >> NUMBER_BITS;
	uint32_t destination = words[MK_IO_DESTINATION];

	if (words[MK_IO_OP] != MK_IO_OP_READ || index >= INGESTERS ||
	    destination != index * ARENA_WORDS + tag % ARENA_WORDS ||
	    words[MK_IO_BYTE_COUNT] != ~tag || arena[destination] != tag) {
		atomic_fetch_add(&shared->wrong, 1);
		return;
	}
	atomic_fetch_add(&shared->times[index][tag % NUMBERS], 1);
	atomic_fetch_add(&shared->seen, 1);
}

/* A body. */
static int play_device(const struct child_self *self)
{
	struct shared *shared = self->memory;
	struct played_device device = {
		.context = self->context,
		.handle = see,
		.argument = (void *)self,
		.end = &shared->device_ends,
	};

	if (!child_say_ready(self))
		return EXIT_FAILURE;
	played_device_run(&device);
	mk_context_close(self->context);
	return EXIT_SUCCESS;
}

static void start_device(struct child *child, const struct live *live,
			 const struct child_memory *memory)
{
	struct shared *shared = memory->at;

	atomic_store(&shared->device_ends, false);
	child_start(child, play_device,
		    &(struct child_options){ .context = live->context,
					     .role = MK_ROLE_ENGINE,
					     .memory = memory });
	child_await(child);
}

static void stop_device(struct child *child, struct shared *shared)
{
	atomic_store(&shared->device_ends, true);
	child_expect_success(child);
	assert_int_equal(atomic_load(&shared->wrong), 0);
}

/* Ingesters -------------------------------------------------------------------- */

static struct mk_ingest next_ingest(struct shared *shared, uint32_t index,
				    struct mk_context *context)
{
	struct account *account = &shared->accounts[index];
	uint32_t number = atomic_fetch_add(&account->begun, 1) % NUMBERS;
	uint32_t tag = index << NUMBER_BITS | number;
	uint32_t *arena = mk_context_arena(context);
	struct mk_ingest ingest = {
		.destination = index * ARENA_WORDS + tag % ARENA_WORDS,
		.byte_count = ~tag,
		.tag = tag,
	};

	arena[ingest.destination] = tag;
	return ingest;
}

/* Some in flight, by either way of publishing; 0 or -errno. */
static int ingest_round(const struct child_self *self, struct mk_ingester *ingester)
{
	enum { AT_ONCE = 24 };
	struct shared *shared = self->memory;
	struct job *job = self->argument;
	struct account *account = &shared->accounts[job->index];
	uint32_t count = 1 + live_random(&job->random) % (AT_ONCE - 1);
	struct mk_ingest ingests[AT_ONCE];
	struct mk_ingest_ticket tickets[AT_ONCE];
	int64_t published = count;
	int ret = 0;

	for (uint32_t i = 0; i < count; i++)
		ingests[i] = next_ingest(shared, job->index, self->context);
	if (live_random(&job->random) % 2)
		for (uint32_t i = 0; i < count && !ret; i++)
			ret = mk_ingester_publish(ingester, &ingests[i], LIVE_TIMEOUT_NS,
						  &tickets[i]);
	else
		published = mk_ingester_publish_many(ingester, ingests, count,
						     LIVE_TIMEOUT_NS, tickets);
	if (!ret && published != count)
		ret = published < 0 ? (int)published : -ETIMEDOUT;
	for (uint32_t i = 0; i < count && !ret; i++) {
		ret = mk_ingester_wait(ingester, &tickets[i], LIVE_TIMEOUT_NS);
		if (!ret)
			atomic_fetch_add(&account->waited, 1);
	}
	return ret;
}

/* NULL after saying why. */
static struct mk_ingester *open_in_child(const struct child_self *self,
					 uint32_t max_groups)
{
	const struct mk_ingester_options options = { .size = sizeof(options),
						     .max_groups = max_groups };
	const struct job *job = self->argument;
	struct shared *shared = self->memory;
	struct mk_ingester *ingester;

	if (mk_ingester_open(self->context, &options, &ingester)) {
		fprintf(stderr, "child: open an ingester: %s\n", mk_error_text());
		return NULL;
	}
	mk_ingester_identity(ingester, &shared->accounts[job->index].identity);
	return ingester;
}

/* A body: ingests until told to finish, or killed. */
static int ingest(const struct child_self *self)
{
	struct mk_ingester *ingester = open_in_child(self, 0);
	const struct job *job = self->argument;
	struct shared *shared = self->memory;
	int ret = 0;

	if (!ingester || !child_say_ready(self))
		return EXIT_FAILURE;
	while (!ret && !atomic_load(&shared->finish))
		ret = ingest_round(self, ingester);
	if (ret) {
		fprintf(stderr, "ingester %u: %d: %s\n", job->index, ret,
			mk_error_text());
		return EXIT_FAILURE;
	}
	mk_ingester_close(ingester);
	mk_context_close(self->context);
	return EXIT_SUCCESS;
}

/* A body: publishes some, says so, and stays or ends, without closing anything. */
static int leave_in_flight(const struct child_self *self, bool stays)
{
	struct mk_ingester *ingester = open_in_child(self, GROUPS);
	const struct job *job = self->argument;

	if (!ingester)
		return EXIT_FAILURE;
	for (uint32_t i = 0; i < job->count; i++) {
		struct mk_ingest one =
			next_ingest(self->memory, job->index, self->context);

		if (mk_ingester_publish(ingester, &one, LIVE_TIMEOUT_NS, NULL)) {
			fprintf(stderr, "child: publish: %s\n", mk_error_text());
			return EXIT_FAILURE;
		}
	}
	if (!child_say_ready(self) || (stays && !child_await_word(self)))
		return EXIT_FAILURE;
	return EXIT_SUCCESS;
}

static int publish_and_stay(const struct child_self *self)
{
	return leave_in_flight(self, true);
}

static int publish_and_end(const struct child_self *self)
{
	return leave_in_flight(self, false);
}

/* The owner -------------------------------------------------------------------- */

/* Whether the dead one is who it is told to be; mk.ko leaves the generation only. */
static void expect_dead(const struct live *live, const struct mk_dead_producer *dead,
			const struct mk_producer_identity *identity)
{
	bool is_kmod = !strcmp(mk_context_backing(live->context), "kmod");

	assert_int_equal(dead->identity.generation, identity->generation);
	assert_int_equal(dead->identity.id, is_kmod ? 0 : identity->id);
}

/* With no device every slot can be had, and then none is left. */
static void expect_whole_queue(struct live *live, const struct child_memory *memory)
{
	const struct mk_ingester_options all = { .size = sizeof(all),
						 .max_groups = GROUPS };
	struct mk_dead_producer dead[GROUPS];
	struct mk_ingest_ticket tickets[SLOTS];
	struct mk_ingester *ingester;
	struct mk_ingest one;
	struct child child;

	live_ok(mk_ingester_open(live->context, &all, &ingester));
	for (uint32_t i = 0; i < SLOTS; i++) {
		one = next_ingest(memory->at, 0, live->context);
		/* Somebody who was killed may still ask for a group: it gives way for a while. */
		live_ok(mk_ingester_publish(ingester, &one, LIVE_TIMEOUT_NS,
					    &tickets[i]));
	}
	one = (struct mk_ingest){ 0 };
	live_expect(-EAGAIN, mk_ingester_publish(ingester, &one, 0, NULL));
	start_device(&child, live, memory);
	for (uint32_t i = 0; i < SLOTS; i++)
		live_ok(mk_ingester_wait(ingester, &tickets[i], LIVE_TIMEOUT_NS));
	stop_device(&child, memory->at);
	mk_ingester_close(ingester);
	live_expect(0, mk_context_reap(live->context, dead, GROUPS));
}

/* Tests ------------------------------------------------------------------------ */

/* Ingester 0 lives; the others are killed and started anew, one after another. */
static uint32_t kill_in_turn(const struct live *live, const struct child_memory *memory,
			     struct child *children)
{
	uint64_t limit = live_slow() ? SLOW_RUN_NS : QUICK_RUN_NS;
	struct account *survivor = &((struct shared *)memory->at)->accounts[0];
	uint64_t begin = live_now_ns();
	uint64_t random = 3;
	uint32_t rounds;

	for (rounds = 0; live_now_ns() - begin < limit || rounds < ROUNDS_AT_LEAST;
	     rounds++) {
		uint32_t victim = 1 + live_random(&random) % (INGESTERS - 1);
		uint32_t before = atomic_load(&survivor->waited);
		uint64_t round_begin = live_now_ns();

		/* A point in its life, from its first steps on. */
		live_pause_ns(live_random(&random) % (4 * LIVE_NS_PER_MS));
		child_kill(&children[victim]);
		start_producer(&children[victim], ingest, live, memory,
			       &(struct job){ victim, 0, rounds + 1 });
		if (rounds % 8 == 0)
			child_await(&children[victim]);
		while (atomic_load(&survivor->waited) == before) {
			assert_true(live_now_ns() - round_begin < LIVE_TIMEOUT_NS);
			live_pause_ns(LIVE_NS_PER_MS / 10);
		}
	}
	return rounds;
}

/* Each at most once; those that were waited for, and all of the survivor's, once. */
static void check_account(struct shared *shared, uint32_t index)
{
	struct account *account = &shared->accounts[index];
	uint32_t begun = atomic_load(&account->begun);
	uint32_t waited = atomic_load(&account->waited);
	uint32_t seen = 0;

	/* Else numbers came again. */
	assert_true(begun <= NUMBERS);
	for (uint32_t i = 0; i < begun; i++) {
		uint32_t times = atomic_load(&shared->times[index][i]);

		assert_in_range(times, 0, 1);
		seen += times;
	}
	print_message("# ingester %u: %u begun, %u seen, %u waited for\n", index, begun,
		      seen, waited);
	assert_in_range(seen, waited, begun);
	if (!index)
		assert_int_equal(seen, begun);
}

static void test_killed_at_random(void **state)
{
	struct live *live = *state;
	struct child_memory memory = child_memory_create(sizeof(struct shared));
	struct shared *shared = memory.at;
	struct mk_dead_producer dead[SLOTS];
	struct child device, children[INGESTERS];
	uint32_t rounds;
	int64_t told;

	create_queue(live);
	start_device(&device, live, &memory);
	for (uint32_t i = 0; i < INGESTERS; i++) {
		start_producer(&children[i], ingest, live, &memory,
			       &(struct job){ i, 0, i + 1 });
		child_await(&children[i]);
	}
	rounds = kill_in_turn(live, &memory, children);
	for (uint32_t i = 1; i < INGESTERS; i++)
		child_kill(&children[i]);
	atomic_store(&shared->finish, true);
	child_expect_success(&children[0]);
	stop_device(&device, shared);
	/* What was left of the last ones is told, and so is free. */
	told = mk_context_reap(live->context, dead, SLOTS);
	assert_in_range(told, 0, GROUPS);
	for (int64_t i = 0; i < told; i++)
		assert_int_equal(dead[i].ingests_in_flight, 0);
	live_expect(0, mk_context_reap(live->context, dead, SLOTS));
	expect_whole_queue(live, &memory);

	print_message("# %u kills\n", rounds);
	for (uint32_t i = 0; i < INGESTERS; i++)
		check_account(shared, i);
	child_memory_free(&memory);
}

/*
 * Whoever is silent keeps what is leased; of the dead the owner learns who they were, and
 * what is in flight stays until it has ended.
 */
static void test_owner_is_told_whose(void **state)
{
	enum { FIRST = 3, SECOND = 10, LEFT = SLOTS - GROUP - 2 * GROUP };
	struct live *live = *state;
	struct child_memory memory = child_memory_create(sizeof(struct shared));
	struct shared *shared = memory.at;
	struct mk_dead_producer dead[3];
	struct mk_ingester *ingester;
	struct child device, first, second;

	create_queue(live);
	start_producer(&first, publish_and_stay, live, &memory,
		       &(struct job){ .index = 1, .count = FIRST });
	child_await(&first);
	start_producer(&second, publish_and_stay, live, &memory,
		       &(struct job){ .index = 2, .count = SECOND });
	child_await(&second);
	child_signal(&first, SIGSTOP);
	live_expect(0, mk_context_reap(live->context, dead, 3));
	live_ok(mk_ingester_open(
		live->context,
		&(struct mk_ingester_options){ .size = sizeof(struct mk_ingester_options),
					       .max_groups = GROUPS },
		&ingester));
	for (uint32_t i = 0; i < LEFT; i++) {
		struct mk_ingest one = next_ingest(shared, 0, live->context);

		live_ok(mk_ingester_publish(ingester, &one, 0, NULL));
	}
	live_expect(-ETIMEDOUT, mk_ingester_publish(ingester, &(struct mk_ingest){ 0 },
						    LIVE_GLANCE_NS, NULL));

	child_kill(&first);
	live_expect(1, mk_context_reap(live->context, dead, 3));
	expect_dead(live, &dead[0], &shared->accounts[1].identity);
	assert_int_equal(dead[0].ingest_groups, 1);
	assert_int_equal(dead[0].ingests_in_flight, FIRST);
	child_kill(&second);
	live_expect(1, mk_context_reap(live->context, dead, 1));
	live_expect(2, mk_context_reap(live->context, dead, 3));
	expect_dead(live, &dead[1], &shared->accounts[2].identity);
	assert_int_equal(dead[1].ingest_groups, 2);
	assert_int_equal(dead[1].ingests_in_flight, SECOND);

	start_device(&device, live, &memory);
	stop_device(&device, shared);
	mk_ingester_close(ingester);
	assert_int_equal(atomic_load(&shared->seen), FIRST + SECOND + LEFT);
	live_expect(2, mk_context_reap(live->context, dead, 3));
	for (int i = 0; i < 2; i++) {
		expect_dead(live, &dead[i], &shared->accounts[1 + i].identity);
		assert_int_equal(dead[i].ingest_groups, 1 + i);
		assert_int_equal(dead[i].ingests_in_flight, 0);
	}
	live_expect(0, mk_context_reap(live->context, dead, 3));
	expect_whole_queue(live, &memory);
	child_memory_free(&memory);
}

static void test_many_leave_without_goodbye(void **state)
{
	enum { CHILDREN = 5 * GROUPS };
	struct live *live = *state;
	struct child_memory memory = child_memory_create(sizeof(struct shared));
	struct shared *shared = memory.at;
	struct mk_dead_producer dead[CHILDREN];
	struct child device;
	int64_t told;

	create_queue(live);
	start_device(&device, live, &memory);
	for (uint32_t i = 0; i < CHILDREN; i++) {
		struct job job = { .index = i % INGESTERS, .count = 1 + i % SLOTS };
		struct child child;

		start_producer(&child, publish_and_end, live, &memory, &job);
		child_await(&child);
		child_expect_success(&child);
	}
	stop_device(&device, shared);
	told = mk_context_reap(live->context, dead, CHILDREN);
	assert_in_range(told, 1, GROUPS);
	for (uint32_t i = 0; i < INGESTERS; i++)
		assert_int_equal(atomic_load(&shared->accounts[i].waited), 0);
	expect_whole_queue(live, &memory);
	child_memory_free(&memory);
}

/* Windows --------------------------------------------------------------------- */

/* A body: publishes for a masked tenant, as a producer. */
static int hold_window(const struct child_self *self)
{
	const struct mk_producer_options masked = { .size = sizeof(masked), .tenant = 1 };
	const struct job *job = self->argument;
	struct shared *shared = self->memory;
	struct mk_producer *producer;

	if (mk_producer_open(self->context, &masked, &producer))
		return EXIT_FAILURE;
	mk_producer_identity(producer, &shared->accounts[job->index].identity);
	for (uint32_t i = 0; i < job->count; i++)
		if (mk_producer_publish(producer, &LIVE_NOP, 0, NULL))
			return EXIT_FAILURE;
	if (!child_say_ready(self) || !child_await_word(self))
		return EXIT_FAILURE;
	return EXIT_SUCCESS;
}

static bool nothing_is_in_flight(void *argument)
{
	struct mk_dead_producer dead = { 0 };

	return mk_context_reap(argument, &dead, 1) == 1 && !dead.slots_in_flight;
}

static void test_windows_of_the_dead(void **state)
{
	enum { COUNT = 5 };
	struct live *live = *state;
	struct child_memory memory = child_memory_create(sizeof(struct shared));
	struct shared *shared = memory.at;
	struct mk_dead_producer dead[2];
	struct child child;

	create_queue(live);
	live_ok(mk_context_set_tenant(live->context, 1, 0));
	start_producer(&child, hold_window, live, &memory,
		       &(struct job){ .count = COUNT });
	child_await(&child);
	live_expect(0, mk_context_reap(live->context, dead, 2));
	child_kill(&child);
	live_expect(1, mk_context_reap(live->context, dead, 2));
	expect_dead(live, &dead[0], &shared->accounts[0].identity);
	assert_int_equal(dead[0].windows, 1);
	assert_int_equal(dead[0].slots_in_flight, COUNT);
	assert_int_equal(dead[0].ingest_groups, 0);

	live_start(live, NULL);
	live_ok(mk_context_set_tenant(live->context, 1, 1));
	assert_true(live_eventually(nothing_is_in_flight, live->context));
	live_expect(0, mk_context_reap(live->context, dead, 2));
	child_memory_free(&memory);
}

static const struct child_entry bodies[] = {
	CHILD_BODY(play_device),      CHILD_BODY(ingest),
	CHILD_BODY(publish_and_stay), CHILD_BODY(publish_and_end),
	CHILD_BODY(hold_window),
};

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		LIVE_TEST(test_owner_is_told_whose),
		LIVE_TEST(test_many_leave_without_goodbye),
		LIVE_TEST(test_windows_of_the_dead),
		LIVE_TEST(test_killed_at_random),
	};

	children_main(argc, argv, bodies);
	return live_main(tests);
}

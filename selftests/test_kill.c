// SPDX-License-Identifier: MIT
/*
 * Producers killed at any point: nobody else notices, their windows come back, and
 * what they saw completed was done.
 */
#include "live.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "children.h"

#define SLOTS	     256
#define WINDOWS	     (SLOTS / MK_WINDOW_SLOTS_DEFAULT)
#define PRODUCERS    4
#define QUICK_RUN_NS (10 * LIVE_NS_PER_SECOND)
#define SLOW_RUN_NS  (300 * LIVE_NS_PER_SECOND)
/* Fewer kills would show little; a slow machine takes longer for them. */
#define ROUNDS_AT_LEAST 100

/* Counted by producers in memory that outlives them; each has its own line. */
struct account {
	_Alignas(64) atomic_uint begun; /* before a publish */
	atomic_uint acknowledged;	/* after its completion was seen */
};

struct shared {
	atomic_bool finish;
	struct account accounts[PRODUCERS];
};

/* What a producer is given. */
struct job {
	uint32_t index;
	uint64_t random;
};

static struct mk_item add_to(const uint32_t args[2])
{
	return (struct mk_item){ .opcode = MK_OP_ATOMIC_ADD,
				 .arg_count = 2,
				 .args = args };
}

/* Some operations in flight, by the ways of publishing in turn; 0 or -errno. */
static int produce_round(struct job *job, struct account *account,
			 struct mk_producer *producer)
{
	enum { AT_ONCE = 24 };
	const uint32_t args[] = { 1, LIVE_OBSERVABLE(1 + job->index) };
	uint32_t count = 1 + live_random(&job->random) % (AT_ONCE - 1);
	struct mk_item items[AT_ONCE];
	struct mk_ticket tickets[AT_ONCE], fence;
	int64_t published = count;
	int ret = 0;

	for (uint32_t i = 0; i < count; i++)
		items[i] = add_to(args);
	atomic_fetch_add(&account->begun, count);
	switch (live_random(&job->random) % 3) {
	case 0:
		for (uint32_t i = 0; i < count && !ret; i++)
			ret = mk_producer_publish(producer, &items[i], LIVE_TIMEOUT_NS,
						  &tickets[i]);
		break;
	case 1:
		published = mk_producer_publish_many(producer, items, count,
						     LIVE_TIMEOUT_NS, tickets);
		ret = published < 0 ? (int)published : 0;
		break;
	default:
		ret = mk_producer_publish_batch(producer, items, count, 1,
						LIVE_TIMEOUT_NS, &fence, tickets);
		if (!ret)
			ret = mk_producer_wait(producer, &fence, LIVE_TIMEOUT_NS);
	}
	for (int64_t i = 0; i < published && !ret; i++) {
		ret = mk_producer_wait(producer, &tickets[i], LIVE_TIMEOUT_NS);
		if (!ret)
			atomic_fetch_add(&account->acknowledged, 1);
	}
	return ret;
}

/* A body: produces until told to finish, or killed. */
static int produce(const struct child_self *self)
{
	struct shared *shared = self->memory;
	struct job *job = self->argument;
	struct mk_producer *producer;
	int ret;

	ret = mk_producer_open(self->context, NULL, &producer);
	if (!ret && !child_say_ready(self))
		return EXIT_FAILURE;
	while (!ret && !atomic_load(&shared->finish))
		ret = produce_round(job, &shared->accounts[job->index], producer);
	if (ret) {
		fprintf(stderr, "producer %u: %d: %s\n", job->index, ret,
			mk_error_text());
		return EXIT_FAILURE;
	}
	mk_producer_close(producer);
	mk_context_close(self->context);
	return EXIT_SUCCESS;
}

/*
 * Every window can be leased at once: nothing runs for a masked tenant, so the whole
 * ring fills only if each slot of each window is to be had.
 */
static void expect_whole_ring(struct live *live)
{
	static const struct mk_item nops[SLOTS + 1];
	struct mk_producer *producer = live_producer(live, 1, WINDOWS);
	struct mk_ticket tickets[SLOTS];

	live_ok(mk_context_set_tenant(live->context, 1, 0));
	live_expect(SLOTS, mk_producer_publish_many(producer, nops, SLOTS,
						    LIVE_TIMEOUT_NS, tickets));
	live_expect(-EAGAIN, mk_producer_publish(producer, &nops[SLOTS], 0, NULL));
	live_ok(mk_context_set_tenant(live->context, 1, 1));
	for (int i = 0; i < SLOTS; i++)
		live_ok(mk_producer_wait(producer, &tickets[i], LIVE_TIMEOUT_NS));
	live_close_producers(live);
}

static void create_ring(struct live *live)
{
	live_create(live, &(struct mk_geometry){
				  .slots = SLOTS,
				  .observable_words = 1 + PRODUCERS,
				  .tenants = 2,
			  });
}

static void start_producer(struct child *child, const struct live *live,
			   const struct child_memory *memory, uint32_t index,
			   uint64_t random)
{
	child_start(child, produce,
		    &(struct child_options){
			    .context = live->context,
			    .role = MK_ROLE_PRODUCER,
			    .memory = memory,
			    .argument = &(struct job){ index, random },
			    .argument_bytes = sizeof(struct job),
		    });
}

/* Producer 0 lives; the others are killed and started anew, one after another. */
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
		uint32_t victim = 1 + live_random(&random) % (PRODUCERS - 1);
		uint32_t before = atomic_load(&survivor->acknowledged);
		uint64_t round_begin = live_now_ns();

		/* A point in its life, from its first steps on. */
		live_pause_ns(live_random(&random) % (4 * LIVE_NS_PER_MS));
		child_kill(&children[victim]);
		start_producer(&children[victim], live, memory, victim, rounds + 1);
		/* Every other one has begun; the rest may be in their first steps. */
		if (rounds % 2)
			child_await(&children[victim]);
		while (atomic_load(&survivor->acknowledged) == before) {
			assert_true(live_now_ns() - round_begin < LIVE_TIMEOUT_NS);
			live_pause_ns(LIVE_NS_PER_MS / 10);
		}
	}
	return rounds;
}

static void test_killed_at_random(void **state)
{
	struct child_memory memory = child_memory_create(sizeof(struct shared));
	struct shared *shared = memory.at;
	struct child engine, children[PRODUCERS];
	struct live *live = *state;
	uint32_t rounds;

	create_ring(live);
	child_start_engine(&engine, live->context);
	for (uint32_t i = 0; i < PRODUCERS; i++) {
		start_producer(&children[i], live, &memory, i, i + 1);
		child_await(&children[i]);
	}
	rounds = kill_in_turn(live, &memory, children);
	for (uint32_t i = 1; i < PRODUCERS; i++)
		child_kill(&children[i]);
	atomic_store(&shared->finish, true);
	child_expect_success(&children[0]);
	expect_whole_ring(live);
	child_tell(&engine);
	child_expect_success(&engine);

	print_message("# %u kills\n", rounds);
	for (uint32_t i = 0; i < PRODUCERS; i++) {
		uint32_t begun = atomic_load(&shared->accounts[i].begun);
		uint32_t acknowledged = atomic_load(&shared->accounts[i].acknowledged);

		print_message("# producer %u: %u begun, %u done, %u acknowledged\n", i,
			      begun, live_observable(live, 1 + i), acknowledged);
		assert_in_range(live_observable(live, 1 + i), acknowledged, begun);
	}
	assert_int_equal(atomic_load(&shared->accounts[0].begun),
			 live_observable(live, 1));
	child_memory_free(&memory);
}

/* A body: fills its two windows for a masked tenant, says so, and stays. */
static int hold_windows(const struct child_self *self)
{
	enum { HELD_SLOTS = 2 * MK_WINDOW_SLOTS_DEFAULT };
	static const struct mk_item nops[HELD_SLOTS];
	const struct mk_producer_options options = {
		.size = sizeof(options),
		.tenant = 1,
		.max_windows = 2,
	};
	struct mk_producer *producer;

	if (mk_producer_open(self->context, &options, &producer) ||
	    mk_producer_publish_many(producer, nops, HELD_SLOTS, 0, NULL) != HELD_SLOTS) {
		fprintf(stderr, "child: hold two windows: %s\n", mk_error_text());
		return EXIT_FAILURE;
	}
	if (!child_say_ready(self) || !child_await_word(self))
		return EXIT_FAILURE;
	return EXIT_SUCCESS;
}

enum { LEFT_SLOTS = SLOTS - 2 * MK_WINDOW_SLOTS_DEFAULT };

struct slots_awaited {
	struct live *live;
	uint64_t count;
};

static bool slots_are_done(void *argument)
{
	struct slots_awaited *awaited = argument;
	struct mk_counters counters;

	mk_context_counters(awaited->live->context, &counters);
	return counters.slots_done == awaited->count;
}

/*
 * However long the living are silent, their windows stay theirs.  What the dead had
 * published stays, too, until it has completed.
 */
static void test_windows_of_the_silent_and_the_dead(void **state)
{
	static const struct mk_item nops[SLOTS];
	struct live *live = *state;
	struct slots_awaited all = { live, SLOTS + 1 };
	struct mk_producer *producer;
	struct child holder;

	create_ring(live);
	live_ok(mk_context_set_tenant(live->context, 1, 0));
	child_start_on(&holder, hold_windows, live->context, MK_ROLE_PRODUCER);
	child_await(&holder);
	child_signal(&holder, SIGSTOP);
	producer = live_producer(live, 0, WINDOWS);
	live_expect(LEFT_SLOTS, mk_producer_publish_many(producer, nops, SLOTS,
							 LIVE_GLANCE_NS, NULL));
	child_kill(&holder);
	live_expect(-ETIMEDOUT,
		    mk_producer_publish(producer, &nops[0], LIVE_GLANCE_NS, NULL));

	live_start(live, NULL);
	live_ok(live_run(producer, &nops[0]));
	live_ok(mk_context_set_tenant(live->context, 1, 1));
	live_close_producers(live);
	/* The dead one's work, too, before the tenant is masked again. */
	assert_true(live_eventually(slots_are_done, &all));
	expect_whole_ring(live);
}

/* A body: leases and ends without closing anything, as a program that crashed. */
static int leave_without_goodbye(const struct child_self *self)
{
	struct mk_producer *producer;

	if (mk_producer_open(self->context, NULL, &producer) ||
	    mk_producer_publish(producer, &LIVE_NOP, 0, NULL) || !child_say_ready(self))
		return EXIT_FAILURE;
	return EXIT_SUCCESS;
}

static void test_many_leave_without_goodbye(void **state)
{
	enum { CHILDREN = 3 * WINDOWS };
	struct live *live = *state;
	struct child engine;

	create_ring(live);
	child_start_engine(&engine, live->context);
	for (uint32_t i = 0; i < CHILDREN; i++) {
		struct child child;

		child_start_on(&child, leave_without_goodbye, live->context,
			       MK_ROLE_PRODUCER);
		child_await(&child);
		child_expect_success(&child);
	}
	expect_whole_ring(live);
	child_tell(&engine);
	child_expect_success(&engine);
}

static const struct child_entry bodies[] = {
	CHILD_BODY(child_engine),
	CHILD_BODY(produce),
	CHILD_BODY(hold_windows),
	CHILD_BODY(leave_without_goodbye),
};

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		LIVE_TEST(test_windows_of_the_silent_and_the_dead),
		LIVE_TEST(test_many_leave_without_goodbye),
		LIVE_TEST(test_killed_at_random),
	};

	children_main(argc, argv, bodies);
	return live_main(tests);
}

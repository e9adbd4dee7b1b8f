// SPDX-License-Identifier: MIT
/* What doctor finds: faults that are made here, and nothing where there are none. */
#define _GNU_SOURCE
#include "live.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "children.h"
#include "doctor_facts.h"
#include "gauges.h"
#include "ring_map.h"

/* Longer than what doctor takes for patience. */
#define INTERVAL_NS (LIVE_NS_PER_SECOND / 2)

static const struct mk_geometry small = {
	.slots = 64,
	.window_slots = 8,
	.log_records = 4,
	.io_slots = 8,
	.observable_words = 8,
	.arena_bytes = 4096,
};

/* The two looks -------------------------------------------------------------------- */

struct visit {
	struct mk_snapshot *snapshots[2];
	struct view views[2];
	struct facts facts;
	struct holders holders;
	struct examination examination;
};

/* Something that goes on between the looks, as only a device would do it. */
typedef void (*between)(struct live *live);

static void take(struct mk_context *context, struct mk_snapshot **snapshot,
		 struct view *view)
{
	live_ok(mk_snapshot_take(context, NULL, snapshot));
	view_of_snapshot(*snapshot, view);
}

static struct visit *visit_between(struct live *live, between act)
{
	struct visit *visit = calloc(1, sizeof(*visit));
	struct source source = { .context = live_attach(live, MK_ROLE_OBSERVER) };

	assert_non_null(visit);
	take(source.context, &visit->snapshots[0], &visit->views[0]);
	facts_of_context(&source, &visit->views[0], &visit->facts, &visit->holders);
	live_pause_ns(INTERVAL_NS);
	if (act)
		act(live);
	take(source.context, &visit->snapshots[1], &visit->views[1]);
	mk_context_close(source.context);
	visit->examination.before = &visit->views[0];
	visit->examination.now = &visit->views[1];
	visit->examination.facts = &visit->facts;
	doctor_examine(&visit->examination);
	return visit;
}

static void leave(struct visit *visit)
{
	mk_snapshot_free(visit->snapshots[0]);
	mk_snapshot_free(visit->snapshots[1]);
	holders_free(&visit->holders);
	free(visit);
}

static void show(const struct examination *examination)
{
	for (size_t i = 0; i < examination->count && i < FINDINGS_LIMIT; i++)
		print_message("# %s: %s\n", examination->findings[i].check,
			      examination->findings[i].text);
}

/* All that is found is @check's, and its text has @word; the first of them. */
static struct finding expect(const struct examination *examination, const char *check,
			     const char *word)
{
	bool is_right = examination->count > 0;

	for (size_t i = 0; i < examination->count && i < FINDINGS_LIMIT; i++)
		is_right = is_right && !strcmp(examination->findings[i].check, check);
	if (is_right)
		is_right = strstr(examination->findings[0].text, word);
	if (!is_right) {
		show(examination);
		fail_msg("had %zu findings, expected those of \"%s\" with \"%s\"",
			 examination->count, check, word);
	}
	assert_true(strlen(examination->findings[0].advice) > 0);
	return examination->findings[0];
}

static struct finding expect_between(struct live *live, between act, const char *check,
				     const char *word)
{
	struct visit *visit = visit_between(live, act);
	struct finding finding = expect(&visit->examination, check, word);

	leave(visit);
	return finding;
}

static struct finding expect_finding(struct live *live, const char *check,
				     const char *word)
{
	return expect_between(live, NULL, check, word);
}

static void expect_nothing(struct live *live)
{
	struct visit *visit = visit_between(live, NULL);

	show(&visit->examination);
	assert_int_equal(visit->examination.count, 0);
	leave(visit);
}

/* Making faults -------------------------------------------------------------------- */

static void store(struct live *live, uint32_t memory, uint32_t word, uint32_t value)
{
	atomic_store((_Atomic uint32_t *)mk_context_memory(live->context, memory, NULL) +
			     word,
		     value);
}

static struct live *create(void **state)
{
	live_create(*state, &small);
	return *state;
}

static struct live *start(void **state)
{
	struct live *live = create(state);

	live_start(live, NULL);
	return live;
}

static void publish(struct live *live, uint32_t tenant)
{
	live_ok(mk_producer_publish(live_producer(live, tenant, 0), &LIVE_NOP,
				    LIVE_TIMEOUT_NS, NULL));
}

/* Health --------------------------------------------------------------------------- */

struct load {
	struct live *live;
	struct mk_producer *producer;
	atomic_bool stop;
};

static void *keep_busy(void *argument)
{
	struct load *load = argument;
	const struct mk_item items[] = {
		LIVE_ITEM(MK_OP_ATOMIC_ADD, 1, LIVE_OBSERVABLE(0)),
		LIVE_ITEM(MK_OP_STORE_U32, 7, LIVE_OBSERVABLE(1)),
		LIVE_ITEM(MK_OP_MEMCPY, LIVE_OBSERVABLE(0), LIVE_OBSERVABLE(2), 2),
	};
	struct mk_ticket fence;

	while (!atomic_load(&load->stop)) {
		if (mk_producer_publish_batch(load->producer, items, 3, 1,
					      LIVE_TIMEOUT_NS, &fence, NULL) ||
		    mk_producer_wait(load->producer, &fence, LIVE_TIMEOUT_NS))
			return (void *)mk_error_text();
	}
	return NULL;
}

static void test_health(void **state)
{
	struct live *live = start(state);
	struct load loads[2];
	pthread_t threads[2];
	void *failure;

	for (int i = 0; i < 2; i++) {
		loads[i] = (struct load){ live, live_producer(live, 0, 0), false };
		assert_int_equal(pthread_create(&threads[i], NULL, keep_busy, &loads[i]),
				 0);
	}
	for (int i = 0; i < 5; i++)
		expect_nothing(live);
	for (int i = 0; i < 2; i++) {
		atomic_store(&loads[i].stop, true);
		pthread_join(threads[i], &failure);
		assert_null(failure);
	}
	/* Parked, and then stopped, with nothing left. */
	assert_true(live_reaches_state(live, MK_ENGINE_PARKED));
	expect_nothing(live);
	live_close_producers(live);
	live_stop(live);
	expect_nothing(live);
}

/* The engine ----------------------------------------------------------------------- */

static void test_never_started(void **state)
{
	struct live *live = create(state);

	expect_nothing(live);
	publish(live, 0);
	expect_finding(live, "engine-absent", "No engine was ever started, and 1 slot");
}

static void test_stopped(void **state)
{
	struct live *live = start(state);

	live_stop(live);
	publish(live, 0);
	expect_finding(live, "engine-absent", "was stopped");
	live_ok(mk_context_shutdown(live->context));
	expect_finding(live, "engine-absent", "was shut down");
}

static void test_engine_killed(void **state)
{
	struct live *live = create(state);
	struct finding finding;
	siginfo_t stopped;
	struct child child;
	pid_t pid;

	child_start_engine(&child, live->context);
	pid = child.pid;
	expect_nothing(live);
	child_signal(&child, SIGSTOP);
	assert_int_equal(waitid(P_PID, (id_t)pid, &stopped, WSTOPPED), 0);
	finding = expect_finding(live, "engine-process", "is stopped");
	assert_int_equal(finding.pid, pid);
	child_kill(&child);
	finding = expect_finding(live, "engine-process", "is gone");
	assert_int_equal(finding.pid, pid);
}

static void test_lost(void **state)
{
	struct live *live = create(state);

	store(live, MK_REGION_CQ, MK_CQ_ENGINE_STATE, MK_ENGINE_LOST);
	expect_finding(live, "engine-lost", "given its device up");
}

static void test_no_heartbeat(void **state)
{
	struct live *live = create(state);

	store(live, MK_REGION_CQ, MK_CQ_ENGINE_STATE, MK_ENGINE_RUNNING);
	expect_finding(live, "heartbeat", "no heartbeat");
}

static void test_parked_with_work(void **state)
{
	struct live *live = create(state);

	publish(live, 0);
	store(live, MK_REGION_CQ, MK_CQ_ENGINE_STATE, MK_ENGINE_PARKED);
	assert_int_equal(expect_finding(live, "parked", "1 slot is published").slot, 0);
}

static void beat(struct live *live)
{
	store(live, MK_REGION_CQ, MK_CQ_HEARTBEAT, 100);
}

static void test_does_not_leave(void **state)
{
	struct live *live = create(state);

	store(live, MK_REGION_CQ, MK_CQ_ENGINE_STATE, MK_ENGINE_RUNNING);
	store(live, MK_REGION_CONTROL, MK_CONTROL_SHUTDOWN, 1);
	expect_between(live, beat, "shutdown", "has not left");
}

/* The ring ------------------------------------------------------------------------- */

static atomic_bool may_go_on;

/* Until it is told, or the test has failed. */
static uint32_t hang(struct mk_call *call)
{
	uint64_t begin = live_now_ns();

	(void)call;
	while (!atomic_load(&may_go_on) && live_now_ns() - begin < LIVE_TIMEOUT_NS / 2)
		live_pause_ns(LIVE_NS_PER_MS);
	return MK_STATUS_DONE;
}

/* A handler that hangs, on the executor; a device's word for it elsewhere. */
static void test_claimed(void **state)
{
	const struct mk_handler_entry handler = { 0x100, hang };
	const struct mk_engine_options options = { .handlers = &handler,
						   .handler_count = 1,
						   .workgroups = 2 };
	bool is_real = live_engine_kind() == MK_ENGINE_KIND_CPU;
	struct live *live = create(state);
	struct mk_producer *producer = live_producer(live, 0, 0);
	struct finding finding;
	struct mk_ticket ticket;

	atomic_store(&may_go_on, false);
	/* Into the second window, since the first is full as long as nothing runs. */
	for (uint32_t i = 0; i < small.window_slots && is_real; i++)
		live_ok(mk_producer_publish(producer, &LIVE_NOP, LIVE_TIMEOUT_NS, NULL));
	live_ok(mk_producer_publish(producer, &LIVE_ITEM(0x100), LIVE_TIMEOUT_NS,
				    &ticket));
	if (is_real)
		live_start(live, &options);
	if (!is_real) {
		store(live, MK_REGION_CQ, MK_CQ_ENGINE_STATE, MK_ENGINE_RUNNING);
		store(live, MK_REGION_RING, ticket.slot * MK_SLOT_WORDS,
		      MK_STATUS_CLAIMED);
		finding = expect_between(live, beat, "claimed", "opcode 0x100");
	} else {
		while (atomic_load((_Atomic uint32_t *)mk_context_memory(
					   live->context, MK_REGION_RING, NULL) +
				   ticket.slot * MK_SLOT_WORDS) != MK_STATUS_CLAIMED)
			live_pause_ns(LIVE_NS_PER_MS);
		/* The other worker beats, unless it came too late for this dispatch. */
		finding = expect_between(live, beat, "claimed", "opcode 0x100");
	}
	assert_non_null(strstr(finding.text, "producer"));
	assert_int_equal(finding.slot, ticket.slot);
	assert_int_equal(finding.window, ticket.slot / small.window_slots);
	atomic_store(&may_go_on, true);
}

static void test_masked(void **state)
{
	struct live *live = start(state);

	publish(live, 4);
	assert_int_equal(expect_finding(live, "masked", "Tenant 4").tenant, 4);
	live_ok(mk_context_set_tenant(live->context, 4, MK_TENANT_MASK_ALL));
	assert_true(live_reaches_state(live, MK_ENGINE_PARKED));
	expect_nothing(live);
}

static void do_others(struct live *live)
{
	beat(live);
	store(live, MK_REGION_CQ, MK_CQ_SLOTS_DONE_LOW, 1000);
}

static void test_starved(void **state)
{
	struct live *live = create(state);

	live_ok(mk_context_set_tenant(live->context, 3, MK_TENANT_MASK_ALL));
	publish(live, 3);
	store(live, MK_REGION_CQ, MK_CQ_ENGINE_STATE, MK_ENGINE_RUNNING);
	assert_int_equal(
		expect_between(live, do_others, "starved", "Tenant 3 starves").tenant, 3);
}

static void test_faults(void **state)
{
	struct live *live = start(state);
	struct mk_producer *producer = live_producer(live, 0, 0);
	struct visit *visit;

	assert_int_equal(live_run(producer, &LIVE_ITEM(0x105)), MK_FAULT_OPCODE);
	expect_finding(live, "faults", "opcode 0x105");
	assert_int_equal(live_run(producer, &LIVE_ITEM(MK_OP_SHUTDOWN)),
			 MK_FAULT_PERMISSION);
	assert_int_equal(live_run(producer, &LIVE_ITEM(MK_OP_STORE_U32, 1, 100000)),
			 MK_FAULT_RANGE);
	/* Each code has its own words. */
	visit = visit_between(live, NULL);
	assert_int_equal(visit->examination.count, 3);
	assert_string_not_equal(visit->examination.findings[0].advice,
				visit->examination.findings[1].advice);
	leave(visit);
}

static void test_unknown_status(void **state)
{
	struct live *live = create(state);

	store(live, MK_REGION_RING, 5 * MK_SLOT_WORDS, 99);
	expect_finding(live, "unknown-status", "1 slot");
}

/* Queues --------------------------------------------------------------------------- */

static void ask(struct live *live, uint32_t from, uint32_t to)
{
	live_ok(mk_producer_publish(live_producer(live, 0, 0),
				    &LIVE_ITEM(MK_OP_IO_READ, from, to, 0, 0, 16, 1),
				    LIVE_TIMEOUT_NS, NULL));
}

static bool has_requests(void *argument)
{
	struct live *live = argument;

	return atomic_load(
		(_Atomic uint32_t *)mk_context_memory(live->context, MK_REGION_CQ, NULL) +
		MK_CQ_IO_REQUESTS);
}

static void test_nobody_answers(void **state)
{
	struct live *live = start(state);

	ask(live, 1, 2);
	assert_true(live_eventually(has_requests, live));
	expect_finding(live, "requests", "nobody answers");
}

static void never_answer(struct mk_io *io, const struct mk_io_call *call, void *user)
{
	(void)io;
	(void)call;
	atomic_store((atomic_bool *)user, true);
}

static bool is_set(void *argument)
{
	return atomic_load((atomic_bool *)argument);
}

static void test_callback_hangs(void **state)
{
	struct live *live = start(state);
	atomic_bool was_called = false;
	uint32_t from, to;
	struct mk_io *io;

	live_ok(mk_io_open(live->context, NULL, &io));
	live_ok(mk_io_add_callback(io, never_answer, &was_called, &from));
	live_ok(mk_io_add_arena(io, 0, 4096, 4096, 1, &to));
	live_ok(mk_io_start(io));
	ask(live, from, to);
	assert_true(live_eventually(is_set, &was_called));
	expect_finding(live, "requests", "been claimed by the pump");
	live_ok(mk_io_close(io, LIVE_TIMEOUT_NS));
}

static void test_log_overflows(void **state)
{
	struct live *live = start(state);
	struct mk_producer *producer = live_producer(live, 0, 0);

	for (uint32_t i = 0; i < small.log_records + 2; i++)
		live_ok(live_run(producer, &LIVE_ITEM(MK_OP_PRINTF, 1, i)));
	assert_true(live_reaches_state(live, MK_ENGINE_PARKED));
	expect_finding(live, "log", "2 records found no room");
}

static void test_log_is_damaged(void **state)
{
	struct live *live = create(state);

	store(live, MK_REGION_DEBUG_LOG, MK_LOG_CURSOR, 3);
	expect_finding(live, "log", "cursor is 3");
}

/* A body: leases a window, and is killed with something in it that stays. */
static int lease(const struct child_self *self)
{
	const struct mk_producer_options options = { sizeof(options), 0, 0 };
	struct mk_producer *producer;

	if (mk_producer_open(self->context, &options, &producer) ||
	    mk_producer_publish(producer, &LIVE_NOP, 0, NULL))
		return EXIT_FAILURE;
	child_say_ready(self);
	child_await_word(self);
	return EXIT_SUCCESS;
}

static void test_dead_producers(void **state)
{
	struct live *live = create(state);
	struct visit *visit;
	struct child child;

	child_start_on(&child, lease, live->context, MK_ROLE_PRODUCER);
	child_await(&child);
	/* Nobody runs it, which is found, but the leases are a living one's. */
	expect_finding(live, "engine-absent", "ever started");
	child_kill(&child);
	visit = visit_between(live, NULL);
	show(&visit->examination);
	assert_int_equal(visit->examination.count, 2);
	assert_string_equal(visit->examination.findings[1].check, "leases");
	assert_non_null(strstr(visit->examination.findings[1].text,
			       "1 producer died or left, and still has 1 window"));
	leave(visit);
}

/* What a watch shows --------------------------------------------------------------- */

static void set_status(struct live *live, uint32_t slot, uint32_t status)
{
	store(live, MK_REGION_RING, slot * MK_SLOT_WORDS, status);
}

static void complete(struct live *live, uint32_t slot)
{
	store(live, MK_REGION_CQ, MK_CQ_HEADER_WORDS + slot,
	      1 << MK_CQ_ENTRY_COUNT_SHIFT);
}

static void test_map(void **state)
{
	struct live *live = create(state);
	struct mk_snapshot *snapshots[2];
	struct view before, now;
	struct ring_map map;

	take(live->context, &snapshots[0], &before);
	set_status(live, 0, MK_STATUS_DONE);
	set_status(live, 1, MK_STATUS_PUBLISHED);
	set_status(live, 10, MK_STATUS_CLAIMED);
	set_status(live, 11, MK_STATUS_FAULT);
	set_status(live, 63, 99);
	complete(live, 0);
	complete(live, 3);
	complete(live, 63);
	take(live->context, &snapshots[1], &now);

	map = ring_map_of(&now, 1000);
	assert_int_equal(map.cells, 64);
	assert_int_equal(map.slots_per_cell, 1);
	assert_int_equal(ring_map_status(&now, &map, 0), MK_STATUS_DONE);
	assert_int_equal(ring_map_status(&now, &map, 63), 99);
	/* 64 slots in 20 cells: 4 each, in 16. */
	map = ring_map_of(&now, 20);
	assert_int_equal(map.cells, 16);
	assert_int_equal(map.slots_per_cell, 4);
	assert_int_equal(ring_map_status(&now, &map, 0), MK_STATUS_PUBLISHED);
	assert_int_equal(ring_map_status(&now, &map, 1), MK_STATUS_EMPTY);
	assert_int_equal(ring_map_status(&now, &map, 2), MK_STATUS_FAULT);
	assert_int_equal(ring_map_completions(&before, &now, &map, 0), 2);
	assert_int_equal(ring_map_completions(&before, &now, &map, 1), 0);
	assert_int_equal(ring_map_completions(&before, &now, &map, 15), 1);
	/* The last cell has fewer. */
	map = ring_map_of(&now, 13);
	assert_int_equal(map.slots_per_cell, 5);
	assert_int_equal(map.cells, 13);
	assert_int_equal(ring_map_completions(&before, &now, &map, 12), 1);
	assert_int_equal(ring_map_of(&now, 0).cells, 0);
	mk_snapshot_free(snapshots[0]);
	mk_snapshot_free(snapshots[1]);
}

static void test_gauges(void **state)
{
	struct live *live = start(state);
	struct mk_producer *producer = live_producer(live, 0, 0);
	struct mk_snapshot *snapshots[2];
	struct view before, now;
	struct gauges gauges;

	take(live->context, &snapshots[0], &before);
	for (int i = 0; i < 100; i++)
		live_ok(live_run(producer, &LIVE_NOP));
	assert_int_equal(live_run(producer, &LIVE_ITEM(0x105)), MK_FAULT_OPCODE);
	assert_true(live_reaches_state(live, MK_ENGINE_PARKED));
	publish(live, 4);
	take(live->context, &snapshots[1], &now);

	gauges_read(NULL, &now, &gauges);
	assert_true(gauges.seconds == 0 && gauges.slots_per_s == 0);
	gauges_read(&before, &now, &gauges);
	assert_int_equal(gauges.slots_done, 100);
	assert_true(gauges.seconds > 0);
	assert_true(gauges.slots_per_s * gauges.seconds > 99.9 &&
		    gauges.slots_per_s * gauges.seconds < 100.1);
	assert_int_equal(gauges.faults, 1);
	assert_true(gauges.faults_per_s > 0 && gauges.dispatches_per_s > 0);
	assert_int_equal(gauges.windows, 8);
	assert_true(gauges.windows_leased > 0 && gauges.producers > 0);
	assert_int_equal(gauges.statistics.in_flight, 1);
	assert_int_equal(gauges.statistics.masked, 1);
	assert_true(gauges.mean_us > 0);
	mk_snapshot_free(snapshots[0]);
	mk_snapshot_free(snapshots[1]);
}

/* Whatever the words are, everybody who looks comes to an end, within bounds. */
static void test_scribbled(void **state)
{
	const uint64_t limit_ns = (live_slow() ? 60 : 2) * LIVE_NS_PER_SECOND;
	uint64_t random = 3, begin = live_now_ns();
	struct live *live = create(state);
	struct examination *examination = calloc(1, sizeof(*examination));
	struct facts facts = { .is_live = true };
	struct mk_snapshot *snapshots[2];
	struct view before, now;

	assert_non_null(examination);
	take(live->context, &snapshots[0], &before);
	while (live_now_ns() - begin < limit_ns) {
		struct ring_map map;
		struct gauges gauges;

		for (uint32_t i = 0; i < 100; i++) {
			uint32_t memory = live_random(&random) % MK_REGION_COUNT;
			uint32_t value = live_random(&random);
			size_t bytes;

			mk_context_memory(live->context, memory, &bytes);
			store(live, memory,
			      live_random(&random) % (uint32_t)(bytes / sizeof(uint32_t)),
			      value % 2 ? value : value % 200);
		}
		take(live->context, &snapshots[1], &now);
		facts.engine_process = (enum process_state)(live_random(&random) % 4);
		*examination = (struct examination){ .before = &before,
						     .now = &now,
						     .facts = &facts };
		doctor_examine(examination);
		assert_true(examination->count > 0);
		gauges_read(&before, &now, &gauges);
		map = ring_map_of(&now, 1 + live_random(&random) % 100);
		for (uint32_t i = 0; i < map.cells; i++) {
			ring_map_status(&now, &map, i);
			ring_map_completions(&before, &now, &map, i);
		}
		mk_snapshot_free(snapshots[0]);
		snapshots[0] = snapshots[1];
		view_of_snapshot(snapshots[0], &before);
	}
	mk_snapshot_free(snapshots[0]);
	free(examination);
}

/* Words, and the machine ------------------------------------------------------------- */

static void damage_size(struct live *live)
{
	store(live, MK_REGION_CONTROL, MK_CONTROL_SLOT_COUNT, 9);
}

static void damage_version(struct live *live)
{
	store(live, MK_REGION_CQ, MK_CQ_VERSION, MK_ABI_VERSION + 1);
}

static void test_words(void **state)
{
	struct live *live = create(state);

	expect_between(live, damage_size, "words", "damaged: word 150 of the control");
	store(live, MK_REGION_CONTROL, MK_CONTROL_SLOT_COUNT, small.slots);
	expect_between(live, damage_version, "words", "ABI version");
}

static void expect_of_machine(const struct facts *facts, const char *check,
			      const char *word)
{
	static struct examination examination;

	examination = (struct examination){ .facts = facts };
	doctor_examine(&examination);
	expect(&examination, check, word);
}

static void test_machine(void **state)
{
	(void)state;
	expect_of_machine(&(struct facts){ .module = -EACCES }, "module",
			  "may not open it");
	expect_of_machine(&(struct facts){ .module = -ENODEV,
					   .module_text = "speaks ABI 7" },
			  "module", "speaks ABI 7");
	expect_of_machine(&(struct facts){ .attaching = -EPROTO,
					   .attaching_text = "has ABI version 2" },
			  "attaching", "has ABI version 2");
}

static void test_no_vulkan(void **state)
{
	struct facts facts = { 0 };

	(void)state;
	facts_of_vulkan(&facts);
	expect_of_machine(&facts, "vulkan", "No Vulkan device");
}

static const struct child_entry bodies[] = {
	CHILD_BODY(child_engine),
	CHILD_BODY(lease),
};

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		LIVE_TEST(test_engine_killed),
		LIVE_TEST(test_dead_producers),
		LIVE_TEST(test_health),
		LIVE_TEST(test_never_started),
		LIVE_TEST(test_stopped),
		LIVE_TEST(test_lost),
		LIVE_TEST(test_no_heartbeat),
		LIVE_TEST(test_parked_with_work),
		LIVE_TEST(test_does_not_leave),
		LIVE_TEST(test_claimed),
		LIVE_TEST(test_masked),
		LIVE_TEST(test_starved),
		LIVE_TEST(test_faults),
		LIVE_TEST(test_unknown_status),
		LIVE_TEST(test_nobody_answers),
		LIVE_TEST(test_callback_hangs),
		LIVE_TEST(test_log_overflows),
		LIVE_TEST(test_log_is_damaged),
		LIVE_TEST(test_map),
		LIVE_TEST(test_gauges),
		LIVE_TEST(test_scribbled),
		LIVE_TEST(test_words),
		LIVE_TEST(test_machine),
	};
	const struct CMUnitTest without_vulkan[] = {
		cmocka_unit_test(test_no_vulkan),
	};

	children_main(argc, argv, bodies);
	/* A machine without a driver, for one test of a run of its own. */
	if (getenv("MK_TEST_NO_VULKAN"))
		return cmocka_run_group_tests(without_vulkan, NULL, NULL);
	return live_main(tests);
}

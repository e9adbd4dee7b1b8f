// SPDX-License-Identifier: MIT
/*
 * Devices that are lost, and that hang: the engine goes on with the same context, and every
 * slot is accounted for.
 *
 * reset_layer.c loses them; what a device leaves that is cut off in the midst of its work is
 * brought about by a kernel whose stores end at a word in memory (power_ordering.glsl).
 *
 *   MK_RESET_LAYER_DIR  folder of the layer's manifest
 *   MK_RESET_ROUNDS     rounds of the matrix (default 2; 100 with MK_SLOW)
 */
#include "live.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <state_layout.h>

#include "io_host.h"
#include "power_kernel.h"
#include "reset_layer.h"
#include "reset_power.h"
#include "reset_run.h"

static const struct mk_geometry geometry = {
	.size = sizeof(struct mk_geometry),
	.slots = 256,
	.observable_words = RESET_OBSERVABLES,
};

static const struct mk_engine_options can_be_cut = {
	.size = sizeof(struct mk_engine_options),
	.spirv = power_kernel_spirv,
	.spirv_bytes = sizeof(power_kernel_spirv),
};

/* Whatever a test before has left. */
static int setup(void **state)
{
	reset_layer_plan(NULL, 0, NULL);
	reset_layer_hang(false);
	unsetenv("MK_REBUILDS");
	return live_setup(state);
}

#define RESET_TEST(function) \
	cmocka_unit_test_setup_teardown(function, setup, live_teardown)

static void begin(struct live *live)
{
	live_create(live, &geometry);
	live_start(live, &can_be_cut);
}

static _Atomic uint32_t *state_word(const struct live *live, uint32_t word)
{
	return (_Atomic uint32_t *)mk_context_memory(live->context, MK_MEMORY_STATE,
						     NULL) +
	       word;
}

static uint32_t rebuilds(const struct live *live)
{
	struct mk_engine_info info;

	mk_engine_info(live->engine, &info);
	return info.rebuilds;
}

/* What happens ----------------------------------------------------------------------- */

struct cut {
	struct live *live;
	uint64_t pause_ns;
};

/* The dispatch that is waited for has begun some time ago, or ends meanwhile. */
static void cut_power(void *data)
{
	struct cut *cut = data;

	live_pause_ns(cut->pause_ns);
	atomic_store(state_word(cut->live, RESET_POWER_CUT), 1);
}

static void restore_power(void *data)
{
	struct cut *cut = data;

	atomic_store(state_word(cut->live, RESET_POWER_CUT), 0);
}

struct rebuild_wanted {
	struct live *live;
	uint32_t before;
};

static bool is_rebuilt(void *argument)
{
	struct rebuild_wanted *wanted = argument;

	return mk_engine_failure(wanted->live->engine) ||
	       (reset_layer_plan_is_over() && rebuilds(wanted->live) != wanted->before);
}

static void expect_rebuild(struct live *live, uint32_t before)
{
	struct rebuild_wanted wanted = { live, before };

	assert_true(live_eventually(is_rebuilt, &wanted));
	live_ok(mk_engine_failure(live->engine));
}

/*
 * Have the engine run a dispatch.  One is not enough to have it wait for one: the dispatch
 * that executes what is published here may have been waited for already.
 */
static void nudge(struct mk_producer *producer)
{
	mk_producer_publish(producer, &LIVE_NOP, 0, NULL);
	live_pause_ns(LIVE_NS_PER_MS);
}

/* Lose the device while it has hardly anything to do. */
static void lose(struct live *live, struct mk_producer *producer,
		 const struct reset_scene *scene)
{
	const struct reset_step wait = { RESET_WAIT, 1 };
	struct rebuild_wanted wanted = { live, rebuilds(live) };

	reset_layer_plan(&wait, 1, scene);
	while (!is_rebuilt(&wanted))
		nudge(producer);
	expect_rebuild(live, wanted.before);
}

/* The matrix ------------------------------------------------------------------------- */

struct point {
	struct reset_step steps[4];
	bool is_cut;
	uint32_t pause_us; /* before the cut, at most */
};

/* Each of the calls in which a device is lost, and of those that bring it back. */
static const struct point points[] = {
	{ { { RESET_WAIT, 1 } }, false, 0 },
	{ { { RESET_WAIT, 3 } }, false, 0 },
	{ { { RESET_SUBMIT, 1 } }, false, 0 },
	{ { { RESET_SUBMIT, 2 } }, false, 0 },
	{ { { RESET_BEGIN, 1 } }, false, 0 },
	{ { { RESET_WAIT, 1 } }, true, 0 },
	{ { { RESET_WAIT, 1 } }, true, 300 },
	{ { { RESET_WAIT, 1 } }, true, 3000 },
	{ { { RESET_WAIT, 2 } }, true, 30000 },
	{ { { RESET_WAIT, 3 } }, true, 1000 },
	{ { { RESET_WAIT, 5 } }, true, 10000 },
	{ { { RESET_SUBMIT, 1 } }, true, 1000 },
	{ { { RESET_SUBMIT, 3 } }, true, 10000 },
	{ { { RESET_BEGIN, 2 } }, true, 3000 },
	/* It is lost, and what follows fails once, or twice. */
	{ { { RESET_WAIT, 1 }, { RESET_DEVICE, 1 } }, true, 3000 },
	{ { { RESET_WAIT, 1 }, { RESET_DEVICE, 1 }, { RESET_PIPELINE, 1 } }, true, 3000 },
	{ { { RESET_WAIT, 1 }, { RESET_ALLOCATE, 2 } }, true, 3000 },
	{ { { RESET_WAIT, 1 }, { RESET_BIND, 3 } }, true, 3000 },
	{ { { RESET_WAIT, 1 }, { RESET_FENCE, 2 } }, true, 3000 },
	/* It is lost again before anything was done. */
	{ { { RESET_WAIT, 1 }, { RESET_SUBMIT, 1 }, { RESET_BEGIN, 2 } }, true, 3000 },
};

#define POINTS (sizeof(points) / sizeof(points[0]))

static size_t step_count(const struct point *point)
{
	size_t count = 0;

	while (count < sizeof(point->steps) / sizeof(point->steps[0]) &&
	       point->steps[count].call)
		count++;
	return count;
}

static void pass_point(struct live *live, const struct point *point, uint64_t *random)
{
	uint32_t pause_us = point->pause_us ? live_random(random) % point->pause_us : 0;
	struct cut cut = { live, pause_us * UINT64_C(1000) };
	const struct reset_scene scene = { cut_power, restore_power, &cut };
	uint32_t before = rebuilds(live);

	reset_layer_plan(point->steps, step_count(point), point->is_cut ? &scene : NULL);
	expect_rebuild(live, before);
	/* @cut goes. */
	reset_layer_plan(NULL, 0, NULL);
}

static uint32_t pass_all_points(uint64_t seed)
{
	/* A test that fails leaves its threads. */
	static struct reset_run run;
	struct mk_engine_info info;
	uint64_t done, interrupted, random = seed;
	struct live *live = NULL;

	assert_int_equal(setup((void **)&live), 0);
	begin(live);
	reset_run_begin(&run, live, seed);
	reset_run_expect_progress(&run);
	for (size_t i = 0; i < POINTS; i++) {
		pass_point(live, &points[i], &random);
		reset_run_expect_progress(&run);
	}
	reset_run_end(&run, &done, &interrupted);
	mk_engine_info(live->engine, &info);
	print_message("# seed %u: %u rebuilds, %u slots done, %u interrupted\n",
		      (unsigned int)seed, info.rebuilds, (unsigned int)done,
		      (unsigned int)interrupted);
	/* Each was told once, to who had published it. */
	assert_int_equal(info.interrupted, interrupted);
	assert_true(info.rebuilds >= POINTS);
	live_ok(live_run(live_producer(live, 0, 0), &LIVE_NOP));
	assert_int_equal(live_teardown((void **)&live), 0);
	return info.interrupted;
}

static uint32_t matrix_rounds(void)
{
	const char *value = getenv("MK_RESET_ROUNDS");

	if (value && *value)
		return (uint32_t)strtoul(value, NULL, 10);
	return live_slow() ? 100 : 2;
}

static void test_matrix(void **state)
{
	uint32_t rounds = matrix_rounds(), interrupted = 0;

	(void)state;
	for (uint32_t i = 0; i < rounds; i++)
		interrupted += pass_all_points(1 + i);
	/* Else the cuts hit nothing. */
	assert_true(interrupted);
}

/* What becomes of a slot -------------------------------------------------------------- */

struct seeded {
	struct live *live;
	uint32_t slot;
};

/* As the kernel does when it claims: its first effect may have been had, or not. */
static void claim(void *data)
{
	struct seeded *seeded = data;
	struct live *live = seeded->live;
	_Atomic uint32_t *word = (_Atomic uint32_t *)mk_context_memory(
					 live->context, MK_REGION_RING, NULL) +
				 seeded->slot * MK_SLOT_WORDS;
	_Atomic uint32_t *entry = state_word(
		live, MK_STATE_SLOT_WORD(geometry.slots, seeded->slot, MK_STATE_ENTRY));
	uint32_t count = (atomic_load(entry) >> MK_CQ_ENTRY_COUNT_SHIFT) + 1;

	atomic_store(entry, count << MK_CQ_ENTRY_COUNT_SHIFT | MK_STATUS_CLAIMED);
	if (strcmp(mk_context_backing(live->context), "device") != 0)
		atomic_store(word, MK_STATUS_CLAIMED);
}

static void test_claimed_is_interrupted_and_published_goes_on(void **state)
{
	struct live *live = *state;
	struct mk_producer *masked, *other;
	struct mk_ticket first, second;
	struct seeded seeded = { .live = live };
	const struct reset_scene scene = { .after = claim, .data = &seeded };
	struct mk_engine_info info;

	begin(live);
	masked = live_producer(live, 3, 1);
	other = live_producer(live, 0, 1);
	/* The first dispatch may have to wait for a compiler. */
	live_ok(live_run(other, &LIVE_NOP));
	live_ok(mk_context_set_tenant(live->context, 3, 0));
	live_ok(mk_producer_publish(masked,
				    &LIVE_ITEM(MK_OP_ATOMIC_ADD, 1, LIVE_OBSERVABLE(5)),
				    LIVE_TIMEOUT_NS, &first));
	live_ok(mk_producer_publish(masked,
				    &LIVE_ITEM(MK_OP_ATOMIC_ADD, 1, LIVE_OBSERVABLE(6)),
				    LIVE_TIMEOUT_NS, &second));
	seeded.slot = first.slot;
	lose(live, other, &scene);
	live_expect(MK_FAULT_INTERRUPTED,
		    mk_producer_wait(masked, &first, LIVE_TIMEOUT_NS));
	live_expect(-EAGAIN, mk_producer_wait(masked, &second, 0));
	live_ok(mk_context_set_tenant(live->context, 3, MK_TENANT_MASK_ALL));
	live_ok(mk_producer_wait(masked, &second, LIVE_TIMEOUT_NS));
	assert_int_equal(live_observable(live, 5), 0);
	assert_int_equal(live_observable(live, 6), 1);
	mk_engine_info(live->engine, &info);
	assert_int_equal(info.rebuilds, 1);
	assert_int_equal(info.interrupted, 1);
	assert_non_null(strstr(info.rebuild_cause, "device lost"));
	/* The slot is as good as any. */
	live_ok(live_run(masked, &LIVE_ITEM(MK_OP_ATOMIC_ADD, 1, LIVE_OBSERVABLE(5))));
	assert_int_equal(live_observable(live, 5), 1);
}

/* Its request is the host's, which has not been lost. */
static void test_waiting_for_io_goes_on(void **state)
{
	struct live *live = *state;
	struct mk_producer *producer;
	struct mk_ticket asked, answered;
	struct io_request request;
	uint32_t slot, other;

	begin(live);
	producer = live_producer(live, 0, 0);
	live_ok(mk_producer_publish(producer,
				    &LIVE_ITEM(MK_OP_IO_READ, 1, 2, 3, 0, 64, 7),
				    LIVE_TIMEOUT_NS, &answered));
	slot = io_claim(live, &request);
	live_ok(mk_producer_publish(producer,
				    &LIVE_ITEM(MK_OP_IO_READ, 5, 6, 7, 0, 64, 8),
				    LIVE_TIMEOUT_NS, &asked));
	io_expect_count(live, MK_CQ_IO_REQUESTS, 2);
	lose(live, producer, NULL);
	/* One that was claimed before, and one that is found afterwards. */
	io_answer(live, slot, MK_IO_STATUS_OK, 0);
	live_ok(mk_producer_wait(producer, &answered, LIVE_TIMEOUT_NS));
	other = io_claim(live, &request);
	assert_int_equal(request.words[MK_IO_SOURCE], 5);
	io_answer(live, other, MK_IO_STATUS_ERROR, MK_IO_REASON_CANCELLED);
	live_expect(MK_FAULT_IO, mk_producer_wait(producer, &asked, LIVE_TIMEOUT_NS));
	io_await_all_empty(live);
}

/* The debug log -------------------------------------------------------------------------- */

static void test_log_is_drained_once(void **state)
{
	struct live *live = *state;
	struct mk_log_record records[MK_LOG_RECORD_CAPACITY_DEFAULT];
	const size_t room = sizeof(records) / sizeof(records[0]);
	struct mk_producer *producer;

	begin(live);
	producer = live_producer(live, 0, 0);
	for (uint32_t i = 0; i < 5; i++)
		live_ok(live_run(producer, &LIVE_ITEM(MK_OP_PRINTF, 1, i, 0)));
	lose(live, producer, NULL);
	live_expect(5, mk_engine_drain_log(live->engine, records, room, LIVE_TIMEOUT_NS));
	lose(live, producer, NULL);
	live_expect(0, mk_engine_drain_log(live->engine, records, room, LIVE_TIMEOUT_NS));
}

/* It is lost in the dispatch that was to begin the log anew, and before that ran. */
static void test_log_begins_anew_after_a_loss(void **state)
{
	const struct reset_step submit = { RESET_BEGIN, 1 };
	struct live *live = *state;
	struct cut cut = { live, 0 };
	const struct reset_scene scene = { cut_power, restore_power, &cut };
	struct mk_log_record records[MK_LOG_RECORD_CAPACITY_DEFAULT];
	const size_t room = sizeof(records) / sizeof(records[0]);
	struct mk_producer *producer;
	uint32_t before;

	begin(live);
	producer = live_producer(live, 0, 0);
	live_ok(live_run(producer, &LIVE_ITEM(MK_OP_PRINTF, 1, 2, 3)));
	before = rebuilds(live);
	/* The one after it sees the power gone as well. */
	atomic_store(state_word(live, RESET_POWER_CUT), 1);
	live_expect(1, mk_engine_drain_log(live->engine, records, room, LIVE_TIMEOUT_NS));
	reset_layer_plan(&submit, 1, &scene);
	live_expect(1, mk_engine_drain_log(live->engine, records, room, LIVE_TIMEOUT_NS));
	expect_rebuild(live, before);
	live_ok(live_run(producer, &LIVE_NOP));
	live_expect(0, mk_engine_drain_log(live->engine, records, room, LIVE_TIMEOUT_NS));
}

/* Traces --------------------------------------------------------------------------------- */

static void count_dispatches(const char *path, uint32_t *begun, uint32_t *ended)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct mk_trace_reader *reader;
	struct mk_trace_event event;

	*begun = *ended = 0;
	assert_true(fd >= 0);
	live_ok(mk_trace_open(fd, &reader));
	while (mk_trace_next(reader, &event) > 0) {
		*begun += event.type == MK_TRACE_DISPATCH_BEGIN;
		*ended += event.type == MK_TRACE_DISPATCH_END;
	}
	mk_trace_close(reader);
	close(fd);
}

static void test_traced_dispatches_have_ends(void **state)
{
	struct live *live = *state;
	char path[] = "/tmp/mk-reset-XXXXXX";
	struct mk_trace_options options = { .size = sizeof(options), .path = path };
	uint32_t begun, ended;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	live_create(live, &geometry);
	live_ok(mk_trace_start(live->context, &options));
	live_start(live, &can_be_cut);
	lose(live, live_producer(live, 0, 0), NULL);
	live_stop(live);
	live_ok(mk_trace_stop(live->context));
	count_dispatches(path, &begun, &ended);
	unlink(path);
	assert_true(begun > 2);
	assert_int_equal(begun, ended);
}

/* When there is no way back -------------------------------------------------------------- */

static void start_with_limit(struct live *live, uint32_t limit)
{
	struct mk_engine_options options = can_be_cut;

	options.rebuilds = limit;
	live_start(live, &options);
}

static void lose_for_good(struct live *live, struct mk_producer *producer)
{
	const struct reset_step steps[] = {
		{ RESET_WAIT, 1 },   { RESET_DEVICE, 1 }, { RESET_DEVICE, 1 },
		{ RESET_DEVICE, 1 }, { RESET_DEVICE, 1 },
	};

	reset_layer_plan(steps, 5, NULL);
	while (live_engine_state(live) != MK_ENGINE_LOST)
		nudge(producer);
}

/* A new engine finds what the last one left. */
static void expect_another_engine_goes_on(struct live *live, struct mk_producer *producer)
{
	live_stop(live);
	reset_layer_plan(NULL, 0, NULL);
	live_start(live, &can_be_cut);
	live_ok(live_run(producer, &LIVE_NOP));
}

static void expect_failure(const struct live *live, int error, const char *text)
{
	live_expect(error, mk_engine_failure(live->engine));
	if (!strstr(mk_error_text(), text))
		fail_msg("had \"%s\", expected \"%s\" in it", mk_error_text(), text);
}

static void test_gives_up_after_so_many_attempts(void **state)
{
	struct live *live = *state;
	struct mk_producer *producer;

	live_create(live, &geometry);
	start_with_limit(live, 2);
	producer = live_producer(live, 0, 0);
	live_ok(live_run(producer, &LIVE_NOP));
	lose_for_good(live, producer);
	expect_failure(live, -EIO, "the device cannot be used again: cannot create a");
	expect_another_engine_goes_on(live, producer);
}

static void test_never_rebuilds(void **state)
{
	struct live *live = *state;
	struct mk_producer *producer;

	live_create(live, &geometry);
	start_with_limit(live, MK_REBUILD_NEVER);
	producer = live_producer(live, 0, 0);
	live_ok(live_run(producer, &LIVE_NOP));
	lose_for_good(live, producer);
	expect_failure(live, -EIO, "device lost");
	expect_another_engine_goes_on(live, producer);
}

static void test_environment_says_how_often(void **state)
{
	struct live *live = *state;
	struct mk_producer *producer;

	live_create(live, &geometry);
	assert_int_equal(setenv("MK_REBUILDS", "often", 1), 0);
	live_expect(-EINVAL, live_try_start(live->context, &can_be_cut, &live->engine));
	assert_non_null(strstr(mk_error_text(), "MK_REBUILDS"));
	assert_int_equal(setenv("MK_REBUILDS", "0", 1), 0);
	live_start(live, &can_be_cut);
	assert_int_equal(unsetenv("MK_REBUILDS"), 0);
	producer = live_producer(live, 0, 0);
	live_ok(live_run(producer, &LIVE_NOP));
	lose_for_good(live, producer);
	expect_failure(live, -EIO, "device lost");
}

/* Who stops an engine does not wait for its attempts. */
static void test_stops_between_attempts(void **state)
{
	const struct reset_step steps[] = {
		{ RESET_WAIT, 1 },   { RESET_DEVICE, 1 }, { RESET_DEVICE, 1 },
		{ RESET_DEVICE, 1 }, { RESET_DEVICE, 1 }, { RESET_DEVICE, 1 },
		{ RESET_DEVICE, 1 }, { RESET_DEVICE, 1 },
	};
	struct live *live = *state;
	struct mk_producer *producer;

	live_create(live, &geometry);
	start_with_limit(live, 1000);
	producer = live_producer(live, 0, 0);
	live_ok(live_run(producer, &LIVE_NOP));
	reset_layer_plan(steps, 8, NULL);
	while (reset_layer_steps_over() < 2)
		nudge(producer);
	live_ok(mk_engine_stop(live->engine, LIVE_TIMEOUT_NS));
	live->engine = NULL;
	assert_int_equal(live_engine_state(live), MK_ENGINE_STOPPED);
}

/* Memory that did not survive -------------------------------------------------------------- */

static void lose_memory(void *data)
{
	struct live *live = data;
	size_t bytes;
	void *control = mk_context_memory(live->context, MK_REGION_CONTROL, &bytes);

	memset(control, 0, bytes);
}

static void test_lost_memory_is_told(void **state)
{
	const struct reset_step wait = { RESET_WAIT, 1 };
	struct live *live = *state;
	const struct reset_scene scene = { .after = lose_memory, .data = live };
	struct mk_producer *masked, *other, *early;
	struct mk_ticket done, waiting;

	begin(live);
	masked = live_producer(live, 3, 1);
	other = live_producer(live, 0, 1);
	/* The first dispatch may have to wait for a compiler. */
	live_ok(live_run(other, &LIVE_NOP));
	live_ok(mk_context_set_tenant(live->context, 3, 0));
	early = live_producer(live, 0, 1);
	live_ok(mk_producer_publish(early, &LIVE_NOP, LIVE_TIMEOUT_NS, &done));
	live_ok(mk_context_wait(live->context, &done, LIVE_TIMEOUT_NS));
	live_ok(mk_producer_publish(masked, &LIVE_NOP, LIVE_TIMEOUT_NS, &waiting));
	reset_layer_plan(&wait, 1, &scene);
	while (live_engine_state(live) != MK_ENGINE_LOST)
		nudge(other);
	live_expect(MK_FAULT_INTERRUPTED,
		    mk_producer_wait(masked, &waiting, LIVE_TIMEOUT_NS));
	/* What had ended has ended. */
	live_ok(mk_context_wait(live->context, &done, LIVE_TIMEOUT_NS));
	expect_failure(live, -EIO, "memory did not survive");
	live_stop(live);
	live_expect(-ENOTRECOVERABLE,
		    live_try_start(live->context, &can_be_cut, &live->engine));
}

/* Snapshots ----------------------------------------------------------------------------- */

static void test_leaves_a_snapshot(void **state)
{
	struct live *live = *state;
	char directory[] = "/tmp/mk-reset-XXXXXX";
	struct mk_engine_options options = can_be_cut;
	struct mk_snapshot *snapshot;
	struct mk_engine_info info;
	struct mk_producer *producer;
	const char *path;
	int fd;

	assert_non_null(mkdtemp(directory));
	options.snapshot_directory = directory;
	live_create(live, &geometry);
	live_start(live, &options);
	producer = live_producer(live, 0, 0);
	lose(live, producer, NULL);
	mk_engine_info(live->engine, &info);
	path = strstr(info.rebuild_cause, directory);
	assert_non_null(path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	live_ok(mk_snapshot_read(fd, &snapshot));
	close(fd);
	assert_int_equal(mk_snapshot_info(snapshot)->reason, MK_SNAPSHOT_LOST);
	mk_snapshot_free(snapshot);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(directory), 0);
}

/* Devices that hang ------------------------------------------------------------------------ */

static void test_hanging_device_is_given_up(void **state)
{
	struct live *live = *state;
	struct mk_producer *producer;
	struct mk_ticket ticket;
	uint64_t begin_ns;

	begin(live);
	producer = live_producer(live, 0, 0);
	live_ok(live_run(producer, &LIVE_NOP));
	/* Nobody waits for a fence of a parked engine's. */
	assert_true(live_reaches_state(live, MK_ENGINE_PARKED));
	atomic_store(state_word(live, RESET_POWER_CUT), 1);
	reset_layer_hang(true);
	live_ok(mk_producer_publish(producer, &LIVE_NOP, LIVE_TIMEOUT_NS, &ticket));
	begin_ns = live_now_ns();
	live_expect(-ETIMEDOUT, mk_producer_wait(producer, &ticket, LIVE_GLANCE_NS));
	assert_true(live_reaches_state(live, MK_ENGINE_LOST));
	expect_failure(live, -ETIMEDOUT, "did not end a dispatch");
	/* It may still come to itself, so nothing is taken from under it. */
	live_expect(-ETIMEDOUT, mk_engine_stop(live->engine, LIVE_GLANCE_NS));
	assert_int_equal(rebuilds(live), 0);
	assert_true(live_now_ns() - begin_ns < LIVE_TIMEOUT_NS);
	reset_layer_hang(false);
	live_stop(live);
	atomic_store(state_word(live, RESET_POWER_CUT), 0);
	live_start(live, &can_be_cut);
	live_ok(mk_producer_wait(producer, &ticket, LIVE_TIMEOUT_NS));
}

/* A driver that resets a device that hangs says so in the end. */
static void test_hang_that_is_reset(void **state)
{
	struct live *live = *state;
	struct cut cut = { live, 20 * LIVE_NS_PER_MS };
	const struct reset_scene scene = { cut_power, restore_power, &cut };
	struct mk_producer *producer;

	begin(live);
	producer = live_producer(live, 0, 0);
	live_ok(live_run(producer, &LIVE_NOP));
	lose(live, producer, &scene);
	live_ok(live_run(producer, &LIVE_NOP));
}

/* Main ---------------------------------------------------------------------------------- */

/* Of a GPU's own memory only amdgpu says what it kept; any other is taken for lost. */
static bool loses_memory(struct mk_device_info *device)
{
	struct mk_context *context;
	bool is_own;

	/* If there can be none, the tests say why. */
	if (mk_context_create(&geometry, &context))
		return false;
	is_own = !strcmp(mk_context_backing(context), "device");
	mk_context_close(context);
	return is_own && !mk_device_find(NULL, device) && device->type != MK_DEVICE_CPU &&
	       !strstr(device->driver, "radv");
}

int main(void)
{
	struct mk_device_info device;
	const struct CMUnitTest tests[] = {
		RESET_TEST(test_claimed_is_interrupted_and_published_goes_on),
		RESET_TEST(test_waiting_for_io_goes_on),
		RESET_TEST(test_log_is_drained_once),
		RESET_TEST(test_log_begins_anew_after_a_loss),
		RESET_TEST(test_traced_dispatches_have_ends),
		RESET_TEST(test_gives_up_after_so_many_attempts),
		RESET_TEST(test_never_rebuilds),
		RESET_TEST(test_environment_says_how_often),
		RESET_TEST(test_stops_between_attempts),
		RESET_TEST(test_lost_memory_is_told),
		RESET_TEST(test_leaves_a_snapshot),
		RESET_TEST(test_hanging_device_is_given_up),
		RESET_TEST(test_hang_that_is_reset),
		cmocka_unit_test(test_matrix),
	};

	if (live_engine_kind() != MK_ENGINE_KIND_VULKAN) {
		fprintf(stderr, "set MK_TEST_ENGINE=vulkan\n");
		return EXIT_FAILURE;
	}
	if (!reset_layer_use())
		return EXIT_FAILURE;
	if (loses_memory(&device)) {
		printf("1..0 # SKIP the memory of %s is lost with the device, so no engine "
		       "comes back\n",
		       device.name);
		return EXIT_SKIPPED;
	}
	return live_main(tests);
}

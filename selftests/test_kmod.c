// SPDX-License-Identifier: MIT
/*
 * What holds for contexts of mk.ko's only: they are found by id, and whoever dies is
 * cleared away by the kernel.  Skipped where /dev/mk cannot be used.
 */
#include "live.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "children.h"
#include "played_device.h"

/* A dispatch takes 50 ms, a parked engine looks every 100 ms; guests are slow. */
#define END_WITHIN_NS (10 * LIVE_NS_PER_SECOND)

static const struct mk_geometry geometry = {
	.size = sizeof(geometry),
	.slots = 64,
	.observable_words = 8,
	.tenants = 1,
	.arena_bytes = 1 << 20,
	.backing = MK_BACKING_KMOD,
};

static uint64_t user_bytes(void)
{
	struct mk_ioctl_query query = { 0 };
	int device = open("/dev/mk", O_RDWR | O_CLOEXEC);

	assert_true(device >= 0);
	assert_int_equal(ioctl(device, MK_IOCTL_QUERY, &query), 0);
	close(device);
	return query.user_bytes;
}

static bool bytes_are_back(void *before)
{
	return user_bytes() == *(const uint64_t *)before;
}

static struct mk_context *open_context(uint64_t id, enum mk_role role)
{
	struct mk_context *context = NULL;

	live_ok(mk_context_open(id, role, &context));
	assert_int_equal(mk_context_role(context), role);
	assert_int_equal(mk_context_id(context), id);
	return context;
}

static bool is_shut_down(const struct mk_context *context)
{
	const struct live live = { .context = (struct mk_context *)context };
	const uint32_t *control =
		live_map(&live, MK_REGION_CONTROL, MK_CONTROL_MIN_BYTES);
	bool shut_down = control[MK_CONTROL_SHUTDOWN] != 0;

	return shut_down;
}

/* By id ------------------------------------------------------------------------ */

static void test_opens_by_id(void **state)
{
	const enum mk_role roles[] = { MK_ROLE_ENGINE, MK_ROLE_PRODUCER,
				       MK_ROLE_OBSERVER };
	struct live *live = *state;
	uint64_t before = user_bytes();
	uint64_t id;

	live_create(live, &geometry);
	assert_true(user_bytes() > before + geometry.arena_bytes);
	assert_string_equal(mk_context_backing(live->context), "kmod");
	id = mk_context_id(live->context);
	assert_int_not_equal(id, 0);
	strcpy(mk_context_arena(live->context), "shared");
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		struct mk_context *other = open_context(id, roles[i]);

		assert_string_equal(mk_context_arena(other), "shared");
		assert_int_equal(mk_context_geometry(other)->slots, geometry.slots);
		assert_int_equal(mk_context_geometry(other)->arena_bytes,
				 geometry.arena_bytes);
		mk_context_close(other);
	}
	mk_context_close(live->context);
	live->context = NULL;
	assert_int_equal(user_bytes(), before);
}

static void test_refuses_ids(void **state)
{
	struct live *live = *state;
	struct mk_context *other = NULL;
	uint64_t id;

	live_create(live, &geometry);
	id = mk_context_id(live->context);
	live_expect(-ENOENT, mk_context_open(0, MK_ROLE_OBSERVER, &other));
	live_expect(-ENOENT, mk_context_open(id + 1, MK_ROLE_OBSERVER, &other));
	live_expect(-ENOENT, mk_context_open(UINT64_MAX, MK_ROLE_OBSERVER, &other));
	live_expect(-EINVAL, mk_context_open(id, MK_ROLE_OWNER, &other));
	live_expect(-EINVAL, mk_context_open(id, (enum mk_role)7, &other));
	mk_context_close(live->context);
	live->context = NULL;
	live_expect(-ENOENT, mk_context_open(id, MK_ROLE_OBSERVER, &other));
	assert_null(other);
}

/* Whoever has a file of the engine's is the engine. */
static void test_one_engine(void **state)
{
	struct live *live = *state;
	struct mk_context *guest, *second = NULL;
	int fds[MK_CONTEXT_FDS];
	uint64_t id;

	live_create(live, &geometry);
	id = mk_context_id(live->context);
	guest = open_context(id, MK_ROLE_ENGINE);
	live_expect(-EBUSY, mk_context_open(id, MK_ROLE_ENGINE, &second));
	live_expect(-EBUSY, mk_context_share(live->context, MK_ROLE_ENGINE, fds));
	live_expect(-EBUSY, live_try_start(live->context, NULL, &live->engine));
	mk_context_close(guest);

	live_expect(1, mk_context_share(live->context, MK_ROLE_ENGINE, fds));
	live_expect(-EBUSY, live_try_start(live->context, NULL, &live->engine));
	close(fds[0]);
	live_start(live, NULL);
	live_expect(-EBUSY, mk_context_open(id, MK_ROLE_ENGINE, &second));
	assert_null(second);
}

static void test_refuses_what_is_no_context(void **state)
{
	struct mk_context *context = NULL;
	int device = open("/dev/mk", O_RDWR | O_CLOEXEC);
	int closed = dup(device);

	(void)state;
	close(closed);
	live_expect(-EPROTO, mk_context_attach(&device, 1, &context));
	live_expect(-EBADF, mk_context_attach(&closed, 1, &context));
	close(device);
	assert_null(context);
}

/* Limits --------------------------------------------------------------------------- */

static bool set_user_limit(const char *mib)
{
	FILE *file = fopen("/sys/module/mk/parameters/user_limit_mib", "w");
	bool good = file && fputs(mib, file) >= 0;

	return file && !fclose(file) && good;
}

static void read_user_limit(char *mib, int size)
{
	FILE *file = fopen("/sys/module/mk/parameters/user_limit_mib", "r");

	assert_non_null(file);
	assert_non_null(fgets(mib, size, file));
	fclose(file);
}

/* The limit is not a reason to go on without the module. */
static void test_over_the_limit(void **state)
{
	struct mk_geometry large = geometry;
	struct mk_context *context = NULL;
	char former[32];
	int named, automatic;

	(void)state;
	read_user_limit(former, sizeof(former));
	if (!set_user_limit("1")) {
		print_message("# only root may change the limit\n");
		skip();
	}
	large.arena_bytes = 2 << 20;
	named = mk_context_create(&large, &context);
	large.backing = MK_BACKING_AUTO;
	unsetenv("MK_BACKING");
	automatic = mk_context_create(&large, &context);
	assert_true(set_user_limit(former));
	live_expect(-EDQUOT, named);
	live_expect(-EDQUOT, automatic);
	assert_non_null(strstr(mk_error_text(), "user_limit_mib"));
	assert_null(context);
}

/* A producer may write where no request of the device's is, by whole pages. */
static void test_maps_ingests(void **state)
{
	enum { REQUEST_PAGES = 1, PAGES = 4, PAGE = 4096 };
	const uint32_t per_page = PAGE / MK_IO_SLOT_BYTES;
	struct live *live = *state;
	struct mk_geometry queued = geometry;
	struct mk_context *guest;
	uint32_t found = 0;
	char line[256];
	FILE *maps;

	if (sysconf(_SC_PAGESIZE) != PAGE)
		skip();
	queued.io_slots = PAGES * per_page;
	queued.io_request_slots = REQUEST_PAGES * per_page;
	live_create(live, &queued);
	guest = live_attach(live, MK_ROLE_PRODUCER);
	maps = fopen("/proc/self/maps", "r");
	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		unsigned long begin, end;

		if (sscanf(line, "%lx-%lx rw-s", &begin, &end) == 2 &&
		    strstr(line, " rw-s ") && strstr(line, "dmabuf") &&
		    end - begin == (PAGES - REQUEST_PAGES) * PAGE)
			found++;
	}
	fclose(maps);
	assert_int_equal(found, 1);
	mk_context_close(guest);
}

/* Publishes through the whole queue as a producer, and counts what the device gets. */
static void count_ingest(void *argument, const uint32_t words[MK_IO_SLOT_WORDS])
{
	atomic_fetch_add((atomic_uint *)argument, words[MK_IO_TAG]);
}

static void ingest_as_producer(struct live *live, uint32_t request_slots,
			       uint32_t io_slots, uint32_t expected)
{
	static const struct mk_ingest ingests[1024];
	const struct mk_ingester_options all = { .size = sizeof(all), .max_groups = 256 };
	const struct mk_ingest last = { .tag = 7 };
	struct mk_geometry queued = geometry;
	struct mk_ingest_ticket ticket;
	struct mk_ingester *ingester;
	struct mk_context *guest;
	atomic_uint sum = 0;
	struct played_device device = { .handle = count_ingest, .argument = &sum };

	queued.io_slots = io_slots;
	queued.io_request_slots = request_slots;
	live_create(live, &queued);
	guest = live_attach(live, MK_ROLE_PRODUCER);
	live_ok(mk_ingester_open(guest, &all, &ingester));
	live_expect(expected, mk_ingester_publish_many(ingester, ingests, 1024, 0, NULL));

	device.context = live->context;
	played_device_start(&device);
	live_ok(mk_ingester_publish(ingester, &last, LIVE_TIMEOUT_NS, &ticket));
	live_ok(mk_ingester_wait(ingester, &ticket, LIVE_TIMEOUT_NS));
	mk_ingester_close(ingester);
	played_device_stop(&device);
	assert_int_equal(atomic_load(&sum), 7);
	mk_context_close(guest);
	mk_context_close(live->context);
	live->context = NULL;
}

/* A page holds 128 io slots; of a page that has requests none is a producer's. */
static void test_ingests_of_a_producer(void **state)
{
	struct live *live = *state;

	if (sysconf(_SC_PAGESIZE) != 4096)
		skip();
	ingest_as_producer(live, 128, 256, 128);
	/* Groups of 8, of which those are left out that begin in such a page. */
	ingest_as_producer(live, 100, 256, 256 - 132);
	ingest_as_producer(live, 127, 256, 256 - 135);
	ingest_as_producer(live, 128, 133, 5);
}

static void test_no_ingests_of_a_producer(void **state)
{
	struct live *live = *state;
	struct mk_ingester *ingester = NULL;
	struct mk_context *guest;

	live_create(live, &geometry);
	guest = live_attach(live, MK_ROLE_PRODUCER);
	live_expect(-EACCES, mk_ingester_open(guest, NULL, &ingester));
	assert_non_null(strstr(mk_error_text(), "io_slots 256, io_request_slots 128"));
	assert_null(ingester);
	mk_context_close(guest);
	/* Its owner may. */
	live_ok(mk_ingester_open(live->context, NULL, &ingester));
	mk_ingester_close(ingester);
}

/* The owner ends -------------------------------------------------------------------- */

static void test_ends_with_its_owner(void **state)
{
	struct live *live = *state;
	struct mk_context *observer, *guest, *other = NULL;
	struct mk_producer *producer;
	struct mk_engine *engine;
	uint64_t id;

	live_create(live, &geometry);
	id = mk_context_id(live->context);
	observer = open_context(id, MK_ROLE_OBSERVER);
	guest = open_context(id, MK_ROLE_ENGINE);
	strcpy(mk_context_arena(live->context), "left");
	assert_false(is_shut_down(observer));
	mk_context_close(live->context);
	live->context = NULL;

	assert_true(is_shut_down(observer));
	live_expect(-ESHUTDOWN, live_try_start(guest, NULL, &engine));
	live_expect(-EOWNERDEAD, mk_producer_open(guest, NULL, &producer));
	live_expect(-EOWNERDEAD, mk_context_open(id, MK_ROLE_PRODUCER, &other));
	live_expect(-EOWNERDEAD, live_try_attach(guest, MK_ROLE_PRODUCER, &other));
	other = open_context(id, MK_ROLE_OBSERVER);
	assert_string_equal(mk_context_arena(other), "left");
	mk_context_close(other);
	mk_context_close(guest);
	mk_context_close(observer);
}

/* What four processes tell each other. */
struct board {
	_Atomic uint64_t id;
	atomic_bool finish;
	atomic_uint acknowledged;
};

/* Bodies have the board, and find the context by the id there. */
static void start_with(struct child *child, child_body body,
		       const struct child_memory *board)
{
	child_start(child, body, &(struct child_options){ .memory = board });
	child_await(child);
}

/* A body's way out: it is no test, so nothing is asserted there. */
static int complain(const char *what)
{
	fprintf(stderr, "child: %s: %s\n", what, mk_error_text());
	return EXIT_FAILURE;
}

/* Makes a context and stays until it is killed. */
static int own(const struct child_self *self)
{
	struct board *board = self->memory;
	struct mk_context *context;

	if (mk_context_create(&geometry, &context))
		return complain("create");
	atomic_store(&board->id, mk_context_id(context));
	if (!child_say_ready(self))
		return EXIT_FAILURE;
	child_await_word(self);
	return EXIT_FAILURE;
}

/* Runs the engine until told to end. */
static int execute(const struct child_self *self)
{
	struct board *board = self->memory;
	struct mk_context *context;
	struct mk_engine *engine;

	if (mk_context_open(board->id, MK_ROLE_ENGINE, &context) ||
	    live_try_start(context, NULL, &engine))
		return complain("start an engine");
	if (!child_say_ready(self) || !child_await_word(self))
		return EXIT_FAILURE;
	if (mk_engine_failure(engine) || mk_engine_stop(engine, LIVE_TIMEOUT_NS))
		return complain("end the engine");
	mk_context_close(context);
	return EXIT_SUCCESS;
}

/* Publishes until told to finish; at some time nobody answers any more. */
static int produce(const struct child_self *self)
{
	struct board *board = self->memory;
	struct mk_producer *producer;
	struct mk_context *context;

	if (mk_context_open(board->id, MK_ROLE_PRODUCER, &context) ||
	    mk_producer_open(context, NULL, &producer))
		return complain("open a producer");
	if (!child_say_ready(self))
		return EXIT_FAILURE;
	while (!atomic_load(&board->finish)) {
		struct mk_ticket ticket;

		if (mk_producer_publish(producer, &LIVE_NOP, LIVE_NS_PER_MS, &ticket))
			continue;
		while (!atomic_load(&board->finish)) {
			if (mk_producer_wait(producer, &ticket, LIVE_NS_PER_MS))
				continue;
			atomic_fetch_add(&board->acknowledged, 1);
			break;
		}
	}
	mk_producer_close(producer);
	mk_context_close(context);
	return EXIT_SUCCESS;
}

static bool many_are_acknowledged(void *argument)
{
	return atomic_load(&((struct board *)argument)->acknowledged) > 100;
}

/* The owner is killed, and the engine, which is in another process, leaves. */
static void kill_owner(struct live *live, struct child *owner)
{
	uint64_t begin = live_now_ns();
	uint64_t took_ns;

	child_kill(owner);
	assert_true(live_reaches_state(live, MK_ENGINE_STOPPED));
	took_ns = live_now_ns() - begin;
	print_message("# the engine left %.1f ms after the kill\n",
		      (double)took_ns / 1e6);
	assert_true(took_ns < END_WITHIN_NS);
	assert_true(is_shut_down(live->context));
}

static void test_owner_killed(void **state)
{
	struct live *live = *state;
	struct child_memory memory = child_memory_create(sizeof(struct board));
	struct board *board = memory.at;
	struct child owner, engine, producer;
	struct mk_context *other = NULL;
	uint64_t before = user_bytes();

	start_with(&owner, own, &memory);
	start_with(&engine, execute, &memory);
	start_with(&producer, produce, &memory);
	live->context = open_context(board->id, MK_ROLE_OBSERVER);
	assert_true(live_eventually(many_are_acknowledged, board));

	kill_owner(live, &owner);
	live_expect(-EOWNERDEAD, mk_context_open(board->id, MK_ROLE_PRODUCER, &other));
	child_tell(&engine);
	child_expect_success(&engine);
	atomic_store(&board->finish, true);
	child_expect_success(&producer);
	mk_context_close(live->context);
	live->context = NULL;
	assert_true(live_eventually(bytes_are_back, &before));
	child_memory_free(&memory);
}

static void test_owner_killed_while_parked(void **state)
{
	struct live *live = *state;
	struct child_memory memory = child_memory_create(sizeof(struct board));
	struct board *board = memory.at;
	struct child owner, engine;
	uint64_t before = user_bytes();

	start_with(&owner, own, &memory);
	start_with(&engine, execute, &memory);
	live->context = open_context(board->id, MK_ROLE_OBSERVER);
	assert_true(live_reaches_state(live, MK_ENGINE_PARKED));

	kill_owner(live, &owner);
	child_tell(&engine);
	child_expect_success(&engine);
	mk_context_close(live->context);
	live->context = NULL;
	assert_true(live_eventually(bytes_are_back, &before));
	child_memory_free(&memory);
}

/* A body: has what a fork leaves it, and no more. */
static int inherit(const struct child_self *self)
{
	return child_say_ready(self) && child_await_word(self) ? EXIT_SUCCESS :
								 EXIT_FAILURE;
}

/* A child of a fork has the owner's file too, so the context goes on without us. */
static void test_forked_child_owns_too(void **state)
{
	struct live *live = *state;
	struct mk_context *observer;
	struct child child;

	live_create(live, &geometry);
	observer = open_context(mk_context_id(live->context), MK_ROLE_OBSERVER);
	child_fork(&child, inherit, NULL);
	child_await(&child);
	mk_context_close(live->context);
	live->context = NULL;
	assert_false(is_shut_down(observer));
	child_tell(&child);
	child_expect_success(&child);
	assert_true(is_shut_down(observer));
	mk_context_close(observer);
}

/* A producer ends -------------------------------------------------------------------- */

static uint64_t lease_of(const struct live *live, uint32_t window)
{
	size_t bytes = (size_t)mk_cq_bytes(geometry.slots, MK_WINDOW_SLOTS_DEFAULT);
	const uint32_t *cq = live_map(live, MK_REGION_CQ, bytes);
	const uint32_t *lease = &cq[cq[MK_CQ_FIRST_LEASE] + window * MK_CQ_LEASE_WORDS];
	uint64_t value = lease[0] | (uint64_t)lease[1] << 32;

	return value;
}

/* A body: publishes for a masked tenant, so that it stays in flight. */
static int leave_in_flight(const struct child_self *self)
{
	const struct mk_producer_options masked = { .size = sizeof(masked), .tenant = 1 };
	struct board *board = self->memory;
	struct mk_producer *producer;
	struct mk_context *context;

	if (mk_context_open(board->id, MK_ROLE_PRODUCER, &context) ||
	    mk_producer_open(context, &masked, &producer) ||
	    mk_producer_publish(producer, &LIVE_NOP, 0, NULL))
		return complain("publish");
	if (!child_say_ready(self))
		return EXIT_FAILURE;
	child_await_word(self);
	return EXIT_FAILURE;
}

static void test_producer_killed(void **state)
{
	enum { WINDOWS = 2 };
	static const struct mk_item nops[WINDOWS * MK_WINDOW_SLOTS_DEFAULT];
	struct live *live = *state;
	struct child_memory memory = child_memory_create(sizeof(struct board));
	struct board *board = memory.at;
	struct mk_producer *producer;
	uint32_t window = 0;
	struct child child;
	uint64_t lease;

	live_create(live, &geometry);
	atomic_store(&board->id, mk_context_id(live->context));
	start_with(&child, leave_in_flight, &memory);
	while (!lease_of(live, window))
		assert_true(++window < WINDOWS);
	lease = lease_of(live, window);
	assert_int_not_equal((uint32_t)lease, 0);
	child_kill(&child);
	/* Nobody's, and not free: its generation is left. */
	assert_int_equal(lease_of(live, window), lease >> 32 << 32);
	assert_int_not_equal(lease_of(live, window), 0);

	/* All but the slot in flight can be had. */
	producer = live_producer(live, 1, WINDOWS);
	live_expect(WINDOWS * MK_WINDOW_SLOTS_DEFAULT - 1,
		    mk_producer_publish_many(producer, nops,
					     WINDOWS * MK_WINDOW_SLOTS_DEFAULT,
					     LIVE_GLANCE_NS, NULL));
	child_memory_free(&memory);
}

static bool kmod_is_missing(void)
{
	struct mk_context *context;
	int ret = mk_context_create(&geometry, &context);

	if (!ret)
		mk_context_close(context);
	return ret == -ENODEV;
}

/* A process that is the context's engine has its pump, until it is killed. */
static int pump(const struct child_self *self)
{
	struct board *board = self->memory;
	struct mk_context *context;
	struct mk_io *io;

	if (mk_context_open(board->id, MK_ROLE_ENGINE, &context) ||
	    mk_io_open(context, NULL, &io))
		return complain("open a pump");
	if (child_say_ready(self))
		child_await_word(self);
	return EXIT_FAILURE;
}

static void test_pump_killed(void **state)
{
	struct mk_geometry asking = geometry;
	struct live *live = *state;
	struct child_memory memory = child_memory_create(sizeof(struct board));
	struct board *board = memory.at;

	asking.io_request_slots = 8;
	live_create(live, &asking);
	atomic_store(&board->id, mk_context_id(live->context));
	for (int round = 0; round < 10; round++) {
		struct mk_io *io = NULL;
		struct child child;

		start_with(&child, pump, &memory);
		live_expect(-EBUSY, mk_io_open(live->context, NULL, &io));
		child_kill(&child);
		live_ok(mk_io_open(live->context, NULL, &io));
		live_ok(mk_io_close(io, LIVE_TIMEOUT_NS));
	}
	child_memory_free(&memory);
}

static const struct child_entry bodies[] = {
	CHILD_BODY(own),     CHILD_BODY(execute),
	CHILD_BODY(produce), CHILD_BODY(leave_in_flight),
	CHILD_BODY(pump),
};

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		LIVE_TEST(test_opens_by_id),
		LIVE_TEST(test_refuses_ids),
		LIVE_TEST(test_one_engine),
		LIVE_TEST(test_refuses_what_is_no_context),
		LIVE_TEST(test_over_the_limit),
		LIVE_TEST(test_maps_ingests),
		LIVE_TEST(test_ingests_of_a_producer),
		LIVE_TEST(test_no_ingests_of_a_producer),
		LIVE_TEST(test_ends_with_its_owner),
		LIVE_TEST(test_owner_killed),
		LIVE_TEST(test_owner_killed_while_parked),
		LIVE_TEST(test_forked_child_owns_too),
		LIVE_TEST(test_producer_killed),
		LIVE_TEST(test_pump_killed),
	};

	children_main(argc, argv, bodies);
	if (kmod_is_missing()) {
		printf("1..0 # SKIP %s\n", mk_error_text());
		return EXIT_SKIPPED;
	}
	return live_main(tests);
}

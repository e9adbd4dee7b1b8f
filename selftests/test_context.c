// SPDX-License-Identifier: MIT
/* What makes a context, attaching to one, and what each role may do. */
#include "live.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct mk_geometry small = {
	.slots = 64,
	.observable_words = 16,
	.arena_bytes = 8192,
};

/* Attaching ------------------------------------------------------------------------- */

/* A device's memory that others reach through mk.ko. */
static bool is_registered(const struct live *live)
{
	return !strcmp(mk_context_backing(live->context), "device") &&
	       mk_context_id(live->context);
}

static void test_attaches(void **state)
{
	struct live *live = *state;
	const struct mk_geometry *created, *attached;
	struct mk_context *other;
	uint32_t value;

	live_create(live, &small);
	live_ok(mk_context_set_observable(live->context, 3, 33));
	other = live_attach(live, MK_ROLE_PRODUCER);
	created = mk_context_geometry(live->context);
	attached = mk_context_geometry(other);
	assert_int_equal(attached->slots, created->slots);
	assert_int_equal(attached->window_slots, created->window_slots);
	assert_int_equal(attached->log_records, created->log_records);
	assert_int_equal(attached->io_slots, created->io_slots);
	assert_int_equal(attached->io_request_slots, created->io_request_slots);
	assert_int_equal(attached->observable_words, created->observable_words);
	assert_int_equal(attached->arena_bytes, created->arena_bytes);
	assert_true(attached->backing == created->backing || is_registered(live));
	live_ok(mk_context_observable(other, 3, &value));
	assert_int_equal(value, 33);
	memcpy(mk_context_arena(live->context), "shared", 7);
	assert_string_equal(mk_context_arena(other), "shared");
	memcpy(mk_context_arena(other), "SHARED", 7);
	assert_string_equal(mk_context_arena(live->context), "SHARED");
	/* The memory stays while anybody has it. */
	mk_context_close(live->context);
	live->context = NULL;
	assert_string_equal(mk_context_arena(other), "SHARED");
	mk_context_close(other);
}

static void test_attaches_without_arena(void **state)
{
	struct live *live = *state;
	struct mk_context *other;

	live_create(live, NULL);
	assert_null(mk_context_arena(live->context));
	other = live_attach(live, MK_ROLE_OBSERVER);
	assert_null(mk_context_arena(other));
	live_expect(-EINVAL, mk_context_export(other, MK_MEMORY_ARENA(0), 0));
	mk_context_close(other);
}

static int count_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

static bool is_close_on_exec(int fd)
{
	return fcntl(fd, F_GETFD) & FD_CLOEXEC;
}

static void use_all_descriptors(struct live *live)
{
	int fds[MK_CONTEXT_FDS];
	struct mk_context *other;
	struct mk_producer *producer;
	int count, fd;

	live_create(live, &small);
	count = mk_context_share(live->context, MK_ROLE_PRODUCER, fds);
	assert_in_range(count, 1, MK_CONTEXT_FDS);
	for (int i = 0; i < count; i++)
		assert_true(is_close_on_exec(fds[i]));
	live_ok(mk_context_attach(fds, (size_t)count, &other));
	live_ok(mk_producer_open(other, NULL, &producer));
	fd = mk_context_export(other, MK_REGION_CQ, MK_EXPORT_READ);
	/* Not every driver makes a DMA-buf of a cq of its own. */
	assert_true(fd == -ENOTSUP || (fd >= 0 && is_close_on_exec(fd)));
	live_start(live, NULL);
	live_ok(live_run(producer, &LIVE_NOP));

	if (fd >= 0)
		close(fd);
	mk_producer_close(producer);
	mk_context_close(other);
	while (count)
		close(fds[--count]);
	live_stop(live);
	mk_context_close(live->context);
	live->context = NULL;
}

static void test_leaks_no_descriptor(void **state)
{
	int before;

	/* A driver, once loaded, may keep some. */
	use_all_descriptors(*state);
	before = count_descriptors();
	use_all_descriptors(*state);
	assert_int_equal(count_descriptors(), before);
}

/* One descriptor is what a context of mk.ko's has, but not every one is that. */
static void test_refuses_other_files(void **state)
{
	const int fds[] = { eventfd(0, EFD_CLOEXEC), open("/", O_RDONLY | O_CLOEXEC),
			    open("/dev/null", O_RDWR | O_CLOEXEC) };
	struct mk_context *context = NULL;
	int closed = dup(fds[0]);

	(void)state;
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		assert_true(fds[i] >= 0);
		live_expect(-EPROTO, mk_context_attach(&fds[i], 1, &context));
		close(fds[i]);
	}
	close(closed);
	live_expect(-EBADF, mk_context_attach(&closed, 1, &context));
	assert_null(context);
}

/* Roles ------------------------------------------------------------------------------ */

/* Whether a system call can store there: a signal would end the test. */
static bool is_writable(void *address)
{
	int zeroes = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	ssize_t had;

	assert_true(zeroes >= 0);
	had = read(zeroes, address, 1);
	assert_true(had == 1 || errno == EFAULT);
	close(zeroes);
	return had == 1;
}

static void expect_no_settings(struct mk_context *context)
{
	struct mk_engine *engine;

	live_expect(-EACCES, mk_context_set_observable(context, 0, 1));
	live_expect(-EACCES, mk_context_set_tenant(context, 0, 1));
	live_expect(-EACCES, mk_context_set_priorities(context, NULL));
	live_expect(-EACCES, mk_context_shutdown(context));
	live_expect(-EACCES, live_try_start(context, NULL, &engine));
	assert_non_null(strstr(mk_error_text(), "attach as an engine"));
}

/* Else they protect from mistakes. */
static bool roles_are_enforced(const struct mk_context *context)
{
	return strcmp(mk_context_backing(context), "device") != 0;
}

static void expect_exports(struct mk_context *context, uint32_t memory, bool write)
{
	int fd = mk_context_export(context, memory, MK_EXPORT_WRITE);

	if (!write) {
		live_expect(-EACCES, fd);
	} else if (fd == -ENOTSUP) {
		assert_string_equal(mk_context_backing(context), "device");
	} else {
		assert_true(fd >= 0);
		close(fd);
	}
	if (!roles_are_enforced(context))
		return;
	fd = mk_context_export(context, memory, MK_EXPORT_READ);
	assert_true(fd >= 0);
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0),
			 MAP_FAILED);
	close(fd);
}

static void test_observer(void **state)
{
	struct live *live = *state;
	struct mk_context *observer, *other;
	struct mk_counters counters;
	struct mk_producer *producer;
	struct mk_ticket ticket;
	uint32_t value;

	live_create(live, &small);
	live_start(live, NULL);
	observer = live_attach(live, MK_ROLE_OBSERVER);
	assert_int_equal(mk_context_role(observer), MK_ROLE_OBSERVER);
	expect_no_settings(observer);
	live_expect(-EACCES, mk_producer_open(observer, NULL, &producer));
	assert_false(is_writable(mk_context_arena(observer)));
	if (roles_are_enforced(observer))
		assert_int_equal(mprotect(mk_context_arena(observer), 4096, PROT_WRITE),
				 -1);
	for (uint32_t memory = 0; memory <= MK_MEMORY_ARENA(0); memory++)
		expect_exports(observer, memory, false);
	live_expect(-EACCES, live_try_attach(observer, MK_ROLE_PRODUCER, &other));

	live_ok(mk_producer_publish(live_producer(live, 0, 0),
				    &LIVE_ITEM(MK_OP_ATOMIC_ADD, 1, LIVE_OBSERVABLE(2)),
				    LIVE_TIMEOUT_NS, &ticket));
	live_ok(mk_context_wait(observer, &ticket, LIVE_TIMEOUT_NS));
	live_ok(mk_context_observable(observer, 2, &value));
	assert_int_equal(value, 1);
	mk_context_counters(observer, &counters);
	assert_int_not_equal(counters.engine_state, MK_ENGINE_IDLE);
	live_ok(live_try_attach(observer, MK_ROLE_OBSERVER, &other));
	mk_context_close(other);
	mk_context_close(observer);
}

static void test_producer(void **state)
{
	struct live *live = *state;
	struct mk_context *guest, *other;
	struct mk_producer *producer;

	live_create(live, &small);
	live_start(live, NULL);
	guest = live_attach(live, MK_ROLE_PRODUCER);
	assert_int_equal(mk_context_role(guest), MK_ROLE_PRODUCER);
	expect_no_settings(guest);
	assert_true(is_writable(mk_context_arena(guest)));
	/* Of mk.ko's io queue the pages with requests are not a producer's. */
	for (uint32_t memory = 0; memory <= MK_MEMORY_ARENA(0); memory++)
		expect_exports(guest, memory,
			       memory == MK_REGION_RING || memory == MK_REGION_CQ ||
				       memory == MK_MEMORY_ARENA(0) ||
				       (memory == MK_REGION_IO_QUEUE &&
					strcmp(mk_context_backing(guest), "kmod") != 0));
	live_expect(-EACCES, live_try_attach(guest, MK_ROLE_ENGINE, &other));

	live_ok(mk_producer_open(guest, NULL, &producer));
	for (int i = 0; i < 100; i++)
		live_ok(live_run(producer,
				 &LIVE_ITEM(MK_OP_ATOMIC_ADD, 1, LIVE_OBSERVABLE(0))));
	assert_int_equal(live_observable(live, 0), 100);
	/* Also when that one has to be woken. */
	assert_true(live_reaches_state(live, MK_ENGINE_PARKED));
	live_ok(live_run(producer, &LIVE_NOP));
	mk_producer_close(producer);
	mk_context_close(guest);
}

static void test_engine(void **state)
{
	struct live *live = *state;
	struct mk_engine *engine, *second;
	struct mk_context *guest;

	live_create(live, &small);
	guest = live_attach(live, MK_ROLE_ENGINE);
	assert_int_equal(mk_context_role(guest), MK_ROLE_ENGINE);
	for (uint32_t memory = 0; memory <= MK_MEMORY_ARENA(0); memory++)
		expect_exports(guest, memory, true);
	live_ok(mk_context_set_observable(guest, 0, 5));
	if (is_registered(live) && live_engine_kind() == MK_ENGINE_KIND_VULKAN) {
		live_expect(-ENOTSUP, live_try_start(guest, NULL, &engine));
		mk_context_close(guest);
		return;
	}
	live_ok(live_try_start(guest, NULL, &engine));
	live_expect(-EBUSY, live_try_start(guest, NULL, &second));
	live_expect(-EBUSY, live_try_start(live->context, NULL, &second));
	live_expect(-EBUSY, mk_context_set_observable(guest, 0, 6));
	live_expect(-EBUSY, mk_context_set_observable(live->context, 0, 6));
	live_ok(live_run(live_producer(live, 0, 0),
			 &LIVE_ITEM(MK_OP_ATOMIC_ADD, 1, LIVE_OBSERVABLE(0))));
	live_ok(mk_engine_stop(engine, LIVE_TIMEOUT_NS));
	live_ok(mk_context_set_observable(guest, 0, 7));
	live_ok(live_try_start(guest, NULL, &engine));
	live_ok(mk_engine_stop(engine, LIVE_TIMEOUT_NS));
	mk_context_close(guest);

	/* Whoever comes after it. */
	live_start(live, NULL);
	assert_int_equal(live_observable(live, 0), 7);
}

static void test_shares_no_other_role(void **state)
{
	struct live *live = *state;
	int fds[MK_CONTEXT_FDS];

	live_create(live, &small);
	assert_int_equal(mk_context_role(live->context), MK_ROLE_OWNER);
	live_expect(-EINVAL, mk_context_share(live->context, MK_ROLE_OWNER, fds));
	live_expect(-EINVAL, mk_context_share(live->context, (enum mk_role)9, fds));
	live_expect(-EINVAL, mk_context_share(live->context, (enum mk_role)0, fds));
}

static void test_exports(void **state)
{
	struct live *live = *state;
	const uint32_t *control;

	live_create(live, &small);
	live_ok(mk_context_set_observable(live->context, 1, 77));
	control = live_map(live, MK_REGION_CONTROL, MK_CONTROL_MIN_BYTES);
	assert_int_equal(control[MK_CONTROL_MAGIC], MK_CONTROL_MAGIC_VALUE);
	live_expect(-EINVAL, mk_context_export(live->context, MK_MEMORY_ARENA(1), 0));
	live_expect(-EINVAL, mk_context_export(live->context, UINT32_MAX, 0));
	live_expect(-EINVAL, mk_context_export(live->context, 0, ~MK_EXPORT_WRITE));
}

/* Backings --------------------------------------------------------------------------- */

static void expect_backing(const char *name, enum mk_backing_kind kind)
{
	const struct mk_geometry geometry = {
		.size = sizeof(geometry),
		.backing = kind,
		.engine = MK_ENGINE_KIND_CPU,
	};
	struct mk_context *context;

	live_ok(mk_context_create(&geometry, &context));
	assert_string_equal(mk_context_backing(context), name);
	assert_int_not_equal(mk_context_geometry(context)->backing, MK_BACKING_AUTO);
	mk_context_close(context);
}

static bool kmod_is_here(void)
{
	return !access("/dev/mk", R_OK | W_OK);
}

/* Sets MK_BACKING for the time of one test. */
struct setting {
	char *former;
};

static struct setting set_backing(const char *value)
{
	const char *former = getenv("MK_BACKING");
	struct setting setting = { former ? strdup(former) : NULL };

	if (value)
		setenv("MK_BACKING", value, 1);
	else
		unsetenv("MK_BACKING");
	return setting;
}

static void restore_backing(struct setting setting)
{
	if (setting.former)
		setenv("MK_BACKING", setting.former, 1);
	else
		unsetenv("MK_BACKING");
	free(setting.former);
}

static void test_chooses_backing(void **state)
{
	const char *first = kmod_is_here() ? "kmod" : "memfd";
	struct setting setting = set_backing(NULL);

	(void)state;
	expect_backing(first, MK_BACKING_AUTO);
	expect_backing("memfd", MK_BACKING_MEMFD);
	setenv("MK_BACKING", "", 1);
	expect_backing(first, MK_BACKING_AUTO);
	setenv("MK_BACKING", "auto", 1);
	expect_backing(first, MK_BACKING_AUTO);
	setenv("MK_BACKING", "memfd", 1);
	expect_backing("memfd", MK_BACKING_AUTO);
	/* What the program says stands. */
	setenv("MK_BACKING", "kmod", 1);
	expect_backing("memfd", MK_BACKING_MEMFD);
	restore_backing(setting);
}

static void expect_no_backing(int error, const char *text, enum mk_backing_kind kind)
{
	const struct mk_geometry geometry = { .size = sizeof(geometry), .backing = kind };
	struct mk_context *context = NULL;

	live_expect(error, mk_context_create(&geometry, &context));
	assert_null(context);
	assert_non_null(strstr(mk_error_text(), text));
}

static void test_refuses_backings(void **state)
{
	struct setting setting = set_backing("tape");

	(void)state;
	expect_no_backing(-EINVAL, "\"tape\"", MK_BACKING_AUTO);
	expect_no_backing(-EINVAL, "backing 9", (enum mk_backing_kind)9);
	if (!kmod_is_here()) {
		struct mk_context *context = NULL;

		expect_no_backing(-ENODEV, "/dev/mk", MK_BACKING_KMOD);
		setenv("MK_BACKING", "kmod", 1);
		expect_no_backing(-ENODEV, "/dev/mk", MK_BACKING_AUTO);
		live_expect(-ENODEV, mk_context_open(1, MK_ROLE_OBSERVER, &context));
	}
	restore_backing(setting);
}

/* Geometry and readback -------------------------------------------------------------- */

static void refuse_geometry(int error, struct mk_geometry geometry)
{
	struct mk_context *context = NULL;

	geometry.size = sizeof(geometry);
	live_expect(error, mk_context_create(&geometry, &context));
	assert_null(context);
	assert_true(strlen(mk_error_text()) > 0);
}

static void test_checks_geometry(void **state)
{
	(void)state;
	refuse_geometry(-EOVERFLOW, (struct mk_geometry){ .slots = MK_ENCODE_LIMIT + 1 });
	refuse_geometry(-EOVERFLOW,
			(struct mk_geometry){ .log_records = MK_ENCODE_LIMIT + 1 });
	refuse_geometry(-EOVERFLOW,
			(struct mk_geometry){ .observable_words = MK_ENCODE_LIMIT + 1 });
	refuse_geometry(-EINVAL,
			(struct mk_geometry){ .io_slots = 8, .io_request_slots = 9 });
	refuse_geometry(-EINVAL, (struct mk_geometry){ .flags = 0x80000000 });
	refuse_geometry(-EINVAL, (struct mk_geometry){ .placement = 1,
						       .backing = MK_BACKING_MEMFD });
}

static void test_checks_geometry_size(void **state)
{
	struct live *live = *state;
	struct {
		struct mk_geometry geometry;
		uint64_t tail;
	} newer = { .geometry.size = sizeof(newer), .tail = 1 };
	struct mk_geometry unsized = { .slots = 64 };

	live_expect(-EINVAL, mk_context_create(&unsized, &live->context));
	live_expect(-E2BIG, mk_context_create(&newer.geometry, &live->context));
	newer.tail = 0;
	live_ok(mk_context_create(&newer.geometry, &live->context));
}

static void test_fills_in_defaults(void **state)
{
	struct live *live = *state;
	const struct mk_geometry *geometry;

	live_create(live, NULL);
	geometry = mk_context_geometry(live->context);
	assert_int_equal(geometry->slots, 1024);
	assert_int_equal(geometry->window_slots, 32);
	assert_int_equal(geometry->log_records, 64);
	assert_int_equal(geometry->io_slots, 64);
	assert_int_equal(geometry->io_request_slots, 32);
	assert_int_equal(geometry->tenants, 1);
}

/* A last window that is short serves like the others. */
static void test_takes_any_ring_size(void **state)
{
	enum { SLOTS = 100 };
	static const struct mk_item nops[SLOTS];
	struct live *live = *state;
	struct mk_producer *producer;
	struct mk_ticket tickets[SLOTS];

	live_create(live, &(struct mk_geometry){ .slots = SLOTS });
	producer = live_producer(live, 0, UINT32_MAX);
	live_expect(SLOTS, mk_producer_publish_many(producer, nops, SLOTS, 0, tickets));
	live_expect(-EAGAIN, mk_producer_publish(producer, &nops[0], 0, NULL));
	live_start(live, NULL);
	for (int i = 0; i < SLOTS; i++)
		live_ok(mk_producer_wait(producer, &tickets[i], LIVE_TIMEOUT_NS));
}

/* A readback of a live context is what the strict decoders take. */
static void test_reads_back(void **state)
{
	struct live *live = *state;
	const struct mk_readback_shape shape = { .slots = 64, .records = 64 };
	struct mk_readback readback = { 0 }, decoded;
	struct mk_readback_counters counters;
	uint32_t value;

	live_create(live, &small);
	live_start(live, NULL);
	live_ok(live_run(live_producer(live, 0, 0),
			 &LIVE_ITEM(MK_OP_STORE_U32, 5, LIVE_OBSERVABLE(2))));
	live_stop(live);
	live_expect(-ENOSPC, mk_context_readback(live->context, &readback));
	for (int i = 0; i < MK_READBACK_BUFFERS; i++) {
		readback.buffers[i].capacity = 65536;
		readback.buffers[i].data = malloc(65536);
		assert_non_null(readback.buffers[i].data);
	}
	live_ok(mk_context_readback(live->context, &readback));
	live_ok(mk_readback_decode(readback.buffers, MK_READBACK_BUFFERS, &shape,
				   &decoded));
	assert_int_equal(mk_readback_slot_count(&decoded), 64);
	mk_readback_counters(&decoded, &counters);
	assert_int_equal(counters.ring_bytes, 64 * MK_SLOT_BYTES);
	assert_int_equal(counters.control_bytes, MK_CONTROL_MIN_BYTES + 16 * 4);
	live_ok(mk_control_observable(decoded.buffers[MK_REGION_CONTROL].data,
				      decoded.buffers[MK_REGION_CONTROL].length, 2,
				      &value));
	assert_int_equal(value, 5);
	live_ok(mk_control_done_count(decoded.buffers[MK_REGION_CONTROL].data,
				      decoded.buffers[MK_REGION_CONTROL].length, &value));
	assert_int_equal(value, 1);
	for (int i = 0; i < MK_READBACK_BUFFERS; i++)
		free(readback.buffers[i].data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIVE_TEST(test_attaches),
		LIVE_TEST(test_attaches_without_arena),
		LIVE_TEST(test_leaks_no_descriptor),
		LIVE_TEST(test_refuses_other_files),
		LIVE_TEST(test_observer),
		LIVE_TEST(test_producer),
		LIVE_TEST(test_engine),
		LIVE_TEST(test_shares_no_other_role),
		LIVE_TEST(test_exports),
		LIVE_TEST(test_chooses_backing),
		LIVE_TEST(test_refuses_backings),
		LIVE_TEST(test_checks_geometry),
		LIVE_TEST(test_checks_geometry_size),
		LIVE_TEST(test_fills_in_defaults),
		LIVE_TEST(test_takes_any_ring_size),
		LIVE_TEST(test_reads_back),
	};

	return live_main(tests);
}

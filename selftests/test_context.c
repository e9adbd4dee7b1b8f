// SPDX-License-Identifier: MIT
/*
 * What makes a context, and what attaching refuses: memory comes from another
 * process, so nothing in it is believed before it is checked.
 */
#define _GNU_SOURCE
#include "live.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

/* A copy of a context's memory that a test may spoil: file descriptors of its own. */
struct copy {
	int fds[MK_CONTEXT_FDS];
};

static const struct mk_geometry small = {
	.slots = 64,
	.observable_words = 16,
	.arena_bytes = 8192,
};

static int copy_file(int from, off_t bytes, int seals)
{
	int to = memfd_create("copy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	off_t offset = 0;

	assert_true(to >= 0);
	assert_int_equal(ftruncate(to, bytes), 0);
	while (offset < bytes) {
		char block[4096];
		ssize_t had = pread(from, block, sizeof(block), offset);

		if (had <= 0)
			break;
		if (had > bytes - offset)
			had = bytes - offset;
		assert_int_equal(pwrite(to, block, (size_t)had, offset), had);
		offset += had;
	}
	if (seals)
		assert_int_equal(fcntl(to, F_ADD_SEALS, seals), 0);
	return to;
}

static void copy_memory(struct live *live, struct copy *copy)
{
	int fds[MK_CONTEXT_FDS];

	if (!live->context)
		live_create(live, &small);
	mk_context_fds(live->context, fds);
	for (uint32_t i = 0; i < MK_CONTEXT_FDS; i++)
		copy->fds[i] = copy_file(fds[i], lseek(fds[i], 0, SEEK_END), SIZE_SEALS);
}

static void replace(struct copy *copy, uint32_t index, int fd)
{
	if (copy->fds[index] >= 0)
		close(copy->fds[index]);
	copy->fds[index] = fd;
}

static void poke(const struct copy *copy, uint32_t region, uint32_t word, uint32_t value)
{
	assert_int_equal(pwrite(copy->fds[region], &value, sizeof(value),
				(off_t)(word * sizeof(value))),
			 sizeof(value));
}

static void close_copy(struct copy *copy)
{
	for (uint32_t i = 0; i < MK_CONTEXT_FDS; i++)
		replace(copy, i, -1);
}

/* Refused with @error and a text, and nothing is left open. */
static void expect_refusal(int error, struct copy *copy)
{
	struct mk_context *context = NULL;
	int before = dup(0);
	int after;

	live_expect(error, mk_context_attach(copy->fds, &context));
	assert_null(context);
	assert_true(strlen(mk_error_text()) > 0);
	/* The lowest free descriptor is what it was, unless something leaked. */
	close(before);
	after = dup(0);
	assert_int_equal(after, before);
	close(after);
	close_copy(copy);
}

static void refuse_word(void **state, uint32_t region, uint32_t word, uint32_t value)
{
	struct copy copy;

	copy_memory(*state, &copy);
	poke(&copy, region, word, value);
	expect_refusal(-EPROTO, &copy);
}

/* What attaching takes ----------------------------------------------------------- */

static void test_attaches(void **state)
{
	struct live *live = *state;
	const struct mk_geometry *created, *attached;
	struct mk_context *other;
	int fds[MK_CONTEXT_FDS];
	uint32_t value;

	live_create(live, &small);
	live_ok(mk_context_set_observable(live->context, 3, 33));
	mk_context_fds(live->context, fds);
	live_ok(mk_context_attach(fds, &other));
	created = mk_context_geometry(live->context);
	attached = mk_context_geometry(other);
	assert_int_equal(attached->slots, created->slots);
	assert_int_equal(attached->window_slots, created->window_slots);
	assert_int_equal(attached->log_records, created->log_records);
	assert_int_equal(attached->io_slots, created->io_slots);
	assert_int_equal(attached->io_request_slots, created->io_request_slots);
	assert_int_equal(attached->observable_words, created->observable_words);
	assert_int_equal(attached->arena_bytes, created->arena_bytes);
	live_ok(mk_context_observable(other, 3, &value));
	assert_int_equal(value, 33);
	memcpy(mk_context_arena(live->context), "shared", 7);
	assert_string_equal(mk_context_arena(other), "shared");
	/* The files stay while anybody has them. */
	mk_context_close(live->context);
	live->context = NULL;
	assert_string_equal(mk_context_arena(other), "shared");
	mk_context_close(other);
}

static void test_attaches_without_arena(void **state)
{
	struct live *live = *state;
	struct mk_context *other;
	int fds[MK_CONTEXT_FDS];

	live_create(live, NULL);
	mk_context_fds(live->context, fds);
	assert_int_equal(fds[MK_CONTEXT_FD_ARENA], -1);
	assert_null(mk_context_arena(live->context));
	live_ok(mk_context_attach(fds, &other));
	assert_null(mk_context_arena(other));
	mk_context_close(other);
}

static void test_attaches_a_copy(void **state)
{
	struct mk_context *other;
	struct copy copy;

	/* So that the refusals below are for what they spoil. */
	copy_memory(*state, &copy);
	live_ok(mk_context_attach(copy.fds, &other));
	mk_context_close(other);
	close_copy(&copy);
}

/* What it refuses ------------------------------------------------------------------ */

static void test_refuses_control_magic(void **state)
{
	refuse_word(state, MK_REGION_CONTROL, MK_CONTROL_MAGIC, 0);
}

static void test_refuses_control_version(void **state)
{
	refuse_word(state, MK_REGION_CONTROL, MK_CONTROL_ABI_VERSION, MK_ABI_VERSION + 1);
}

static void test_refuses_cq_magic(void **state)
{
	refuse_word(state, MK_REGION_CQ, MK_CQ_MAGIC, MK_CONTROL_MAGIC_VALUE);
}

static void test_refuses_cq_version(void **state)
{
	refuse_word(state, MK_REGION_CQ, MK_CQ_VERSION, 0);
}

static void test_refuses_more_slots_than_the_file(void **state)
{
	refuse_word(state, MK_REGION_CONTROL, MK_CONTROL_SLOT_COUNT, 65);
}

static void test_refuses_no_slots(void **state)
{
	refuse_word(state, MK_REGION_CONTROL, MK_CONTROL_SLOT_COUNT, 0);
}

static void test_refuses_wild_slots(void **state)
{
	refuse_word(state, MK_REGION_CONTROL, MK_CONTROL_SLOT_COUNT, UINT32_MAX);
}

static void test_refuses_differing_slots(void **state)
{
	refuse_word(state, MK_REGION_CQ, MK_CQ_SLOT_COUNT, 32);
}

static void test_refuses_no_window(void **state)
{
	refuse_word(state, MK_REGION_CQ, MK_CQ_WINDOW_SLOTS, 0);
}

static void test_refuses_window_beyond_the_ring(void **state)
{
	refuse_word(state, MK_REGION_CQ, MK_CQ_WINDOW_SLOTS, 65);
}

static void test_refuses_other_first_entry(void **state)
{
	refuse_word(state, MK_REGION_CQ, MK_CQ_FIRST_ENTRY, MK_CQ_HEADER_WORDS + 1);
}

static void test_refuses_other_first_lease(void **state)
{
	refuse_word(state, MK_REGION_CQ, MK_CQ_FIRST_LEASE, 0x40000000);
}

static void test_refuses_wild_observables(void **state)
{
	refuse_word(state, MK_REGION_CONTROL, MK_CONTROL_OBSERVABLE_WORDS, UINT32_MAX);
}

static void test_refuses_more_observables_than_the_file(void **state)
{
	refuse_word(state, MK_REGION_CONTROL, MK_CONTROL_OBSERVABLE_WORDS, 4096);
}

static void test_refuses_more_records_than_the_file(void **state)
{
	refuse_word(state, MK_REGION_CONTROL, MK_CONTROL_RECORD_CAPACITY, 4096);
}

static void test_refuses_wild_io_slots(void **state)
{
	refuse_word(state, MK_REGION_CONTROL, MK_CONTROL_IO_SLOT_COUNT, UINT32_MAX);
}

static void test_refuses_more_requests_than_io_slots(void **state)
{
	refuse_word(state, MK_REGION_CQ, MK_CQ_IO_REQUEST_SLOTS,
		    MK_IO_SLOT_COUNT_DEFAULT + 1);
}

static void test_refuses_unknown_flags(void **state)
{
	refuse_word(state, MK_REGION_CONTROL, MK_CONTROL_CONTEXT_FLAGS, 0x80000000);
}

static void test_refuses_more_arena_than_the_file(void **state)
{
	refuse_word(state, MK_REGION_CONTROL, MK_CONTROL_ARENA_BYTES_HIGH, 1);
}

static void test_refuses_missing_arena(void **state)
{
	struct copy copy;

	copy_memory(*state, &copy);
	replace(&copy, MK_CONTEXT_FD_ARENA, -1);
	expect_refusal(-EPROTO, &copy);
}

/* Every file in turn: empty, cut short, and sealed too little. */
static void test_refuses_truncated_files(void **state)
{
	const uint32_t large = 1024;
	struct live *live = *state;

	/* More than a page of each, so that a page can be missing. */
	live_create(live, &(struct mk_geometry){
				  .slots = large,
				  .log_records = large,
				  .observable_words = 8 * large,
				  .arena_bytes = 8 * large,
			  });
	for (uint32_t i = 0; i < MK_CONTEXT_FDS; i++) {
		struct copy copy;
		off_t bytes;

		/* The io queue has a page. */
		if (i == MK_REGION_IO_QUEUE)
			continue;
		copy_memory(live, &copy);
		bytes = lseek(copy.fds[i], 0, SEEK_END);
		replace(&copy, i, copy_file(copy.fds[i], bytes - 4096, SIZE_SEALS));
		expect_refusal(-EPROTO, &copy);
	}
}

static void test_refuses_empty_files(void **state)
{
	for (uint32_t i = 0; i < MK_CONTEXT_FDS; i++) {
		struct copy copy;

		copy_memory(*state, &copy);
		replace(&copy, i, copy_file(copy.fds[i], 0, SIZE_SEALS));
		expect_refusal(-EPROTO, &copy);
	}
}

static void test_refuses_files_that_could_shrink(void **state)
{
	for (uint32_t i = 0; i < MK_CONTEXT_FDS; i++) {
		struct copy copy;
		off_t bytes;

		copy_memory(*state, &copy);
		bytes = lseek(copy.fds[i], 0, SEEK_END);
		replace(&copy, i, copy_file(copy.fds[i], bytes, F_SEAL_GROW));
		expect_refusal(-EPROTO, &copy);
	}
}

static void test_refuses_missing_regions(void **state)
{
	for (uint32_t i = 0; i < MK_CONTEXT_FD_ARENA; i++) {
		struct copy copy;

		copy_memory(*state, &copy);
		replace(&copy, i, -1);
		expect_refusal(-EBADF, &copy);
	}
}

static void test_refuses_what_is_no_memory(void **state)
{
	for (uint32_t i = 0; i < MK_CONTEXT_FDS; i++) {
		struct copy copy;

		copy_memory(*state, &copy);
		replace(&copy, i, open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
		expect_refusal(-EPROTO, &copy);
	}
}

static void test_refuses_regions_in_another_order(void **state)
{
	struct copy copy;
	int control;

	copy_memory(*state, &copy);
	control = copy.fds[MK_REGION_CONTROL];
	copy.fds[MK_REGION_CONTROL] = copy.fds[MK_REGION_CQ];
	copy.fds[MK_REGION_CQ] = control;
	expect_refusal(-EPROTO, &copy);
}

static void use_whatever_was_attached(struct mk_context *context)
{
	struct mk_producer *producer;
	struct mk_ticket ticket;
	uint32_t value;

	if (!mk_producer_open(context, NULL, &producer)) {
		if (!mk_producer_publish(producer, &LIVE_NOP, 0, &ticket))
			(void)mk_producer_wait(producer, &ticket, 0);
		mk_producer_close(producer);
	}
	(void)mk_context_observable(context, 0, &value);
	(void)mk_context_set_tenant(context, 0, 1);
}

/* No header makes the library touch what is not there, whatever it answers. */
static void test_survives_random_headers(void **state)
{
	enum { ROUNDS = 20000 };
	const uint32_t values[] = { 0,	    1,		2,	    31,	       33,
				    0xffff, 0x7fffffff, 0x80000000, 0xffffffff };
	struct live *live = *state;
	uint64_t random = 11;
	uint32_t attached = 0;
	struct copy pristine;

	copy_memory(live, &pristine);
	for (int round = 0; round < ROUNDS; round++) {
		bool control = live_random(&random) % 2;
		uint32_t region = control ? MK_REGION_CONTROL : MK_REGION_CQ;
		uint32_t word = control ? MK_CONTROL_MAGIC + live_random(&random) % 12 :
					  live_random(&random) % 20;
		uint32_t value = values[live_random(&random) %
					(sizeof(values) / sizeof(values[0]))];
		struct mk_context *context;
		uint32_t before;

		assert_int_equal(pread(pristine.fds[region], &before, sizeof(before),
				       (off_t)(word * sizeof(before))),
				 sizeof(before));
		poke(&pristine, region, word, value);
		if (!mk_context_attach(pristine.fds, &context)) {
			attached++;
			use_whatever_was_attached(context);
			mk_context_close(context);
		}
		poke(&pristine, region, word, before);
	}
	print_message("# %u of %d spoilt headers attached\n", attached, ROUNDS);
	close_copy(&pristine);
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
		LIVE_TEST(test_attaches_a_copy),
		LIVE_TEST(test_refuses_control_magic),
		LIVE_TEST(test_refuses_control_version),
		LIVE_TEST(test_refuses_cq_magic),
		LIVE_TEST(test_refuses_cq_version),
		LIVE_TEST(test_refuses_more_slots_than_the_file),
		LIVE_TEST(test_refuses_no_slots),
		LIVE_TEST(test_refuses_wild_slots),
		LIVE_TEST(test_refuses_differing_slots),
		LIVE_TEST(test_refuses_no_window),
		LIVE_TEST(test_refuses_window_beyond_the_ring),
		LIVE_TEST(test_refuses_other_first_entry),
		LIVE_TEST(test_refuses_other_first_lease),
		LIVE_TEST(test_refuses_wild_observables),
		LIVE_TEST(test_refuses_more_observables_than_the_file),
		LIVE_TEST(test_refuses_more_records_than_the_file),
		LIVE_TEST(test_refuses_wild_io_slots),
		LIVE_TEST(test_refuses_more_requests_than_io_slots),
		LIVE_TEST(test_refuses_unknown_flags),
		LIVE_TEST(test_refuses_more_arena_than_the_file),
		LIVE_TEST(test_refuses_missing_arena),
		LIVE_TEST(test_refuses_truncated_files),
		LIVE_TEST(test_refuses_empty_files),
		LIVE_TEST(test_refuses_files_that_could_shrink),
		LIVE_TEST(test_refuses_missing_regions),
		LIVE_TEST(test_refuses_what_is_no_memory),
		LIVE_TEST(test_refuses_regions_in_another_order),
		LIVE_TEST(test_survives_random_headers),
		LIVE_TEST(test_checks_geometry),
		LIVE_TEST(test_checks_geometry_size),
		LIVE_TEST(test_fills_in_defaults),
		LIVE_TEST(test_takes_any_ring_size),
		LIVE_TEST(test_reads_back),
	};

	return live_main(tests);
}

// SPDX-License-Identifier: MIT
/*
 * What attaching to memfds refuses: the memory comes from another process, so nothing
 * in it is believed before it is checked.
 */
#define _GNU_SOURCE
#include "live.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW)
/* Descriptors of a context with an arena, in the order of their memories. */
#define MEMORIES (MK_MEMORY_ARENA(0) + 1)

/* A copy of a context's memory that a test may spoil: file descriptors of its own. */
struct copy {
	int fds[MEMORIES];
};

static const struct mk_geometry small = {
	.backing = MK_BACKING_MEMFD,
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
	live_expect(MEMORIES, mk_context_share(live->context, MK_ROLE_ENGINE, fds));
	for (uint32_t i = 0; i < MEMORIES; i++) {
		copy->fds[i] = copy_file(fds[i], lseek(fds[i], 0, SEEK_END), SIZE_SEALS);
		close(fds[i]);
	}
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
	for (uint32_t i = 0; i < MEMORIES; i++)
		replace(copy, i, -1);
}

/* Refused with @error and a text, and nothing is left open. */
static void expect_refusal(int error, struct copy *copy)
{
	struct mk_context *context = NULL;
	int before = dup(0);
	int after;

	live_expect(error, mk_context_attach(copy->fds, MEMORIES, &context));
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

static void test_attaches_a_copy(void **state)
{
	struct mk_context *other;
	struct copy copy;

	/* So that the refusals below are for what they spoil. */
	copy_memory(*state, &copy);
	live_ok(mk_context_attach(copy.fds, MEMORIES, &other));
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
	struct mk_context *context = NULL;
	struct copy copy;

	copy_memory(*state, &copy);
	live_expect(-EPROTO, mk_context_attach(copy.fds, MEMORIES - 1, &context));
	assert_null(context);
	close_copy(&copy);
}

static void test_refuses_other_counts(void **state)
{
	const size_t counts[] = { 0, 1, 2, MEMORIES - 2, MEMORIES + 1, SIZE_MAX };
	struct mk_context *context = NULL;
	struct copy copy;

	copy_memory(*state, &copy);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		live_expect(-EPROTO, mk_context_attach(copy.fds, counts[i], &context));
	assert_null(context);
	close_copy(&copy);
}

/* Every file in turn: empty, cut short, and sealed too little. */
static void test_refuses_truncated_files(void **state)
{
	const uint32_t large = 1024;
	struct live *live = *state;

	/* More than a page of each, so that a page can be missing. */
	live_create(live, &(struct mk_geometry){
				  .backing = MK_BACKING_MEMFD,
				  .slots = large,
				  .log_records = large,
				  .observable_words = 8 * large,
				  .arena_bytes = 8 * large,
			  });
	for (uint32_t i = 0; i < MEMORIES; i++) {
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
	for (uint32_t i = 0; i < MEMORIES; i++) {
		struct copy copy;

		copy_memory(*state, &copy);
		replace(&copy, i, copy_file(copy.fds[i], 0, SIZE_SEALS));
		expect_refusal(-EPROTO, &copy);
	}
}

static void test_refuses_files_that_could_shrink(void **state)
{
	for (uint32_t i = 0; i < MEMORIES; i++) {
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
	for (uint32_t i = 0; i < MEMORIES; i++) {
		struct copy copy;

		copy_memory(*state, &copy);
		replace(&copy, i, -1);
		expect_refusal(-EBADF, &copy);
	}
}

static void test_refuses_what_is_no_memory(void **state)
{
	for (uint32_t i = 0; i < MEMORIES; i++) {
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
		if (!mk_context_attach(pristine.fds, MEMORIES, &context)) {
			attached++;
			use_whatever_was_attached(context);
			mk_context_close(context);
		}
		poke(&pristine, region, word, before);
	}
	print_message("# %u of %d spoilt headers attached\n", attached, ROUNDS);
	close_copy(&pristine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		LIVE_TEST(test_refuses_other_counts),
		LIVE_TEST(test_refuses_truncated_files),
		LIVE_TEST(test_refuses_empty_files),
		LIVE_TEST(test_refuses_files_that_could_shrink),
		LIVE_TEST(test_refuses_missing_regions),
		LIVE_TEST(test_refuses_what_is_no_memory),
		LIVE_TEST(test_refuses_regions_in_another_order),
		LIVE_TEST(test_survives_random_headers),
	};

	return live_main(tests);
}

// SPDX-License-Identifier: MIT
/* What shares a context in a device's memory may be damaged, or be something else. */
#define _GNU_SOURCE
#include "live.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HEADER, CQ, CONTROL, RING, FIRST_UUID_WORD = 8 };

static const struct mk_geometry geometry = {
	.slots = 64,
	.observable_words = 8,
	.arena_bytes = 4096,
	.backing = MK_BACKING_DEVICE,
};

struct shared {
	int fds[MK_CONTEXT_FDS];
	int count;
};

/* Skips where others get the memory from mk.ko: then there is no header. */
static void share(struct live *live, struct shared *shared)
{
	live_create(live, &geometry);
	shared->count = mk_context_share(live->context, MK_ROLE_PRODUCER, shared->fds);
	if (shared->count == 1) {
		close(shared->fds[0]);
		print_message("# skipped: mk.ko shares this context\n");
		skip();
	}
	assert_true(shared->count > RING);
}

static void unshare(struct shared *shared)
{
	while (shared->count)
		close(shared->fds[--shared->count]);
}

static void expect_refusal(int expected, const struct shared *shared, int count)
{
	struct mk_context *context = NULL;

	live_expect(expected, mk_context_attach(shared->fds, (size_t)count, &context));
	assert_null(context);
	assert_true(*mk_error_text());
}

static void test_attaches(void **state)
{
	struct shared shared;
	struct mk_context *context;

	share(*state, &shared);
	live_ok(mk_context_attach(shared.fds, (size_t)shared.count, &context));
	assert_string_equal(mk_context_backing(context), "device");
	assert_int_equal(mk_context_role(context), MK_ROLE_PRODUCER);
	mk_context_close(context);
	unshare(&shared);
}

static void test_refuses_what_is_missing(void **state)
{
	struct shared shared;

	share(*state, &shared);
	for (int count = 0; count < shared.count; count++)
		expect_refusal(-EPROTO, &shared, count);
	unshare(&shared);
}

static void test_refuses_another_order(void **state)
{
	struct shared shared;
	int control;

	share(*state, &shared);
	control = shared.fds[CONTROL];
	/* No ring has the magic of a control region, and this one is smaller. */
	shared.fds[CONTROL] = shared.fds[RING];
	shared.fds[RING] = control;
	expect_refusal(-EPROTO, &shared, shared.count);
	shared.fds[RING] = shared.fds[CONTROL];
	shared.fds[CONTROL] = control;
	unshare(&shared);
}

/* A header like @original, but for one word. */
static int forge(int original, size_t word, uint32_t value, unsigned int seals)
{
	uint32_t words[64];
	ssize_t bytes = pread(original, words, sizeof(words), 0);
	int fd = memfd_create("forged", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0 && bytes > (ssize_t)(word * sizeof(uint32_t)));
	words[word] = value;
	assert_int_equal(write(fd, words, (size_t)bytes), bytes);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void test_refuses_another_header(void **state)
{
	const unsigned int sealed = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	const struct {
		size_t word;
		uint32_t value;
		unsigned int seals;
		int expected;
	} headers[] = {
		{ 0, 1, sealed, -EPROTO },  /* magic */
		{ 1, 99, sealed, -EPROTO }, /* version */
		{ 2, MK_ROLE_OWNER, sealed, -EPROTO },
		{ 2, 99, sealed, -EPROTO },
		{ 3, 0, sealed, -ENODEV },  /* what kind of descriptors they are */
		{ 4, 31, sealed, -EPROTO }, /* type of memory */
		{ 4, UINT32_MAX, sealed, -EPROTO },
		{ 5, 99, sealed, -EPROTO }, /* import of the cq, and its type */
		{ 6, 31, sealed, -EPROTO },
		{ 6, (uint32_t)-3, sealed, -EPROTO },
		{ FIRST_UUID_WORD, 0x12345678, sealed, -ENODEV },
	};
	struct shared shared;
	int original;

	share(*state, &shared);
	original = shared.fds[HEADER];
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		shared.fds[HEADER] = forge(original, headers[i].word, headers[i].value,
					   headers[i].seals);
		expect_refusal(headers[i].expected, &shared, shared.count);
		close(shared.fds[HEADER]);
	}
	/* One that could still change is none. */
	shared.fds[HEADER] = forge(original, 1, 1, F_SEAL_SHRINK | F_SEAL_GROW);
	expect_refusal(-EPROTO, &shared, shared.count);
	close(shared.fds[HEADER]);
	shared.fds[HEADER] = original;
	unshare(&shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIVE_TEST(test_attaches),
		LIVE_TEST(test_refuses_what_is_missing),
		LIVE_TEST(test_refuses_another_order),
		LIVE_TEST(test_refuses_another_header),
	};

	return live_main(tests);
}

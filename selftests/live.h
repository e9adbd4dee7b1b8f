/* SPDX-License-Identifier: MIT */
/*
 * What the tests of a live ring share: a context, an engine on it, producers,
 * and their end whatever becomes of the test.
 *
 * The environment chooses:
 *   MK_TEST_ENGINE     cpu (default) or vulkan
 *   MK_TEST_IMPORT     auto (default), dma-buf or host-pointer
 *   MK_TEST_WORKGROUPS workgroups or host threads (default: the engine's choice)
 *   MK_SLOW            non-empty: the long variants
 * and, as for every program, MK_BACKING where memory comes from, and MK_LINE_STORE how
 * slots are stored in a device's.
 */
#ifndef MK_SELFTESTS_LIVE_H
#define MK_SELFTESTS_LIVE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <mk/mk.h>

/* Of a test that was skipped as a whole, after it has said why. */
enum { EXIT_SKIPPED = 4 };

#define LIVE_NS_PER_MS	   UINT64_C(1000000)
#define LIVE_NS_PER_SECOND UINT64_C(1000000000)
/* Long enough for a loaded machine under a sanitizer: only failures take it. */
#define LIVE_TIMEOUT_NS (60 * LIVE_NS_PER_SECOND)
/* How long a test looks on to see that something does not happen. */
#define LIVE_GLANCE_NS	    (50 * LIVE_NS_PER_MS)
#define LIVE_PRODUCER_LIMIT 8

struct live {
	struct mk_context *context;
	struct mk_engine *engine;
	struct mk_producer *producers[LIVE_PRODUCER_LIMIT];
	size_t producer_count;
	/* io_host.c's: laps of the records it has seen; slots it has seen without one, and when. */
	uint32_t io_laps[MK_CQ_IO_OUTBOX_SLOTS];
	bool io_bare[MK_CQ_IO_OUTBOX_SLOTS];
	uint32_t io_bare_since[MK_CQ_IO_OUTBOX_SLOTS];
};

/* An operation by opcode and arguments; lives as long as the block around it. */
#define LIVE_ITEM(code, ...)                                                         \
	((struct mk_item){                                                           \
		.opcode = (code),                                                    \
		.arg_count = sizeof((uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t), \
		.args = (const uint32_t[]){ __VA_ARGS__ },                           \
	})
#define LIVE_NOP LIVE_ITEM(MK_OP_NOP)
/* The control word of an observable. */
#define LIVE_OBSERVABLE(index) (MK_CONTROL_OBSERVABLES + (index))

/* Fails the test with the library's text unless @call returned @expected. */
#define live_expect(expected, call) \
	live_expect_at((expected), (call), #call, __FILE__, __LINE__)
#define live_ok(call) live_expect(0, call)
void live_expect_at(int64_t expected, int64_t had, const char *call, const char *file,
		    int line);

/* Set-up and tear-down of a test: *state is an empty struct live. */
int live_setup(void **state);
int live_teardown(void **state);
#define LIVE_TEST(function) \
	cmocka_unit_test_setup_teardown(function, live_setup, live_teardown)

/* NULL for the defaults; what the environment chooses is filled in. */
void live_create(struct live *live, const struct mk_geometry *geometry);
/* Share @context in @role and attach to that, as another process would. */
int live_try_attach(const struct mk_context *context, enum mk_role role,
		    struct mk_context **other);
struct mk_context *live_attach(const struct live *live, enum mk_role role);
void live_start(struct live *live, const struct mk_engine_options *options);
int live_try_start(struct mk_context *context, const struct mk_engine_options *options,
		   struct mk_engine **engine);
void live_stop(struct live *live);
/* Closed by live_teardown(), or by live_close_producers() before. */
struct mk_producer *live_producer(struct live *live, uint32_t tenant,
				  uint32_t max_windows);
void live_close_producers(struct live *live);

/* Publish one operation and wait for it: the result of mk_producer_wait(). */
int live_run(struct mk_producer *producer, const struct mk_item *item);
uint32_t live_observable(const struct live *live, uint32_t index);
uint32_t live_engine_state(const struct live *live);
/* Maps a region to be read, as a reader without the library does; munmap() ends it. */
const uint32_t *live_map(const struct live *live, uint32_t region, size_t bytes);

/*
 * Wait until @condition holds; false when that took too long.  The engine's
 * states have no call that waits for them, so this looks once a millisecond.
 */
bool live_eventually(bool (*condition)(void *), void *argument);
bool live_reaches_state(struct live *live, uint32_t state);

bool live_slow(void);
enum mk_engine_kind live_engine_kind(void);
uint64_t live_now_ns(void);
void live_pause_ns(uint64_t duration_ns);

/* Bytes that this process has read from disks; false where the kernel does not count. */
bool live_device_reads(uint64_t *bytes);

/* A small generator, seeded by each user, so that a failure can be repeated. */
uint32_t live_random(uint64_t *state);

/*
 * Main of a test program: 4 (skipped) with a reason where the chosen engine
 * cannot run at all, else as cmocka.  The environment variable MK_TEST_FILTER
 * is a pattern of the tests' names.
 */
#define live_main(tests) live_main_count((tests), sizeof(tests) / sizeof((tests)[0]))
int live_main_count(const struct CMUnitTest *tests, size_t count);

#endif /* MK_SELFTESTS_LIVE_H */

// SPDX-License-Identifier: MIT
#include "live.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void live_expect_at(int64_t expected, int64_t had, const char *call, const char *file,
		    int line)
{
	if (had == expected)
		return;
	print_error("%s:%d: %s: had %" PRId64 ", expected %" PRId64 "; last error: %s\n",
		    file, line, call, had, expected, mk_error_text());
	_fail(file, line);
}

/* The environment ---------------------------------------------------------- */

/* A wrong word must not pass for the default: that would test something else. */
static int choose(const char *variable, const char *const *names, int count, int fallback)
{
	const char *value = getenv(variable);

	if (!value || !*value)
		return fallback;
	for (int i = 0; i < count; i++)
		if (!strcmp(value, names[i]))
			return i;
	fprintf(stderr, "%s: had \"%s\", expected one of", variable, value);
	for (int i = 0; i < count; i++)
		fprintf(stderr, " %s", names[i]);
	fputc('\n', stderr);
	exit(EXIT_FAILURE);
}

enum mk_engine_kind live_engine_kind(void)
{
	static const char *const names[] = {
		[MK_ENGINE_KIND_VULKAN] = "vulkan",
		[MK_ENGINE_KIND_CPU] = "cpu",
	};

	return (enum mk_engine_kind)choose("MK_TEST_ENGINE", names, 2,
					   MK_ENGINE_KIND_CPU);
}

static enum mk_import import_kind(void)
{
	static const char *const names[] = {
		[MK_IMPORT_AUTO] = "auto",
		[MK_IMPORT_DMA_BUF] = "dma-buf",
		[MK_IMPORT_HOST_POINTER] = "host-pointer",
	};

	return (enum mk_import)choose("MK_TEST_IMPORT", names, 3, MK_IMPORT_AUTO);
}

static uint32_t workgroups(void)
{
	const char *value = getenv("MK_TEST_WORKGROUPS");

	return value ? (uint32_t)strtoul(value, NULL, 10) : 0;
}

bool live_slow(void)
{
	const char *value = getenv("MK_SLOW");

	return value && *value;
}

/* Time --------------------------------------------------------------------- */

uint64_t live_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * LIVE_NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

void live_pause_ns(uint64_t duration_ns)
{
	struct timespec left = {
		.tv_sec = (time_t)(duration_ns / LIVE_NS_PER_SECOND),
		.tv_nsec = (long)(duration_ns % LIVE_NS_PER_SECOND),
	};

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

bool live_eventually(bool (*condition)(void *), void *argument)
{
	uint64_t begin = live_now_ns();

	while (!condition(argument)) {
		if (live_now_ns() - begin > LIVE_TIMEOUT_NS)
			return false;
		live_pause_ns(LIVE_NS_PER_MS);
	}
	return true;
}

bool live_device_reads(uint64_t *bytes)
{
	FILE *file = fopen("/proc/self/io", "re");
	char line[80];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = sscanf(line, "read_bytes: %" SCNu64, bytes) == 1;
	if (file)
		fclose(file);
	return found;
}

uint32_t live_random(uint64_t *state)
{
	/* xorshift64*; the state must not be 0. */
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (uint32_t)(*state * UINT64_C(0x2545f4914f6cdd1d) >> 32);
}

/* A live ring ---------------------------------------------------------------- */

int live_setup(void **state)
{
	*state = calloc(1, sizeof(struct live));
	return *state ? 0 : -1;
}

int live_teardown(void **state)
{
	struct live *live = *state;
	int ret = mk_engine_stop(live->engine, LIVE_TIMEOUT_NS);

	if (ret) {
		/* The device may still write into the context, so that stays. */
		print_error("the engine did not stop: %s\n", mk_error_text());
		return -1;
	}
	live_close_producers(live);
	mk_context_close(live->context);
	free(live);
	return 0;
}

void live_create(struct live *live, const struct mk_geometry *geometry)
{
	struct mk_geometry filled = { 0 };

	if (geometry)
		filled = *geometry;
	filled.size = sizeof(filled);
	filled.engine = live_engine_kind();
	live_ok(mk_context_create(&filled, &live->context));
}

int live_try_attach(const struct mk_context *context, enum mk_role role,
		    struct mk_context **other)
{
	int fds[MK_CONTEXT_FDS];
	int count = mk_context_share(context, role, fds);
	int ret;

	if (count < 0)
		return count;
	ret = mk_context_attach(fds, (size_t)count, other);
	while (count)
		close(fds[--count]);
	return ret;
}

struct mk_context *live_attach(const struct live *live, enum mk_role role)
{
	struct mk_context *other = NULL;

	live_ok(live_try_attach(live->context, role, &other));
	return other;
}

int live_try_start(struct mk_context *context, const struct mk_engine_options *options,
		   struct mk_engine **engine)
{
	struct mk_engine_options filled = { 0 };

	if (options)
		filled = *options;
	filled.size = sizeof(filled);
	filled.kind = live_engine_kind();
	if (filled.import == MK_IMPORT_AUTO)
		filled.import = import_kind();
	if (!filled.workgroups)
		filled.workgroups = workgroups();
	return mk_engine_start(context, &filled, engine);
}

void live_start(struct live *live, const struct mk_engine_options *options)
{
	live_ok(live_try_start(live->context, options, &live->engine));
}

void live_stop(struct live *live)
{
	struct mk_engine *engine = live->engine;

	live_ok(mk_engine_stop(engine, LIVE_TIMEOUT_NS));
	live->engine = NULL;
}

struct mk_producer *live_producer(struct live *live, uint32_t tenant,
				  uint32_t max_windows)
{
	const struct mk_producer_options options = {
		.size = sizeof(options),
		.tenant = tenant,
		.max_windows = max_windows,
	};
	struct mk_producer *producer;

	assert_true(live->producer_count < LIVE_PRODUCER_LIMIT);
	live_ok(mk_producer_open(live->context, &options, &producer));
	live->producers[live->producer_count++] = producer;
	return producer;
}

void live_close_producers(struct live *live)
{
	while (live->producer_count)
		mk_producer_close(live->producers[--live->producer_count]);
}

int live_run(struct mk_producer *producer, const struct mk_item *item)
{
	struct mk_ticket ticket;
	int ret = mk_producer_publish(producer, item, LIVE_TIMEOUT_NS, &ticket);

	return ret ? ret : mk_producer_wait(producer, &ticket, LIVE_TIMEOUT_NS);
}

uint32_t live_observable(const struct live *live, uint32_t index)
{
	uint32_t value = 0;

	live_ok(mk_context_observable(live->context, index, &value));
	return value;
}

uint32_t live_engine_state(const struct live *live)
{
	struct mk_counters counters;

	mk_context_counters(live->context, &counters);
	return counters.engine_state;
}

const uint32_t *live_map(const struct live *live, uint32_t region, size_t bytes)
{
	size_t available;
	const uint32_t *words = mk_context_memory(live->context, region, &available);

	assert_ptr_not_equal(words, NULL);
	assert_true(available >= bytes);
	return words;
}

struct state_wanted {
	struct live *live;
	uint32_t state;
};

static bool state_is_wanted(void *argument)
{
	struct state_wanted *wanted = argument;

	return live_engine_state(wanted->live) == wanted->state;
}

bool live_reaches_state(struct live *live, uint32_t state)
{
	struct state_wanted wanted = { live, state };

	return live_eventually(state_is_wanted, &wanted);
}

/* Main ----------------------------------------------------------------------- */

/*
 * Only the lack of a device, or of the import or the way to store slots that was asked
 * for, is a reason to skip; every other failure shows.
 */
static bool engine_is_missing(void)
{
	struct mk_context *context;
	struct mk_engine *engine;
	bool missing;
	int ret;

	ret = mk_context_create(NULL, &context);
	if (ret)
		return ret == -EOPNOTSUPP;
	ret = live_try_start(context, NULL, &engine);
	missing = ret == -ENODEV ||
		  (ret == -EOPNOTSUPP && import_kind() != MK_IMPORT_AUTO);
	if (!ret && mk_engine_stop(engine, LIVE_TIMEOUT_NS))
		return false;
	mk_context_close(context);
	return missing;
}

/*
 * Tried out in the child of a fork, so that this process has no driver loaded yet: some
 * tests are of what a fork leaves its child.
 */
static bool must_skip(void)
{
	pid_t child = fork();
	int status = 0;

	if (!child) {
		if (!engine_is_missing())
			_exit(EXIT_SUCCESS);
		printf("1..0 # SKIP %s\n", mk_error_text());
		fflush(stdout);
		_exit(EXIT_SKIPPED);
	}
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
	       WEXITSTATUS(status) == EXIT_SKIPPED;
}

int live_main_count(const struct CMUnitTest *tests, size_t count)
{
	if (live_engine_kind() == MK_ENGINE_KIND_VULKAN && must_skip())
		return EXIT_SKIPPED;
	cmocka_set_test_filter(getenv("MK_TEST_FILTER"));
	return _cmocka_run_group_tests("tests", tests, count, NULL, NULL);
}

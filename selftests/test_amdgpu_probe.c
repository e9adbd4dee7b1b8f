// SPDX-License-Identifier: MIT
/*
 * Memory of amdgpu's as a placement, with a fake of its libraries' below a CPU's driver:
 * tried out, refused with reasons, chosen, run on and shared, or lost with the device.
 */
#define _GNU_SOURCE
#include "live.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mk/probe.h>

#include "fake_amdgpu.h"
#include "reset_layer.h"

#define RESULTS_LIMIT 64
/* What an engine gives its first dispatch, in which the driver compiles. */
#define FIRST_DISPATCH_NS (120 * LIVE_NS_PER_SECOND)

static struct mk_probe_result results[RESULTS_LIMIT];
static size_t count;

static int reset(void **state)
{
	fake_amdgpu_reset();
	reset_layer_plan(NULL, 0, NULL);
	return live_setup(state);
}

/* Skips where the driver below imports no DMA-bufs, as Mesa 22.3's for CPUs. */
static void probe(void)
{
	live_ok(mk_probe(NULL, results, RESULTS_LIMIT, &count));
	for (size_t i = 0; i < count; i++)
		if (strstr(results[i].placement, "DMA-buf"))
			return;
	print_message("# skipped: %s imports no DMA-bufs\n", results[0].driver);
	skip();
}

/* The one that begins with @text, and has @cq in it. */
static const struct mk_probe_result *find_with(const char *text, const char *cq)
{
	for (size_t i = 0; i < count; i++)
		if (!strncmp(results[i].placement, text, strlen(text)) &&
		    strstr(results[i].placement, cq))
			return &results[i];
	fail_msg("no placement of %zu is %s, %s", count, text, cq);
	return NULL;
}

/* The one whose cq is imported as DMA-buf. */
static const struct mk_probe_result *find(const char *text)
{
	return find_with(text, "DMA-buf");
}

static bool is_seen(void *text)
{
	if (find(text)->is_coherent)
		return true;
	probe();
	return false;
}

/*
 * After a probe(); a processor that others use too may have had no time for the trial, which
 * is made again then.
 */
static void expect_coherent(char *text)
{
	if (!live_eventually(is_seen, text))
		fail_msg("%s: %s", find(text)->placement, find(text)->reason);
}

static void test_is_tried(void **state)
{
	static char *const names[] = { "amdgpu GTT", "amdgpu VRAM" };

	(void)state;
	probe();
	for (size_t i = 0; i < 2; i++) {
		expect_coherent(names[i]);
		assert_true(find(names[i])->in_device && find(names[i])->p50_ns);
	}
	assert_int_equal(fake_amdgpu.devices + fake_amdgpu.buffers, 0);
}

/* Of buffer objects, which are memfds of that name or DMA-bufs. */
static int count_mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	int found = 0;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps))
		found += strstr(line, "/memfd:fake amdgpu") || strstr(line, "/dmabuf:");
	fclose(maps);
	return found;
}

/* The others are tried as if there were none of amdgpu's. */
static void expect_reason(const char *placement, const char *reason)
{
	int descriptors = fake_count_descriptors();

	probe();
	assert_int_equal(fake_count_descriptors(), descriptors);
	assert_false(find(placement)->is_coherent);
	assert_false(find(placement)->is_chosen);
	if (!strstr(find(placement)->reason, reason))
		fail_msg("%s: had \"%s\", expected \"%s\"", placement,
			 find(placement)->reason, reason);
	expect_coherent("host memory");
	assert_int_equal(fake_amdgpu.devices + fake_amdgpu.buffers, 0);
}

/* Makes what was kept of amdgpu's GTT the fastest of all, as on a machine where it is. */
static void make_gtt_fastest(void)
{
	char path[256], line[512], lines[16][512];
	size_t found = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/mk/probe", getenv("XDG_CACHE_HOME"));
	file = fopen(path, "r+e");
	assert_non_null(file);
	while (found < 16 && fgets(line, sizeof(line), file)) {
		char *type = strstr(line, " -2 ");
		int import, cq_type, end = 0;

		/* Those with an imported cq, of which -1 is the type. */
		if (type && sscanf(type, " -2 %d %d %n", &import, &cq_type, &end) == 2 &&
		    cq_type == -1)
			snprintf(lines[found++], sizeof(lines[0]), "%.*s1 1 \n",
				 (int)(type - line) + end, line);
	}
	assert_true(found && !fseek(file, 0, SEEK_END));
	for (size_t i = 0; i < found; i++)
		assert_true(fputs(lines[i], file) >= 0);
	fclose(file);
}

/* What was kept does not make anything chosen that refuses now. */
static void test_is_forgotten(void **state)
{
	struct live *live = *state;
	const struct mk_geometry geometry = { .backing = MK_BACKING_DEVICE };

	probe();
	make_gtt_fastest();
	fake_amdgpu.fails = FAKE_ALLOC;
	fake_amdgpu.error = -ENOMEM;
	expect_reason("amdgpu GTT", "amdgpu_bo_alloc");
	live_create(live, &geometry);
}

static void test_reasons(void **state)
{
	(void)state;
	fake_amdgpu.fails = FAKE_INITIALIZE;
	fake_amdgpu.error = -EACCES;
	expect_reason("amdgpu GTT",
		      "amdgpu_device_initialize refused for GTT: Permission");
	fake_amdgpu.fails = FAKE_ALLOC;
	fake_amdgpu.error = -ENOMEM;
	expect_reason("amdgpu VRAM", "amdgpu_bo_alloc refused for VRAM: Cannot allocate");
	fake_amdgpu.fails = FAKE_EXPORT;
	fake_amdgpu.error = -ENODEV;
	expect_reason("amdgpu GTT", "amdgpu_bo_export refused for GTT: No such device");
	fake_amdgpu.fails = FAKE_IMPORT;
	expect_reason("amdgpu GTT", "");
	fake_amdgpu_reset();
	fake_amdgpu.refuses_flags = true;
	expect_reason("amdgpu GTT", "this kernel gives programs no memory");
	fake_amdgpu_reset();
	/* What was in the way is gone, and is not remembered. */
	probe();
	expect_coherent("amdgpu GTT");
}

/* Emulated processors compile for the better part of a minute, and longer under load. */
static void run_first(struct live *live, const struct mk_item *item)
{
	struct mk_producer *producer = live_producer(live, 0, 1);
	struct mk_ticket ticket;

	live_ok(mk_producer_publish(producer, item, LIVE_TIMEOUT_NS, &ticket));
	live_ok(mk_producer_wait(producer, &ticket, FIRST_DISPATCH_NS));
}

/* @cq says where that is. */
static void run_on(struct live *live, const char *name, const char *cq)
{
	struct mk_geometry geometry = { .backing = MK_BACKING_DEVICE,
					.observable_words = 4,
					.arena_bytes = 4096 };
	struct mk_producer *producer;
	struct mk_context *other;
	struct mk_engine_info info;
	int descriptors;

	probe();
	geometry.placement = find_with(name, cq)->number;
	descriptors = fake_count_descriptors();
	assert_int_equal(count_mappings(), 0);
	live_create(live, &geometry);
	assert_true(count_mappings());
	live_start(live, NULL);
	mk_engine_info(live->engine, &info);
	if (!strstr(info.placement, name) || !strstr(info.placement, cq))
		fail_msg("\"%s\" is not %s, %s", info.placement, name, cq);
	run_first(live, &LIVE_ITEM(MK_OP_ATOMIC_ADD, 7, LIVE_OBSERVABLE(0)));
	assert_int_equal(live_observable(live, 0), 7);

	other = live_attach(live, MK_ROLE_PRODUCER);
	/*
	 * Where mk.ko is, the memory is registered with it, and others have it from there;
	 * but not with a cq that is not the module's.
	 */
	assert_string_equal(mk_context_backing(other),
			    access("/dev/mk", F_OK) || strcmp(cq, "DMA-buf") ? "device" :
									       "kmod");
	live_ok(mk_producer_open(other, NULL, &producer));
	live_ok(live_run(producer, &LIVE_ITEM(MK_OP_ATOMIC_ADD, 3, LIVE_OBSERVABLE(0))));
	assert_int_equal(live_observable(live, 0), 10);
	mk_producer_close(producer);
	live_close_producers(live);
	mk_context_close(other);
	live_stop(live);
	mk_context_close(live->context);
	live->context = NULL;
	assert_int_equal(fake_count_descriptors(), descriptors);
	assert_int_equal(count_mappings(), 0);
	assert_int_equal(fake_amdgpu.devices + fake_amdgpu.buffers, 0);
}

static void test_runs(void **state)
{
	run_on(*state, "amdgpu GTT", "DMA-buf");
	run_on(*state, "amdgpu VRAM", "DMA-buf");
	run_on(*state, "amdgpu GTT", "cq too");
	run_on(*state, "amdgpu VRAM", "cq in amdgpu GTT, uncached");
}

/* Another process's device would see it otherwise, so its engine stays here. */
static void test_device_coherent(void **state)
{
	struct live *live = *state;
	struct mk_geometry geometry = { .backing = MK_BACKING_DEVICE };
	struct mk_context *other;
	int fds[MK_CONTEXT_FDS];

	fake_amdgpu.has_device_coherent = true;
	probe();
	assert_true(fake_amdgpu.asked_for_coherent);
	expect_coherent("device memory (type 0, cached, device-coherent)");
	geometry.placement = find("device memory")->number;
	live_create(live, &geometry);
	other = live_attach(live, MK_ROLE_PRODUCER);
	mk_context_close(other);
	if (access("/dev/mk", F_OK))
		live_expect(-EOPNOTSUPP,
			    mk_context_share(live->context, MK_ROLE_ENGINE, fds));
	mk_context_close(live->context);
	live->context = NULL;

	/* With the cq there too the same goes, whether there is a module or not. */
	geometry.placement =
		find_with("device memory", "device-coherent), cq too")->number;
	live_create(live, &geometry);
	mk_context_close(live_attach(live, MK_ROLE_PRODUCER));
	live_expect(-EOPNOTSUPP, mk_context_share(live->context, MK_ROLE_ENGINE, fds));
	mk_context_close(live->context);
	live->context = NULL;

	fake_amdgpu_reset();
	probe();
	assert_false(fake_amdgpu.asked_for_coherent);
	geometry.placement = find("device memory")->number;
	live_create(live, &geometry);
	mk_context_close(live_attach(live, MK_ROLE_ENGINE));
}

/* One slot may be executed by a dispatch that has been waited for. */
static bool is_over_or_rebuilt(void *data)
{
	struct live *live = data;
	struct mk_engine_info info;

	mk_producer_publish(live->producers[0], &LIVE_NOP, 0, NULL);
	mk_engine_info(live->engine, &info);
	return info.rebuilds || mk_engine_failure(live->engine);
}

/*
 * A new Vulkan device would import it as memory that its caches keep, on which an engine
 * waits for ever: nothing runs on it any more.
 */
static void test_device_coherent_is_lost(void **state)
{
	const struct reset_step wait = { RESET_WAIT, 1 };
	const char reason[] = "is that on the device that was lost only";
	struct mk_geometry geometry = { .backing = MK_BACKING_DEVICE };
	struct live *live = *state;

	fake_amdgpu.has_device_coherent = true;
	probe();
	geometry.placement = find("device memory")->number;
	live_create(live, &geometry);
	live_start(live, NULL);
	run_first(live, &LIVE_NOP);
	reset_layer_plan(&wait, 1, NULL);
	assert_true(live_eventually(is_over_or_rebuilt, live));
	live_expect(-ENOTSUP, mk_engine_failure(live->engine));
	assert_non_null(strstr(mk_error_text(), reason));
	assert_int_equal(live_engine_state(live), MK_ENGINE_LOST);
	live_stop(live);
	live_expect(-ENOTSUP, live_try_start(live->context, NULL, &live->engine));
	assert_non_null(strstr(mk_error_text(), reason));
}

/* To a GPU no memfd is a DMA-buf: one is made of it, or that none can be is said. */
static void test_gpu_takes_memfds(void **state)
{
	const struct mk_geometry geometry = { .backing = MK_BACKING_MEMFD };
	const struct mk_engine_options options = { .import = MK_IMPORT_DMA_BUF };
	struct live *live = *state;
	int mappings = count_mappings();

	probe();
	fake_amdgpu.is_gpu = true;
	live_create(live, &geometry);
	if (access("/dev/udmabuf", F_OK)) {
		live_expect(-ENODEV,
			    live_try_start(live->context, &options, &live->engine));
		assert_non_null(strstr(mk_error_text(), "/dev/udmabuf"));
		return;
	}
	probe();
	expect_coherent("host memory");
	live_start(live, &options);
	assert_true(count_mappings() > mappings);
	run_first(live, &LIVE_NOP);
	live_stop(live);
	assert_int_equal(count_mappings(), mappings);
}

/* Memory runs out in the midst of a context: it is not made, and nothing is left. */
static void test_creates_nothing(void **state)
{
	struct mk_geometry geometry = { .size = sizeof(geometry),
					.backing = MK_BACKING_DEVICE };
	struct mk_context *context;
	int descriptors;

	(void)state;
	probe();
	geometry.placement = find("amdgpu VRAM")->number;
	descriptors = fake_count_descriptors();
	for (enum fake_call call = FAKE_GET_VERSION; call < FAKE_IMPORT; call++) {
		fake_amdgpu.fails = call;
		fake_amdgpu.error = -ENOMEM;
		live_expect(call <= FAKE_GET_NODE_TYPE ? -ENODEV : -ENOMEM,
			    mk_context_create(&geometry, &context));
		assert_int_equal(fake_count_descriptors(), descriptors);
		assert_int_equal(fake_amdgpu.devices + fake_amdgpu.buffers, 0);
	}
}

/* What a fake has shown is for nobody else; but Mesa's kernels stay where they are. */
static bool use_cache(const char *cache)
{
	const char *former = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	char path[4096];

	if (former && *former)
		snprintf(path, sizeof(path), "%s", former);
	else
		snprintf(path, sizeof(path), "%s/.cache", home ? home : cache);
	return !setenv("MESA_SHADER_CACHE_DIR", path, 0) &&
	       !setenv("XDG_CACHE_HOME", cache, 1);
}

static void remove_cache(const char *cache)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/mk/probe", cache);
	unlink(path);
	snprintf(path, sizeof(path), "%s/mk", cache);
	rmdir(path);
	rmdir(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_is_tried, reset, live_teardown),
		cmocka_unit_test_setup_teardown(test_is_forgotten, reset, live_teardown),
		cmocka_unit_test_setup_teardown(test_reasons, reset, live_teardown),
		cmocka_unit_test_setup_teardown(test_runs, reset, live_teardown),
		cmocka_unit_test_setup_teardown(test_device_coherent, reset,
						live_teardown),
		cmocka_unit_test_setup_teardown(test_device_coherent_is_lost, reset,
						live_teardown),
		cmocka_unit_test_setup_teardown(test_gpu_takes_memfds, reset,
						live_teardown),
		cmocka_unit_test_setup_teardown(test_creates_nothing, reset,
						live_teardown),
	};
	char cache[] = "/tmp/mk-test-amdgpu-XXXXXX";

	int status;

	if (!reset_layer_use() || !mkdtemp(cache) || !use_cache(cache))
		return EXIT_FAILURE;
	status = live_main(tests);
	remove_cache(cache);
	return status;
}

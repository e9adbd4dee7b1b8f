// SPDX-License-Identifier: MIT
/* The devices of this machine: each is found by what it is said to be. */
#include "live.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <mk/probe.h>

#define DEVICES_LIMIT 32

static struct mk_device_info devices[DEVICES_LIMIT];
static size_t count;

static const struct mk_device_info *chosen_device(void)
{
	for (size_t i = 0; i < count; i++)
		if (devices[i].is_chosen)
			return &devices[i];
	fail_msg("none of %zu devices is chosen", count);
	return NULL;
}

static void test_lists(void **state)
{
	struct mk_device_info device;
	uint32_t chosen = 0;

	(void)state;
	live_ok(mk_devices_find(devices, DEVICES_LIMIT, &count));
	assert_true(count);
	for (size_t i = 0; i < count; i++) {
		assert_true(*devices[i].name && *devices[i].driver);
		assert_int_equal(strlen(devices[i].uuid), 36);
		assert_true(!i || devices[i].type >= devices[i - 1].type);
		assert_true(!devices[i].is_chosen || !*devices[i].lack);
		chosen += devices[i].is_chosen;
	}
	assert_int_equal(chosen, 1);
	live_ok(mk_device_find(chosen_device()->uuid, &device));
	assert_string_equal(device.name, chosen_device()->name);
	live_ok(mk_device_find(NULL, &device));
	assert_string_equal(device.uuid, chosen_device()->uuid);
	live_expect(-ENODEV, mk_device_find("ff:1f.7", &device));
	live_expect(-ENOSPC, mk_devices_find(devices, 0, &count));
	assert_int_equal(count, 0);
	live_ok(mk_devices_find(devices, DEVICES_LIMIT, &count));
}

/* Runs an operation there, so that it is the device and not only its name. */
static void expect_runs_on(struct live *live, const char *text, const char *name)
{
	const struct mk_engine_options options = { .device = text };
	const struct mk_geometry geometry = { .backing = MK_BACKING_MEMFD };
	struct mk_engine_info info;

	live_create(live, &geometry);
	live_start(live, &options);
	mk_engine_info(live->engine, &info);
	assert_string_equal(info.device, name);
	assert_int_equal(strlen(info.device_uuid), 36);
	live_ok(live_run(live_producer(live, 0, 1), &LIVE_NOP));
	live_close_producers(live);
	live_stop(live);
	mk_context_close(live->context);
	live->context = NULL;
}

static void test_is_chosen(void **state)
{
	const struct mk_device_info *device = chosen_device();

	expect_runs_on(*state, NULL, device->name);
	expect_runs_on(*state, device->name, device->name);
	expect_runs_on(*state, device->uuid, device->name);
	if (*device->pci)
		expect_runs_on(*state, device->pci, device->name);
	if (*device->node)
		expect_runs_on(*state, device->node, device->name);
	assert_int_equal(setenv("MK_DEVICE", device->uuid, 1), 0);
	expect_runs_on(*state, NULL, device->name);
	assert_int_equal(unsetenv("MK_DEVICE"), 0);
}

static void expect_no_device(struct live *live, const char *text)
{
	const struct mk_engine_options options = { .device = text };
	const struct mk_geometry geometry = { .backing = MK_BACKING_MEMFD };
	struct mk_engine *engine;

	live_create(live, &geometry);
	live_expect(-ENODEV, live_try_start(live->context, &options, &engine));
	for (size_t i = 0; i < count; i++) {
		assert_non_null(strstr(mk_error_text(), devices[i].name));
		assert_non_null(strstr(mk_error_text(), devices[i].uuid));
	}
	mk_context_close(live->context);
	live->context = NULL;
}

static void test_is_none(void **state)
{
	expect_no_device(*state, "there is no such device");
	expect_no_device(*state, "ff:1f.7");
	expect_no_device(*state, "/dev/null");
	expect_no_device(*state, "/dev/dri/there-is-no-such-node");
	expect_no_device(*state, "ffffffff-ffff-ffff-ffff-ffffffffffff");
	assert_int_equal(setenv("MK_DEVICE", "ff:1f.7", 1), 0);
	expect_no_device(*state, NULL);
	assert_int_equal(unsetenv("MK_DEVICE"), 0);
}

/* The memory's device is held against what an engine is asked to run on. */
static void test_memory_of_another(void **state)
{
	struct live *live = *state;
	const struct mk_device_info *device = chosen_device();
	const struct mk_geometry good = { .backing = MK_BACKING_DEVICE,
					  .device = device->uuid };
	const struct mk_geometry wrong = { .size = sizeof(wrong),
					   .backing = MK_BACKING_DEVICE,
					   .device = "ff:1f.7" };
	struct mk_engine_options options = { .device = "ff:1f.7" };
	struct mk_context *context;
	struct mk_engine *engine;

	live_expect(-ENODEV, mk_context_create(&wrong, &context));
	assert_non_null(strstr(mk_error_text(), device->uuid));
	live_create(live, &good);
	live_expect(-ENODEV, live_try_start(live->context, &options, &engine));
	options.device = device->uuid;
	live_start(live, &options);
	live_stop(live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIVE_TEST(test_lists),
		LIVE_TEST(test_is_chosen),
		LIVE_TEST(test_is_none),
		LIVE_TEST(test_memory_of_another),
	};

	return live_main(tests);
}

// SPDX-License-Identifier: MIT
/* Which queue is taken, and with which priority, from a driver that the test plays. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "error.h"
#include "vk_queue_family.h"

/* The driver ----------------------------------------------------------------------- */

static struct {
	VkQueueFamilyProperties families[4];
	uint32_t family_count;
	uint32_t permitted; /* the highest priority */
	VkResult failure;   /* of every attempt */
	uint32_t attempts;
	uint32_t priority; /* that the last one asked for; 0: none */
	const char *asked; /* the last of its extensions */
} driver;

VKAPI_ATTR void VKAPI_CALL vkGetPhysicalDeviceQueueFamilyProperties(
	VkPhysicalDevice physical, uint32_t *count, VkQueueFamilyProperties *families)
{
	(void)physical;
	*count = driver.family_count;
	memcpy(families, driver.families, sizeof(*families) * *count);
}

VKAPI_ATTR VkResult VKAPI_CALL vkCreateDevice(VkPhysicalDevice physical,
					      const VkDeviceCreateInfo *info,
					      const VkAllocationCallbacks *allocator,
					      VkDevice *device)
{
	const VkDeviceQueueGlobalPriorityCreateInfoKHR *global =
		info->pQueueCreateInfos[0].pNext;

	(void)physical;
	(void)allocator;
	(void)device;
	driver.attempts++;
	driver.priority = global ? global->globalPriority : 0;
	driver.asked = info->ppEnabledExtensionNames[info->enabledExtensionCount - 1];
	if (driver.failure)
		return driver.failure;
	return driver.priority > driver.permitted ? VK_ERROR_NOT_PERMITTED_KHR :
						    VK_SUCCESS;
}

int mk_vk_fail(VkResult result, const char *what)
{
	(void)result;
	return mk_fail(EIO, "%s", what);
}

/* Families -------------------------------------------------------------------------- */

#define GRAPHICS VK_QUEUE_GRAPHICS_BIT
#define COMPUTE	 VK_QUEUE_COMPUTE_BIT
#define TRANSFER VK_QUEUE_TRANSFER_BIT

static const struct {
	uint32_t flags[4];
	uint32_t counts[4];
	uint32_t families;
	int expected; /* -1: none */
	const char *described;
} cases[] = {
	/* As of RADV, of lavapipe, of devices that are of no use. */
	{ { GRAPHICS | COMPUTE | TRANSFER, COMPUTE | TRANSFER, TRANSFER },
	  { 1, 4, 2 },
	  3,
	  1,
	  "compute only, the driver's priority" },
	{ { GRAPHICS | COMPUTE | TRANSFER },
	  { 1 },
	  1,
	  0,
	  "graphics and compute, the driver's priority" },
	{ { TRANSFER, GRAPHICS, GRAPHICS | COMPUTE, GRAPHICS | COMPUTE },
	  { 1, 1, 1, 1 },
	  4,
	  2,
	  "graphics and compute, the driver's priority" },
	{ { COMPUTE, GRAPHICS | COMPUTE },
	  { 0, 1 },
	  2,
	  1,
	  "graphics and compute, the driver's priority" },
	{ { GRAPHICS, TRANSFER }, { 1, 1 }, 2, -1, NULL },
	{ { 0 }, { 0 }, 0, -1, NULL },
};

static void test_family(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mk_vk_device device = { .queue_family = 99 };
		char text[64];
		bool found;

		memset(&driver, 0, sizeof(driver));
		driver.family_count = cases[i].families;
		for (uint32_t j = 0; j < driver.family_count; j++) {
			driver.families[j].queueFlags = cases[i].flags[j];
			driver.families[j].queueCount = cases[i].counts[j];
		}
		found = mk_vk_queue_family_choose(NULL, &device.queue_family);
		assert_int_equal(found, cases[i].expected >= 0);
		if (!found)
			continue;
		assert_int_equal(device.queue_family, cases[i].expected);
		mk_vk_device_describe_queue(&device, text, sizeof(text));
		assert_string_equal(text, cases[i].described);
	}
}

/* Priorities ------------------------------------------------------------------------ */

static int create(const char *wanted, struct mk_vk_device *device)
{
	static const char *const extensions[MK_VK_EXTENSIONS_LIMIT] = { "VK_EXT_other" };
	const VkDeviceQueueCreateInfo queue = { .queueCount = 1 };
	const VkDeviceCreateInfo info = {
		.pQueueCreateInfos = &queue,
		.queueCreateInfoCount = 1,
		.ppEnabledExtensionNames = extensions,
		.enabledExtensionCount = 1,
	};

	if (wanted)
		setenv("MK_QUEUE_PRIORITY", wanted, 1);
	else
		unsetenv("MK_QUEUE_PRIORITY");
	driver.attempts = 0;
	return mk_vk_queue_create_device(device, info);
}

static const struct {
	const char *wanted;
	const char *extension;
	uint32_t permitted;
	uint32_t attempts;
	uint32_t priority;
	const char *name;
} priorities[] = {
	{ NULL, "VK_KHR_global_priority", 1024, 1, 512, "high" },
	{ NULL, "VK_EXT_global_priority", 1024, 1, 512, "high" },
	{ "", "VK_KHR_global_priority", 1024, 1, 512, "high" },
	{ "realtime", "VK_KHR_global_priority", 1024, 1, 1024, "realtime" },
	{ "realtime", "VK_KHR_global_priority", 512, 2, 512, "high" },
	/* Who may have no more than others have is not refused. */
	{ "realtime", "VK_KHR_global_priority", 256, 3, 256, "medium" },
	{ NULL, "VK_KHR_global_priority", 256, 2, 256, "medium" },
	{ NULL, "VK_KHR_global_priority", 0, 3, 0, NULL },
	{ "medium", "VK_KHR_global_priority", 1024, 1, 256, "medium" },
	{ "realtime", NULL, 1024, 1, 0, NULL },
};

static void test_priority(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(priorities) / sizeof(priorities[0]); i++) {
		struct mk_vk_device device = {
			.priority_extension = priorities[i].extension,
			.priority = "stale",
		};

		memset(&driver, 0, sizeof(driver));
		driver.permitted = priorities[i].permitted;
		assert_int_equal(create(priorities[i].wanted, &device), 0);
		assert_int_equal(driver.attempts, priorities[i].attempts);
		assert_int_equal(driver.priority, priorities[i].priority);
		assert_string_equal(driver.asked, priorities[i].name ?
							  priorities[i].extension :
							  "VK_EXT_other");
		if (priorities[i].name)
			assert_string_equal(device.priority, priorities[i].name);
		else
			assert_null(device.priority);
	}
}

static void test_failure(void **state)
{
	struct mk_vk_device device = { .priority_extension = "VK_KHR_global_priority" };

	(void)state;
	memset(&driver, 0, sizeof(driver));
	assert_int_equal(create("highest", &device), -EINVAL);
	assert_non_null(strstr(mk_error_text(), "MK_QUEUE_PRIORITY is \"highest\""));
	assert_int_equal(driver.attempts, 0);
	/* A device that is lost is no matter of priorities; another error may be one. */
	driver.failure = VK_ERROR_DEVICE_LOST;
	assert_int_equal(create(NULL, &device), -EIO);
	assert_int_equal(driver.attempts, 1);
	driver.failure = VK_ERROR_INITIALIZATION_FAILED;
	assert_int_equal(create(NULL, &device), -EIO);
	assert_int_equal(driver.attempts, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_family),
		cmocka_unit_test(test_priority),
		cmocka_unit_test(test_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
#include "lockup.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vk_device.h"

#define PARAMETER "/sys/module/amdgpu/parameters/lockup_timeout"

/*
 * What the driver chooses by itself, by the version of the kernel: for compute jobs 2 s
 * lately, before that 10 s, or 60 s.
 */
#define DEFAULT_LEAST_MS 2000u
#define DEFAULT_MOST_MS	 60000u
/* How much longer a reset may take than the decision for one. */
#define RESET_NS  5000000000u
#define NS_PER_MS 1000000u
/* What a dispatch should take of the time that it is let run. */
#define TARGET_SHARE 16u
/* A driver that is told to wait for hours is not waited for. */
#define LONGEST_TIMEOUT_NS 120000000000u

static const struct mk_lockup by_default = { DEFAULT_LEAST_MS, DEFAULT_MOST_MS };

/* Take one number, as the kernel reads it, which ends at a comma or at the end. */
static bool take_number(const char **text, long *number)
{
	char *end;

	errno = 0;
	*number = strtol(*text, &end, 0);
	if (end == *text || errno)
		return false;
	end += strspn(end, " \t\n");
	if (*end && *end != ',')
		return false;
	*text = *end ? end + 1 : end;
	return true;
}

static struct mk_lockup of_number(long number)
{
	if (!number)
		return by_default;
	if (number < 0 || number > INT_MAX)
		return (struct mk_lockup){ 0, 0 };
	return (struct mk_lockup){ (uint32_t)number, (uint32_t)number };
}

int mk_lockup_parse(const char *text, struct mk_lockup *lockup)
{
	long first, second = 0;
	bool has_second;

	*lockup = by_default;
	text += strspn(text, " \t\n");
	if (!*text)
		return 0;
	if (!take_number(&text, &first))
		return -EINVAL;
	has_second = *text;
	if (has_second && !take_number(&text, &second))
		return -EINVAL;
	*lockup = of_number(has_second ? second : first);
	/*
	 * Whether one number is for compute jobs too depends on the version, and on
	 * whether the device is a virtual machine's: it may be, and the default as well.
	 */
	if (!has_second && first > 0) {
		if (lockup->least_ms > DEFAULT_LEAST_MS)
			lockup->least_ms = DEFAULT_LEAST_MS;
		if (lockup->most_ms < DEFAULT_MOST_MS)
			lockup->most_ms = DEFAULT_MOST_MS;
	} else if (!has_second && first < 0) {
		*lockup = (struct mk_lockup){ DEFAULT_LEAST_MS, 0 };
	}
	return 0;
}

static bool is_amdgpu(const struct mk_vk_device *device)
{
	VkPhysicalDeviceDriverProperties driver = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
	};
	VkPhysicalDeviceProperties2 properties = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
		.pNext = &driver,
	};

	vkGetPhysicalDeviceProperties2(device->physical, &properties);
	return driver.driverID == VK_DRIVER_ID_MESA_RADV ||
	       driver.driverID == VK_DRIVER_ID_AMD_OPEN_SOURCE ||
	       driver.driverID == VK_DRIVER_ID_AMD_PROPRIETARY;
}

void mk_lockup_find(const struct mk_vk_device *device, struct mk_lockup *lockup)
{
	char text[256] = "";
	FILE *file;

	*lockup = (struct mk_lockup){ 0, 0 };
	if (!is_amdgpu(device))
		return;
	*lockup = by_default;
	file = fopen(PARAMETER, "re");
	if (!file)
		return;
	if (fgets(text, sizeof(text), file))
		mk_lockup_parse(text, lockup);
	fclose(file);
}

uint64_t mk_lockup_target_ns(const struct mk_lockup *lockup, uint64_t wanted_ns)
{
	uint64_t most = (uint64_t)lockup->least_ms * NS_PER_MS / TARGET_SHARE;

	return lockup->least_ms && most < wanted_ns ? most : wanted_ns;
}

uint64_t mk_lockup_timeout_ns(const struct mk_lockup *lockup, uint64_t wanted_ns)
{
	uint64_t least = (uint64_t)lockup->most_ms * NS_PER_MS + RESET_NS;

	if (!lockup->most_ms || least < wanted_ns)
		return wanted_ns;
	return least < LONGEST_TIMEOUT_NS ? least : LONGEST_TIMEOUT_NS;
}

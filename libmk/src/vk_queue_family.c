// SPDX-License-Identifier: MIT
#include "vk_queue_family.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

enum { FAMILIES_LIMIT = 16 };

static uint32_t list_families(VkPhysicalDevice physical,
			      VkQueueFamilyProperties families[FAMILIES_LIMIT])
{
	uint32_t count = FAMILIES_LIMIT;

	vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families);
	return count;
}

static bool is_for_compute_alone(const VkQueueFamilyProperties *family)
{
	return !(family->queueFlags & VK_QUEUE_GRAPHICS_BIT);
}

bool mk_vk_queue_family_choose(VkPhysicalDevice physical, uint32_t *family)
{
	VkQueueFamilyProperties families[FAMILIES_LIMIT];
	uint32_t count = list_families(physical, families);
	bool found = false;

	for (uint32_t i = 0; i < count; i++) {
		if (!(families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) ||
		    !families[i].queueCount)
			continue;
		if (found && !is_for_compute_alone(&families[i]))
			continue;
		*family = i;
		found = true;
		if (is_for_compute_alone(&families[i]))
			return true;
	}
	return found;
}

/* Priority ---------------------------------------------------------------------- */

/* From the highest down; one of a device that has none to choose from is 0. */
static const struct {
	const char *name;
	VkQueueGlobalPriorityKHR value;
} priorities[] = {
	{ "realtime", VK_QUEUE_GLOBAL_PRIORITY_REALTIME_KHR },
	{ "high", VK_QUEUE_GLOBAL_PRIORITY_HIGH_KHR },
	{ "medium", VK_QUEUE_GLOBAL_PRIORITY_MEDIUM_KHR },
};

#define PRIORITIES (sizeof(priorities) / sizeof(priorities[0]))
#define HIGH	   1u

static int find_wanted(size_t *wanted)
{
	const char *value = getenv("MK_QUEUE_PRIORITY");

	*wanted = HIGH;
	if (!value || !*value)
		return 0;
	for (*wanted = 0; *wanted < PRIORITIES; ++*wanted)
		if (!strcmp(value, priorities[*wanted].name))
			return 0;
	return mk_fail(EINVAL,
		       "the environment variable MK_QUEUE_PRIORITY is \"%s\"; use "
		       "realtime, high or medium",
		       value);
}

static VkResult create_with_priority(struct mk_vk_device *device, VkDeviceCreateInfo info,
				     VkQueueGlobalPriorityKHR priority)
{
	const VkDeviceQueueGlobalPriorityCreateInfoKHR global = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_GLOBAL_PRIORITY_CREATE_INFO_KHR,
		.globalPriority = priority,
	};
	VkDeviceQueueCreateInfo queue = info.pQueueCreateInfos[0];
	const char *extensions[MK_VK_EXTENSIONS_LIMIT + 1];

	memcpy(extensions, info.ppEnabledExtensionNames,
	       info.enabledExtensionCount * sizeof(extensions[0]));
	extensions[info.enabledExtensionCount++] = device->priority_extension;
	info.ppEnabledExtensionNames = extensions;
	queue.pNext = &global;
	info.pQueueCreateInfos = &queue;
	return vkCreateDevice(device->physical, &info, NULL, &device->device);
}

int mk_vk_queue_create_device(struct mk_vk_device *device, VkDeviceCreateInfo info)
{
	VkResult result = VK_ERROR_NOT_PERMITTED_KHR;
	size_t i;
	int ret = find_wanted(&i);

	if (ret)
		return ret;
	device->priority = NULL;
	/* Not permitted, or refused in another way: some drivers say that differently. */
	for (; i < PRIORITIES && device->priority_extension && result &&
	       result != VK_ERROR_DEVICE_LOST;
	     i++) {
		result = create_with_priority(device, info, priorities[i].value);
		if (!result)
			device->priority = priorities[i].name;
	}
	if (result && result != VK_ERROR_DEVICE_LOST)
		result = vkCreateDevice(device->physical, &info, NULL, &device->device);
	return result ? mk_vk_fail(result, "cannot create a Vulkan device") : 0;
}

void mk_vk_device_describe_queue(const struct mk_vk_device *device, char *text,
				 size_t bytes)
{
	VkQueueFamilyProperties families[FAMILIES_LIMIT];
	uint32_t count = list_families(device->physical, families);
	bool is_alone = device->queue_family < count &&
			is_for_compute_alone(&families[device->queue_family]);

	snprintf(text, bytes, "%s, %s priority",
		 is_alone ? "compute only" : "graphics and compute",
		 device->priority ? device->priority : "the driver's");
}

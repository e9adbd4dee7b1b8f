// SPDX-License-Identifier: MIT
/* The list of devices that others get. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <mk/probe.h>

#include "error.h"
#include "vk_device.h"

static void describe(const struct mk_device_identity *identity,
		     struct mk_device_info *info)
{
	*info = (struct mk_device_info){ .type = identity->type };
	snprintf(info->name, sizeof(info->name), "%s", identity->name);
	snprintf(info->driver, sizeof(info->driver), "%s", identity->driver);
	snprintf(info->type_name, sizeof(info->type_name), "%s",
		 mk_device_type_name(identity->type));
	mk_device_print_pci(identity, info->pci);
	snprintf(info->node, sizeof(info->node), "%s", identity->node);
	mk_uuid_print(identity->uuid, info->uuid);
	snprintf(info->lack, sizeof(info->lack), "%s", identity->lack);
}

static void point_at_identities(const struct mk_vk_device *devices, uint32_t count,
				const struct mk_device_identity *identities[])
{
	for (uint32_t i = 0; i < count; i++)
		identities[i] = &devices[i].identity;
}

static void describe_all(const struct mk_vk_device *devices, uint32_t count,
			 struct mk_device_info *infos, size_t capacity)
{
	const struct mk_device_identity *identities[MK_DEVICES_LIMIT] = { NULL };
	uint32_t order[MK_DEVICES_LIMIT];
	bool is_chosen = false;

	point_at_identities(devices, count, identities);
	mk_devices_order(identities, count, order);
	for (uint32_t i = 0; i < count && i < capacity; i++) {
		describe(identities[order[i]], &infos[i]);
		infos[i].is_chosen = !is_chosen && !*infos[i].lack;
		is_chosen |= infos[i].is_chosen;
	}
}

int mk_devices_find(struct mk_device_info *devices, size_t capacity, size_t *count)
{
	struct mk_vk_device *found = NULL;
	int ret = mk_vk_devices_list(&found);

	*count = 0;
	if (ret < 0)
		return ret;
	describe_all(found, (uint32_t)ret, devices, capacity);
	free(found);
	*count = (size_t)ret < capacity ? (size_t)ret : capacity;
	if ((size_t)ret <= capacity)
		return 0;
	return mk_fail(ENOSPC, "room for %zu Vulkan devices; there are %d", capacity,
		       ret);
}

int mk_device_find(const char *text, struct mk_device_info *device)
{
	const struct mk_device_identity *identities[MK_DEVICES_LIMIT] = { NULL };
	struct mk_vk_device *found = NULL;
	struct mk_device_wish wish;
	int count = mk_vk_devices_list(&found);
	uint32_t index;
	int ret;

	if (count < 0)
		return count;
	mk_device_wish_or_environment(text, &wish);
	point_at_identities(found, (uint32_t)count, identities);
	ret = mk_devices_choose(identities, (uint32_t)count, &wish, 0, &index);
	if (!ret) {
		describe(identities[index], device);
		device->is_chosen = true;
	}
	free(found);
	return ret;
}

// SPDX-License-Identifier: MIT
#include "placement.h"

#include <errno.h>
#include <stdio.h>

#include <mk/probe.h>

#include "error.h"

static VkMemoryPropertyFlags type_flags(const struct mk_vk_device *device, uint32_t type)
{
	VkPhysicalDeviceMemoryProperties properties;

	vkGetPhysicalDeviceMemoryProperties(device->physical, &properties);
	return properties.memoryTypes[type].propertyFlags;
}

bool mk_placement_is_write_combining(const struct mk_vk_device *device,
				     const struct mk_placement *placement)
{
	if (placement->type < 0)
		return placement->type == MK_AMDGPU_VRAM;
	return !(type_flags(device, (uint32_t)placement->type) &
		 VK_MEMORY_PROPERTY_HOST_CACHED_BIT);
}

bool mk_placement_is_in_vram(const struct mk_vk_device *device, int32_t type)
{
	enum mk_device_type device_type = device->identity.type;

	if (type < 0)
		return type == MK_AMDGPU_VRAM;
	return device_type != MK_DEVICE_CPU && device_type != MK_DEVICE_INTEGRATED &&
	       type_flags(device, (uint32_t)type) & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
}

static bool is_type_same_for_others(const struct mk_vk_device *device, int32_t type)
{
	return type < 0 || !(type_flags(device, (uint32_t)type) & MK_VK_DEVICE_COHERENT);
}

bool mk_placement_is_same_for_others(const struct mk_vk_device *device,
				     const struct mk_placement *placement)
{
	return is_type_same_for_others(device, placement->type) &&
	       is_type_same_for_others(device, placement->cq_type);
}

static const char *import_name(enum mk_import import)
{
	return import == MK_IMPORT_DMA_BUF ? "DMA-buf" : "host pointer";
}

static const char *amdgpu_name(int32_t type)
{
	return type == MK_AMDGPU_VRAM ? "amdgpu VRAM, uncached" : "amdgpu GTT, uncached";
}

/* "device memory (type 5, cached)" */
static void describe_type(const struct mk_vk_device *device, int32_t type, char *text,
			  size_t bytes)
{
	VkMemoryPropertyFlags flags;

	if (type < 0) {
		snprintf(text, bytes, "%s", amdgpu_name(type));
		return;
	}
	flags = type_flags(device, (uint32_t)type);
	snprintf(text, bytes, "%s memory (type %d%s%s)",
		 flags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT ? "device" :
							       "the driver's host",
		 type, flags & VK_MEMORY_PROPERTY_HOST_CACHED_BIT ? ", cached" : "",
		 flags & MK_VK_DEVICE_COHERENT ? ", device-coherent" : "");
}

/* "cq too", or "cq in type 6 (cached)": it always is. */
static void describe_cq(const struct mk_vk_device *device,
			const struct mk_placement *placement, char *text, size_t bytes)
{
	int32_t type = placement->cq_type;

	if (type == MK_HOST_MEMORY)
		snprintf(text, bytes, "cq imported as %s",
			 import_name(placement->import));
	else if (type == placement->type)
		snprintf(text, bytes, "cq too");
	else if (type < 0)
		snprintf(text, bytes, "cq in %s", amdgpu_name(type));
	else
		snprintf(text, bytes, "cq in type %d (cached%s)", type,
			 type_flags(device, (uint32_t)type) & MK_VK_DEVICE_COHERENT ?
				 ", device-coherent" :
				 "");
}

void mk_placement_describe(const struct mk_vk_device *device,
			   const struct mk_placement *placement, char *text, size_t bytes)
{
	char rest[80], cq[80];

	if (placement->type == MK_HOST_MEMORY) {
		snprintf(text, bytes, "host memory, imported as %s",
			 import_name(placement->import));
		return;
	}
	describe_type(device, placement->type, rest, sizeof(rest));
	describe_cq(device, placement, cq, sizeof(cq));
	snprintf(text, bytes, "%s, %s", rest, cq);
}

/* One that is looked for. */
struct search {
	const struct mk_vk_device *device;
	bool in_device;
	enum mk_import import;
	char tried[400]; /* and why it will not do */
	size_t used;
};

static void explain(struct search *search, const struct mk_placement *placement,
		    const char *reason)
{
	char text[160];

	if (search->used >= sizeof(search->tried))
		return;
	mk_placement_describe(search->device, placement, text, sizeof(text));
	search->used += (size_t)snprintf(search->tried + search->used,
					 sizeof(search->tried) - search->used, "; %s: %s",
					 text, reason);
}

/* The fastest of those whose cq is, or is not, imported; false: none is coherent. */
static bool find_fastest(struct search *search, bool has_imported_cq,
			 struct mk_placement *placement)
{
	struct mk_placement placements[MK_PLACEMENTS_LIMIT];
	uint32_t count = mk_placements_list(search->device, placements);
	uint32_t best_ns = UINT32_MAX;

	for (uint32_t i = 0; i < count; i++) {
		struct mk_trial trial;

		if ((placements[i].type != MK_HOST_MEMORY) != search->in_device ||
		    (placements[i].cq_type == MK_HOST_MEMORY) != has_imported_cq ||
		    (search->import != MK_IMPORT_AUTO &&
		     search->import != placements[i].import))
			continue;
		mk_placement_try(search->device, &placements[i], &trial);
		if (trial.is_coherent && trial.p50_ns < best_ns) {
			best_ns = trial.p50_ns;
			*placement = placements[i];
		}
		if (!trial.is_coherent)
			explain(search, &placements[i], trial.reason);
	}
	return best_ns != UINT32_MAX;
}

int mk_placement_choose(const struct mk_vk_device *device, bool in_device,
			enum mk_import import, struct mk_placement *placement)
{
	struct search search = {
		.device = device,
		.in_device = in_device,
		.import = import,
	};

	if (find_fastest(&search, true, placement) ||
	    find_fastest(&search, false, placement))
		return 0;
	return mk_fail(ENODEV,
		       "%s: no %s is seen by both sides while a kernel runs%s.  "
		       "'mkbench probe' shows all that there is",
		       device->identity.name,
		       in_device ? "memory of the device's" : "host memory",
		       search.tried);
}

int mk_placement_take(const struct mk_vk_device *device, uint32_t number,
		      struct mk_placement *placement)
{
	struct mk_placement placements[MK_PLACEMENTS_LIMIT];
	uint32_t count = mk_placements_list(device, placements);
	struct mk_trial trial;

	if (!number || number > count || placements[number - 1].type == MK_HOST_MEMORY)
		return mk_fail(EINVAL,
			       "%s has no placement %u in its memory; 'mkbench probe' "
			       "lists them",
			       device->identity.name, number);
	*placement = placements[number - 1];
	mk_placement_try(device, placement, &trial);
	if (!trial.is_coherent)
		return mk_fail(ENODEV, "%s, placement %u: %s", device->identity.name,
			       number, trial.reason);
	return 0;
}

/* For people -------------------------------------------------------------- */

static void fill_result(const struct mk_vk_device *device,
			const struct mk_placement *placement, uint32_t number,
			const struct mk_trial *trial, struct mk_probe_result *result)
{
	*result = (struct mk_probe_result){
		.number = number,
		.in_device = placement->type != MK_HOST_MEMORY,
		.is_coherent = trial->is_coherent,
		.p50_ns = trial->p50_ns,
		.p99_ns = trial->p99_ns,
	};
	snprintf(result->device, sizeof(result->device), "%s", device->identity.name);
	snprintf(result->driver, sizeof(result->driver), "%s", device->identity.driver);
	mk_placement_describe(device, placement, result->placement,
			      sizeof(result->placement));
	snprintf(result->reason, sizeof(result->reason), "%s", trial->reason);
}

/* The index of what a context there is given; @count: there is nothing. */
static uint32_t find_chosen(const struct mk_vk_device *device, bool in_device,
			    const struct mk_placement *placements, uint32_t count)
{
	struct mk_placement chosen;
	uint32_t i = 0;

	if (mk_placement_choose(device, in_device, MK_IMPORT_AUTO, &chosen))
		return count;
	while (i < count && !mk_placement_is_same(&placements[i], &chosen))
		i++;
	return i;
}

static void probe_device(const struct mk_vk_device *device,
			 struct mk_probe_result *results, size_t capacity, size_t *count)
{
	struct mk_placement placements[MK_PLACEMENTS_LIMIT];
	uint32_t tried = mk_placements_list(device, placements);
	size_t first = *count;

	for (uint32_t i = 0; i < tried; i++) {
		struct mk_trial trial;

		mk_placement_try_anew(device, &placements[i], &trial);
		if (*count < capacity)
			fill_result(device, &placements[i], i + 1, &trial,
				    &results[*count]);
		++*count;
	}
	for (int in_device = 0; in_device <= 1; in_device++) {
		uint32_t chosen = find_chosen(device, in_device, placements, tried);

		if (chosen < tried && first + chosen < capacity)
			results[first + chosen].is_chosen = 1;
	}
}

int mk_probe(const char *device, struct mk_probe_result *results, size_t capacity,
	     size_t *count)
{
	struct mk_device_wish wish;
	int ret = 0;

	mk_device_wish_read(device, &wish);
	wish.takes_several = true;
	*count = 0;
	for (uint32_t rank = 0; !ret; rank++) {
		struct mk_vk_device opened;

		ret = mk_vk_device_open(&wish, rank, &opened);
		if (ret)
			break;
		probe_device(&opened, results, capacity, count);
		mk_vk_device_close(&opened);
	}
	if (!*count)
		return ret;
	if (*count <= capacity)
		return 0;
	*count = capacity;
	return mk_fail(ENOSPC, "room for %zu results of a probe; there are more",
		       capacity);
}

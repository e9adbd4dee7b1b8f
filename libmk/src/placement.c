// SPDX-License-Identifier: MIT
#include "placement.h"

#include <errno.h>
#include <stdio.h>

#include <mk/probe.h>

#include "error.h"

#define DEVICE_COHERENT                               \
	(VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD | \
	 VK_MEMORY_PROPERTY_DEVICE_UNCACHED_BIT_AMD)

static VkMemoryPropertyFlags type_flags(const struct mk_vk_device *device, uint32_t type)
{
	VkPhysicalDeviceMemoryProperties properties;

	vkGetPhysicalDeviceMemoryProperties(device->physical, &properties);
	return properties.memoryTypes[type].propertyFlags;
}

static void add_imports(const struct mk_vk_device *device, int32_t type,
			struct mk_placement *placements, uint32_t *count)
{
	if (device->imports_dma_bufs)
		placements[(*count)++] = (struct mk_placement){ type, MK_IMPORT_DMA_BUF };
	if (device->imports_host_pointers)
		placements[(*count)++] =
			(struct mk_placement){ type, MK_IMPORT_HOST_POINTER };
}

uint32_t mk_placements_list(const struct mk_vk_device *device,
			    struct mk_placement placements[MK_PLACEMENTS_LIMIT])
{
	const VkMemoryPropertyFlags wanted = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
					     VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
	/* Memory that takes more than that has to be asked for by a feature. */
	const VkMemoryPropertyFlags known =
		wanted | VK_MEMORY_PROPERTY_HOST_CACHED_BIT |
		VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT |
		(device->has_device_coherent ? DEVICE_COHERENT : 0);
	VkPhysicalDeviceMemoryProperties properties;
	uint32_t count = 0;

	add_imports(device, MK_HOST_MEMORY, placements, &count);
	vkGetPhysicalDeviceMemoryProperties(device->physical, &properties);
	for (uint32_t i = 0; i < properties.memoryTypeCount; i++) {
		VkMemoryPropertyFlags flags = properties.memoryTypes[i].propertyFlags;

		if ((flags & wanted) == wanted && !(flags & ~known))
			add_imports(device, (int32_t)i, placements, &count);
	}
	if (device->identity.is_radv && device->imports_dma_bufs) {
		add_imports(device, MK_AMDGPU_GTT, placements, &count);
		add_imports(device, MK_AMDGPU_VRAM, placements, &count);
	}
	return count;
}

bool mk_placement_is_write_combining(const struct mk_vk_device *device,
				     const struct mk_placement *placement)
{
	if (placement->type < 0)
		return placement->type == MK_AMDGPU_VRAM;
	return !(type_flags(device, (uint32_t)placement->type) &
		 VK_MEMORY_PROPERTY_HOST_CACHED_BIT);
}

bool mk_placement_is_in_vram(const struct mk_vk_device *device,
			     const struct mk_placement *placement)
{
	enum mk_device_type type = device->identity.type;

	if (placement->type < 0)
		return placement->type == MK_AMDGPU_VRAM;
	return type != MK_DEVICE_CPU && type != MK_DEVICE_INTEGRATED &&
	       type_flags(device, (uint32_t)placement->type) &
		       VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
}

bool mk_placement_is_same_for_others(const struct mk_vk_device *device,
				     const struct mk_placement *placement)
{
	return placement->type < 0 ||
	       !(type_flags(device, (uint32_t)placement->type) & DEVICE_COHERENT);
}

void mk_placement_describe(const struct mk_vk_device *device,
			   const struct mk_placement *placement, char *text, size_t bytes)
{
	const char *import = placement->import == MK_IMPORT_DMA_BUF ? "DMA-buf" :
								      "host pointer";
	VkMemoryPropertyFlags flags;

	if (placement->type == MK_HOST_MEMORY) {
		snprintf(text, bytes, "host memory, imported as %s", import);
		return;
	}
	if (placement->type < 0) {
		snprintf(text, bytes, "amdgpu %s, uncached, cq imported as %s",
			 placement->type == MK_AMDGPU_VRAM ? "VRAM" : "GTT", import);
		return;
	}
	flags = type_flags(device, (uint32_t)placement->type);
	snprintf(text, bytes, "%s memory (type %d%s%s), cq imported as %s",
		 flags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT ? "device" :
							       "the driver's host",
		 placement->type,
		 flags & VK_MEMORY_PROPERTY_HOST_CACHED_BIT ? ", cached" : "",
		 flags & DEVICE_COHERENT ? ", device-coherent" : "", import);
}

int mk_placement_choose(const struct mk_vk_device *device, bool in_device,
			enum mk_import import, struct mk_placement *placement)
{
	struct mk_placement placements[MK_PLACEMENTS_LIMIT];
	uint32_t count = mk_placements_list(device, placements);
	uint32_t best_ns = UINT32_MAX;
	char tried[400] = "";
	size_t used = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct mk_trial trial;
		char text[100];

		if ((placements[i].type != MK_HOST_MEMORY) != in_device ||
		    (import != MK_IMPORT_AUTO && import != placements[i].import))
			continue;
		mk_placement_try(device, &placements[i], &trial);
		if (trial.is_coherent && trial.p50_ns < best_ns) {
			best_ns = trial.p50_ns;
			*placement = placements[i];
		}
		mk_placement_describe(device, &placements[i], text, sizeof(text));
		if (!trial.is_coherent && used < sizeof(tried))
			used += (size_t)snprintf(tried + used, sizeof(tried) - used,
						 "; %s: %s", text, trial.reason);
	}
	if (best_ns != UINT32_MAX)
		return 0;
	return mk_fail(ENODEV,
		       "%s: no %s is seen by both sides while a kernel runs%s.  "
		       "'mkbench probe' shows all that there is",
		       device->identity.name,
		       in_device ? "memory of the device's" : "host memory", tried);
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
	while (i < count && (placements[i].type != chosen.type ||
			     placements[i].import != chosen.import))
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

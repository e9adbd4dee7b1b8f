// SPDX-License-Identifier: MIT
/* Which placements there are to try on a device. */
#include "placement.h"

#define HOST_COHERENT \
	(VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT)

/* A list that is made. */
struct list {
	const struct mk_vk_device *device;
	VkPhysicalDeviceMemoryProperties properties;
	struct mk_placement *placements;
	uint32_t count;
};

static VkMemoryPropertyFlags flags_of(const struct list *list, uint32_t type)
{
	return list->properties.memoryTypes[type].propertyFlags;
}

static void add_imports(struct list *list, int32_t type)
{
	if (list->device->imports_dma_bufs)
		list->placements[list->count++] =
			(struct mk_placement){ type, MK_IMPORT_DMA_BUF, MK_HOST_MEMORY };
	if (list->device->imports_host_pointers)
		list->placements[list->count++] =
			(struct mk_placement){ type, MK_IMPORT_HOST_POINTER,
					       MK_HOST_MEMORY };
}

static void add_allocated(struct list *list, int32_t type, int32_t cq_type)
{
	list->placements[list->count++] =
		(struct mk_placement){ type, MK_IMPORT_AUTO, cq_type };
}

/* Whether the host can map it, and it needs no feature that was not asked for. */
static bool is_usable(const struct list *list, uint32_t type)
{
	const VkMemoryPropertyFlags known =
		HOST_COHERENT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT |
		VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT |
		(list->device->has_device_coherent ? MK_VK_DEVICE_COHERENT : 0);
	VkMemoryPropertyFlags flags = flags_of(list, type);

	return (flags & HOST_COHERENT) == HOST_COHERENT && !(flags & ~known);
}

static bool is_first_of_its_kind(const struct list *list, uint32_t type)
{
	for (uint32_t i = 0; i < type; i++)
		if (flags_of(list, i) == flags_of(list, type))
			return false;
	return true;
}

/* Whether the device has memory that its caches leave out, and this is some. */
static bool is_as_coherent_as_any(const struct list *list, uint32_t type)
{
	if (flags_of(list, type) & MK_VK_DEVICE_COHERENT)
		return true;
	for (uint32_t i = 0; i < list->properties.memoryTypeCount; i++)
		if (is_usable(list, i) && flags_of(list, i) & MK_VK_DEVICE_COHERENT)
			return false;
	return true;
}

/*
 * The host polls the cq, and processes change leases in it by compare-and-swap, so that it
 * must be in the host's caches; and it is what tells what was done, when a reset has lost
 * what lies in VRAM.  -1: there is no such type.
 */
static int32_t find_cq_type(const struct list *list)
{
	for (uint32_t i = 0; i < list->properties.memoryTypeCount; i++)
		if (is_usable(list, i) && is_as_coherent_as_any(list, i) &&
		    flags_of(list, i) & VK_MEMORY_PROPERTY_HOST_CACHED_BIT &&
		    !mk_placement_is_in_vram(list->device, (int32_t)i))
			return (int32_t)i;
	return -1;
}

/*
 * One type for the cq with each for the rest is all that can be the better one of its kind:
 * two types of the same flags are the same memory, and where there are device-coherent
 * ones the device's caches keep what is in the others.
 */
static void add_types_with_cq(struct list *list)
{
	int32_t cq_type = find_cq_type(list);

	for (uint32_t i = 0; cq_type >= 0 && i < list->properties.memoryTypeCount; i++)
		if (is_usable(list, i) && is_first_of_its_kind(list, i) &&
		    is_as_coherent_as_any(list, i))
			add_allocated(list, (int32_t)i, cq_type);
}

uint32_t mk_placements_list(const struct mk_vk_device *device,
			    struct mk_placement placements[MK_PLACEMENTS_LIMIT])
{
	bool has_amdgpu = device->identity.is_radv && device->imports_dma_bufs;
	struct list list = { .device = device, .placements = placements };

	vkGetPhysicalDeviceMemoryProperties(device->physical, &list.properties);
	add_imports(&list, MK_HOST_MEMORY);
	for (uint32_t i = 0; i < list.properties.memoryTypeCount; i++)
		if (is_usable(&list, i))
			add_imports(&list, (int32_t)i);
	if (has_amdgpu) {
		add_imports(&list, MK_AMDGPU_GTT);
		add_imports(&list, MK_AMDGPU_VRAM);
	}
	add_types_with_cq(&list);
	/* A kernel that gives uncached memory for the cq gives it for the rest. */
	if (has_amdgpu) {
		add_allocated(&list, MK_AMDGPU_GTT, MK_AMDGPU_GTT);
		add_allocated(&list, MK_AMDGPU_VRAM, MK_AMDGPU_GTT);
	}
	return list.count;
}

bool mk_placement_is_same(const struct mk_placement *a, const struct mk_placement *b)
{
	return a->type == b->type && a->import == b->import && a->cq_type == b->cq_type;
}

int32_t mk_placement_type(const struct mk_placement *placement, uint32_t memory)
{
	return memory == MK_REGION_CQ ? placement->cq_type : placement->type;
}

/* SPDX-License-Identifier: MIT */
/* A Vulkan device that can run the resident kernel. */
#ifndef MK_SRC_VK_DEVICE_H
#define MK_SRC_VK_DEVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <vulkan/vulkan.h>

#include "device_choice.h"

/* What buffers of the resident kernel's are for. */
#define MK_VK_BUFFER_USAGE \
	(VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT)

/* Of types of memory that the device's caches leave out; see has_device_coherent. */
#define MK_VK_DEVICE_COHERENT                         \
	(VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD | \
	 VK_MEMORY_PROPERTY_DEVICE_UNCACHED_BIT_AMD)

struct mk_vk_device {
	struct mk_device_identity identity;
	VkPhysicalDevice physical;
	VkDevice device;
	VkQueue queue;
	uint32_t queue_family;
	const char *priority_extension; /* NULL: no queue has a priority of its choice */
	const char *priority; /* of the queue among those of all programs; NULL: default */
	bool tells_faults;    /* of a device that is lost, by an extension */
	/*
	 * Pipelines may be without bounds checks, which NVIDIA's driver makes even where no
	 * feature asks for them: a fifth of the resident kernel's code.  The kernel checks
	 * what it is given by others itself.
	 */
	bool can_leave_out_checks;
	bool fixes_subgroups; /* to the size that a pipeline wants */
	bool imports_host_pointers;
	bool has_descriptors; /* memory can come as a descriptor, or become one */
	bool imports_dma_bufs;
	/* As what other processes get the device's memory; 0: they cannot. */
	VkExternalMemoryHandleTypeFlagBits export_type;
	/*
	 * Also memory of types that a buffer of exported memory is said not to have:
	 * NVIDIA's driver (580) leaves out the one that is the device's and the host sees,
	 * and yet exports it, imports it and runs on it.
	 */
	bool exports_any_type;
	bool has_multiprocessor_counts; /* an extension of NVIDIA's */
	bool has_device_coherent;	/* types of memory of AMD's, by a feature */
	VkDeviceSize host_pointer_alignment;
	VkDeviceSize storage_buffer_limit; /* bytes of one buffer */
	uint32_t workgroup_limit;
	uint32_t subgroup_size;
	uint32_t multiprocessors; /* 0: not known */
	bool is_cpu;
	uint32_t step_limit; /* loop iterations of one invocation */
	uint8_t driver_uuid[VK_UUID_SIZE];
	uint32_t driver_version;
};

/*
 * All devices, those that do not fit too, as the loader has them, and not opened; free()
 * gives them back.  Returns how many, at most MK_DEVICES_LIMIT, or a negative errno.
 */
int mk_vk_devices_list(struct mk_vk_device **devices);

/*
 * Open the device of number @rank, from 0, among those that fit and that are wished for,
 * in the order of preference.  Errors as of mk_devices_choose().
 */
int mk_vk_device_open(const struct mk_device_wish *wish, uint32_t rank,
		      struct mk_vk_device *device);

/*
 * Open the device again that @lost is or was, as @device: it is the same one, and known to
 * fit.  Nothing is done to @lost.
 */
int mk_vk_device_reopen(const struct mk_vk_device *lost, struct mk_vk_device *device);

/* The most extensions that a device is opened with, but for that of its priority. */
#define MK_VK_EXTENSIONS_LIMIT 8

/* Only while no dispatch is under way.  A zeroed device is allowed. */
void mk_vk_device_close(struct mk_vk_device *device);

/* Turn a VkResult that is an error into a negative errno and a text. */
int mk_vk_fail(VkResult result, const char *what);

#endif /* MK_SRC_VK_DEVICE_H */

// SPDX-License-Identifier: MIT
/*
 * The obvious resident kernel, naive.comp: a slot for each lane, a compare-and-swap for
 * each claim, one counter for all.  Its ring lies in the one kind of memory in which
 * host and device see each other's stores: on a device across a bus that is the
 * device's, which the host reads slowly; elsewhere the host's.
 *
 * A dispatch is bounded by iterations: milliseconds, and fewer than the 65535 after
 * which llvmpipe of Mesa 22.3 leaves a loop.  A thread submits the next one.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "baselines.h"
#include "naive.spv.h"
#include "progress.h"
#include "sampling.h"
#include "vulkan.h"
#include "work.h"

#define DISPATCH_ITERATIONS 50000u
#define DEVICE_SLOTS	    1024u
#define WARM_UP_TRIPS	    200
#define TRIPS_BETWEEN_LOOKS 64
#define SLOTS_BETWEEN_LOOKS 256
#define SPINS_BETWEEN_LOOKS 1024

/* As naive.comp has it. */
struct naive_memory {
	_Atomic uint32_t stop;
	_Atomic uint32_t count;
	uint32_t reserved[30];
	_Atomic uint32_t observables[WORK_WORDS];
	_Atomic uint32_t slots[][MK_SLOT_WORDS];
};

struct naive {
	struct vulkan_device device;
	VkBuffer buffer;
	VkDeviceMemory allocation;
	struct naive_memory *memory;
	uint32_t slots;
	uint32_t lanes; /* of a workgroup */
	VkDescriptorSetLayout set_layout;
	VkDescriptorPool set_pool;
	VkDescriptorSet set;
	struct vulkan_kernel kernel;
	VkCommandBuffer commands;
	VkFence fence;
	pthread_t thread;
	atomic_bool end;
	atomic_bool failed; /* the thread ended, and said why */
	bool stuck;	    /* the device may still use all of this */
	uint64_t published;
};

/* Memory ------------------------------------------------------------------ */

#define HOST_SEES \
	(VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT)

static bool find_memory_type(const struct naive *naive, uint32_t allowed,
			     VkMemoryPropertyFlags wanted, uint32_t *index)
{
	VkPhysicalDeviceMemoryProperties properties;

	vkGetPhysicalDeviceMemoryProperties(naive->device.physical, &properties);
	for (*index = 0; *index < properties.memoryTypeCount; (*index)++)
		if ((allowed & (1u << *index)) &&
		    (properties.memoryTypes[*index].propertyFlags & wanted) == wanted)
			return true;
	return false;
}

static int choose_memory(const struct naive *naive, uint32_t allowed, uint32_t *index,
			 struct naive_result *result)
{
	bool across_bus = naive->device.type == MK_DEVICE_DISCRETE;
	VkMemoryPropertyFlags place = across_bus ? VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT :
						   VK_MEMORY_PROPERTY_HOST_CACHED_BIT;

	result->memory = across_bus ? "device" : "host";
	if (find_memory_type(naive, allowed, HOST_SEES | place, index) ||
	    (!across_bus && find_memory_type(naive, allowed, HOST_SEES, index)))
		return 0;
	fprintf(stderr,
		"mkbench: naive: had no coherent memory of the %s that both see\n",
		result->memory);
	return -ENODEV;
}

static int map_memory(struct naive *naive, uint32_t type, VkDeviceSize bytes)
{
	const VkMemoryAllocateInfo allocate = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.allocationSize = bytes,
		.memoryTypeIndex = type,
	};
	void *mapping;
	VkResult result = vkAllocateMemory(naive->device.device, &allocate, NULL,
					   &naive->allocation);

	if (result)
		return vulkan_failed("vkAllocateMemory", result);
	result = vkMapMemory(naive->device.device, naive->allocation, 0, VK_WHOLE_SIZE, 0,
			     &mapping);
	if (result)
		return vulkan_failed("vkMapMemory", result);
	memset(mapping, 0, bytes);
	naive->memory = mapping;
	result = vkBindBufferMemory(naive->device.device, naive->buffer,
				    naive->allocation, 0);
	return result ? vulkan_failed("vkBindBufferMemory", result) : 0;
}

static int make_memory(struct naive *naive, struct naive_result *naive_result)
{
	const VkBufferCreateInfo create = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.size = sizeof(*naive->memory) +
			(VkDeviceSize)naive->slots * MK_SLOT_BYTES,
		.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
	};
	VkMemoryRequirements requirements;
	VkResult result;
	uint32_t type;
	int error;

	result = vkCreateBuffer(naive->device.device, &create, NULL, &naive->buffer);
	if (result)
		return vulkan_failed("vkCreateBuffer", result);
	vkGetBufferMemoryRequirements(naive->device.device, naive->buffer, &requirements);
	error = choose_memory(naive, requirements.memoryTypeBits, &type, naive_result);
	return error ? error : map_memory(naive, type, requirements.size);
}

/* Kernel ------------------------------------------------------------------ */

static int make_set_layout(struct naive *naive)
{
	const VkDescriptorSetLayoutBinding binding = {
		.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
		.descriptorCount = 1,
		.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
	};
	const VkDescriptorSetLayoutCreateInfo create = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
		.bindingCount = 1,
		.pBindings = &binding,
	};
	VkResult result = vkCreateDescriptorSetLayout(naive->device.device, &create, NULL,
						      &naive->set_layout);

	return result ? vulkan_failed("vkCreateDescriptorSetLayout", result) : 0;
}

static int make_set(struct naive *naive)
{
	const VkDescriptorPoolSize size = { VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1 };
	const VkDescriptorPoolCreateInfo create = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
		.maxSets = 1,
		.poolSizeCount = 1,
		.pPoolSizes = &size,
	};
	VkDescriptorSetAllocateInfo allocate = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
		.descriptorSetCount = 1,
		.pSetLayouts = &naive->set_layout,
	};
	const VkDescriptorBufferInfo buffer = { naive->buffer, 0, VK_WHOLE_SIZE };
	VkWriteDescriptorSet write = {
		.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
		.descriptorCount = 1,
		.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
		.pBufferInfo = &buffer,
	};
	VkResult result = vkCreateDescriptorPool(naive->device.device, &create, NULL,
						 &naive->set_pool);

	if (result)
		return vulkan_failed("vkCreateDescriptorPool", result);
	allocate.descriptorPool = naive->set_pool;
	result = vkAllocateDescriptorSets(naive->device.device, &allocate, &naive->set);
	if (result)
		return vulkan_failed("vkAllocateDescriptorSets", result);
	write.dstSet = naive->set;
	vkUpdateDescriptorSets(naive->device.device, 1, &write, 0, NULL);
	return 0;
}

static int make_kernel(struct naive *naive)
{
	const uint32_t constants[] = { naive->lanes, DISPATCH_ITERATIONS };
	const VkSpecializationMapEntry entries[] = {
		{ 0, 0, sizeof(constants[0]) },
		{ 1, sizeof(constants[0]), sizeof(constants[0]) },
	};
	const VkSpecializationInfo specialization = {
		.mapEntryCount = 2,
		.pMapEntries = entries,
		.dataSize = sizeof(constants),
		.pData = constants,
	};
	int error = make_set_layout(naive);

	if (!error)
		error = make_set(naive);
	if (!error)
		error = vulkan_make_kernel(&naive->device, naive_spirv,
					   sizeof(naive_spirv), naive->set_layout,
					   &specialization, &naive->kernel);
	if (!error)
		error = vulkan_record(&naive->device, &naive->kernel, naive->set,
				      naive->slots / naive->lanes, &naive->commands);
	return error ? error : vulkan_make_fence(&naive->device, &naive->fence);
}

/* On a processor only lanes that run at once may own a slot, or it waits for long. */
static void choose_lanes(struct naive *naive, uint32_t workgroups)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	naive->lanes = naive->device.subgroup_size ? naive->device.subgroup_size : 1;
	if (naive->device.type != MK_DEVICE_CPU)
		workgroups = (DEVICE_SLOTS + naive->lanes - 1) / naive->lanes;
	else if (!workgroups)
		workgroups = cores > 2 ? (uint32_t)cores - 1 : 1;
	naive->slots = workgroups * naive->lanes;
}

static int open_naive(struct naive *naive, const char *device, uint32_t workgroups,
		      struct naive_result *result)
{
	int error = vulkan_open(device, &naive->device);

	if (error)
		return error;
	choose_lanes(naive, workgroups);
	error = make_memory(naive, result);
	return error ? error : make_kernel(naive);
}

static void close_naive(struct naive *naive)
{
	VkDevice device = naive->device.device;

	if (naive->stuck)
		return;
	if (device) {
		vkDestroyFence(device, naive->fence, NULL);
		vulkan_free_kernel(&naive->device, &naive->kernel);
		vkDestroyDescriptorPool(device, naive->set_pool, NULL);
		vkDestroyDescriptorSetLayout(device, naive->set_layout, NULL);
		vkDestroyBuffer(device, naive->buffer, NULL);
		vkFreeMemory(device, naive->allocation, NULL);
	}
	vulkan_close(&naive->device);
}

/* Dispatches -------------------------------------------------------------- */

static int dispatch_once(struct naive *naive)
{
	int error = vulkan_submit(&naive->device, naive->commands, naive->fence);
	VkResult result;

	if (error)
		return error;
	result = vkWaitForFences(naive->device.device, 1, &naive->fence, VK_TRUE,
				 PATIENCE_NS);
	naive->stuck = result == VK_TIMEOUT;
	if (result)
		return vulkan_failed("vkWaitForFences", result);
	result = vkResetFences(naive->device.device, 1, &naive->fence);
	return result ? vulkan_failed("vkResetFences", result) : 0;
}

static void *keep_dispatching(void *argument)
{
	struct naive *naive = argument;

	while (!atomic_load(&naive->end)) {
		if (dispatch_once(naive)) {
			atomic_store(&naive->failed, true);
			break;
		}
	}
	return NULL;
}

/* The producer ------------------------------------------------------------ */

/*
 * What was stored before is on its way before what follows, also out of the buffers in
 * which a processor combines stores to a device's memory.
 */
static void order_stores(void)
{
#ifdef __x86_64__
	__builtin_ia32_sfence();
#endif
	atomic_thread_fence(memory_order_seq_cst);
}

/* Waits until a slot is free, which it also is when it has been executed. */
static int await_slot(const struct naive *naive, uint32_t slot)
{
	uint64_t begin = 0;

	for (uint32_t spins = 1;; spins++) {
		uint32_t status =
			atomic_load_explicit(&naive->memory->slots[slot][MK_SLOT_STATUS],
					     memory_order_acquire);

		if (status == MK_STATUS_EMPTY || status == MK_STATUS_DONE)
			return 0;
		if (spins % SPINS_BETWEEN_LOOKS)
			continue;
		if (!begin)
			begin = now_ns();
		if (atomic_load(&naive->failed))
			return -EIO;
		if (now_ns() - begin > PATIENCE_NS) {
			fprintf(stderr,
				"mkbench: naive: slot %u has had status %u for "
				"10 s, expected DONE\n",
				slot, status);
			return -ETIMEDOUT;
		}
		sched_yield();
	}
}

/* All 64 bytes; the same additions as those of work.c. */
static int publish(struct naive *naive)
{
	uint32_t number = (uint32_t)(naive->published % naive->slots);
	uint32_t word = (uint32_t)(naive->published % WORK_WORDS);
	_Atomic uint32_t *slot = naive->memory->slots[number];
	const uint32_t words[MK_SLOT_WORDS] = {
		[MK_SLOT_OPCODE] = MK_OP_ATOMIC_ADD,
		[MK_SLOT_ARGS] = word + 1,
		[MK_SLOT_ARGS + 1] = word,
	};
	int error = await_slot(naive, number);

	if (error)
		return error;
	for (uint32_t i = MK_SLOT_STATUS + 1; i < MK_SLOT_WORDS; i++)
		atomic_store_explicit(&slot[i], words[i], memory_order_relaxed);
	order_stores();
	atomic_store_explicit(&slot[MK_SLOT_STATUS], MK_STATUS_PUBLISHED,
			      memory_order_release);
	order_stores();
	naive->published++;
	return 0;
}

static int take_trip(void *argument, uint64_t *elapsed_ns)
{
	struct naive *naive = argument;
	uint32_t slot = (uint32_t)(naive->published % naive->slots);
	uint64_t start = now_ns();
	int error = publish(naive);

	if (!error)
		error = await_slot(naive, slot);
	*elapsed_ns = now_ns() - start;
	return error;
}

static int await_all(const struct naive *naive)
{
	int error = 0;

	for (uint32_t slot = 0; slot < naive->slots && !error; slot++)
		error = await_slot(naive, slot);
	return error;
}

static int check_sums(const struct naive *naive)
{
	uint64_t had = 0, wanted = 0;

	for (uint32_t word = 0; word < WORK_WORDS; word++) {
		had += atomic_load(&naive->memory->observables[word]);
		wanted += work_expected(naive->published, word);
	}
	if (had == wanted &&
	    atomic_load(&naive->memory->count) == (uint32_t)naive->published)
		return 0;
	fprintf(stderr,
		"mkbench: naive: counted %u and added up to %llu, expected %llu "
		"and %llu\n",
		atomic_load(&naive->memory->count), (unsigned long long)had,
		(unsigned long long)naive->published, (unsigned long long)wanted);
	return -EIO;
}

static int stream(struct naive *naive, double seconds, struct naive_result *result)
{
	uint64_t duration = seconds_as_ns(seconds), before = naive->published;
	uint64_t begin = now_ns(), spent = 0;
	int error = 0;

	while (!error && spent < duration) {
		for (int i = 0; i < SLOTS_BETWEEN_LOOKS && !error; i++)
			error = publish(naive);
		spent = now_ns() - begin;
		progress_show("naive kernel", (double)spent / (double)duration);
		if (interrupted())
			error = -EINTR;
	}
	if (!error)
		error = await_all(naive);
	result->ns = now_ns() - begin;
	result->completed = naive->published - before;
	progress_end();
	return error ? error : check_sums(naive);
}

static int measure(struct naive *naive, uint32_t samples, double seconds,
		   struct naive_result *result)
{
	const struct sampling sampling = {
		.name = "naive kernel",
		.samples = samples,
		.warm_up = WARM_UP_TRIPS,
		.between_looks = TRIPS_BETWEEN_LOOKS,
		.limit_ns = STAGE_LIMIT_NS,
		.take = take_trip,
		.argument = naive,
	};
	int error = pthread_create(&naive->thread, NULL, keep_dispatching, naive);

	if (error) {
		fprintf(stderr, "mkbench: naive: no thread: %s\n", strerror(error));
		return -error;
	}
	error = take_samples(&sampling, &result->round_trip);
	if (!error)
		error = stream(naive, seconds, result);
	atomic_store(&naive->end, true);
	atomic_store(&naive->memory->stop, 1);
	order_stores();
	pthread_join(naive->thread, NULL);
	return error;
}

int measure_naive(const char *device, uint32_t workgroups, uint32_t samples,
		  double seconds, struct naive_result *result)
{
	struct naive naive = { 0 };
	int error = open_naive(&naive, device, workgroups, result);

	if (!error)
		error = measure(&naive, samples, seconds, result);
	result->slots = naive.slots;
	result->measured = !error;
	close_naive(&naive);
	return error;
}

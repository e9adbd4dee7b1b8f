// SPDX-License-Identifier: MIT
#include "reset_layer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <vulkan/vk_layer.h>
#include <vulkan/vulkan.h>

#define EXPORT	      __attribute__((visibility("default")))
#define DEVICES_LIMIT 64
#define LONG_WAIT_NS  UINT64_C(1000000000)

/* The calls of the driver, or of the next layer. */
struct device {
	void *key; /* NULL: free */
	VkDevice device;
	bool is_lost;
	PFN_vkGetDeviceProcAddr get;
	PFN_vkDestroyDevice destroy;
	PFN_vkDeviceWaitIdle wait_idle;
	PFN_vkBeginCommandBuffer begin;
	PFN_vkQueueSubmit submit;
	PFN_vkWaitForFences wait;
	PFN_vkCreateComputePipelines pipeline;
	PFN_vkAllocateMemory allocate;
	PFN_vkBindBufferMemory bind;
	PFN_vkCreateFence fence;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct device devices[DEVICES_LIMIT];
static PFN_vkGetInstanceProcAddr next_instance_get;
static VkInstance instance;

EXPORT bool reset_layer_use(void)
{
	const char *directory = getenv("MK_RESET_LAYER_DIR");
	const char *others = getenv("VK_INSTANCE_LAYERS");
	char layers[256];

	if (!directory || !*directory) {
		fprintf(stderr,
			"set MK_RESET_LAYER_DIR to the folder of reset_layer.json\n");
		return false;
	}
	snprintf(layers, sizeof(layers), "VK_LAYER_MK_reset%s%s",
		 others && *others ? ":" : "", others ? others : "");
	return !setenv("VK_ADD_LAYER_PATH", directory, 1) &&
	       !setenv("VK_INSTANCE_LAYERS", layers, 1);
}

/* The plan ------------------------------------------------------------------------ */

static struct reset_step plan[RESET_STEPS];
static size_t plan_length, plan_step;
/* Of these steps, those that are over; less than those that have begun. */
static size_t steps_over;
static uint32_t calls_seen;
static struct reset_scene scene;
static atomic_bool is_hanging;

EXPORT void reset_layer_plan(const struct reset_step *steps, size_t count,
			     const struct reset_scene *wanted)
{
	pthread_mutex_lock(&lock);
	plan_length = count;
	if (count)
		memcpy(plan, steps, count * sizeof(*steps));
	plan_step = 0;
	steps_over = 0;
	calls_seen = 0;
	scene = wanted ? *wanted : (struct reset_scene){ 0 };
	pthread_mutex_unlock(&lock);
}

static const char *const call_names[RESET_CALLS] = {
	[RESET_NEVER] = "never",       [RESET_BEGIN] = "begin",
	[RESET_SUBMIT] = "submit",     [RESET_WAIT] = "wait",
	[RESET_DEVICE] = "device",     [RESET_PIPELINE] = "pipeline",
	[RESET_ALLOCATE] = "allocate", [RESET_BIND] = "bind",
	[RESET_FENCE] = "fence",
};

/* Take one step off @text; false when there is none. */
static bool read_step(const char **text, struct reset_step *step)
{
	for (int call = RESET_BEGIN; call < RESET_CALLS; call++) {
		size_t length = strlen(call_names[call]);
		char *end;

		if (strncmp(*text, call_names[call], length) || (*text)[length] != ':')
			continue;
		step->call = (enum reset_call)call;
		step->nth = (uint32_t)strtoul(*text + length + 1, &end, 10);
		*text = *end ? end + 1 : end;
		return true;
	}
	return false;
}

static void read_plan(void)
{
	const char *text = getenv("MK_RESET_PLAN");
	struct reset_step steps[RESET_STEPS];
	size_t count = 0;

	while (text && count < RESET_STEPS && read_step(&text, &steps[count]))
		count++;
	if (count)
		reset_layer_plan(steps, count, NULL);
}

EXPORT bool reset_layer_plan_is_over(void)
{
	bool is_over;

	pthread_mutex_lock(&lock);
	is_over = steps_over == plan_length;
	pthread_mutex_unlock(&lock);
	return is_over;
}

EXPORT void reset_layer_hang(bool hangs)
{
	atomic_store(&is_hanging, hangs);
}

EXPORT size_t reset_layer_steps_over(void)
{
	size_t over;

	pthread_mutex_lock(&lock);
	over = steps_over;
	pthread_mutex_unlock(&lock);
	return over;
}

/* Whether this call is the one that the plan waits for; if so, how to show it. */
static bool is_time(enum reset_call call, struct reset_scene *shown)
{
	bool is = false;

	pthread_mutex_lock(&lock);
	if (plan_step < plan_length && plan[plan_step].call == call &&
	    ++calls_seen == plan[plan_step].nth) {
		plan_step++;
		calls_seen = 0;
		*shown = scene;
		is = true;
	}
	pthread_mutex_unlock(&lock);
	return is;
}

/* The scene of such a call is not used any more. */
static void end_step(void)
{
	pthread_mutex_lock(&lock);
	steps_over++;
	pthread_mutex_unlock(&lock);
}

/* Devices ------------------------------------------------------------------------- */

/* The loader's table, which a device shares with its queues and command buffers. */
static void *key_of(const void *handle)
{
	return *(void *const *)handle;
}

/* That of a handle; of NULL a free one, or NULL. */
static struct device *find(const void *handle)
{
	const void *key = handle ? key_of(handle) : NULL;
	struct device *found = NULL;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < DEVICES_LIMIT && !found; i++)
		if (devices[i].key == key)
			found = &devices[i];
	pthread_mutex_unlock(&lock);
	return found;
}

/* A lost device has nothing under way any more when this returns. */
static void lose(struct device *device, const struct reset_scene *shown)
{
	if (shown->before)
		shown->before(shown->data);
	device->wait_idle(device->device);
	if (shown->after)
		shown->after(shown->data);
	device->is_lost = true;
	end_step();
}

/* Whether a call has to say that its device is lost, now or since before. */
static bool is_lost(struct device *device, enum reset_call call)
{
	struct reset_scene shown;

	if (!device->is_lost && is_time(call, &shown))
		lose(device, &shown);
	return device->is_lost;
}

/* Calls --------------------------------------------------------------------------- */

static VkResult VKAPI_CALL begin(VkCommandBuffer commands,
				 const VkCommandBufferBeginInfo *info)
{
	struct device *device = find(commands);

	return is_lost(device, RESET_BEGIN) ? VK_ERROR_DEVICE_LOST :
					      device->begin(commands, info);
}

static VkResult VKAPI_CALL submit(VkQueue queue, uint32_t count,
				  const VkSubmitInfo *submits, VkFence fence)
{
	struct device *device = find(queue);

	return is_lost(device, RESET_SUBMIT) ?
		       VK_ERROR_DEVICE_LOST :
		       device->submit(queue, count, submits, fence);
}

static VkResult VKAPI_CALL wait_for_fences(VkDevice handle, uint32_t count,
					   const VkFence *fences, VkBool32 all,
					   uint64_t timeout)
{
	struct device *device = find(handle);

	if (atomic_load(&is_hanging)) {
		if (timeout < LONG_WAIT_NS)
			nanosleep(&(struct timespec){ .tv_nsec = (long)timeout }, NULL);
		return VK_TIMEOUT;
	}
	return is_lost(device, RESET_WAIT) ?
		       VK_ERROR_DEVICE_LOST :
		       device->wait(handle, count, fences, all, timeout);
}

static VkResult VKAPI_CALL wait_idle(VkDevice handle)
{
	struct device *device = find(handle);
	VkResult ret = device->wait_idle(handle);

	return device->is_lost ? VK_ERROR_DEVICE_LOST : ret;
}

static VkResult VKAPI_CALL pipeline(VkDevice handle, VkPipelineCache cache,
				    uint32_t count,
				    const VkComputePipelineCreateInfo *infos,
				    const VkAllocationCallbacks *allocator,
				    VkPipeline *pipelines)
{
	struct device *device = find(handle);

	return is_lost(device, RESET_PIPELINE) ?
		       VK_ERROR_DEVICE_LOST :
		       device->pipeline(handle, cache, count, infos, allocator,
					pipelines);
}

static VkResult VKAPI_CALL allocate(VkDevice handle, const VkMemoryAllocateInfo *info,
				    const VkAllocationCallbacks *allocator,
				    VkDeviceMemory *memory)
{
	struct device *device = find(handle);

	return is_lost(device, RESET_ALLOCATE) ?
		       VK_ERROR_DEVICE_LOST :
		       device->allocate(handle, info, allocator, memory);
}

static VkResult VKAPI_CALL bind(VkDevice handle, VkBuffer buffer, VkDeviceMemory memory,
				VkDeviceSize offset)
{
	struct device *device = find(handle);

	return is_lost(device, RESET_BIND) ? VK_ERROR_DEVICE_LOST :
					     device->bind(handle, buffer, memory, offset);
}

static VkResult VKAPI_CALL fence(VkDevice handle, const VkFenceCreateInfo *info,
				 const VkAllocationCallbacks *allocator, VkFence *result)
{
	struct device *device = find(handle);

	return is_lost(device, RESET_FENCE) ?
		       VK_ERROR_DEVICE_LOST :
		       device->fence(handle, info, allocator, result);
}

/* Creation ------------------------------------------------------------------------ */

static void *device_call(struct device *device, const char *name)
{
	void *call;

	/* ISO C has no conversion of a function's address. */
	PFN_vkVoidFunction found = device->get(device->device, name);

	memcpy(&call, &found, sizeof(call));
	return call;
}

static void fill(struct device *device)
{
	*(void **)&device->destroy = device_call(device, "vkDestroyDevice");
	*(void **)&device->wait_idle = device_call(device, "vkDeviceWaitIdle");
	*(void **)&device->begin = device_call(device, "vkBeginCommandBuffer");
	*(void **)&device->submit = device_call(device, "vkQueueSubmit");
	*(void **)&device->wait = device_call(device, "vkWaitForFences");
	*(void **)&device->pipeline = device_call(device, "vkCreateComputePipelines");
	*(void **)&device->allocate = device_call(device, "vkAllocateMemory");
	*(void **)&device->bind = device_call(device, "vkBindBufferMemory");
	*(void **)&device->fence = device_call(device, "vkCreateFence");
}

static VkLayerDeviceCreateInfo *device_link(const VkDeviceCreateInfo *info)
{
	VkLayerDeviceCreateInfo *link = (VkLayerDeviceCreateInfo *)info->pNext;

	while (link && (link->sType != VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO ||
			link->function != VK_LAYER_LINK_INFO))
		link = (VkLayerDeviceCreateInfo *)link->pNext;
	return link;
}

static VkResult VKAPI_CALL create_device(VkPhysicalDevice physical,
					 const VkDeviceCreateInfo *info,
					 const VkAllocationCallbacks *allocator,
					 VkDevice *result)
{
	VkLayerDeviceCreateInfo *link = device_link(info);
	PFN_vkGetInstanceProcAddr instance_get;
	PFN_vkGetDeviceProcAddr device_get;
	PFN_vkCreateDevice create;
	struct reset_scene shown;
	struct device *device;
	VkResult ret;

	if (!link)
		return VK_ERROR_INITIALIZATION_FAILED;
	instance_get = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
	device_get = link->u.pLayerInfo->pfnNextGetDeviceProcAddr;
	link->u.pLayerInfo = link->u.pLayerInfo->pNext;
	if (is_time(RESET_DEVICE, &shown)) {
		end_step();
		return VK_ERROR_DEVICE_LOST;
	}
	create = (PFN_vkCreateDevice)instance_get(instance, "vkCreateDevice");
	ret = create(physical, info, allocator, result);
	if (ret)
		return ret;
	device = find(NULL);
	if (!device)
		return VK_ERROR_TOO_MANY_OBJECTS;
	*device = (struct device){ .device = *result, .get = device_get };
	fill(device);
	pthread_mutex_lock(&lock);
	device->key = key_of(*result);
	pthread_mutex_unlock(&lock);
	return VK_SUCCESS;
}

static void VKAPI_CALL destroy_device(VkDevice handle,
				      const VkAllocationCallbacks *allocator)
{
	struct device *device = handle ? find(handle) : NULL;

	if (!device)
		return;
	device->destroy(handle, allocator);
	pthread_mutex_lock(&lock);
	device->key = NULL;
	pthread_mutex_unlock(&lock);
}

static VkLayerInstanceCreateInfo *instance_link(const VkInstanceCreateInfo *info)
{
	VkLayerInstanceCreateInfo *link = (VkLayerInstanceCreateInfo *)info->pNext;

	while (link && (link->sType != VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO ||
			link->function != VK_LAYER_LINK_INFO))
		link = (VkLayerInstanceCreateInfo *)link->pNext;
	return link;
}

static VkResult VKAPI_CALL create_instance(const VkInstanceCreateInfo *info,
					   const VkAllocationCallbacks *allocator,
					   VkInstance *result)
{
	VkLayerInstanceCreateInfo *link = instance_link(info);
	PFN_vkCreateInstance create;
	VkResult ret;

	if (!link)
		return VK_ERROR_INITIALIZATION_FAILED;
	next_instance_get = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
	link->u.pLayerInfo = link->u.pLayerInfo->pNext;
	create = (PFN_vkCreateInstance)next_instance_get(NULL, "vkCreateInstance");
	ret = create(info, allocator, result);
	if (ret)
		return ret;
	instance = *result;
	read_plan();
	return VK_SUCCESS;
}

/* What the loader asks for ---------------------------------------------------------- */

static const struct {
	const char *name;
	PFN_vkVoidFunction call;
} calls[] = {
	{ "vkCreateInstance", (PFN_vkVoidFunction)create_instance },
	{ "vkCreateDevice", (PFN_vkVoidFunction)create_device },
	{ "vkDestroyDevice", (PFN_vkVoidFunction)destroy_device },
	{ "vkDeviceWaitIdle", (PFN_vkVoidFunction)wait_idle },
	{ "vkBeginCommandBuffer", (PFN_vkVoidFunction)begin },
	{ "vkQueueSubmit", (PFN_vkVoidFunction)submit },
	{ "vkWaitForFences", (PFN_vkVoidFunction)wait_for_fences },
	{ "vkCreateComputePipelines", (PFN_vkVoidFunction)pipeline },
	{ "vkAllocateMemory", (PFN_vkVoidFunction)allocate },
	{ "vkBindBufferMemory", (PFN_vkVoidFunction)bind },
	{ "vkCreateFence", (PFN_vkVoidFunction)fence },
};

static PFN_vkVoidFunction own_call(const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (!strcmp(name, calls[i].name))
			return calls[i].call;
	return NULL;
}

static PFN_vkVoidFunction VKAPI_CALL get_device_call(VkDevice handle, const char *name)
{
	PFN_vkVoidFunction own;
	struct device *device;

	if (!strcmp(name, "vkGetDeviceProcAddr"))
		return (PFN_vkVoidFunction)get_device_call;
	own = own_call(name);
	if (own)
		return own;
	device = find(handle);
	return device ? device->get(handle, name) : NULL;
}

static PFN_vkVoidFunction VKAPI_CALL get_instance_call(VkInstance handle,
						       const char *name)
{
	PFN_vkVoidFunction own;

	if (!strcmp(name, "vkGetInstanceProcAddr"))
		return (PFN_vkVoidFunction)get_instance_call;
	if (!strcmp(name, "vkGetDeviceProcAddr"))
		return (PFN_vkVoidFunction)get_device_call;
	own = own_call(name);
	if (own)
		return own;
	return next_instance_get ? next_instance_get(handle, name) : NULL;
}

EXPORT VkResult VKAPI_CALL
vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface *interface)
{
	if (interface->loaderLayerInterfaceVersion < 2)
		return VK_ERROR_INITIALIZATION_FAILED;
	interface->loaderLayerInterfaceVersion = 2;
	interface->pfnGetInstanceProcAddr = get_instance_call;
	interface->pfnGetDeviceProcAddr = get_device_call;
	interface->pfnGetPhysicalDeviceProcAddr = NULL;
	return VK_SUCCESS;
}

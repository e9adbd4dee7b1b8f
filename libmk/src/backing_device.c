// SPDX-License-Identifier: MIT
#include "backing_device.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backing_kmod.h"
#include "bell.h"
#include "device_memories.h"
#include "error.h"
#include "line_store.h"
#include "placement_memory.h"

static const struct mk_device_memories *
device_memories_of_constant(const struct mk_backing *backing)
{
	return backing->ops == &mk_device_backing ?
		       (const struct mk_device_memories *)backing :
		       NULL;
}

static struct mk_backing *host_of(struct mk_backing *backing)
{
	return ((struct mk_device_memories *)backing)->host;
}

const struct mk_vk_device *mk_device_backing_device(const struct mk_backing *backing)
{
	const struct mk_device_memories *memories = device_memories_of_constant(backing);

	return memories ? &memories->device : NULL;
}

const struct mk_placement *mk_device_backing_placement(const struct mk_backing *backing)
{
	const struct mk_device_memories *memories = device_memories_of_constant(backing);

	return memories ? &memories->placement : NULL;
}

const struct mk_vk_buffer *mk_device_backing_buffer(const struct mk_backing *backing,
						    uint32_t memory)
{
	const struct mk_device_memories *memories = device_memories_of_constant(backing);

	return memories && memories->buffers[memory].buffer ? &memories->buffers[memory] :
							      NULL;
}

int mk_device_backing_attach(const struct mk_backing *backing,
			     const struct mk_vk_device *device, uint32_t memory,
			     struct mk_vk_buffer *buffer)
{
	const struct mk_device_memories *memories = device_memories_of_constant(backing);
	int fd, ret;

	if (!mk_placement_is_same_for_others(&memories->device, &memories->placement))
		return mk_fail(ENOTSUP,
			       "the context lies in device-coherent memory of %s, which "
			       "is that on the device that was lost only; create a new "
			       "context",
			       memories->device.identity.name);
	fd = mk_device_memories_descriptor(memories, memory);
	if (fd < 0)
		return fd;
	ret = mk_placement_attach(device, mk_placement_type(&memories->placement, memory),
				  fd, backing->memories[memory].mapped_bytes, buffer);
	close(fd);
	return ret;
}

/* Close ----------------------------------------------------------------------- */

static void device_close(struct mk_backing *backing)
{
	struct mk_device_memories *memories = (struct mk_device_memories *)backing;

	if (memories->device.device)
		for (uint32_t i = 0; i < MK_MEMORIES; i++)
			mk_vk_buffer_destroy(&memories->device, &memories->buffers[i]);
	mk_vk_device_close(&memories->device);
	for (uint32_t i = 0; i < MK_MEMORIES; i++)
		if (memories->fds[i] >= 0)
			close(memories->fds[i]);
	if (memories->host)
		memories->host->ops->close(memories->host);
	free(memories);
}

struct mk_device_memories *mk_device_memories_new(enum mk_role role)
{
	struct mk_device_memories *memories = calloc(1, sizeof(*memories));

	if (!memories) {
		mk_fail(ENOMEM, "no memory for a context");
		return NULL;
	}
	memories->backing.ops = &mk_device_backing;
	memories->backing.role = role;
	memories->backing.split = true;
	for (uint32_t i = 0; i < MK_MEMORIES; i++)
		memories->fds[i] = -1;
	return memories;
}

/* What the driver has mapped futexes cannot be on. */
static bool has_bell(const struct mk_device_memories *memories)
{
	return memories->buffers[MK_REGION_CQ].buffer;
}

void mk_device_memories_finish(struct mk_device_memories *memories,
			       bool way_to_store_is_asked_for)
{
	struct mk_backing *backing = &memories->backing;

	if (!has_bell(memories))
		backing->memories[MK_REGION_CQ] = memories->host->memories[MK_REGION_CQ];
	backing->id = memories->host->id;
	backing->is_volatile =
		mk_placement_is_in_vram(&memories->device, memories->placement.type);
	backing->write_combining =
		way_to_store_is_asked_for ||
		mk_placement_is_write_combining(&memories->device, &memories->placement);
}

void mk_device_memories_set(struct mk_device_memories *memories, uint32_t number,
			    size_t bytes, size_t mapped_bytes)
{
	memories->backing.memories[number] = (struct mk_memory){
		.address = memories->buffers[number].address,
		.bytes = bytes,
		.mapped_bytes = mapped_bytes,
	};
}

/* Choice ---------------------------------------------------------------------- */

static bool has_render_node(void)
{
	DIR *directory = opendir("/dev/dri");
	const struct dirent *entry;
	bool found = false;

	if (!directory)
		return false;
	while (!found && (entry = readdir(directory)))
		found = !strncmp(entry->d_name, "renderD", strlen("renderD"));
	closedir(directory);
	return found;
}

/* Unasked, no driver is woken where there is no sign of a GPU. */
static int device_probe(const struct mk_geometry *geometry)
{
	if (geometry->backing != MK_BACKING_AUTO)
		return 0;
	if (geometry->engine != MK_ENGINE_KIND_VULKAN)
		return mk_fail(ENODEV, "host threads need no device's memory");
	if (!has_render_node() && access("/dev/nvidiactl", F_OK))
		return mk_fail(ENODEV, "there is no GPU here");
	return 0;
}

/* The number of a placement that was asked for; 0 for none. */
static int wanted_placement(const struct mk_geometry *geometry, uint32_t *number)
{
	const char *value = getenv("MK_PLACEMENT");
	char *end;

	*number = geometry->placement;
	if (*number || !value || !*value)
		return 0;
	*number = (uint32_t)strtoul(value, &end, 10);
	if (*end || !*number)
		return mk_fail(EINVAL,
			       "the environment variable MK_PLACEMENT is \"%s\"; it is "
			       "a number from 1, of those that 'mkbench probe' lists",
			       value);
	return 0;
}

static int place(struct mk_device_memories *memories, uint32_t number)
{
	return number ? mk_placement_take(&memories->device, number,
					  &memories->placement) :
			mk_placement_choose(&memories->device, true, MK_IMPORT_AUTO,
					    &memories->placement);
}

static uint32_t round_trip_ns(const struct mk_vk_device *device,
			      const struct mk_placement *placement)
{
	struct mk_trial trial;

	mk_placement_try(device, placement, &trial);
	return trial.p50_ns;
}

/* The best device of all is a GPU that is faster with its own memory. */
static int open_if_better(const struct mk_device_wish *wish,
			  struct mk_device_memories *memories)
{
	const struct mk_vk_device *device = &memories->device;
	struct mk_placement host;
	int ret = mk_vk_device_open(wish, 0, &memories->device);

	if (ret)
		return ret;
	if (device->is_cpu)
		return mk_fail(ENODEV, "%s is a CPU, whose memory is the host's",
			       device->identity.name);
	ret = place(memories, 0);
	if (ret)
		return ret;
	if (!mk_placement_choose(device, false, MK_IMPORT_AUTO, &host) &&
	    round_trip_ns(device, &host) <= round_trip_ns(device, &memories->placement))
		return mk_fail(ENODEV, "%s is as fast with the host's memory",
			       device->identity.name);
	return 0;
}

/* The first device that has memory which both sides see. */
static int open_first(const struct mk_device_wish *wish, uint32_t number,
		      struct mk_device_memories *memories)
{
	char reason[512] = "";
	int ret;

	for (uint32_t rank = 0;; rank++) {
		ret = mk_vk_device_open(wish, rank, &memories->device);
		if (ret)
			break;
		ret = place(memories, number);
		if (!ret)
			return 0;
		/* What the best one lacks says more than that there is no other. */
		if (!rank)
			snprintf(reason, sizeof(reason), "%s", mk_error_text());
		mk_vk_device_close(&memories->device);
	}
	return *reason ? mk_fail(-ret, "%s", reason) : ret;
}

static int open_device(const struct mk_geometry *geometry,
		       struct mk_device_memories *memories)
{
	struct mk_device_wish wish;
	uint32_t number;
	int ret;

	mk_device_wish_or_environment(geometry->device, &wish);
	if (geometry->backing == MK_BACKING_AUTO)
		return open_if_better(&wish, memories);
	ret = wanted_placement(geometry, &number);
	return ret ? ret : open_first(&wish, number, memories);
}

/* Create ---------------------------------------------------------------------- */

static bool allocates_cq(const struct mk_device_memories *memories)
{
	return memories->placement.cq_type != MK_HOST_MEMORY;
}

/*
 * mk.ko can take what is a DMA-buf, and then holds everybody to his role; but the cq must be
 * its own.
 */
static bool can_register(const struct mk_device_memories *memories,
			 const struct mk_geometry *geometry)
{
	return !allocates_cq(memories) &&
	       mk_placement_is_dma_buf(&memories->device, memories->placement.type) &&
	       !mk_kmod_backing.probe(geometry);
}

static int create_host(const struct mk_geometry *geometry,
		       const size_t bytes[MK_MEMORIES],
		       struct mk_device_memories *memories)
{
	const size_t only_cq[MK_MEMORIES] = { [MK_REGION_CQ] = bytes[MK_REGION_CQ] };
	const size_t only_bell[MK_MEMORIES] = { [MK_BELL_MEMORY] = MK_BELL_BYTES };

	memories->is_registered = can_register(memories, geometry);
	if (memories->is_registered)
		return mk_kmod_create_external(geometry, bytes, &memories->host);
	return mk_memfd_backing.create(
		geometry, allocates_cq(memories) ? only_bell : only_cq, &memories->host);
}

static int register_memory(struct mk_device_memories *memories, uint32_t number)
{
	int fd = mk_device_memories_descriptor(memories, number);
	int ret;

	if (fd < 0)
		return fd;
	ret = mk_kmod_import(memories->host, number, fd);
	close(fd);
	return ret;
}

static int create_memory(uint32_t number, size_t bytes,
			 struct mk_device_memories *memories)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t mapped_bytes = (bytes + page - 1) / page * page;
	int ret = mk_placement_allocate(&memories->device,
					mk_placement_type(&memories->placement, number),
					mapped_bytes, &memories->buffers[number],
					&memories->fds[number]);

	if (ret)
		return ret;
	mk_device_memories_set(memories, number, bytes, mapped_bytes);
	return memories->is_registered ? register_memory(memories, number) : 0;
}

static int device_create(const struct mk_geometry *geometry,
			 const size_t bytes[MK_MEMORIES], struct mk_backing **backing)
{
	struct mk_device_memories *memories = mk_device_memories_new(MK_ROLE_OWNER);
	int asked = mk_line_store_is_asked_for();
	int ret = asked < 0 ? asked : 0;

	if (!memories)
		return -ENOMEM;
	if (!ret)
		ret = open_device(geometry, memories);
	if (!ret)
		ret = create_host(geometry, bytes, memories);
	for (uint32_t i = 0; i < MK_MEMORIES && !ret; i++)
		if (bytes[i] && (i != MK_REGION_CQ || allocates_cq(memories)))
			ret = create_memory(i, bytes[i], memories);
	if (ret) {
		mk_device_backing.close(&memories->backing);
		return ret;
	}
	mk_device_memories_finish(memories, asked);
	*backing = &memories->backing;
	return 0;
}

/* What the host's memory knows ------------------------------------------------ */

static int device_hold_engine(struct mk_backing *backing)
{
	return host_of(backing)->ops->hold_engine(host_of(backing));
}

static void device_release_engine(struct mk_backing *backing, int held)
{
	host_of(backing)->ops->release_engine(host_of(backing), held);
}

static bool device_has_engine(struct mk_backing *backing)
{
	return host_of(backing)->ops->has_engine(host_of(backing));
}

static int device_hold_pump(struct mk_backing *backing)
{
	return host_of(backing)->ops->hold_pump(host_of(backing));
}

static void device_release_pump(struct mk_backing *backing, int held)
{
	host_of(backing)->ops->release_pump(host_of(backing), held);
}

static int device_open_identity(struct mk_backing *backing)
{
	return host_of(backing)->ops->open_identity(host_of(backing));
}

static int device_join(struct mk_backing *backing, uint32_t *id)
{
	return host_of(backing)->ops->join(host_of(backing), id);
}

static bool device_is_alive(struct mk_backing *backing, uint32_t id)
{
	return host_of(backing)->ops->is_alive(host_of(backing), id);
}

static void device_sleep(struct mk_backing *backing, uint32_t memory, uint32_t word,
			 uint32_t value, uint64_t timeout_ns)
{
	const struct mk_device_memories *memories =
		(const struct mk_device_memories *)backing;
	const uint32_t *words = backing->memories[memory].address;

	if (has_bell(memories))
		mk_bell_sleep(memories->host, &words[word], value, timeout_ns);
	else
		memories->host->ops->sleep(memories->host, memory, word, value,
					   timeout_ns);
}

static void device_wake(struct mk_backing *backing, uint32_t memory, uint32_t word)
{
	const struct mk_device_memories *memories =
		(const struct mk_device_memories *)backing;

	if (has_bell(memories))
		mk_bell_ring(memories->host);
	else
		memories->host->ops->wake(memories->host, memory, word);
}

const struct mk_backing_ops mk_device_backing = {
	.kind = MK_BACKING_DEVICE,
	.name = "device",
	.probe = device_probe,
	.create = device_create,
	.has_fds = mk_device_memories_has_fds,
	.attach = mk_device_memories_attach,
	.close = device_close,
	.share = mk_device_memories_share,
	.export = mk_device_memories_export,
	.hold_engine = device_hold_engine,
	.release_engine = device_release_engine,
	.has_engine = device_has_engine,
	.hold_pump = device_hold_pump,
	.release_pump = device_release_pump,
	.open_identity = device_open_identity,
	.join = device_join,
	.is_alive = device_is_alive,
	.sleep = device_sleep,
	.wake = device_wake,
};

// SPDX-License-Identifier: MIT
#include "backing_device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "error.h"
#include "line_store.h"

struct device_memories {
	struct mk_backing backing;
	struct mk_backing *host; /* has the cq, and no other memory */
	struct mk_vk_device device;
	struct mk_placement placement;
	struct mk_vk_buffer buffers[MK_MEMORIES];
};

static const struct device_memories *
device_memories_of_constant(const struct mk_backing *backing)
{
	return backing->ops == &mk_device_backing ?
		       (const struct device_memories *)backing :
		       NULL;
}

static struct mk_backing *host_of(struct mk_backing *backing)
{
	return ((struct device_memories *)backing)->host;
}

const struct mk_vk_device *mk_device_backing_device(const struct mk_backing *backing)
{
	const struct device_memories *memories = device_memories_of_constant(backing);

	return memories ? &memories->device : NULL;
}

const struct mk_placement *mk_device_backing_placement(const struct mk_backing *backing)
{
	const struct device_memories *memories = device_memories_of_constant(backing);

	return memories ? &memories->placement : NULL;
}

const struct mk_vk_buffer *mk_device_backing_buffer(const struct mk_backing *backing,
						    uint32_t memory)
{
	const struct device_memories *memories = device_memories_of_constant(backing);

	return memories && memories->buffers[memory].buffer ? &memories->buffers[memory] :
							      NULL;
}

/* Create and close ---------------------------------------------------------- */

static int device_probe(void)
{
	return 0;
}

static void device_close(struct mk_backing *backing)
{
	struct device_memories *memories = (struct device_memories *)backing;

	if (memories->device.device)
		for (uint32_t i = 0; i < MK_MEMORIES; i++)
			mk_vk_buffer_destroy(&memories->device, &memories->buffers[i]);
	mk_vk_device_close(&memories->device);
	if (memories->host)
		memories->host->ops->close(memories->host);
	free(memories);
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

static int place(struct device_memories *memories, uint32_t number)
{
	return number ? mk_placement_take(&memories->device, number,
					  &memories->placement) :
			mk_placement_choose(&memories->device, true, MK_IMPORT_AUTO,
					    &memories->placement);
}

/* The first device that has memory which both sides see. */
static int open_device(const char *name, uint32_t number,
		       struct device_memories *memories)
{
	char reason[512] = "";
	int ret;

	for (uint32_t rank = 0;; rank++) {
		ret = mk_vk_device_open(name, rank, &memories->device);
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

static int create_host(const size_t bytes[MK_MEMORIES], struct device_memories *memories)
{
	const size_t only_cq[MK_MEMORIES] = { [MK_REGION_CQ] = bytes[MK_REGION_CQ] };
	int ret = mk_memfd_backing.create(NULL, only_cq, &memories->host);

	if (!ret)
		memories->backing.memories[MK_REGION_CQ] =
			memories->host->memories[MK_REGION_CQ];
	return ret;
}

static int create_memory(uint32_t number, size_t bytes, struct device_memories *memories)
{
	struct mk_vk_buffer *buffer = &memories->buffers[number];
	int ret = mk_vk_buffer_allocate(&memories->device, bytes,
					(uint32_t)memories->placement.type, buffer);

	if (!ret)
		memories->backing.memories[number] = (struct mk_memory){
			.address = buffer->address,
			.bytes = bytes,
			.mapped_bytes = bytes,
		};
	return ret;
}

static int device_create(const struct mk_geometry *geometry,
			 const size_t bytes[MK_MEMORIES], struct mk_backing **backing)
{
	struct device_memories *memories = calloc(1, sizeof(*memories));
	int asked = mk_line_store_is_asked_for();
	uint32_t number;
	int ret = asked < 0 ? asked : 0;

	if (!memories)
		return mk_fail(ENOMEM, "no memory for a context");
	memories->backing.ops = &mk_device_backing;
	memories->backing.role = MK_ROLE_OWNER;
	memories->backing.split = true;
	if (!ret)
		ret = wanted_placement(geometry, &number);
	if (!ret)
		ret = open_device(geometry->device, number, memories);
	if (!ret)
		ret = create_host(bytes, memories);
	for (uint32_t i = 0; i < MK_MEMORIES && !ret; i++)
		if (bytes[i] && i != MK_REGION_CQ)
			ret = create_memory(i, bytes[i], memories);
	if (ret) {
		device_close(&memories->backing);
		return ret;
	}
	memories->backing.write_combining =
		asked ||
		mk_placement_is_write_combining(&memories->device, &memories->placement);
	*backing = &memories->backing;
	return 0;
}

/* Other processes ------------------------------------------------------------ */

static bool device_has_fds(size_t count)
{
	(void)count;
	return false;
}

static int device_attach(const int *fds, size_t count, struct mk_backing **backing)
{
	(void)fds;
	(void)count;
	(void)backing;
	return mk_fail(ENOTSUP, "a device's memory cannot be attached yet");
}

static int cannot_share(void)
{
	return mk_fail(ENOTSUP,
		       "a context in a device's memory is its creator's alone in this "
		       "version; create it in host memory (MK_BACKING_MEMFD or "
		       "MK_BACKING_KMOD) for other processes, where the device sees "
		       "that");
}

static int device_share(struct mk_backing *backing, enum mk_role role,
			int fds[MK_CONTEXT_FDS])
{
	(void)backing;
	(void)role;
	(void)fds;
	return cannot_share();
}

static int device_export(struct mk_backing *backing, uint32_t memory, bool write)
{
	struct mk_backing *host = host_of(backing);

	return memory == MK_REGION_CQ ? host->ops->export(host, memory, write) :
					cannot_share();
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
	host_of(backing)->ops->sleep(host_of(backing), memory, word, value, timeout_ns);
}

static void device_wake(struct mk_backing *backing, uint32_t memory, uint32_t word)
{
	host_of(backing)->ops->wake(host_of(backing), memory, word);
}

const struct mk_backing_ops mk_device_backing = {
	.kind = MK_BACKING_DEVICE,
	.name = "device",
	.probe = device_probe,
	.create = device_create,
	.has_fds = device_has_fds,
	.attach = device_attach,
	.close = device_close,
	.share = device_share,
	.export = device_export,
	.hold_engine = device_hold_engine,
	.release_engine = device_release_engine,
	.has_engine = device_has_engine,
	.hold_pump = device_hold_pump,
	.release_pump = device_release_pump,
	.join = device_join,
	.is_alive = device_is_alive,
	.sleep = device_sleep,
	.wake = device_wake,
};

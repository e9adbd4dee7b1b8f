// SPDX-License-Identifier: MIT
/* How a context in a device's memory gets from process to process. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backing_memfd.h"
#include "device_header.h"
#include "device_memories.h"
#include "error.h"
#include "line_store.h"
#include "placement_memory.h"

/* Share ----------------------------------------------------------------------- */

/* A driver need not export what it has imported. */
int mk_device_memories_descriptor(const struct mk_device_memories *memories,
				  uint32_t number)
{
	if (memories->fds[number] >= 0)
		return mk_duplicate(memories->fds[number]);
	return mk_vk_buffer_export(&memories->device, &memories->buffers[number]);
}

int mk_device_memories_export(struct mk_backing *backing, uint32_t memory, bool write)
{
	const struct mk_device_memories *memories =
		(const struct mk_device_memories *)backing;
	struct mk_backing *host = memories->host;

	if (!memories->buffers[memory].buffer || memories->is_registered)
		return host->ops->export(host, memory, write);
	if (write && !mk_role_may_write(backing->role, memory))
		return mk_fail(EACCES, "%s may not write to %s; export it to be read",
			       mk_role_name(backing->role), mk_memory_name(memory));
	/* What a driver exports can be written to by whoever has it. */
	if (mk_placement_is_dma_buf(&memories->device,
				    mk_placement_type(&memories->placement, memory)))
		return mk_device_memories_descriptor(memories, memory);
	return mk_fail(ENOTSUP,
		       "the driver of %s does not export %s as DMA-buf; other processes "
		       "get it by mk_context_share()",
		       memories->device.identity.name, mk_memory_name(memory));
}

static int write_header(const struct mk_device_memories *memories, enum mk_role role)
{
	struct mk_device_header header = {
		.role = role,
		.export_type = memories->device.export_type,
		.memory_type = memories->placement.type,
		.import = memories->placement.import,
		.cq_type = memories->placement.cq_type,
	};

	memcpy(header.device_uuid, memories->device.identity.uuid,
	       sizeof(header.device_uuid));
	memcpy(header.driver_uuid, memories->device.driver_uuid,
	       sizeof(header.driver_uuid));
	for (uint32_t i = 0; i < MK_MEMORIES; i++)
		if (memories->buffers[i].buffer)
			header.bytes[i] = memories->backing.memories[i].mapped_bytes;
	return mk_device_header_write(&header);
}

/* Which descriptor of a shared context is which. */
enum {
	FD_HEADER,
	FD_CQ,	     /* or the bell */
	FD_MEMORIES, /* those that there are, in order */
};

static int share_descriptor(struct mk_device_memories *memories, enum mk_role role,
			    uint32_t number)
{
	struct mk_backing *host = memories->host;

	if (number == FD_HEADER)
		return write_header(memories, role);
	if (number == FD_CQ)
		return host->ops->export(host, MK_REGION_CQ,
					 mk_role_may_write(role, MK_REGION_CQ));
	number -= FD_MEMORIES;
	for (uint32_t i = 0; i < MK_MEMORIES; i++)
		if (memories->buffers[i].buffer && !number--)
			return mk_device_memories_descriptor(memories, i);
	return -ENOENT;
}

int mk_device_memories_share(struct mk_backing *backing, enum mk_role role,
			     int fds[MK_CONTEXT_FDS])
{
	struct mk_device_memories *memories = (struct mk_device_memories *)backing;
	int count = 0;

	if (memories->is_registered)
		return memories->host->ops->share(memories->host, role, fds);
	if (role == MK_ROLE_ENGINE &&
	    !mk_placement_is_same_for_others(&memories->device, &memories->placement))
		return mk_fail(
			ENOTSUP,
			"the context lies in device-coherent memory of %s, which is "
			"that in the process that created it only; run its engine "
			"there, or create it with another placement",
			memories->device.identity.name);
	for (;;) {
		int fd = share_descriptor(memories, role, (uint32_t)count);

		if (fd == -ENOENT)
			return count;
		if (fd >= 0) {
			fds[count++] = fd;
			continue;
		}
		while (count)
			close(fds[--count]);
		return fd;
	}
}

/* Attach ---------------------------------------------------------------------- */

bool mk_device_memories_has_fds(const int *fds, size_t count)
{
	return count >= FD_MEMORIES && mk_device_header_is(fds[FD_HEADER]);
}

static bool is_device(const struct mk_vk_device *device,
		      const struct mk_device_header *header)
{
	return !memcmp(device->identity.uuid, header->device_uuid,
		       sizeof(header->device_uuid)) &&
	       !memcmp(device->driver_uuid, header->driver_uuid,
		       sizeof(header->driver_uuid)) &&
	       device->export_type == header->export_type;
}

static int find_device(const struct mk_device_header *header, struct mk_vk_device *device)
{
	const struct mk_device_wish any = { .form = MK_WISH_ANY };

	for (uint32_t rank = 0;; rank++) {
		int ret = mk_vk_device_open(&any, rank, device);

		if (ret && !rank)
			return ret;
		if (ret)
			return mk_fail(-ret,
				       "the context lies in the memory of a device that "
				       "this process lacks, or has by another version of "
				       "its driver");
		if (is_device(device, header))
			return 0;
		mk_vk_device_close(device);
	}
}

static int find_placement(const struct mk_device_header *header,
			  struct mk_device_memories *memories)
{
	struct mk_placement placements[MK_PLACEMENTS_LIMIT];
	const struct mk_placement placement = {
		.type = header->memory_type,
		.import = (enum mk_import)header->import,
		.cq_type = header->cq_type,
	};
	uint32_t count = mk_placements_list(&memories->device, placements);

	for (uint32_t i = 0; i < count && placement.type != MK_HOST_MEMORY; i++) {
		if (!mk_placement_is_same(&placements[i], &placement))
			continue;
		memories->placement = placement;
		return 0;
	}
	return mk_fail(
		EPROTO,
		"the context lies in memory of type %d with a cq in type %d, which "
		"%s lacks",
		header->memory_type, header->cq_type, memories->device.identity.name);
}

static int attach_host(int fd, struct mk_device_memories *memories)
{
	const int fds[MK_MEMORIES] = { [MK_REGION_CQ] = fd };
	int ret = mk_memfd_attach(fds, 1u << MK_REGION_CQ, &memories->host);

	/* Who got a file to read is no more than that. */
	if (!ret && !mk_role_may_write(memories->host->role, MK_REGION_CQ))
		memories->backing.role = MK_ROLE_OBSERVER;
	return ret;
}

static int attach_memory(int fd, uint32_t number, uint64_t bytes,
			 struct mk_device_memories *memories)
{
	struct stat stat;
	int ret;

	/* What is a file, of a driver that is a CPU's, must not end too early. */
	if (bytes > SIZE_MAX || (!fstat(fd, &stat) && S_ISREG(stat.st_mode) &&
				 (uint64_t)stat.st_size < bytes))
		return mk_fail(EPROTO, "descriptor %d has less than the %llu bytes of %s",
			       fd, (unsigned long long)bytes, mk_memory_name(number));
	memories->fds[number] = mk_duplicate(fd);
	if (memories->fds[number] < 0)
		return memories->fds[number];
	ret = mk_placement_attach(&memories->device,
				  mk_placement_type(&memories->placement, number), fd,
				  (size_t)bytes, &memories->buffers[number]);
	if (ret)
		return ret;
	mk_device_memories_set(memories, number, 0, (size_t)bytes);
	/* Against mistakes, as with memfds. */
	if (!mk_role_may_write(memories->backing.role, number) &&
	    mprotect(memories->buffers[number].address, (size_t)bytes, PROT_READ))
		return mk_fail(errno, "cannot protect %s from being written to: %s",
			       mk_memory_name(number), strerror(errno));
	return 0;
}

static int attach_memories(const int *fds, size_t count,
			   const struct mk_device_header *header,
			   struct mk_device_memories *memories)
{
	size_t next = FD_MEMORIES;
	int ret = 0;

	for (uint32_t i = 0; i < MK_MEMORIES && !ret; i++) {
		if (!header->bytes[i])
			continue;
		if (next == count)
			break;
		ret = attach_memory(fds[next++], i, header->bytes[i], memories);
	}
	if (!ret && (next != count || !memories->buffers[MK_MEMORY_STATE].buffer))
		ret = mk_fail(EPROTO,
			      "%zu descriptors of a shared context; pass all that "
			      "mk_context_share() gave",
			      count);
	return ret;
}

int mk_device_memories_attach(const int *fds, size_t count, struct mk_backing **backing)
{
	int asked = mk_line_store_is_asked_for();
	struct mk_device_memories *memories;
	struct mk_device_header header;
	int ret = asked < 0 ? asked : mk_device_header_read(fds[FD_HEADER], &header);

	if (ret)
		return ret;
	memories = mk_device_memories_new((enum mk_role)header.role);
	if (!memories)
		return -ENOMEM;
	ret = find_device(&header, &memories->device);
	if (!ret)
		ret = find_placement(&header, memories);
	if (!ret)
		ret = attach_host(fds[FD_CQ], memories);
	if (!ret)
		ret = attach_memories(fds, count, &header, memories);
	if (ret) {
		mk_device_backing.close(&memories->backing);
		return ret;
	}
	mk_device_memories_finish(memories, asked);
	*backing = &memories->backing;
	return 0;
}

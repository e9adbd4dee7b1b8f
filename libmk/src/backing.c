// SPDX-License-Identifier: MIT
#include "backing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "error.h"

/* The first that can be used is what MK_BACKING_AUTO means. */
static const struct mk_backing_ops *const backings[] = {
	&mk_device_backing,
	&mk_kmod_backing,
	&mk_memfd_backing,
};

#define BACKING_COUNT (sizeof(backings) / sizeof(backings[0]))

/* Names -------------------------------------------------------------------- */

const char *mk_memory_name(uint32_t memory)
{
	static const char *const names[MK_MEMORIES] = {
		[MK_REGION_CONTROL] = "the control region",
		[MK_REGION_RING] = "the ring",
		[MK_REGION_DEBUG_LOG] = "the debug log",
		[MK_REGION_IO_QUEUE] = "the io queue",
		[MK_REGION_CQ] = "the cq",
		[MK_MEMORY_STATE] = "the engine state",
		[MK_ARENA] = "the arena",
	};

	return memory < MK_MEMORIES ? names[memory] : "an unknown memory";
}

const char *mk_role_name(enum mk_role role)
{
	switch (role) {
	case MK_ROLE_OWNER:
		return "the owner";
	case MK_ROLE_ENGINE:
		return "an engine";
	case MK_ROLE_PRODUCER:
		return "a producer";
	case MK_ROLE_OBSERVER:
		return "an observer";
	case MK_ROLE_PUMP:
		return "the pump";
	}
	return "an unknown role";
}

/* Choice ------------------------------------------------------------------- */

/* A wrong word must not pass for the default: it would hide what runs where. */
static int ask_environment(enum mk_backing_kind *kind)
{
	const char *value = getenv("MK_BACKING");

	if (!value || !*value || !strcmp(value, "auto"))
		return 0;
	for (size_t i = 0; i < BACKING_COUNT; i++) {
		if (!strcmp(value, backings[i]->name)) {
			*kind = backings[i]->kind;
			return 0;
		}
	}
	return mk_fail(EINVAL,
		       "the environment variable MK_BACKING is \"%s\"; it is auto, "
		       "kmod, memfd or device",
		       value);
}

static int create_first(const struct mk_geometry *geometry,
			const size_t bytes[MK_MEMORIES], struct mk_backing **backing)
{
	for (size_t i = 0; i < BACKING_COUNT; i++) {
		bool is_auto = geometry->backing == MK_BACKING_AUTO;
		int ret;

		if (!is_auto && geometry->backing != backings[i]->kind)
			continue;
		ret = backings[i]->probe(geometry);
		if (!ret)
			ret = backings[i]->create(geometry, bytes, backing);
		if (ret != -ENODEV || !is_auto)
			return ret;
	}
	return mk_fail(EINVAL, "backing %d; use one of enum mk_backing_kind",
		       (int)geometry->backing);
}

int mk_backing_create(const struct mk_geometry *geometry, const size_t bytes[MK_MEMORIES],
		      struct mk_backing **backing)
{
	struct mk_geometry chosen = *geometry;
	int ret = 0;

	if (chosen.backing == MK_BACKING_AUTO)
		ret = ask_environment(&chosen.backing);
	if (ret)
		return ret;
	if (geometry->placement && chosen.backing != MK_BACKING_DEVICE)
		return mk_fail(EINVAL,
			       "placement %u of a context that is in host memory; only "
			       "MK_BACKING_DEVICE has placements",
			       geometry->placement);
	return create_first(&chosen, bytes, backing);
}

int mk_backing_attach(const int *fds, size_t count, struct mk_backing **backing)
{
	for (size_t i = 0; i < BACKING_COUNT; i++)
		if (backings[i]->has_fds(fds, count))
			return backings[i]->attach(fds, count, backing);
	return mk_fail(EPROTO,
		       "no context has %zu descriptors; pass all that "
		       "mk_context_share() gave",
		       count);
}

int mk_backing_open(uint64_t id, enum mk_role role, struct mk_backing **backing)
{
	for (size_t i = 0; i < BACKING_COUNT; i++)
		if (backings[i]->open)
			return backings[i]->open(id, role, backing);
	return mk_fail(ENODEV, "no backing has ids");
}

/* Memory ------------------------------------------------------------------- */

/* As <linux/mk.h> has it. */
bool mk_role_may_write(enum mk_role role, uint32_t memory)
{
	switch (role) {
	case MK_ROLE_OWNER:
	case MK_ROLE_ENGINE:
		return true;
	case MK_ROLE_PRODUCER:
		return memory == MK_REGION_RING || memory == MK_REGION_IO_QUEUE ||
		       memory == MK_REGION_CQ || memory == MK_ARENA;
	case MK_ROLE_OBSERVER:
	case MK_ROLE_PUMP:
		return false;
	}
	return false;
}

int mk_backing_identify(struct mk_backing *backing, struct stat *file)
{
	int fd = backing->ops->open_identity(backing);
	int ret = 0;

	if (fd < 0)
		return fd;
	if (fstat(fd, file))
		ret = mk_fail(errno, "cannot look at the context's file: %s",
			      strerror(errno));
	close(fd);
	return ret;
}

int mk_duplicate(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	return copy < 0 ? mk_fail(errno, "cannot duplicate descriptor %d: %s", fd,
				  strerror(errno)) :
			  copy;
}

int mk_memory_map(uint32_t number, int fd, bool write, struct mk_memory *memory)
{
	int protection = write ? PROT_READ | PROT_WRITE : PROT_READ;
	void *address = mmap(NULL, memory->mapped_bytes, protection, MAP_SHARED, fd, 0);

	if (address == MAP_FAILED) {
		int error = errno;

		return mk_fail(error, "cannot map %zu bytes of %s: %s%s",
			       memory->mapped_bytes, mk_memory_name(number),
			       strerror(error),
			       error == ENOMEM ? "; ask for less memory or raise the "
						 "limit on address space (ulimit -v)" :
						 "");
	}
	memory->address = address;
	return 0;
}

void mk_memories_unmap(struct mk_memory memories[MK_MEMORIES])
{
	for (uint32_t i = 0; i < MK_MEMORIES; i++)
		if (memories[i].address)
			munmap(memories[i].address, memories[i].mapped_bytes);
}

// SPDX-License-Identifier: MIT
/*
 * Memory from the kernel module mk.ko.  A context is an open file of it, in a role;
 * so is each producer, and the engine.  Whoever dies closes his file, and the module
 * does what is to be done then: it stores SHUTDOWN for an owner, and orphans the
 * leases of a producer.
 */
#define _GNU_SOURCE
#include "backing_kmod.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "deadline.h"
#include "error.h"

#define DEVICE "/dev/mk"

/* How late a sleeper may see a store that nobody woke it for. */
#define SLEEP_SLACK_NS 10000000u

struct kmod {
	struct mk_backing backing;
	struct mk_geometry_words geometry;
	int fd;			    /* the context's file, in the backing's role */
	atomic_bool engine_is_held; /* in the role of the engine: by this process */
};

static struct kmod *kmod_of(struct mk_backing *backing)
{
	return (struct kmod *)backing;
}

static void kmod_close(struct mk_backing *backing)
{
	struct kmod *kmod = kmod_of(backing);

	mk_memories_unmap(backing->memories);
	if (kmod->fd >= 0)
		close(kmod->fd);
	free(kmod);
}

/* Descriptors of one memory ------------------------------------------------ */

/* A DMA-buf of the memory from @offset on, which is whole pages. */
static int export_from(const struct kmod *kmod, uint32_t memory, bool write,
		       uint64_t offset)
{
	struct mk_ioctl_export request = {
		.memory = memory,
		.flags = write ? MK_EXPORT_WRITE : MK_EXPORT_READ,
		.offset = offset,
	};

	if (!ioctl(kmod->fd, MK_IOCTL_EXPORT, &request))
		return request.fd;
	switch (errno) {
	case EACCES:
		return mk_fail(EACCES, "%s may not write to %s; export it to be read",
			       mk_role_name(kmod->backing.role), mk_memory_name(memory));
	case ENODATA:
		return mk_fail(ENODATA,
			       "%s is to be imported and was not yet; wait for the "
			       "context's owner",
			       mk_memory_name(memory));
	default:
		return mk_fail(errno, "mk.ko cannot export %s: %s",
			       mk_memory_name(memory), strerror(errno));
	}
}

static int kmod_export(struct mk_backing *backing, uint32_t memory, bool write)
{
	return export_from(kmod_of(backing), memory, write, 0);
}

/* Mapping ------------------------------------------------------------------ */

/*
 * A producer may write those whole pages of the io queue that hold no request of the
 * device's.  They take the place of what is mapped there to be read.
 */
static int map_ingests(struct kmod *kmod)
{
	struct mk_memory *memory = &kmod->backing.memories[MK_REGION_IO_QUEUE];
	uint64_t requests = (uint64_t)kmod->geometry.io_request_slots * MK_IO_SLOT_BYTES;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t first = (requests + page - 1) / page * page;
	void *address;
	int ret = 0;
	int fd;

	kmod->backing.writable_io_slot = (uint32_t)(first / MK_IO_SLOT_BYTES);
	/* Of a device's memory mk.ko exports no part: then all of it is to be read. */
	if (kmod->backing.split)
		kmod->backing.writable_io_slot = UINT32_MAX;
	if (kmod->backing.split || first >= memory->mapped_bytes)
		return 0;
	fd = export_from(kmod, MK_REGION_IO_QUEUE, true, first);
	if (fd < 0)
		return fd;
	address = mmap((char *)memory->address + first, memory->mapped_bytes - first,
		       PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	if (address == MAP_FAILED)
		ret = mk_fail(errno, "cannot map the ingests of the io queue: %s",
			      strerror(errno));
	close(fd);
	return ret;
}

static int map_memory(struct kmod *kmod, uint32_t number)
{
	enum mk_role role = kmod->backing.role;
	/* Of that queue some pages, which follow. */
	bool write = mk_role_may_write(role, number) &&
		     !(role == MK_ROLE_PRODUCER && number == MK_REGION_IO_QUEUE);
	int fd = export_from(kmod, number, write, 0);
	int ret;

	if (fd < 0)
		return fd;
	ret = mk_memory_map(number, fd, write, &kmod->backing.memories[number]);
	close(fd);
	return ret;
}

static int map_memories(struct kmod *kmod, const struct mk_ioctl_info *info)
{
	int ret = 0;

	for (uint32_t i = 0; i < MK_MEMORIES && !ret; i++) {
		struct mk_memory *memory = &kmod->backing.memories[i];

		if (info->memory[i].mapped_bytes > SIZE_MAX)
			return mk_fail(EOVERFLOW,
				       "%s has %llu bytes, more than this process can "
				       "address",
				       mk_memory_name(i),
				       (unsigned long long)info->memory[i].mapped_bytes);
		/* What the owner is about to import it has mapped itself. */
		if (info->memory[i].flags & MK_MEMORY_EXTERNAL &&
		    kmod->backing.role == MK_ROLE_OWNER)
			continue;
		memory->bytes = (size_t)info->memory[i].bytes;
		memory->mapped_bytes = (size_t)info->memory[i].mapped_bytes;
		if (memory->bytes)
			ret = map_memory(kmod, i);
		/*
		 * Nobody tells how a device's memory is mapped here, so it is treated as
		 * what needs the most care.
		 */
		if (info->memory[i].flags & MK_MEMORY_EXTERNAL)
			kmod->backing.split = kmod->backing.write_combining = true;
	}
	if (!ret && kmod->backing.role == MK_ROLE_PRODUCER)
		ret = map_ingests(kmod);
	return ret;
}

/*
 * Ask the kernel about a file that may be anything.  Of those that can answer, only what
 * the kernel made itself is asked: a file of somebody's FUSE could answer as it likes.
 */
static int ask_file(int fd, struct mk_ioctl_info *info)
{
	struct statfs filesystem;

	memset(info, 0, sizeof(*info));
	if (fstatfs(fd, &filesystem) || filesystem.f_type != ANON_INODE_FS_MAGIC ||
	    ioctl(fd, MK_IOCTL_INFO, info))
		return mk_fail(
			EPROTO,
			"descriptor %d is no context of mk.ko's; pass the one that "
			"mk_context_share() gave",
			fd);
	return 0;
}

/* @fd becomes the backing's, also when this fails. */
static int take_file(int fd, struct mk_backing **result)
{
	struct kmod *kmod = calloc(1, sizeof(*kmod));
	struct mk_ioctl_info info;
	int ret;

	if (!kmod) {
		close(fd);
		return mk_fail(ENOMEM, "no memory for a context");
	}
	kmod->fd = fd;
	ret = ask_file(fd, &info);
	if (ret)
		goto fail;
	kmod->geometry = info.geometry;
	kmod->backing.ops = &mk_kmod_backing;
	kmod->backing.role = (enum mk_role)info.role;
	kmod->backing.id = info.id;
	kmod->backing.geometry = &kmod->geometry;
	ret = map_memories(kmod, &info);
	if (ret)
		goto fail;
	*result = &kmod->backing;
	return 0;
fail:
	kmod_close(&kmod->backing);
	return ret;
}

/* The device --------------------------------------------------------------- */

static bool means_absent(int error)
{
	return error == ENOENT || error == EACCES || error == EPERM || error == ENODEV ||
	       error == ENXIO;
}

static const char *how_to_open(int error)
{
	if (error == EACCES)
		return "; give this user access (the group of the file), or use memfds";
	if (error == EPERM)
		return "; let this container use the device, or use memfds";
	return means_absent(error) ? "; load mk.ko (modprobe mk), or use memfds" : "";
}

/* -ENODEV when there is no module that could be used; else the system's error. */
static int open_device(void)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	return mk_fail(means_absent(errno) ? ENODEV : errno, "cannot open %s: %s%s",
		       DEVICE, strerror(errno), how_to_open(errno));
}

static int check_versions(int device)
{
	struct mk_ioctl_query query = { 0 };

	if (ioctl(device, MK_IOCTL_QUERY, &query))
		return mk_fail(ENODEV,
			       "%s does not answer as mk.ko does: %s; load the mk.ko "
			       "that came with this library, or use memfds",
			       DEVICE, strerror(errno));
	if (query.api_version < MK_API_VERSION || query.abi_version != MK_ABI_VERSION)
		return mk_fail(ENODEV,
			       "mk.ko speaks API version %u and ABI version %u, this "
			       "library %u and %u; load the mk.ko that came with it, or "
			       "use memfds",
			       query.api_version, query.abi_version, MK_API_VERSION,
			       MK_ABI_VERSION);
	return 0;
}

/* The device of a module that speaks as this library does. */
static int open_module(void)
{
	int device = open_device();
	int ret;

	if (device < 0)
		return device;
	ret = check_versions(device);
	if (!ret)
		return device;
	close(device);
	return ret;
}

static int kmod_probe(const struct mk_geometry *geometry)
{
	int device = open_module();

	(void)geometry;
	if (device < 0)
		return device;
	close(device);
	return 0;
}

/* Create ------------------------------------------------------------------- */

static int over_quota(int device, const size_t bytes[MK_MEMORIES])
{
	struct mk_ioctl_query query = { 0 };
	unsigned long long wanted = 0;

	ioctl(device, MK_IOCTL_QUERY, &query);
	for (uint32_t i = 0; i < MK_MEMORIES; i++)
		wanted += bytes[i];
	return mk_fail(EDQUOT,
		       "a context of %llu bytes is too much: this user's have %llu of "
		       "the %llu that mk.ko allows one; close some, have user_limit_mib "
		       "of the module mk raised, or use memfds (MK_BACKING=memfd)",
		       wanted, (unsigned long long)query.user_bytes,
		       (unsigned long long)query.user_limit);
}

static int create_file(int device, const struct mk_geometry *geometry,
		       const size_t bytes[MK_MEMORIES], uint32_t external)
{
	struct mk_ioctl_create request = {
		.geometry = {
			.slots = geometry->slots,
			.window_slots = geometry->window_slots,
			.log_records = geometry->log_records,
			.io_slots = geometry->io_slots,
			.io_request_slots = geometry->io_request_slots,
			.observable_words = geometry->observable_words,
		},
		.external = external,
		.state_bytes = bytes[MK_MEMORY_STATE],
		.arena_bytes = { bytes[MK_ARENA] },
	};

	if (!ioctl(device, MK_IOCTL_CREATE, &request))
		return request.fd;
	if (errno == EDQUOT)
		return over_quota(device, bytes);
	return mk_fail(errno, "mk.ko cannot make a context: %s%s", strerror(errno),
		       errno == ENOMEM ? "; ask for less memory" : "");
}

/* Bit n of @external: memory n will be imported. */
static int create_context(const struct mk_geometry *geometry,
			  const size_t bytes[MK_MEMORIES], uint32_t external,
			  struct mk_backing **backing)
{
	int device = open_module();
	int fd;

	if (device < 0)
		return device;
	fd = create_file(device, geometry, bytes, external);
	close(device);
	return fd < 0 ? fd : take_file(fd, backing);
}

static int kmod_create(const struct mk_geometry *geometry,
		       const size_t bytes[MK_MEMORIES], struct mk_backing **backing)
{
	return create_context(geometry, bytes, 0, backing);
}

int mk_kmod_create_external(const struct mk_geometry *geometry,
			    const size_t bytes[MK_MEMORIES], struct mk_backing **backing)
{
	uint32_t external = 0;

	for (uint32_t i = 0; i < MK_MEMORIES; i++)
		if (bytes[i] && i != MK_REGION_CQ)
			external |= 1u << i;
	return create_context(geometry, bytes, external, backing);
}

int mk_kmod_import(struct mk_backing *backing, uint32_t memory, int fd)
{
	struct mk_ioctl_import request = { .memory = memory, .fd = fd };

	if (!ioctl(kmod_of(backing)->fd, MK_IOCTL_IMPORT, &request))
		return 0;
	return mk_fail(errno, "mk.ko cannot take a DMA-buf as %s: %s",
		       mk_memory_name(memory), strerror(errno));
}

/* Attach ------------------------------------------------------------------- */

static bool kmod_has_fds(const int *fds, size_t count)
{
	(void)fds;
	return count == 1;
}

static int kmod_attach(const int *fds, size_t count, struct mk_backing **backing)
{
	int fd = mk_duplicate(fds[0]);

	(void)count;
	return fd < 0 ? fd : take_file(fd, backing);
}

/*
 * A file of context @id, or of the one that @from is a file of, in @role.  -EBUSY is
 * without a text: who asks knows what for.
 */
static int open_file(int from, uint64_t id, enum mk_role role, uint32_t *number)
{
	struct mk_ioctl_open request = { .id = id, .role = role };

	if (!ioctl(from, MK_IOCTL_OPEN, &request)) {
		*number = request.number;
		return request.fd;
	}
	switch (errno) {
	case EBUSY:
		return -EBUSY;
	case EACCES:
		return mk_fail(EACCES,
			       "this file of the context does not allow to become %s",
			       mk_role_name(role));
	case ENOENT:
		return mk_fail(ENOENT,
			       "there is no context %llu, or it is another user's; have "
			       "it shared by descriptor, or use an id of your own",
			       (unsigned long long)id);
	case EOWNERDEAD:
		return mk_fail(EOWNERDEAD,
			       "the context's owner is gone, so nobody can become %s of "
			       "it any more; create a new context",
			       mk_role_name(role));
	case EUSERS:
		return mk_fail(EUSERS, "the context has given out all of its numbers; "
				       "create a new one");
	default:
		return mk_fail(errno, "mk.ko cannot let in %s: %s", mk_role_name(role),
			       strerror(errno));
	}
}

static int open_for_guest(int from, uint64_t id, enum mk_role role)
{
	uint32_t number;
	int fd = open_file(from, id, role, &number);

	if (fd != -EBUSY)
		return fd;
	return mk_fail(EBUSY, "the context has an engine already; end that one first");
}

static int kmod_open(uint64_t id, enum mk_role role, struct mk_backing **backing)
{
	int device = open_module();
	int fd;

	if (device < 0)
		return device;
	fd = open_for_guest(device, id, role);
	close(device);
	return fd < 0 ? fd : take_file(fd, backing);
}

static int kmod_share(struct mk_backing *backing, enum mk_role role,
		      int fds[MK_CONTEXT_FDS])
{
	fds[0] = open_for_guest(kmod_of(backing)->fd, 0, role);
	return fds[0] < 0 ? fds[0] : 1;
}

/* Who is there ------------------------------------------------------------- */

/*
 * A context that was attached in the role of the engine is the engine for as long as it
 * is open.  Of it, too, there is one at a time.
 */
static int kmod_hold_engine(struct mk_backing *backing)
{
	struct kmod *kmod = kmod_of(backing);
	uint32_t number;
	int held;

	if (backing->role != MK_ROLE_ENGINE)
		return open_file(kmod->fd, 0, MK_ROLE_ENGINE, &number);
	if (atomic_exchange(&kmod->engine_is_held, true))
		return -EBUSY;
	held = mk_duplicate(kmod->fd);
	if (held < 0)
		atomic_store(&kmod->engine_is_held, false);
	return held;
}

static void kmod_release_engine(struct mk_backing *backing, int held)
{
	close(held);
	if (backing->role == MK_ROLE_ENGINE)
		atomic_store(&kmod_of(backing)->engine_is_held, false);
}

static bool kmod_has_engine(struct mk_backing *backing)
{
	struct kmod *kmod = kmod_of(backing);
	struct mk_ioctl_info info;

	if (backing->role == MK_ROLE_ENGINE)
		return atomic_load(&kmod->engine_is_held);
	memset(&info, 0, sizeof(info));
	/* When in doubt there is one. */
	return ioctl(kmod->fd, MK_IOCTL_INFO, &info) ||
	       info.flags & MK_CONTEXT_HAS_ENGINE;
}

static int kmod_hold_pump(struct mk_backing *backing)
{
	uint32_t number;

	return open_file(kmod_of(backing)->fd, 0, MK_ROLE_PUMP, &number);
}

static void kmod_release_pump(struct mk_backing *backing, int held)
{
	(void)backing;
	close(held);
}

static int kmod_join(struct mk_backing *backing, uint32_t *id)
{
	return open_file(kmod_of(backing)->fd, 0, MK_ROLE_PRODUCER, id);
}

/* The module has taken the leases of the dead away from them. */
static bool kmod_is_alive(struct mk_backing *backing, uint32_t id)
{
	(void)backing;
	(void)id;
	return true;
}

/* Sleeping ----------------------------------------------------------------- */

/* The memory belongs to no page cache, so there are no futexes on it. */
static void kmod_sleep(struct mk_backing *backing, uint32_t memory, uint32_t word,
		       uint32_t value, uint64_t timeout_ns)
{
	struct mk_ioctl_wait request = {
		.memory = memory,
		.word = word,
		.mask = UINT32_MAX,
		.value = value,
		.flags = MK_WAIT_UNEQUAL,
		.timeout = mk_now_ns() + timeout_ns,
		.slack = SLEEP_SLACK_NS,
	};

	ioctl(kmod_of(backing)->fd, MK_IOCTL_WAIT, &request);
}

static void kmod_wake(struct mk_backing *backing, uint32_t memory, uint32_t word)
{
	(void)memory;
	(void)word;
	ioctl(kmod_of(backing)->fd, MK_IOCTL_WAKE);
}

/* Any role may look, and a file is armed for one word. */
static int kmod_open_watch(struct mk_backing *backing)
{
	uint32_t number;

	return open_file(kmod_of(backing)->fd, 0, MK_ROLE_OBSERVER, &number);
}

static bool kmod_watch(struct mk_backing *backing, int fd, uint32_t memory, uint32_t word,
		       uint32_t value)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	struct mk_ioctl_wait request = {
		.memory = memory,
		.word = word,
		.mask = UINT32_MAX,
		.value = value,
		.flags = MK_WAIT_UNEQUAL,
		.timeout = UINT64_MAX,
	};

	(void)backing;
	/* Once the owner is gone a file is readable for good. */
	return !ioctl(fd, MK_IOCTL_ARM, &request) && poll(&poll_fd, 1, 0) >= 0 &&
	       !(poll_fd.revents & POLLHUP);
}

const struct mk_backing_ops mk_kmod_backing = {
	.kind = MK_BACKING_KMOD,
	.name = "kmod",
	.probe = kmod_probe,
	.create = kmod_create,
	.has_fds = kmod_has_fds,
	.attach = kmod_attach,
	.open = kmod_open,
	.close = kmod_close,
	.share = kmod_share,
	.export = kmod_export,
	.hold_engine = kmod_hold_engine,
	.release_engine = kmod_release_engine,
	.has_engine = kmod_has_engine,
	.hold_pump = kmod_hold_pump,
	.release_pump = kmod_release_pump,
	.join = kmod_join,
	.is_alive = kmod_is_alive,
	.sleep = kmod_sleep,
	.wake = kmod_wake,
	.open_watch = kmod_open_watch,
	.watch = kmod_watch,
};

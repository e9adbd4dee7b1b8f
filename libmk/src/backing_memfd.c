// SPDX-License-Identifier: MIT
/*
 * Memory from memfds that are sealed against a change of size: one for each memory,
 * in the order of their numbers, and none for an arena of no bytes.
 *
 * Roles are the modes in which the files are open.  That keeps honest processes from
 * mistakes and no more: who has a file may open it again.
 *
 * Locks say who lives.  An engine or a producer holds one on a byte of the cq's file,
 * through an open file description of its own.  The kernel drops it when the process
 * dies, so who can show that a byte is not locked knows that its owner is gone.
 */
#define _GNU_SOURCE
#include "backing_memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "memfd_name.h"

#define SIZE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

struct memfds {
	struct mk_backing backing;
	int fds[MK_MEMORIES]; /* -1: no such memory */
};

static struct memfds *memfds_of(struct mk_backing *backing)
{
	return (struct memfds *)backing;
}

static void memfd_close(struct mk_backing *backing)
{
	struct memfds *memfds = memfds_of(backing);

	mk_memories_unmap(backing->memories);
	for (uint32_t i = 0; i < MK_MEMORIES; i++)
		if (memfds->fds[i] >= 0)
			close(memfds->fds[i]);
	free(memfds);
}

static struct memfds *new_memfds(void)
{
	struct memfds *memfds = calloc(1, sizeof(*memfds));

	if (!memfds) {
		mk_fail(ENOMEM, "no memory for a context");
		return NULL;
	}
	memfds->backing.ops = &mk_memfd_backing;
	for (uint32_t i = 0; i < MK_MEMORIES; i++)
		memfds->fds[i] = -1;
	return memfds;
}

/* Create ------------------------------------------------------------------- */

static int memfd_probe(const struct mk_geometry *geometry)
{
	(void)geometry;
	return 0;
}

static int create_file(const char *file_name, const char *name, size_t bytes, int *fd)
{
	*fd = memfd_create(file_name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd < 0)
		return mk_fail(errno, "cannot create a memfd for %s: %s", name,
			       strerror(errno));
	if (ftruncate(*fd, (off_t)bytes) ||
	    fcntl(*fd, F_ADD_SEALS, SIZE_SEALS | F_SEAL_SEAL))
		return mk_fail(errno, "cannot give %s %zu bytes: %s; ask for less memory",
			       name, bytes, strerror(errno));
	return 0;
}

static int create_memory(struct memfds *memfds, uint64_t token, uint32_t number,
			 size_t bytes)
{
	struct mk_memory *memory = &memfds->backing.memories[number];
	char file_name[MK_MEMFD_NAME_BYTES];
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int ret;

	if (bytes > SIZE_MAX - page)
		return mk_fail(EOVERFLOW, "%s of %zu bytes does not fit memory",
			       mk_memory_name(number), bytes);
	memory->bytes = bytes;
	memory->mapped_bytes = (bytes + page - 1) / page * page;
	mk_memfd_name(token, number, file_name);
	ret = create_file(file_name, mk_memory_name(number), memory->mapped_bytes,
			  &memfds->fds[number]);
	return ret ? ret : mk_memory_map(number, memfds->fds[number], true, memory);
}

static int memfd_create_memories(const struct mk_geometry *geometry,
				 const size_t bytes[MK_MEMORIES],
				 struct mk_backing **backing)
{
	struct memfds *memfds = new_memfds();
	uint64_t token = mk_memfd_token();
	int ret = 0;

	(void)geometry;
	if (!memfds)
		return -ENOMEM;
	memfds->backing.role = MK_ROLE_OWNER;
	for (uint32_t i = 0; i < MK_MEMORIES && !ret; i++)
		if (bytes[i])
			ret = create_memory(memfds, token, i, bytes[i]);
	if (ret) {
		memfd_close(&memfds->backing);
		return ret;
	}
	*backing = &memfds->backing;
	return 0;
}

/* Attach ------------------------------------------------------------------- */

static bool memfd_has_fds(const int *fds, size_t count)
{
	(void)fds;
	return count == MK_MEMORIES || count == MK_ARENA;
}

/* A file that may shrink is refused: a mapping of it could fault at any time. */
static int check_file(const char *name, int fd, size_t *bytes)
{
	struct stat stat;
	int seals;

	if (fstat(fd, &stat))
		return mk_fail(errno,
			       "cannot use descriptor %d as %s: %s; pass the one that "
			       "mk_context_share() gave",
			       fd, name, strerror(errno));
	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || !(seals & F_SEAL_SHRINK))
		return mk_fail(EPROTO,
			       "descriptor %d for %s is not sealed against shrinking; "
			       "pass the one that mk_context_share() gave",
			       fd, name);
	if (stat.st_size <= 0 || (uintmax_t)stat.st_size > SIZE_MAX)
		return mk_fail(EPROTO,
			       "the file of %s has %jd bytes; a region has at least a "
			       "page",
			       name, (intmax_t)stat.st_size);
	*bytes = (size_t)stat.st_size;
	return 0;
}

static int take_file(struct memfds *memfds, uint32_t number, int fd)
{
	const char *name = mk_memory_name(number);
	int ret = check_file(name, fd, &memfds->backing.memories[number].mapped_bytes);

	if (ret)
		return ret;
	memfds->fds[number] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (memfds->fds[number] < 0)
		return mk_fail(errno, "cannot duplicate the descriptor of %s: %s", name,
			       strerror(errno));
	return 0;
}

static bool files_allow(const struct memfds *memfds, enum mk_role role)
{
	for (uint32_t i = 0; i < MK_MEMORIES; i++) {
		int flags = memfds->fds[i] < 0 ? O_RDWR : fcntl(memfds->fds[i], F_GETFL);

		if (mk_role_may_write(role, i) && (flags & O_ACCMODE) != O_RDWR)
			return false;
	}
	return true;
}

static enum mk_role role_of_files(const struct memfds *memfds)
{
	if (files_allow(memfds, MK_ROLE_ENGINE))
		return MK_ROLE_ENGINE;
	return files_allow(memfds, MK_ROLE_PRODUCER) ? MK_ROLE_PRODUCER :
						       MK_ROLE_OBSERVER;
}

int mk_memfd_attach(const int fds[MK_MEMORIES], uint32_t present,
		    struct mk_backing **result)
{
	struct memfds *memfds = new_memfds();
	struct mk_backing *backing;
	int ret = 0;

	if (!memfds)
		return -ENOMEM;
	backing = &memfds->backing;
	for (uint32_t i = 0; i < MK_MEMORIES && !ret; i++)
		if (present >> i & 1)
			ret = take_file(memfds, i, fds[i]);
	backing->role = role_of_files(memfds);
	for (uint32_t i = 0; i < MK_MEMORIES && !ret; i++)
		if (present >> i & 1)
			ret = mk_memory_map(i, memfds->fds[i],
					    mk_role_may_write(backing->role, i),
					    &backing->memories[i]);
	if (ret) {
		memfd_close(backing);
		return ret;
	}
	*result = backing;
	return 0;
}

static int memfd_attach(const int *fds, size_t count, struct mk_backing **backing)
{
	return mk_memfd_attach(fds, (1u << count) - 1, backing);
}

/* Descriptors to hand on --------------------------------------------------- */

/*
 * Open a memory's file anew: for another mode, or for locks, which belong to an open
 * file description, so that a descriptor that was passed or inherited shares them.
 */
static int open_again(const struct memfds *memfds, uint32_t number, int mode)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", memfds->fds[number]);
	fd = open(path, mode | O_CLOEXEC);
	if (fd < 0)
		return mk_fail(errno,
			       "cannot open the file of %s by %s: %s; /proc must be "
			       "mounted and the limit on open files (ulimit -n) not "
			       "reached",
			       mk_memory_name(number), path, strerror(errno));
	return fd;
}

static int memfd_export(struct mk_backing *backing, uint32_t number, bool write)
{
	if (write && !mk_role_may_write(backing->role, number))
		return mk_fail(EACCES, "%s may not write to %s; export it to be read",
			       mk_role_name(backing->role), mk_memory_name(number));
	return open_again(memfds_of(backing), number, write ? O_RDWR : O_RDONLY);
}

static int memfd_share(struct mk_backing *backing, enum mk_role role,
		       int fds[MK_CONTEXT_FDS])
{
	int count = 0;

	for (uint32_t i = 0; i < MK_MEMORIES; i++) {
		int fd;

		if (memfds_of(backing)->fds[i] < 0)
			continue;
		fd = memfd_export(backing, i, mk_role_may_write(role, i));
		if (fd < 0) {
			while (count)
				close(fds[--count]);
			return fd;
		}
		fds[count++] = fd;
	}
	return count;
}

/* Locks -------------------------------------------------------------------- */

static struct flock lock_of_byte(uint32_t byte)
{
	return (struct flock){
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = byte,
		.l_len = 1,
	};
}

/* -EBUSY, without a text, when somebody else has it. */
static int lock_byte(int fd, uint32_t byte)
{
	struct flock lock = lock_of_byte(byte);

	if (!fcntl(fd, F_OFD_SETLK, &lock))
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return -EBUSY;
	return mk_fail(errno, "cannot lock byte %u of the cq's file: %s", byte,
		       strerror(errno));
}

static bool is_locked(struct mk_backing *backing, uint32_t byte)
{
	struct flock lock = lock_of_byte(byte);

	/*
	 * This description never holds a lock, so every holder is another.  When in
	 * doubt there is one.
	 */
	return fcntl(memfds_of(backing)->fds[MK_REGION_CQ], F_OFD_GETLK, &lock) ||
	       lock.l_type != F_UNLCK;
}

/* A descriptor that holds a lock as long as it is open. */
static int hold_byte(struct mk_backing *backing, uint32_t byte)
{
	int fd = open_again(memfds_of(backing), MK_REGION_CQ, O_RDWR);
	int ret;

	if (fd < 0)
		return fd;
	ret = lock_byte(fd, byte);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

static void release_byte(struct mk_backing *backing, int held)
{
	(void)backing;
	close(held);
}

static int memfd_hold_engine(struct mk_backing *backing)
{
	return hold_byte(backing, MK_LOCK_ENGINE);
}

static int memfd_hold_pump(struct mk_backing *backing)
{
	return hold_byte(backing, MK_LOCK_PUMP);
}

static bool memfd_has_engine(struct mk_backing *backing)
{
	return is_locked(backing, MK_LOCK_ENGINE);
}

static int memfd_open_identity(struct mk_backing *backing)
{
	return open_again(memfds_of(backing), MK_REGION_CQ, O_RDONLY);
}

/* Lock the first byte of a producer's that is free. */
static int lock_any(int fd, uint32_t *id)
{
	for (*id = MK_LOCK_FIRST_PRODUCER; *id <= MK_LOCK_LAST_PRODUCER; ++*id) {
		int ret = lock_byte(fd, *id);

		if (ret != -EBUSY)
			return ret;
	}
	return mk_fail(EUSERS,
		       "all %u producer ids of the context are in use; close some "
		       "producers",
		       MK_LOCK_LAST_PRODUCER);
}

static int memfd_join(struct mk_backing *backing, uint32_t *id)
{
	int fd = open_again(memfds_of(backing), MK_REGION_CQ, O_RDWR);
	int ret;

	if (fd < 0)
		return fd;
	ret = lock_any(fd, id);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

static bool memfd_is_alive(struct mk_backing *backing, uint32_t id)
{
	return is_locked(backing, id);
}

/* Sleeping ----------------------------------------------------------------- */

/* The word is in memory that several processes share, so no PRIVATE flag. */
static void futex(struct mk_backing *backing, uint32_t memory, uint32_t word,
		  int operation, uint32_t value, const struct timespec *timeout)
{
	uint32_t *words = backing->memories[memory].address;

	syscall(SYS_futex, &words[word], operation, value, timeout, NULL, 0);
}

static void memfd_sleep(struct mk_backing *backing, uint32_t memory, uint32_t word,
			uint32_t value, uint64_t timeout_ns)
{
	const struct timespec timeout = {
		.tv_sec = (time_t)(timeout_ns / 1000000000u),
		.tv_nsec = (long)(timeout_ns % 1000000000u),
	};

	futex(backing, memory, word, FUTEX_WAIT, value, &timeout);
}

static void memfd_wake(struct mk_backing *backing, uint32_t memory, uint32_t word)
{
	futex(backing, memory, word, FUTEX_WAKE, INT_MAX, NULL);
}

const struct mk_backing_ops mk_memfd_backing = {
	.kind = MK_BACKING_MEMFD,
	.name = "memfd",
	.probe = memfd_probe,
	.create = memfd_create_memories,
	.has_fds = memfd_has_fds,
	.attach = memfd_attach,
	.close = memfd_close,
	.share = memfd_share,
	.export = memfd_export,
	.hold_engine = memfd_hold_engine,
	.release_engine = release_byte,
	.has_engine = memfd_has_engine,
	.hold_pump = memfd_hold_pump,
	.release_pump = release_byte,
	.open_identity = memfd_open_identity,
	.join = memfd_join,
	.is_alive = memfd_is_alive,
	.sleep = memfd_sleep,
	.wake = memfd_wake,
};

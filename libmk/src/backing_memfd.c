// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "backing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

#define SIZE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

static int map_file(const char *name, struct mk_memory *memory)
{
	memory->address = mmap(NULL, memory->mapped_bytes, PROT_READ | PROT_WRITE,
			       MAP_SHARED, memory->fd, 0);
	if (memory->address == MAP_FAILED) {
		int error = errno;

		memory->address = NULL;
		return mk_fail(error,
			       "cannot map %zu bytes of %s: %s; ask for less memory "
			       "or raise the limit on address space (ulimit -v)",
			       memory->mapped_bytes, name, strerror(error));
	}
	return 0;
}

static int create_file(const char *name, struct mk_memory *memory)
{
	memory->fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (memory->fd < 0)
		return mk_fail(errno, "cannot create a memfd for %s: %s", name,
			       strerror(errno));
	if (ftruncate(memory->fd, (off_t)memory->mapped_bytes) ||
	    fcntl(memory->fd, F_ADD_SEALS, SIZE_SEALS | F_SEAL_SEAL))
		return mk_fail(errno, "cannot give %s %zu bytes: %s; ask for less memory",
			       name, memory->mapped_bytes, strerror(errno));
	return 0;
}

int mk_memory_create(const char *name, size_t bytes, struct mk_memory *memory)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int ret;

	*memory = MK_MEMORY_NONE;
	if (bytes > SIZE_MAX - page)
		return mk_fail(EOVERFLOW, "%s of %zu bytes does not fit memory", name,
			       bytes);
	memory->bytes = bytes;
	memory->mapped_bytes = (bytes + page - 1) / page * page;

	ret = create_file(name, memory);
	if (!ret)
		ret = map_file(name, memory);
	if (ret)
		mk_memory_unmap(memory);
	return ret;
}

int mk_memory_map(const char *name, int fd, struct mk_memory *memory)
{
	struct stat stat;
	int seals, ret;

	*memory = MK_MEMORY_NONE;
	if (fstat(fd, &stat))
		return mk_fail(errno,
			       "cannot use descriptor %d as %s: %s; pass the one that "
			       "mk_context_fds() gave",
			       fd, name, strerror(errno));
	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || !(seals & F_SEAL_SHRINK))
		return mk_fail(EPROTO,
			       "descriptor %d for %s is not sealed against shrinking; "
			       "pass the one that mk_context_fds() gave",
			       fd, name);
	if (stat.st_size <= 0 || (uintmax_t)stat.st_size > SIZE_MAX)
		return mk_fail(EPROTO,
			       "the file of %s has %jd bytes; a region has at least a "
			       "page",
			       name, (intmax_t)stat.st_size);

	memory->bytes = (size_t)stat.st_size;
	memory->mapped_bytes = memory->bytes;
	memory->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (memory->fd < 0)
		return mk_fail(errno, "cannot duplicate the descriptor of %s: %s", name,
			       strerror(errno));
	ret = map_file(name, memory);
	if (ret)
		mk_memory_unmap(memory);
	return ret;
}

void mk_memory_unmap(struct mk_memory *memory)
{
	if (memory->address)
		munmap(memory->address, memory->mapped_bytes);
	if (memory->fd >= 0)
		close(memory->fd);
	*memory = MK_MEMORY_NONE;
}

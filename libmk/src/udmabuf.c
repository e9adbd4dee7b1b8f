// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "udmabuf.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/udmabuf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

#define DEVICE "/dev/udmabuf"
/* The most MiB of one DMA-buf: 64, unless root has changed it. */
#define LIMIT "/sys/module/udmabuf/parameters/size_limit_mb"

bool mk_udmabuf_is_memfd(int fd)
{
	return fcntl(fd, F_GET_SEALS) >= 0;
}

/* The kernel says EINVAL for all of these, so they are told apart before. */
static int check_memfd(int memfd, uint64_t *bytes)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	int seals = fcntl(memfd, F_GET_SEALS);
	struct stat stat;

	if (seals < 0 || fstat(memfd, &stat))
		return mk_fail(EINVAL, "descriptor %d is no memfd: %s", memfd,
			       strerror(errno));
	if (!(seals & F_SEAL_SHRINK) || seals & F_SEAL_WRITE)
		return mk_fail(EINVAL,
			       "descriptor %d has seals 0x%x; a memfd that becomes a "
			       "DMA-buf is sealed against shrinking, and not against "
			       "being written to",
			       memfd, (unsigned int)seals);
	*bytes = (uint64_t)stat.st_size;
	if (!*bytes || *bytes % page)
		return mk_fail(EINVAL,
			       "descriptor %d has %" PRIu64
			       " bytes; a memfd that becomes "
			       "a DMA-buf has whole pages of %" PRIu64,
			       memfd, *bytes, page);
	return 0;
}

static int open_device(void)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		return mk_fail(ENODEV,
			       "a GPU takes memory of a memfd by " DEVICE
			       ", which is not there; load udmabuf (modprobe udmabuf) or "
			       "mk.ko (modprobe mk)");
	if (errno == EACCES || errno == EPERM)
		return mk_fail(EACCES,
			       "a GPU takes memory of a memfd by " DEVICE
			       ", which this user may not open; be in its group, which "
			       "most often is kvm, or load mk.ko (modprobe mk)");
	return mk_fail(errno, "cannot open " DEVICE ": %s", strerror(errno));
}

/* False when it cannot be read. */
static bool read_limit(uint64_t *bytes)
{
	FILE *file = fopen(LIMIT, "re");
	unsigned int mib;
	bool is_read = file && fscanf(file, "%u", &mib) == 1;

	if (file)
		fclose(file);
	if (is_read)
		*bytes = (uint64_t)mib << 20;
	return is_read;
}

static int refused(int error, uint64_t bytes)
{
	uint64_t limit;

	if (error == EINVAL && read_limit(&limit) && bytes > limit)
		return mk_fail(EFBIG,
			       "udmabuf makes DMA-bufs of %" PRIu64
			       " MiB at most, and this memory has %" PRIu64
			       " bytes; ask for less, or raise " LIMIT
			       ", or load mk.ko (modprobe mk)",
			       limit >> 20, bytes);
	return mk_fail(error,
		       "udmabuf makes no DMA-buf of a memfd of %" PRIu64 " bytes: %s",
		       bytes, strerror(error));
}

int mk_udmabuf_create(int memfd)
{
	struct udmabuf_create create = {
		.memfd = (uint32_t)memfd,
		.flags = UDMABUF_FLAGS_CLOEXEC,
	};
	uint64_t bytes = 0;
	int ret = check_memfd(memfd, &bytes);
	int device, fd;

	if (ret)
		return ret;
	device = open_device();
	if (device < 0)
		return device;
	create.size = bytes;
	fd = ioctl(device, UDMABUF_CREATE, &create);
	ret = fd < 0 ? refused(errno, bytes) : fd;
	close(device);
	return ret;
}

// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "device_header.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "error.h"
#include "placement.h"

#define MAGIC	0x56444b4du /* "MKDV" */
#define VERSION 2u
/* With these what is in the file stays as it is. */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int fill_file(int fd, const struct mk_device_header *header)
{
	ssize_t written = write(fd, header, sizeof(*header));

	if (written != (ssize_t)sizeof(*header) ||
	    fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL))
		return mk_fail(written < 0 ? errno : EIO,
			       "cannot write down what a shared context is: %s",
			       strerror(errno));
	return 0;
}

int mk_device_header_write(struct mk_device_header *header)
{
	int fd = memfd_create("mk device context", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int ret;

	if (fd < 0)
		return mk_fail(errno, "cannot create a memfd: %s", strerror(errno));
	header->magic = MAGIC;
	header->version = VERSION;
	ret = fill_file(fd, header);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

/* A memory's file can be written to, so it never has all of the seals. */
bool mk_device_header_is(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);
	uint32_t magic = 0;

	return seals >= 0 && (seals & SEALS) == SEALS &&
	       pread(fd, &magic, sizeof(magic), 0) == sizeof(magic) && magic == MAGIC;
}

/* The cq is in one place, and all others are the driver's. */
static bool has_its_memories(const struct mk_device_header *header)
{
	bool imports_cq = header->import == MK_IMPORT_DMA_BUF ||
			  header->import == MK_IMPORT_HOST_POINTER;

	return (imports_cq || header->import == MK_IMPORT_AUTO) &&
	       imports_cq == (header->cq_type == MK_HOST_MEMORY) &&
	       imports_cq == !header->bytes[MK_REGION_CQ];
}

int mk_device_header_read(int fd, struct mk_device_header *header)
{
	ssize_t had = pread(fd, header, sizeof(*header), 0);

	if (!mk_device_header_is(fd) || had != (ssize_t)sizeof(*header))
		return mk_fail(EPROTO,
			       "descriptor %d does not say what a context in a device's "
			       "memory is; pass all that mk_context_share() gave, in "
			       "their order",
			       fd);
	if (header->version != VERSION)
		return mk_fail(EPROTO,
			       "the context was shared by a libmk that writes version %u "
			       "of that, this one reads %u; use the same libmk on both "
			       "sides",
			       header->version, VERSION);
	if (header->role < MK_ROLE_ENGINE || header->role > MK_ROLE_OBSERVER ||
	    !has_its_memories(header))
		return mk_fail(EPROTO,
			       "what a shared context says of itself is damaged; was it "
			       "made by mk_context_share()?");
	for (uint32_t i = 0; i < MK_MEMORIES; i++)
		if (i != MK_REGION_CQ && i != MK_ARENA && !header->bytes[i])
			return mk_fail(EPROTO, "a shared context without %s",
				       mk_memory_name(i));
	return 0;
}

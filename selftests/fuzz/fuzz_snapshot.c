// SPDX-License-Identifier: MIT
/*
 * Any bytes as a snapshot's file, and what can be read of them through every decoder.  The
 * library's reader is compiled in, with checksums that are always right.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <mk/snapshot.h>

#include "decoders.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static int fd = -1;
	struct mk_snapshot *snapshot;
	struct view view;

	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, bytes, 0) != (ssize_t)bytes ||
	    lseek(fd, 0, SEEK_SET))
		abort();
	if (mk_snapshot_read(fd, &snapshot))
		return 0;
	view_of_snapshot(snapshot, &view);
	decode_all(&view);
	mk_snapshot_free(snapshot);
	return 0;
}

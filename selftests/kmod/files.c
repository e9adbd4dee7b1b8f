// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* No two blocks are alike. */
unsigned char direct_file_byte(size_t offset)
{
	return offset * 31 + offset / 512 + 1;
}

static bool fill(int file)
{
	unsigned char bytes[DIRECT_FILE_BYTES];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = direct_file_byte(i);
	return pwrite(file, bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes);
}

static int attach(int control, int backing)
{
	struct loop_config config = {
		.fd = backing,
		.info.lo_flags = LO_FLAGS_AUTOCLEAR,
	};
	char path[32];
	int number, loop;

	/* Somebody else may take the free one at the same time. */
	for (;;) {
		number = ioctl(control, LOOP_CTL_GET_FREE);
		if (number < 0)
			return -1;
		snprintf(path, sizeof(path), "/dev/loop%d", number);
		loop = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
		if (loop < 0)
			return -1;
		if (!ioctl(loop, LOOP_CONFIGURE, &config))
			return loop;
		close(loop);
		if (errno != EBUSY)
			return -1;
	}
}

static int open_loop(void)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int backing = memfd_create("loop", MFD_CLOEXEC);
	int loop = -1;

	if (control >= 0 && backing >= 0 && fill(backing))
		loop = attach(control, backing);
	close(control);
	close(backing);
	return loop;
}

static int open_file(void)
{
	char path[] = "/var/tmp/mk-direct-XXXXXX";
	int file = mkstemp(path), direct = -1;

	if (file < 0)
		return -1;
	if (fill(file) && !fsync(file))
		direct = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	unlink(path);
	close(file);
	return direct;
}

int direct_file_open(void)
{
	int file = open_loop();

	return file < 0 ? open_file() : file;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all ioctls have in common: structures that may grow, and new files that are
 * installed last of all.
 */
#ifndef MK_IOCTL_H
#define MK_IOCTL_H

#include <linux/types.h>

#include <linux/mk.h>

struct file;

/**
 * struct mk_call - one ioctl under way
 * @query: the caller's structure, copied; goes back on success, and with -ETIMEDOUT
 * @create: likewise
 * @open: likewise
 * @list: likewise
 * @info: likewise
 * @export: likewise
 * @import: likewise
 * @wait: likewise, also for MK_IOCTL_ARM
 * @file: set by the command: a file to install for the caller
 * @fd: set with it: where in the structure its descriptor goes
 */
struct mk_call {
	union {
		struct mk_ioctl_query query;
		struct mk_ioctl_create create;
		struct mk_ioctl_open open;
		struct mk_ioctl_list list;
		struct mk_ioctl_info info;
		struct mk_ioctl_export export;
		struct mk_ioctl_import import;
		struct mk_ioctl_wait wait;
	};
	struct file *file;
	s32 *fd;
};

/**
 * struct mk_command - one ioctl
 * @command: MK_IOCTL_*, with the size of this kernel's structure
 * @first_size: bytes of the first published structure; a caller's is never shorter
 * @run: 0 or -errno; @object is the device's or the file's
 */
struct mk_command {
	unsigned int command;
	size_t first_size;
	int (*run)(void *object, struct mk_call *call);
};

/**
 * mk_ioctl() - find a command, copy its structure in, run it, copy it out
 * @commands: ends with one that has nothing to run
 * @object: for the command
 * @command: as from the caller
 * @argument: likewise
 */
long mk_ioctl(const struct mk_command *commands, void *object, unsigned int command,
	      unsigned long argument);

#endif /* MK_IOCTL_H */

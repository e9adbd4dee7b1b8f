/* SPDX-License-Identifier: GPL-2.0-only */
/* A context's file: its ioctls, poll, and what happens when it goes. */
#ifndef MK_FILE_H
#define MK_FILE_H

#include <linux/types.h>

struct file;
struct mk_context;

/**
 * mk_file_open() - attach a new file to a context
 * @context: that the file takes a reference to
 * @role: a known role
 * @number: receives the file's
 *
 * Return: the file, not yet installed, or an ERR_PTR() as in struct mk_ioctl_open.
 */
struct file *mk_file_open(struct mk_context *context, u32 role, u32 *number);

#endif /* MK_FILE_H */

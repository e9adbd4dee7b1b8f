// SPDX-License-Identifier: GPL-2.0-only
#include "ioctl.h"

#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/uaccess.h>

/* All but the size of the structure, which may differ. */
static bool is_same(unsigned int one, unsigned int other)
{
	return !((one ^ other) & ~(_IOC_SIZEMASK << _IOC_SIZESHIFT));
}

static const struct mk_command *find(const struct mk_command *commands,
				     unsigned int command)
{
	for (; commands->run; commands++)
		if (is_same(commands->command, command))
			return commands;
	return NULL;
}

static int copy_out(struct mk_call *call, void __user *user, size_t size)
{
	int fd;

	if (call->file) {
		fd = get_unused_fd_flags(O_CLOEXEC);
		if (fd < 0)
			return fd;
		*call->fd = fd;
	}
	if (!copy_to_user(user, call, size))
		return 0;
	if (call->file)
		put_unused_fd(fd);
	return -EFAULT;
}

long mk_ioctl(const struct mk_command *commands, void *object, unsigned int number,
	      unsigned long argument)
{
	const struct mk_command *command = find(commands, number);
	void __user *user = (void __user *)argument;
	size_t size = _IOC_SIZE(number);
	struct mk_call call = {};
	size_t known;
	int ret, copied;

	if (!command)
		return -ENOTTY;
	known = _IOC_SIZE(command->command);
	if (size < command->first_size)
		return -EINVAL;
	ret = copy_struct_from_user(&call, known, user, size);
	if (ret)
		return ret;

	ret = command->run(object, &call);
	if (ret && ret != -ETIMEDOUT)
		return ret;
	copied = copy_out(&call, user, min(size, known));
	if (!call.file)
		return copied ? copied : ret;
	/* From here on other threads can use it, so nothing may fail any more. */
	if (copied)
		fput(call.file);
	else
		fd_install(*call.fd, call.file);
	return copied;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/mk: contexts are made, found and listed here.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "account.h"
#include "context.h"
#include "file.h"
#include "geometry.h"
#include "ioctl.h"

static int run_query(void *object, struct mk_call *call)
{
	call->query = (struct mk_ioctl_query){
		.api_version = MK_API_VERSION,
		.abi_version = MK_ABI_VERSION,
		.user_limit = mk_account_limit_bytes(),
		.user_bytes = mk_account_user_bytes(current_euid()),
	};
	return 0;
}

static int run_create(void *object, struct mk_call *call)
{
	struct mk_ioctl_create *args = &call->create;
	struct mk_context *context = mk_context_create(args);
	u32 number;

	if (IS_ERR(context))
		return PTR_ERR(context);
	call->file = mk_file_open(context, MK_ROLE_OWNER, &number);
	call->fd = &args->fd;
	if (!IS_ERR(call->file))
		args->id = mk_context_publish(context);
	mk_context_put(context);
	return PTR_ERR_OR_ZERO(call->file);
}

static int run_open(void *object, struct mk_call *call)
{
	struct mk_ioctl_open *args = &call->open;
	struct mk_context *context;

	if (args->flags || !mk_role_is_known(args->role))
		return -EINVAL;
	context = mk_context_find(args->id);
	if (IS_ERR(context))
		return PTR_ERR(context);
	if (mk_role_may_become(MK_ROLE_OWNER, args->role))
		call->file = mk_file_open(context, args->role, &args->number);
	else
		call->file = ERR_PTR(-EACCES);
	call->fd = &args->fd;
	mk_context_put(context);
	return PTR_ERR_OR_ZERO(call->file);
}

static int store_attachment(void __user *at, size_t room,
			    const struct mk_attachment *attachment)
{
	size_t size = min(room, sizeof(*attachment));

	if (copy_to_user(at, attachment, size) || clear_user(at + size, room - size))
		return -EFAULT;
	return 0;
}

/* One at a time, so that no lock is held while the caller's memory is written. */
static int run_list(void *object, struct mk_call *call)
{
	struct mk_ioctl_list *args = &call->list;
	void __user *at = u64_to_user_ptr(args->attachments);
	struct mk_attachment attachment;
	u32 count = 0;

	if (args->flags || args->stride < sizeof(u64) || args->stride % sizeof(u64))
		return -EINVAL;
	while (count < args->count &&
	       mk_context_next(args->after_id, args->after_number, &attachment)) {
		if (fatal_signal_pending(current))
			return -EINTR;
		if (store_attachment(at, args->stride, &attachment))
			return -EFAULT;
		args->after_id = attachment.id;
		args->after_number = attachment.number;
		at += args->stride;
		count++;
		cond_resched();
	}
	args->count = count;
	return 0;
}

static const struct mk_command commands[] = {
	{ MK_IOCTL_QUERY, sizeof(struct mk_ioctl_query), run_query },
	{ MK_IOCTL_CREATE, sizeof(struct mk_ioctl_create), run_create },
	{ MK_IOCTL_OPEN, sizeof(struct mk_ioctl_open), run_open },
	{ MK_IOCTL_LIST, sizeof(struct mk_ioctl_list), run_list },
	{}
};

static long device_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	return mk_ioctl(commands, NULL, command, argument);
}

static const struct file_operations device_operations = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "mk",
	.fops = &device_operations,
	/* Until udev gives it to a group: see 70-mk.rules. */
	.mode = 0600,
};

static int __init mk_init(void)
{
	mk_account_init();
	return misc_register(&device);
}
module_init(mk_init);

static void __exit mk_exit(void)
{
	misc_deregister(&device);
}
module_exit(mk_exit);

MODULE_DESCRIPTION("Shared memory of resident GPU kernels");
MODULE_AUTHOR("The mk developers");
MODULE_LICENSE("GPL");

// SPDX-License-Identifier: GPL-2.0-only
#include "file.h"

#include <linux/anon_inodes.h>
#include <linux/dma-buf.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "context.h"
#include "export.h"
#include "geometry.h"
#include "import.h"
#include "ioctl.h"
#include "memory.h"

static int run_info(void *object, struct mk_call *call)
{
	mk_context_info(object, &call->info);
	return 0;
}

static int run_open(void *object, struct mk_call *call)
{
	struct mk_ioctl_open *args = &call->open;
	struct mk_file *file = object;

	if (args->flags || args->id || !mk_role_is_known(args->role))
		return -EINVAL;
	if (!mk_role_may_become(file->role, args->role))
		return -EACCES;
	call->file = mk_file_open(file->context, args->role, &args->number);
	call->fd = &args->fd;
	return PTR_ERR_OR_ZERO(call->file);
}

static struct dma_buf *export(struct mk_memory *memory, u64 mapped_bytes,
			      const struct mk_ioctl_export *args)
{
	bool writable = args->flags & MK_EXPORT_WRITE;
	u64 size = args->size;
	int error = mk_range_check(mapped_bytes, args->offset, &size);

	if (error)
		return ERR_PTR(error);
	if (!memory->foreign)
		return mk_export_pages(memory, args->offset, size, writable);
	if (size != mapped_bytes)
		return ERR_PTR(-EOPNOTSUPP);
	return mk_import_export(memory, writable);
}

static int run_export(void *object, struct mk_call *call)
{
	struct mk_ioctl_export *args = &call->export;
	struct mk_file *file = object;
	struct mk_memory *memory;
	struct dma_buf *dma_buf;

	if (args->flags & ~MK_EXPORT_WRITE || args->pad)
		return -EINVAL;
	memory = mk_context_memory(file->context, args->memory);
	if (IS_ERR(memory))
		return PTR_ERR(memory);
	if (args->flags & MK_EXPORT_WRITE &&
	    !mk_role_may_write(file->role, &file->context->geometry, args->memory,
			       args->offset))
		dma_buf = ERR_PTR(-EACCES);
	else
		dma_buf = export(memory, PAGE_ALIGN(file->context->bytes[args->memory]),
				 args);
	mk_memory_put(memory);
	if (IS_ERR(dma_buf))
		return PTR_ERR(dma_buf);
	call->file = dma_buf->file;
	call->fd = &args->fd;
	return 0;
}

static int run_import(void *object, struct mk_call *call)
{
	struct mk_ioctl_import *args = &call->import;
	struct mk_file *file = object;
	struct mk_context *context = file->context;
	bool is_control = args->memory == MK_REGION_CONTROL;
	struct mk_memory *memory;
	int error;

	if (args->flags || args->memory >= MK_MEMORY_COUNT ||
	    !(context->external & BIT(args->memory)))
		return -EINVAL;
	if (file->role != MK_ROLE_OWNER && file->role != MK_ROLE_ENGINE)
		return -EACCES;
	memory = mk_import(args->fd, context->bytes[args->memory], is_control);
	if (IS_ERR(memory))
		return PTR_ERR(memory);
	args->result = mk_memory_is_reachable(memory) ? MK_MEMORY_REACHABLE : 0;
	error = mk_context_adopt(context, args->memory, memory);
	if (error)
		mk_memory_put(memory);
	return error;
}

/* The condition that a caller asks for, with a reference to its memory. */
static int get_condition(struct mk_context *context, const struct mk_ioctl_wait *args,
			 struct mk_condition *condition)
{
	int error = 0;

	mk_condition_init(condition, args);
	condition->memory = mk_context_memory(context, args->memory);
	if (IS_ERR(condition->memory))
		return PTR_ERR(condition->memory);
	if (args->word >= context->bytes[args->memory] / sizeof(u32))
		error = -ERANGE;
	else if (!mk_memory_is_reachable(condition->memory))
		error = -EOPNOTSUPP;
	if (error)
		mk_memory_put(condition->memory);
	return error;
}

static int run_wait(void *object, struct mk_call *call)
{
	struct mk_file *file = object;
	struct mk_condition condition;
	int error;

	if (call->wait.flags & ~MK_WAIT_UNEQUAL)
		return -EINVAL;
	error = get_condition(file->context, &call->wait, &condition);
	if (error)
		return error;
	error = mk_wait(&condition, &file->context->wakeups, &call->wait.seen);
	mk_memory_put(condition.memory);
	return error;
}

static int run_arm(void *object, struct mk_call *call)
{
	struct mk_file *file = object;
	struct mk_condition condition;
	int error;

	if (call->wait.flags == MK_WAIT_NOTHING) {
		mk_arm_set(&file->arm, NULL, &call->wait.seen);
		return 0;
	}
	if (call->wait.flags & ~MK_WAIT_UNEQUAL)
		return -EINVAL;
	error = get_condition(file->context, &call->wait, &condition);
	if (!error)
		mk_arm_set(&file->arm, &condition, &call->wait.seen);
	return error;
}

static int run_wake(void *object, struct mk_call *call)
{
	struct mk_file *file = object;

	if (file->role == MK_ROLE_OBSERVER || file->role == MK_ROLE_PUMP)
		return -EACCES;
	mk_context_wake(file->context);
	return 0;
}

static const struct mk_command commands[] = {
	{ MK_IOCTL_OPEN, sizeof(struct mk_ioctl_open), run_open },
	{ MK_IOCTL_INFO, sizeof(struct mk_ioctl_info), run_info },
	{ MK_IOCTL_EXPORT, sizeof(struct mk_ioctl_export), run_export },
	{ MK_IOCTL_IMPORT, sizeof(struct mk_ioctl_import), run_import },
	{ MK_IOCTL_WAIT, sizeof(struct mk_ioctl_wait), run_wait },
	{ MK_IOCTL_ARM, sizeof(struct mk_ioctl_wait), run_arm },
	{ MK_IOCTL_WAKE, 0, run_wake },
	{}
};

static long file_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	return mk_ioctl(commands, file->private_data, command, argument);
}

static __poll_t file_poll(struct file *file, struct poll_table_struct *table)
{
	struct mk_file *ours = file->private_data;
	__poll_t events = 0;

	poll_wait(file, &ours->arm.readers, table);
	if (mk_arm_has_fired(&ours->arm))
		events |= EPOLLIN | EPOLLRDNORM;
	if (mk_context_owner_is_gone(ours->context))
		events |= EPOLLHUP;
	return events;
}

static void file_show(struct seq_file *seq, struct file *file)
{
	const struct mk_file *ours = file->private_data;

	seq_printf(seq, "mk-context:\t%llu\nmk-role:\t%u\nmk-number:\t%u\n",
		   ours->context->id, ours->role, ours->number);
}

static void free_file(struct mk_file *file)
{
	mk_arm_destroy(&file->arm);
	put_pid(file->process);
	kfree(file);
}

static int file_release(struct inode *inode, struct file *file)
{
	struct mk_file *ours = file->private_data;

	mk_context_detach(ours);
	free_file(ours);
	return 0;
}

static const struct file_operations file_operations = {
	.owner = THIS_MODULE,
	.release = file_release,
	.unlocked_ioctl = file_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.poll = file_poll,
	.show_fdinfo = file_show,
	.llseek = noop_llseek,
};

struct file *mk_file_open(struct mk_context *context, u32 role, u32 *number)
{
	struct mk_file *ours = kzalloc(sizeof(*ours), GFP_KERNEL_ACCOUNT);
	struct file *file;
	int error;

	if (!ours)
		return ERR_PTR(-ENOMEM);
	ours->role = role;
	ours->process = get_task_pid(current, PIDTYPE_TGID);
	mk_arm_init(&ours->arm);
	error = mk_context_attach(context, ours);
	if (error) {
		free_file(ours);
		return ERR_PTR(error);
	}
	file = anon_inode_getfile("[mk]", &file_operations, ours, O_RDWR);
	if (IS_ERR(file)) {
		mk_context_detach(ours);
		free_file(ours);
		return file;
	}
	*number = ours->number;
	return file;
}

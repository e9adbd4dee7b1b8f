/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Contexts and the files that are attached to them.
 *
 * A context lives as long as a file is attached to it; its memories may live on in
 * DMA-bufs.  Every attachment is one struct file and has one role for all its life.
 *
 * Locks, in the order in which they are taken:
 *
 *   contexts_lock	the list of all contexts, and the last id
 *   context->lock	the context's files, engine, pump, memories and owner_gone
 *   arm->changing	a file is armed for another condition
 *   arm->lock		one file's condition, with bottom halves off for its timer
 *   accounts_lock	taken last, by the release of a memory among others
 *
 * No lock is held while user space is copied from or to.
 */
#ifndef MK_CONTEXT_H
#define MK_CONTEXT_H

#include <linux/cred.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/wait.h>

#include <linux/mk.h>

#include "wait.h"

struct file;
struct mk_file;
struct mk_memory;
struct pid;

/**
 * struct mk_context - memories and who is attached to them
 * @references: one for each attached file, and for who is about to attach one
 * @node: in the list of all contexts, which ascends by @id
 * @id: never used again
 * @owner: credentials that it was created with
 * @geometry: checked; never changes
 * @bytes: of each memory
 * @external: bit n: memory n comes by import
 * @wakeups: who sleeps in mk_wait()
 * @lock: protects what follows
 * @files: attached, ascending by number
 * @file_count: of these
 * @last_number: that was given to a file
 * @owner_gone: SHUTDOWN was stored
 * @engine: the file in that role, or NULL
 * @pump: the same
 * @memory: by number; set once, before which it is NULL
 */
struct mk_context {
	struct kref references;
	struct list_head node;
	u64 id;
	const struct cred *owner;
	struct mk_geometry_words geometry;
	u64 bytes[MK_MEMORY_COUNT];
	u32 external;
	wait_queue_head_t wakeups;

	struct mutex lock; /* all below */
	struct list_head files;
	u32 file_count;
	u32 last_number;
	bool owner_gone;
	struct mk_file *engine;
	struct mk_file *pump;
	struct mk_memory *memory[MK_MEMORY_COUNT];
};

/**
 * struct mk_file - an attachment: what a context's struct file stands for
 * @context: that it holds
 * @node: in the context's files
 * @number: among the context's files
 * @role: enum mk_role
 * @process: that opened it
 * @arm: for poll
 */
struct mk_file {
	struct mk_context *context;
	struct list_head node;
	u32 number;
	u32 role;
	struct pid *process;
	struct mk_arm arm;
};

/**
 * mk_context_create() - make a context that nobody can find yet
 * @args: as from the caller
 *
 * Return: the context with a reference, or an ERR_PTR() as in struct mk_ioctl_create.
 */
struct mk_context *mk_context_create(const struct mk_ioctl_create *args);

/* Let others find a context, which has its owner by now.  Return: its id. */
u64 mk_context_publish(struct mk_context *context);

/**
 * mk_context_find() - look up a context that the caller may open
 * @id: its
 *
 * Return: the context with a reference, or ERR_PTR(-ENOENT).
 */
struct mk_context *mk_context_find(u64 id);
void mk_context_put(struct mk_context *context);

/**
 * mk_context_attach() - let a file in
 * @context: that the file is to belong to
 * @file: with its role; gets a number, and a reference to the context
 *
 * Return: 0, or as in struct mk_ioctl_open -EBUSY, -EOWNERDEAD or -EUSERS.
 */
int mk_context_attach(struct mk_context *context, struct mk_file *file);

/* A file goes: its leases are orphaned; after the owner's, SHUTDOWN is stored. */
void mk_context_detach(struct mk_file *file);

/**
 * mk_context_next() - the attachment that follows (@id, @number)
 * @id: of a context, which need not be there any more
 * @number: of a file of it, likewise
 * @attachment: receives it
 *
 * Only those of contexts that the caller may open are seen.
 *
 * Return: whether there is one.
 */
bool mk_context_next(u64 id, u32 number, struct mk_attachment *attachment);

/**
 * mk_context_memory() - one memory
 * @context: that has it
 * @number: as in <linux/mk.h>; anything
 *
 * Return: the memory with a reference, ERR_PTR(-EINVAL) when there is no such one, or
 * ERR_PTR(-ENODATA) when it was not imported yet.
 */
struct mk_memory *mk_context_memory(struct mk_context *context, u32 number);

/**
 * mk_context_adopt() - put in place what was imported
 * @context: that waits for it
 * @number: of an external memory
 * @memory: a reference that goes over to the context, unless it fails
 *
 * Return: 0, -EBUSY or -EOWNERDEAD.
 */
int mk_context_adopt(struct mk_context *context, u32 number, struct mk_memory *memory);

void mk_context_info(struct mk_file *file, struct mk_ioctl_info *info);

bool mk_context_owner_is_gone(struct mk_context *context);

/* Who waits or is armed looks now. */
void mk_context_wake(struct mk_context *context);

#endif /* MK_CONTEXT_H */

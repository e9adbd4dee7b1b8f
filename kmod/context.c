// SPDX-License-Identifier: GPL-2.0-only
#include "context.h"

#include <linux/capability.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "account.h"
#include "geometry.h"
#include "memory.h"

static DEFINE_MUTEX(contexts_lock);
static LIST_HEAD(contexts);
static u64 last_id;

/* Life ------------------------------------------------------------------- */

static int set_sizes(struct mk_context *context, const struct mk_ioctl_create *args)
{
	u32 i;

	for (i = 0; i < MK_REGION_COUNT; i++)
		context->bytes[i] = mk_geometry_bytes(&args->geometry, i);
	context->bytes[MK_MEMORY_STATE] = args->state_bytes;
	for (i = 0; i < MK_ARENA_COUNT; i++)
		context->bytes[MK_MEMORY_ARENA(i)] = args->arena_bytes[i];

	for (i = 0; i < MK_MEMORY_COUNT; i++) {
		if (context->bytes[i] > MK_MEMORY_MAX_BYTES)
			return -EOVERFLOW;
		/* What is to be imported must be something. */
		if (args->external & BIT(i) && !context->bytes[i])
			return -EINVAL;
	}
	return 0;
}

static int check_create(const struct mk_ioctl_create *args)
{
	if (args->flags || args->pad)
		return -EINVAL;
	/* Leases are in the cq, and the module frees them. */
	if (args->external & ~(BIT(MK_MEMORY_COUNT) - 1) ||
	    args->external & BIT(MK_REGION_CQ))
		return -EINVAL;
	return mk_geometry_check(&args->geometry);
}

static int create_memories(struct mk_context *context)
{
	struct mk_account *account = mk_account_get(context->owner->euid);
	int error = 0;
	u32 i;

	if (!account)
		return -ENOMEM;
	for (i = 0; i < MK_MEMORY_COUNT && !error; i++) {
		struct mk_memory *memory;

		if (!context->bytes[i] || context->external & BIT(i))
			continue;
		memory = mk_memory_create(account, context->bytes[i]);
		if (IS_ERR(memory))
			error = PTR_ERR(memory);
		else
			context->memory[i] = memory;
	}
	mk_account_put(account);
	return error;
}

static void free_context(struct mk_context *context)
{
	u32 i;

	for (i = 0; i < MK_MEMORY_COUNT; i++)
		if (context->memory[i])
			mk_memory_put(context->memory[i]);
	put_cred(context->owner);
	mutex_destroy(&context->lock);
	kfree(context);
	atomic_long_dec(&mk_totals.contexts);
}

struct mk_context *mk_context_create(const struct mk_ioctl_create *args)
{
	struct mk_context *context;
	int error = check_create(args);

	if (error)
		return ERR_PTR(error);
	context = kzalloc(sizeof(*context), GFP_KERNEL_ACCOUNT);
	if (!context)
		return ERR_PTR(-ENOMEM);
	atomic_long_inc(&mk_totals.contexts);
	kref_init(&context->references);
	INIT_LIST_HEAD(&context->node);
	INIT_LIST_HEAD(&context->files);
	mutex_init(&context->lock);
	init_waitqueue_head(&context->wakeups);
	context->owner = get_current_cred();
	context->geometry = args->geometry;
	context->external = args->external;

	error = set_sizes(context, args);
	if (!error)
		error = create_memories(context);
	if (error) {
		free_context(context);
		return ERR_PTR(error);
	}
	return context;
}

u64 mk_context_publish(struct mk_context *context)
{
	mutex_lock(&contexts_lock);
	context->id = ++last_id;
	list_add_tail(&context->node, &contexts);
	mutex_unlock(&contexts_lock);
	return context->id;
}

static void release_context(struct kref *references)
{
	struct mk_context *context =
		container_of(references, struct mk_context, references);

	list_del(&context->node);
	mutex_unlock(&contexts_lock);
	free_context(context);
}

void mk_context_put(struct mk_context *context)
{
	kref_put_mutex(&context->references, release_context, &contexts_lock);
}

/* Finding ---------------------------------------------------------------- */

/* As with ptrace: who may look into the owner may look into this. */
static bool may_open(const struct mk_context *context)
{
	const struct cred *caller = current_cred();
	const struct cred *owner = context->owner;

	if (uid_eq(caller->euid, owner->euid) && caller->user_ns == owner->user_ns)
		return true;
	return ns_capable_noaudit(owner->user_ns, CAP_SYS_PTRACE);
}

struct mk_context *mk_context_find(u64 id)
{
	struct mk_context *found = ERR_PTR(-ENOENT);
	struct mk_context *context;

	mutex_lock(&contexts_lock);
	list_for_each_entry(context, &contexts, node) {
		if (context->id != id)
			continue;
		if (may_open(context) && kref_get_unless_zero(&context->references))
			found = context;
		break;
	}
	mutex_unlock(&contexts_lock);
	return found;
}

static u64 mapped_bytes(const struct mk_context *context)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < MK_MEMORY_COUNT; i++)
		sum += PAGE_ALIGN(context->bytes[i]);
	return sum;
}

static void describe(const struct mk_file *file, struct mk_attachment *attachment)
{
	const struct mk_context *context = file->context;

	lockdep_assert_held(&context->lock);
	*attachment = (struct mk_attachment){
		.id = context->id,
		.number = file->number,
		.role = file->role,
		.pid = pid_vnr(file->process),
		.uid = from_kuid_munged(current_user_ns(), context->owner->euid),
		.flags = context->owner_gone ? MK_ATTACHMENT_OWNER_GONE : 0,
		.bytes = mapped_bytes(context),
	};
}

static bool next_in(struct mk_context *context, u32 number,
		    struct mk_attachment *attachment)
{
	struct mk_file *file;
	bool found = false;

	mutex_lock(&context->lock);
	list_for_each_entry(file, &context->files, node) {
		if (file->number <= number)
			continue;
		describe(file, attachment);
		found = true;
		break;
	}
	mutex_unlock(&context->lock);
	return found;
}

bool mk_context_next(u64 id, u32 number, struct mk_attachment *attachment)
{
	struct mk_context *context;
	bool found = false;

	mutex_lock(&contexts_lock);
	list_for_each_entry(context, &contexts, node) {
		if (context->id < id || !may_open(context))
			continue;
		found = next_in(context, context->id == id ? number : 0, attachment);
		if (found)
			break;
	}
	mutex_unlock(&contexts_lock);
	return found;
}

/* Files ------------------------------------------------------------------ */

/* Where the one file is that may have @role; NULL: there may be many. */
static struct mk_file **place_of(struct mk_context *context, u32 role)
{
	switch (role) {
	case MK_ROLE_ENGINE:
		return &context->engine;
	case MK_ROLE_PUMP:
		return &context->pump;
	default:
		return NULL;
	}
}

static int may_attach(struct mk_context *context, const struct mk_file *file)
{
	struct mk_file **place = place_of(context, file->role);

	lockdep_assert_held(&context->lock);
	if (context->owner_gone && file->role != MK_ROLE_OBSERVER)
		return -EOWNERDEAD;
	if (place && *place)
		return -EBUSY;
	if (context->last_number == U32_MAX)
		return -EUSERS;
	return 0;
}

int mk_context_attach(struct mk_context *context, struct mk_file *file)
{
	struct mk_file **place = place_of(context, file->role);
	int error;

	mutex_lock(&context->lock);
	error = may_attach(context, file);
	if (!error) {
		kref_get(&context->references);
		file->context = context;
		file->number = ++context->last_number;
		list_add_tail(&file->node, &context->files);
		context->file_count++;
		if (place)
			*place = file;
		atomic_long_inc(&mk_totals.attachments);
	}
	mutex_unlock(&context->lock);
	return error;
}

static void orphan_array(const struct mk_memory *cq, const struct mk_lease_array *array,
			 u32 number)
{
	u32 i;

	for (i = 0; i < array->count; i++) {
		u64 *lease = mk_memory_u64(cq, array->first + i * sizeof(*lease));
		u64 had = READ_ONCE(*lease);
		u64 orphaned = mk_lease_orphaned(had, number);

		if (had != orphaned)
			cmpxchg(lease, had, orphaned);
		if (offset_in_page(lease) == 0)
			cond_resched();
	}
}

/*
 * Nobody publishes any more into the windows and ingest slots that @file had leased.
 * Other producers change leases at the same time, so ours are swapped; and since the
 * words are theirs to spoil, each is tried once.
 */
static void orphan_leases(struct mk_context *context, u32 number)
{
	struct mk_lease_array arrays[MK_LEASE_ARRAY_COUNT];
	u32 i;

	mk_geometry_leases(&context->geometry, arrays);
	for (i = 0; i < MK_LEASE_ARRAY_COUNT; i++)
		orphan_array(context->memory[MK_REGION_CQ], &arrays[i], number);
}

static void shut_down(struct mk_context *context)
{
	struct mk_memory *control = context->memory[MK_REGION_CONTROL];
	struct mk_file *file;

	lockdep_assert_held(&context->lock);
	if (control && mk_memory_is_reachable(control))
		mk_memory_store(control, MK_CONTROL_SHUTDOWN, 1);
	/* As a producer would wake the engine: a parked one looks at no other word. */
	mk_memory_store(context->memory[MK_REGION_CQ], MK_CQ_PARK_FUTEX, MK_PARK_AWAKE);
	/* Poll reads this without the lock: who sees it finds SHUTDOWN stored. */
	smp_store_release(&context->owner_gone, true);
	list_for_each_entry(file, &context->files, node)
		wake_up_poll(&file->arm.readers, EPOLLHUP);
}

static void wake(struct mk_context *context)
{
	struct mk_file *file;

	lockdep_assert_held(&context->lock);
	wake_up_all(&context->wakeups);
	list_for_each_entry(file, &context->files, node)
		mk_arm_wake(&file->arm);
}

void mk_context_detach(struct mk_file *file)
{
	struct mk_context *context = file->context;
	struct mk_file **place = place_of(context, file->role);

	mutex_lock(&context->lock);
	list_del(&file->node);
	context->file_count--;
	if (file->role == MK_ROLE_OWNER)
		shut_down(context);
	if (place)
		*place = NULL;
	orphan_leases(context, file->number);
	wake(context);
	mutex_unlock(&context->lock);
	atomic_long_dec(&mk_totals.attachments);
	mk_context_put(context);
}

/* Memories --------------------------------------------------------------- */

struct mk_memory *mk_context_memory(struct mk_context *context, u32 number)
{
	struct mk_memory *memory;

	if (number >= MK_MEMORY_COUNT || !context->bytes[number])
		return ERR_PTR(-EINVAL);
	mutex_lock(&context->lock);
	memory = context->memory[number];
	if (memory)
		mk_memory_get(memory);
	mutex_unlock(&context->lock);
	return memory ? memory : ERR_PTR(-ENODATA);
}

int mk_context_adopt(struct mk_context *context, u32 number, struct mk_memory *memory)
{
	int error = 0;

	mutex_lock(&context->lock);
	if (context->memory[number])
		error = -EBUSY;
	else if (context->owner_gone)
		/* SHUTDOWN was to be stored, and would be missing here. */
		error = -EOWNERDEAD;
	else
		context->memory[number] = memory;
	mutex_unlock(&context->lock);
	return error;
}

static u32 memory_flags(const struct mk_context *context, u32 number)
{
	const struct mk_memory *memory = context->memory[number];
	u32 flags = 0;

	lockdep_assert_held(&context->lock);
	if (context->external & BIT(number))
		flags |= MK_MEMORY_EXTERNAL;
	if (memory)
		flags |= MK_MEMORY_PRESENT;
	if (memory && mk_memory_is_reachable(memory))
		flags |= MK_MEMORY_REACHABLE;
	return flags;
}

void mk_context_info(struct mk_file *file, struct mk_ioctl_info *info)
{
	struct mk_context *context = file->context;
	u32 i;

	*info = (struct mk_ioctl_info){
		.id = context->id,
		.role = file->role,
		.number = file->number,
		.geometry = context->geometry,
	};
	mutex_lock(&context->lock);
	info->attachments = context->file_count;
	if (context->owner_gone)
		info->flags |= MK_CONTEXT_OWNER_GONE;
	if (context->engine)
		info->flags |= MK_CONTEXT_HAS_ENGINE;
	for (i = 0; i < MK_MEMORY_COUNT; i++)
		info->memory[i] = (struct mk_memory_info){
			.bytes = context->bytes[i],
			.mapped_bytes = PAGE_ALIGN(context->bytes[i]),
			.flags = memory_flags(context, i),
		};
	mutex_unlock(&context->lock);
}

bool mk_context_owner_is_gone(struct mk_context *context)
{
	/* With the store in shut_down(). */
	return smp_load_acquire(&context->owner_gone);
}

void mk_context_wake(struct mk_context *context)
{
	mutex_lock(&context->lock);
	wake(context);
	mutex_unlock(&context->lock);
}

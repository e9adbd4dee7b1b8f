// SPDX-License-Identifier: MIT
/* Contexts on this machine. */
#include <mk/find.h>

#include <errno.h>
#include <unistd.h>

#include "error.h"
#include "find_kmod.h"
#include "find_memfd.h"
#include "processes.h"

struct list {
	uint32_t pid; /* of the only process; 0: of all but ours */
	struct mk_found_context *found;
	size_t capacity;
	size_t count;
};

static void add(struct list *list, const struct mk_found_context *context)
{
	if (list->count < list->capacity)
		list->found[list->count] = *context;
	list->count++;
}

/* mk.ko's ---------------------------------------------------------------------- */

static void add_attachment(const struct mk_attachment *attachment, void *data)
{
	struct list *list = data;

	const struct mk_found_context context = {
		.id = attachment->id,
		.bytes = attachment->bytes,
		.pid = attachment->pid,
		.number = attachment->number,
		.backing = MK_BACKING_KMOD,
		.role = (enum mk_role)attachment->role,
	};

	if (list->pid ? context.pid == list->pid : context.pid != (uint32_t)getpid())
		add(list, &context);
}

/* In memfds -------------------------------------------------------------------- */

static int find_in_process(uint32_t pid, struct list *list)
{
	struct mk_memfd_process process;
	int ret = mk_memfd_process_open(pid, &process);

	if (ret)
		return ret;
	for (uint32_t i = 0; i < process.count; i++) {
		const struct mk_memfd_context *from = &process.contexts[i];
		const struct mk_found_context context = {
			.token = from->token,
			.bytes = from->bytes,
			.pid = pid,
			.backing = from->present == 1u << MK_REGION_CQ ?
					   MK_BACKING_DEVICE :
					   MK_BACKING_MEMFD,
		};

		add(list, &context);
	}
	mk_memfd_process_close(&process);
	return 0;
}

static int find_in_other(uint32_t pid, void *data)
{
	struct list *list = data;

	if (pid == (uint32_t)getpid())
		return 0;
	/* Else it has gone meanwhile, or is none of our business. */
	return find_in_process(pid, list) == -ENOMEM ? -ENOMEM : 0;
}

int mk_contexts_find(uint32_t pid, struct mk_found_context *found, size_t capacity,
		     size_t *count)
{
	struct list list = { .pid = pid, .found = found, .capacity = capacity };
	int ret = mk_kmod_list(add_attachment, &list);

	if (!ret)
		ret = pid ? find_in_process(pid, &list) :
			    mk_processes_visit(find_in_other, &list);
	*count = list.count;
	if (!ret && list.count > capacity)
		return mk_fail(ENOSPC, "room for %zu contexts; there are %zu", capacity,
			       list.count);
	return ret;
}

// SPDX-License-Identifier: MIT
/* Who has a context, and as what. */
#include <mk/find.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backing_memfd.h"
#include "context.h"
#include "error.h"
#include "find_kmod.h"
#include "memfd_name.h"
#include "processes.h"

struct list {
	uint64_t id;	  /* of mk.ko's; 0: it is in memfds */
	struct stat file; /* whose locks say it then */
	uint32_t pid;	  /* of the process that is looked into for it */
	struct mk_holder *holders;
	size_t capacity;
	size_t count;
};

static void add(struct list *list, enum mk_holder_kind kind, uint32_t id, uint32_t pid)
{
	if (list->count < list->capacity)
		list->holders[list->count] = (struct mk_holder){ kind, id, pid };
	list->count++;
}

/* mk.ko's ------------------------------------------------------------------------- */

static enum mk_holder_kind kind_of(enum mk_role role)
{
	switch (role) {
	case MK_ROLE_ENGINE:
		return MK_HOLDER_ENGINE;
	case MK_ROLE_PRODUCER:
		return MK_HOLDER_PRODUCER;
	default:
		return MK_HOLDER_OTHER;
	}
}

static void take_attachment(const struct mk_attachment *attachment, void *data)
{
	enum mk_holder_kind kind = kind_of((enum mk_role)attachment->role);
	struct list *list = data;

	if (attachment->id == list->id)
		add(list, kind, kind == MK_HOLDER_PRODUCER ? attachment->number : 0,
		    attachment->pid);
}

/* Locks in files ------------------------------------------------------------------- */

static void add_lock(struct list *list, unsigned long long byte, uint32_t pid)
{
	if (byte == MK_LOCK_ENGINE)
		add(list, MK_HOLDER_ENGINE, 0, pid);
	else if (byte == MK_LOCK_PUMP)
		add(list, MK_HOLDER_PUMP, 0, pid);
	else if (byte <= MK_LOCK_LAST_PRODUCER)
		add(list, MK_HOLDER_PRODUCER, (uint32_t)byte, pid);
}

/* "lock:  1: OFDLCK ADVISORY  WRITE -1 00:01:1030 5 5", one line for each. */
static void read_locks(uint32_t pid, int fd, struct list *list)
{
	char path[64], line[256];
	FILE *stream;

	snprintf(path, sizeof(path), "/proc/%u/fdinfo/%d", pid, fd);
	stream = fopen(path, "re");
	if (!stream)
		return;
	while (fgets(line, sizeof(line), stream)) {
		unsigned long long first, last;

		if (sscanf(line, "lock: %*s OFDLCK %*s %*s %*s %*s %llu %llu", &first,
			   &last) == 2 &&
		    first == last)
			add_lock(list, first, pid);
	}
	fclose(stream);
}

static int look_at(int directory, const char *entry, void *data)
{
	struct list *list = data;

	if (mk_memfd_is_file(directory, entry, &list->file))
		read_locks(list->pid, atoi(entry), list);
	return 0;
}

static int look_into(uint32_t pid, void *data)
{
	struct list *list = data;

	list->pid = pid;
	return mk_process_look_into(pid, look_at, list);
}

static int find_locks(const struct mk_context *context, struct list *list)
{
	int ret = mk_backing_identify(context->backing, &list->file);

	return ret ? ret : mk_processes_visit(look_into, list);
}

int mk_context_holders(const struct mk_context *context, struct mk_holder *holders,
		       size_t capacity, size_t *count)
{
	struct list list = { .id = mk_context_id(context),
			     .holders = holders,
			     .capacity = capacity };
	int ret = list.id ? mk_kmod_list(take_attachment, &list) :
			    find_locks(context, &list);

	*count = list.count;
	if (!ret && list.count > capacity)
		return mk_fail(ENOSPC, "room for %zu holders; there are %zu", capacity,
			       list.count);
	return ret;
}

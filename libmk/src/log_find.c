// SPDX-License-Identifier: MIT
/* Formats of debug records that a context's owner has registered, for who looks on. */
#define _GNU_SOURCE
#include <mk/log.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "context.h"
#include "error.h"
#include "find_kmod.h"
#include "log_formats.h"
#include "processes.h"

struct search {
	uint64_t id; /* of mk.ko's context; 0: it is in memfds */
	char name[MK_MEMFD_NAME_BYTES];
	struct stat cq; /* who has formats has this file too, where id is 0 */
	int result;	/* the file, or why not */
};

/* One that is looked into. */
struct process {
	const struct search *search;
	bool has_context;
	int result; /* -ENOENT: it has no such file; there is no text then */
};

/* The file's name is anybody's to give; so may be the file. */
static int check_file(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat stat;

	if (seals < 0 || (seals & MK_LOG_FORMATS_SEALS) != MK_LOG_FORMATS_SEALS)
		return mk_fail(EPROTO, "the file of registered formats is not sealed "
				       "against changes; the context's owner registers "
				       "them by mk_context_register_formats()");
	if (fstat(fd, &stat))
		return mk_fail(errno, "cannot look at the file of registered formats: %s",
			       strerror(errno));
	if (stat.st_size > (off_t)MK_LOG_FORMATS_BYTES)
		return mk_fail(EPROTO,
			       "the file of registered formats has %jd bytes, expected "
			       "at most %u",
			       (intmax_t)stat.st_size, MK_LOG_FORMATS_BYTES);
	return 0;
}

static int open_file(int directory, const char *entry)
{
	int fd = openat(directory, entry, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int ret;

	/* It may be gone by now, when its owner registers others. */
	if (fd < 0)
		return errno == ENOENT ?
			       -ENOENT :
			       mk_fail(errno,
				       "cannot open the file of registered formats: %s",
				       strerror(errno));
	ret = check_file(fd);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

static int look_at(int directory, const char *entry, void *data)
{
	struct process *process = data;
	const struct search *search = process->search;

	if (!process->has_context)
		process->has_context = mk_memfd_is_file(directory, entry, &search->cq);
	if (process->result < 0 && mk_memfd_has_name(directory, entry, search->name))
		process->result = open_file(directory, entry);
	return 0;
}

static int look_into(uint32_t pid, void *data)
{
	struct search *search = data;
	struct process process = { search, search->id != 0, -ENOENT };

	if (search->result >= 0)
		return 0;
	mk_process_look_into(pid, look_at, &process);
	/* That there was one, and what is wrong with it, is worth more than none. */
	if (process.has_context && process.result != -ENOENT)
		search->result = process.result;
	else if (process.result >= 0)
		close(process.result);
	return 0;
}

static void look_into_owner(const struct mk_attachment *attachment, void *data)
{
	struct search *search = data;

	if (attachment->id == search->id && attachment->role == MK_ROLE_OWNER)
		look_into(attachment->pid, search);
}

static int look_into_all(const struct mk_context *context, struct search *search)
{
	int ret = mk_backing_identify(context->backing, &search->cq);

	return ret ? ret : mk_processes_visit(look_into, search);
}

int mk_context_open_formats(const struct mk_context *context)
{
	struct search search = { .id = mk_context_id(context), .result = -ENOENT };
	int ret = mk_log_formats_name(context, search.name);

	if (!ret)
		ret = search.id ? mk_kmod_list(look_into_owner, &search) :
				  look_into_all(context, &search);
	if (ret)
		return ret;
	if (search.result == -ENOENT)
		return mk_fail(ENOENT, "no formats of debug records are registered, by a "
				       "process that may be looked into");
	return search.result;
}

// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "find_memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mk/find.h>

#include "error.h"
#include "memfd_name.h"
#include "processes.h"

static int fail_to_look(uint32_t pid)
{
	if (errno == ENOENT || errno == ESRCH)
		return mk_fail(ESRCH, "there is no process %u", pid);
	if (errno == EACCES || errno == EPERM)
		return mk_fail(EACCES,
			       "process %u cannot be looked into: it must be the same "
			       "user's, or CAP_SYS_PTRACE is needed",
			       pid);
	return mk_fail(errno, "cannot look into process %u: %s", pid, strerror(errno));
}

static struct mk_memfd_context *find_or_add(struct mk_memfd_process *process,
					    uint64_t token)
{
	struct mk_memfd_context *contexts;

	for (uint32_t i = 0; i < process->count; i++)
		if (process->contexts[i].token == token)
			return &process->contexts[i];
	contexts = realloc(process->contexts, (process->count + 1) * sizeof(*contexts));
	if (!contexts)
		return NULL;
	process->contexts = contexts;
	contexts += process->count++;
	*contexts = (struct mk_memfd_context){ .token = token };
	return contexts;
}

static int look_at(int directory, const char *entry, void *data)
{
	struct mk_memfd_process *process = data;
	struct mk_memfd_context *context;
	struct stat stat;
	uint32_t memory;
	uint64_t token;
	char link[128];
	ssize_t length = readlinkat(directory, entry, link, sizeof(link) - 1);

	if (length <= 0)
		return 0;
	link[length] = '\0';
	if (!mk_memfd_name_read(link, &token, &memory))
		return 0;
	context = find_or_add(process, token);
	if (!context)
		return mk_fail(ENOMEM, "no memory for a list of contexts");
	/* Producers have the cq's file once more; it is the same file. */
	if (context->present >> memory & 1 || fstatat(directory, entry, &stat, 0))
		return 0;
	context->present |= 1u << memory;
	context->fds[memory] = atoi(entry);
	context->bytes += (uint64_t)stat.st_size;
	return 0;
}

int mk_memfd_process_open(uint32_t pid, struct mk_memfd_process *process)
{
	int ret;

	*process = (struct mk_memfd_process){ .directory = mk_descriptors_open(pid) };
	if (!process->directory)
		return fail_to_look(pid);
	ret = mk_descriptors_visit(process->directory, look_at, process);
	if (ret)
		mk_memfd_process_close(process);
	return ret;
}

void mk_memfd_process_close(struct mk_memfd_process *process)
{
	free(process->contexts);
	closedir(process->directory);
}

/* Attach ----------------------------------------------------------------------- */

static int choose(const struct mk_memfd_process *process, uint32_t pid, uint64_t token,
		  const struct mk_memfd_context **chosen)
{
	*chosen = NULL;
	if (!token && process->count > 1)
		return mk_fail(EEXIST,
			       "process %u has %u contexts in memfds; say which one", pid,
			       process->count);
	for (uint32_t i = 0; i < process->count; i++)
		if (!token || process->contexts[i].token == token)
			*chosen = &process->contexts[i];
	if (!*chosen)
		return mk_fail(ENOENT,
			       "process %u has no %scontext in memfds; one of mk.ko's is "
			       "opened by its id",
			       pid, token ? "such " : "");
	if ((*chosen)->present == 1u << MK_REGION_CQ)
		return mk_fail(ENOTSUP,
			       "the context lies in a device's memory, which cannot be "
			       "had by looking into process %u; have it served at a "
			       "socket, or look at a snapshot",
			       pid);
	return 0;
}

/* Opened anew, to be read only; what it really is mk_context_attach() finds out. */
static int open_files(const struct mk_memfd_process *process,
		      const struct mk_memfd_context *context, int fds[MK_MEMORIES],
		      size_t *count)
{
	for (uint32_t i = 0; i < MK_MEMORIES; i++) {
		char name[16];

		if (!(context->present >> i & 1)) {
			if (i == MK_ARENA)
				break;
			return mk_fail(EPROTO, "the process has no file of %s",
				       mk_memory_name(i));
		}
		snprintf(name, sizeof(name), "%d", context->fds[i]);
		fds[*count] = openat(dirfd(process->directory), name,
				     O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fds[*count] < 0)
			return mk_fail(errno, "cannot open the process's file of %s: %s",
				       mk_memory_name(i), strerror(errno));
		++*count;
	}
	return 0;
}

int mk_context_attach_process(uint32_t pid, uint64_t token, struct mk_context **result)
{
	const struct mk_memfd_context *context;
	struct mk_memfd_process process;
	int fds[MK_MEMORIES];
	size_t count = 0;
	int ret = mk_memfd_process_open(pid, &process);

	if (ret)
		return ret;
	ret = choose(&process, pid, token, &context);
	if (!ret)
		ret = open_files(&process, context, fds, &count);
	if (!ret)
		ret = mk_context_attach(fds, count, result);
	while (count)
		close(fds[--count]);
	mk_memfd_process_close(&process);
	return ret;
}

// SPDX-License-Identifier: MIT
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/complain.h"
#include "found.h"
#include "names.h"
#include "options.h"

/* Files ---------------------------------------------------------------------------- */

/* A pipe could keep us waiting for ever. */
static int open_regular(const char *path)
{
	struct stat stat;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return complain_of(-errno, "%s: %s", path, strerror(errno));
	if (!fstat(fd, &stat) && S_ISREG(stat.st_mode))
		return fd;
	close(fd);
	return complain_of(-EINVAL, "%s: no regular file, so no snapshot", path);
}

int source_open_file(const char *path, struct source *source)
{
	int fd = open_regular(path);
	int ret;

	*source = (struct source){ .path = path };
	if (fd < 0)
		return fd;
	ret = mk_snapshot_read(fd, &source->file);
	close(fd);
	return ret ? complain_of(ret, "%s: %s", path, mk_error_text()) : 0;
}

/* Processes ------------------------------------------------------------------------- */

static int open_found(const struct mk_found_context *found, struct source *source)
{
	source->pid = found->pid;
	source->token = found->token;
	if (found->id)
		return mk_context_open(found->id, MK_ROLE_OBSERVER, &source->context);
	return mk_context_attach_process(found->pid, found->token, &source->context);
}

static bool is_same(const struct mk_found_context *one,
		    const struct mk_found_context *two)
{
	return one->id == two->id && one->token == two->token;
}

static int tell_several(const struct found *found, uint32_t pid)
{
	complain_of(0, "there are several contexts; choose one by --id, or by --pid and "
		       "--token:");
	for (size_t i = 0; i < found->count; i++) {
		const struct mk_found_context *context = &found->contexts[i];

		if (context->id)
			fprintf(stderr, "  --id %" PRIu64 "  (process %u)\n", context->id,
				context->pid);
		else
			fprintf(stderr, "  --pid %u --token %016" PRIx64 "\n",
				context->pid, context->token);
	}
	return pid ? -EEXIST : -EINVAL;
}

static int tell_none(uint32_t pid, uint64_t token)
{
	if (pid)
		return complain_of(-ENOENT,
				   "process %u has no %scontext that can be seen", pid,
				   token ? "such " : "");
	return complain_of(-ENOENT,
			   "there is no %scontext that this user may look at; "
			   "name one by --id, --pid, --socket, or a snapshot by "
			   "--file",
			   token ? "such " : "");
}

/* Several processes that have the same context are no choice. */
static int open_only(const struct options *options, struct source *source)
{
	struct found found;
	int ret = found_get(options->pid, options->token, &found);

	if (ret)
		return ret;
	if (!found.count)
		ret = tell_none(options->pid, options->token);
	for (size_t i = 1; i < found.count && !ret; i++)
		if (!is_same(&found.contexts[i], &found.contexts[0]))
			ret = tell_several(&found, options->pid);
	/* The first may have gone meanwhile. */
	for (size_t i = 0; i < found.count && !ret && !source->context; i++) {
		ret = open_found(&found.contexts[i], source);
		if (ret && (ret != -ESRCH || i + 1 == found.count))
			complain("attaching", ret);
		else
			ret = 0;
	}
	found_free(&found);
	return ret;
}

int source_open(const struct options *options, struct source *source)
{
	int ret;

	*source = (struct source){ 0 };
	if (options->file)
		return source_open_file(options->file, source);
	if (options->id)
		ret = mk_context_open(options->id, MK_ROLE_OBSERVER, &source->context);
	else if (options->socket)
		ret = mk_context_connect(options->socket, MK_ROLE_OBSERVER,
					 &source->context);
	else
		return open_only(options, source);
	return ret ? complain("attaching", ret) : 0;
}

void source_close(struct source *source)
{
	mk_context_close(source->context);
	mk_snapshot_free(source->file);
}

/* Looks ------------------------------------------------------------------------------- */

static int check_memories(const struct source *source, uint32_t memories)
{
	uint32_t missing = memories & ~mk_snapshot_info(source->file)->memories;

	for (uint32_t i = 0; i < VIEW_MEMORIES; i++)
		if (missing >> i & 1)
			return complain_of(-ENODATA, "%s: the snapshot lacks the %s",
					   source->path, name_memory(i));
	return 0;
}

int source_take(struct source *source, uint32_t memories, struct mk_snapshot **snapshot)
{
	const struct mk_snapshot_options options = { .size = sizeof(options),
						     .memories = memories };
	int ret;

	if (source->file) {
		*snapshot = source->file;
		return check_memories(source, memories);
	}
	ret = mk_snapshot_take(source->context, &options, snapshot);
	return ret ? complain("copying", ret) : 0;
}

void source_put(struct source *source, struct mk_snapshot *snapshot)
{
	if (snapshot != source->file)
		mk_snapshot_free(snapshot);
}

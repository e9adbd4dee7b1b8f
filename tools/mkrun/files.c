// SPDX-License-Identifier: MIT
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/complain.h"

#define CLOSE_TIMEOUT_NS UINT64_C(10000000000)

static int add_file(struct mk_io *io, const struct file_option *option, uint32_t *handle)
{
	const struct mk_io_file file = { .flags = option->flags };
	int access = O_RDONLY, fd, ret;

	if (option->flags & MK_IO_WRITE)
		access = option->flags & MK_IO_READ ? O_RDWR : O_WRONLY;
	fd = open(option->path, access | O_CLOEXEC);
	if (fd < 0) {
		return complain_of(-errno, "--io: %s: %s", option->path, strerror(errno));
	}
	ret = mk_io_add_file(io, fd, &file, handle);
	close(fd);
	return ret ? complain(option->path, ret) : 0;
}

static int add_all(const struct run_options *options, struct mk_io *io,
		   struct file_handles *handles)
{
	uint64_t bytes = options->geometry.arena_bytes;
	int ret = mk_io_add_arena(io, 0, bytes, bytes, 1, &handles->arena);

	if (ret)
		return complain("let requests use the arena", ret);
	for (uint32_t i = 0; i < options->file_count && !ret; i++)
		ret = add_file(io, &options->files[i], &handles->files[i]);
	return ret;
}

int files_open(const struct run_options *options, struct mk_context *context,
	       struct mk_io **io, struct file_handles *handles)
{
	int ret = mk_io_open(context, NULL, io);

	if (ret)
		return complain("answer requests", ret);
	ret = add_all(options, *io, handles);
	if (!ret) {
		ret = mk_io_start(*io);
		if (ret)
			complain("start the pump", ret);
	}
	if (ret) {
		mk_io_close(*io, CLOSE_TIMEOUT_NS);
		*io = NULL;
	}
	return ret;
}

void files_tell_error(const struct mk_io_error *error)
{
	const struct mk_io_request *request = &error->request;

	complain_of(0,
		    "a request (slot %u, tag %u, from handle 0x%x to 0x%x) was answered "
		    "with an error: %s%s%s",
		    request->slot, request->tag, request->source, request->destination,
		    mk_io_reason_text(error->reason), error->error ? ": " : "",
		    error->error ? strerror(error->error) : "");
}

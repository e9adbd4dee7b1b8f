// SPDX-License-Identifier: MIT
#include "pump.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <mk/error.h>

#include "message.h"

/*
 * The system reads what it has in memory when it is asked, and nothing is answered before
 * it has read all that it was asked for at once.  So that the device has something to
 * scan meanwhile, that should be little; and for disks it should not be too little.
 */
#define QUEUE_DEPTH 32u
/* Nothing is in flight for what is taken back, so this is for a system in trouble. */
#define END_NANOSECONDS UINT64_C(20000000000)

int pump_open(struct pump *pump, struct mk_context *context,
	      const struct pump_blocks *blocks)
{
	struct mk_io_options options = {
		.size = sizeof(options),
		.queue_depth = QUEUE_DEPTH,
	};
	int error = mk_io_open(context, &options, &pump->io);

	if (!error)
		error = mk_io_add_arena(pump->io, blocks->offset, blocks->bytes,
					blocks->stride, blocks->count,
					&pump->first_block);
	if (!error)
		error = mk_io_start(pump->io);
	if (error)
		message("cannot answer the device: %s; --io host reads without that",
			mk_error_text());
	return error;
}

int pump_close(struct pump *pump)
{
	int error = mk_io_close(pump->io, END_NANOSECONDS);

	if (error) {
		message("cannot stop reading: %s", mk_error_text());
		return error;
	}
	while (pump->files) {
		struct pump_file *file = pump->files;

		pump->files = file->next;
		free(file);
	}
	return 0;
}

struct pump_file *pump_add_file(struct pump *pump, const struct source *source,
				bool *failed)
{
	struct mk_io_file all = { .flags = MK_IO_READ };
	struct pump_file *file = calloc(1, sizeof(*file));
	int error = -ENOMEM;

	if (file)
		error = mk_io_add_file(pump->io, source->fd, &all, &file->handle);
	if (error) {
		message("%s: cannot let the device read it: %s", source->name,
			file ? mk_error_text() : "no memory is left");
		free(file);
		*failed = true;
		return NULL;
	}
	file->name = source->name;
	file->users = 1;
	file->failed = failed;
	file->next = pump->files;
	pump->files = file;
	return file;
}

static void note(struct pump_file *file, uint64_t position, uint32_t reason, int error)
{
	if (file->reason && file->position <= position)
		return;
	file->position = position;
	file->reason = reason;
	file->error = error;
	*file->failed = true;
}

/* The pump keeps errors with their errno, but not any number of them. */
static void take_errors(struct pump *pump)
{
	struct mk_io_error error;

	while (mk_io_next_error(pump->io, &error)) {
		struct pump_file *file = pump->files;

		while (file && file->handle != error.request.source)
			file = file->next;
		if (file)
			note(file, error.request.offset + error.transferred, error.reason,
			     error.error);
	}
}

void pump_file_failed(struct pump *pump, struct pump_file *file, uint64_t offset,
		      uint32_t reason)
{
	take_errors(pump);
	if (!file->reason)
		note(file, offset, reason, 0);
}

static void explain(const struct pump_file *file)
{
	const char *text = file->error ? strerror(file->error) :
					 mk_io_reason_text(file->reason);

	message("%s: cannot read at byte %llu: %s%s", file->name,
		(unsigned long long)file->position, text,
		file->reason == MK_IO_REASON_END_OF_FILE ?
			" than its size said; it was cut meanwhile, or is no plain file, "
			"which --io host reads" :
			"");
}

int pump_release_file(struct pump *pump, struct pump_file *file)
{
	struct pump_file **link = &pump->files;
	int error;

	if (--file->users)
		return 0;
	if (file->reason)
		explain(file);
	while (*link != file)
		link = &(*link)->next;
	*link = file->next;
	error = mk_io_remove(pump->io, file->handle, END_NANOSECONDS);
	if (error)
		message("%s: cannot take it back from the device: %s", file->name,
			mk_error_text());
	free(file);
	return error;
}

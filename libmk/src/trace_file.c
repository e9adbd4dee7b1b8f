// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "trace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zstd.h>

#include "error.h"

/* Of zstd: as fast as can be, since who is traced shares the processor. */
#define COMPRESSION_LEVEL 1

/* Opening ------------------------------------------------------------------ */

/* Puts the process's number where "%p" is. */
static int expand(const char *path, char *name, size_t size)
{
	const char *mark = strstr(path, "%p");
	int length;

	if (mark)
		length = snprintf(name, size, "%.*s%d%s", (int)(mark - path), path,
				  (int)getpid(), mark + 2);
	else
		length = snprintf(name, size, "%s", path);
	if (length < 0 || (size_t)length >= size)
		return mk_fail(ENAMETOOLONG,
			       "a trace's name of %zu bytes; use one of less than %zu",
			       strlen(path), size);
	return 0;
}

/* The file, locked against other traces; -EWOULDBLOCK: another is being written there. */
static int open_locked(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	struct stat status;
	int error = 0;

	if (fd < 0)
		return -errno;
	/* What is no plain file holds nothing that another trace could spoil. */
	if (!fstat(fd, &status) && S_ISREG(status.st_mode) &&
	    (flock(fd, LOCK_EX | LOCK_NB) || ftruncate(fd, 0)))
		error = errno;
	if (!error)
		return fd;
	close(fd);
	return -error;
}

static int open_name(const char *path, uint32_t number)
{
	char name[4096];
	size_t length;
	int ret = expand(path, name, sizeof(name) - 32);

	if (ret)
		return ret;
	length = strlen(name);
	if (number)
		snprintf(name + length, 32, ".%d.%u", (int)getpid(), number);
	ret = open_locked(name);
	if (ret == -EWOULDBLOCK)
		return mk_fail(EBUSY,
			       "another trace is being written to %s; name another file, "
			       "or put %%p in the name for the process's number",
			       name);
	if (ret < 0)
		return mk_fail(-ret,
			       "cannot write the trace %s: %s; name a file that can be "
			       "written (MK_TRACE)",
			       name, strerror(-ret));
	return ret;
}

static void free_file(struct mk_trace_file *file)
{
	ZSTD_freeCCtx(file->compressor);
	free(file->records);
	free(file->block);
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

int mk_trace_file_open(struct mk_trace_file *file, const char *path, uint32_t number)
{
	*file = (struct mk_trace_file){ .fd = open_name(path, number) };
	if (file->fd < 0)
		return file->fd;
	file->block_capacity =
		MK_TRACE_BLOCK_HEADER + (uint32_t)ZSTD_compressBound(MK_TRACE_BLOCK_MAX);
	file->compressor = ZSTD_createCCtx();
	file->records = malloc(MK_TRACE_BLOCK_MAX);
	file->block = malloc(file->block_capacity);
	if (!file->compressor || !file->records || !file->block) {
		free_file(file);
		return mk_fail(ENOMEM, "no memory to write a trace");
	}
	ZSTD_CCtx_setParameter(file->compressor, ZSTD_c_compressionLevel,
			       COMPRESSION_LEVEL);
	ZSTD_CCtx_setParameter(file->compressor, ZSTD_c_checksumFlag, 1);
	return 0;
}

int mk_trace_file_close(struct mk_trace_file *file)
{
	int error;

	mk_trace_file_flush(file);
	error = file->error;
	free_file(file);
	if (error)
		return mk_fail(-error, "the trace could not be written whole: %s",
			       strerror(-error));
	return 0;
}

/* Writing ------------------------------------------------------------------ */

static void write_all(struct mk_trace_file *file, const uint8_t *data, size_t bytes)
{
	while (bytes && !file->error) {
		ssize_t written = write(file->fd, data, bytes);

		if (written < 0 && errno != EINTR)
			file->error = -errno;
		if (written > 0) {
			data += written;
			bytes -= (size_t)written;
			file->bytes += (uint64_t)written;
		}
	}
}

void mk_trace_file_flush(struct mk_trace_file *file)
{
	uint32_t header[2];
	size_t bytes;

	if (!file->used || file->error)
		return;
	bytes = ZSTD_compress2(file->compressor, file->block + sizeof(header),
			       file->block_capacity - sizeof(header), file->records,
			       file->used);
	file->used = 0;
	if (ZSTD_isError(bytes)) {
		file->error = -EIO;
		return;
	}
	header[0] = MK_TRACE_BLOCK_MAGIC;
	header[1] = (uint32_t)bytes;
	memcpy(file->block, header, sizeof(header));
	write_all(file, file->block, sizeof(header) + bytes);
}

void *mk_trace_file_reserve(struct mk_trace_file *file, uint32_t bytes)
{
	void *record;

	if (file->used + bytes > MK_TRACE_BLOCK_MAX)
		mk_trace_file_flush(file);
	if (file->error)
		return NULL;
	record = memset(file->records + file->used, 0, bytes);
	file->used += bytes;
	file->record_count++;
	return record;
}

static uint32_t count_records(const uint8_t *records, uint32_t bytes)
{
	uint32_t count = 0;

	for (uint32_t at = 0; at < bytes; count++)
		at += ((const struct mk_trace_head *)(const void *)&records[at])->units *
		      MK_TRACE_UNIT;
	return count;
}

void mk_trace_file_append(struct mk_trace_file *file, const void *records, uint32_t bytes)
{
	if (file->used + bytes > MK_TRACE_BLOCK_MAX)
		mk_trace_file_flush(file);
	if (file->error)
		return;
	memcpy(file->records + file->used, records, bytes);
	file->used += bytes;
	file->record_count += count_records(records, bytes);
}

// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "read_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#define MOST_BYTES  4194304u
#define LEAST_BYTES 1048576u
#define ALIGNMENT   4096u

static int fail(const char *what, const char *path, int error)
{
	fprintf(stderr, "mkbench: %s %s: %s\n", what, path, strerror(error));
	return -error;
}

static const char *folder(const struct bench_options *options)
{
	const char *named = getenv("TMPDIR");

	if (options->directory)
		return options->directory;
	return named && *named ? named : "/var/tmp";
}

/* Any bytes, of which no two words are alike. */
static void invent(struct read_file *file)
{
	for (uint32_t i = 0; i < file->bytes / sizeof(uint32_t); i++)
		file->content[i] = (i + 1) * 2654435761u;
}

static int write_all(const struct read_file *file)
{
	for (uint32_t at = 0; at < file->bytes;) {
		ssize_t written = pwrite(file->buffered, (char *)file->content + at,
					 file->bytes - at, at);

		if (written <= 0)
			return written ? -errno : -EIO;
		at += (uint32_t)written;
	}
	return fdatasync(file->buffered) ? -errno : 0;
}

static int read_all(const struct read_file *file)
{
	for (uint32_t at = 0; at < file->bytes;) {
		ssize_t got = pread(file->buffered, (char *)file->content + at,
				    file->bytes - at, at);

		if (got <= 0)
			return got ? -errno : -EIO;
		at += (uint32_t)got;
	}
	return 0;
}

static int make(const struct bench_options *options, struct read_file *file)
{
	const char *path = folder(options);
	int error;

	file->buffered = open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (file->buffered < 0)
		return fail("a temporary file in", path, errno);
	invent(file);
	error = write_all(file);
	return error ? fail("writing a temporary file in", path, -error) : 0;
}

static int use(const char *path, struct read_file *file)
{
	off_t size;
	int error;

	file->buffered = open(path, O_RDONLY | O_CLOEXEC);
	if (file->buffered < 0)
		return fail("open", path, errno);
	size = lseek(file->buffered, 0, SEEK_END);
	if (size < LEAST_BYTES) {
		fprintf(stderr, "mkbench: %s: had %lld bytes, expected at least %u\n",
			path, (long long)size, LEAST_BYTES);
		return -EINVAL;
	}
	while (file->bytes > size)
		file->bytes /= 2;
	error = read_all(file);
	return error ? fail("read", path, -error) : 0;
}

static void open_direct(struct read_file *file)
{
	char path[64];
	struct statfs system;

	file->direct = -1;
	if (!fstatfs(file->buffered, &system) && system.f_type == TMPFS_MAGIC) {
		fprintf(stderr, "mkbench: without O_DIRECT: all of a file in tmpfs is in "
				"the page cache\n");
		return;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file->buffered);
	file->direct = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (file->direct < 0)
		fprintf(stderr,
			"mkbench: without O_DIRECT: the filesystem refuses it: "
			"%s\n",
			strerror(errno));
}

int read_file_open(const struct bench_options *options, struct read_file *file)
{
	int error;

	*file = (struct read_file){ .buffered = -1, .direct = -1, .bytes = MOST_BYTES };
	file->content = aligned_alloc(ALIGNMENT, MOST_BYTES);
	if (!file->content)
		return complain("memory for a file's content", -ENOMEM);
	error = options->file ? use(options->file, file) : make(options, file);
	if (error)
		read_file_close(file);
	else
		open_direct(file);
	return error;
}

void read_file_close(struct read_file *file)
{
	if (file->direct >= 0)
		close(file->direct);
	if (file->buffered >= 0)
		close(file->buffered);
	free(file->content);
}

bool read_file_is_direct(const struct read_file *file, uint32_t bytes)
{
	char *buffer;
	ssize_t got;

	if (file->direct < 0)
		return false;
	buffer = aligned_alloc(ALIGNMENT, bytes < ALIGNMENT ? ALIGNMENT : bytes);
	got = buffer ? pread(file->direct, buffer, bytes, bytes) : -1;
	if (got != (ssize_t)bytes)
		fprintf(stderr, "mkbench: without O_DIRECT for %u bytes: %s\n", bytes,
			got < 0 ? strerror(errno) : "the read was cut short");
	free(buffer);
	return got == (ssize_t)bytes;
}

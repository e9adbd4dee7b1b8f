// SPDX-License-Identifier: MIT
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"

static bool names_stdin(const char *path)
{
	return strcmp(path, "-") == 0;
}

uint64_t source_size(const char *path)
{
	struct stat status;
	int error;

	error = names_stdin(path) ? fstat(STDIN_FILENO, &status) : stat(path, &status);
	return error || !S_ISREG(status.st_mode) ? 0 : status.st_size;
}

int source_open(struct source *source, const char *path)
{
	struct stat status;
	off_t position;

	*source = (struct source){ .name = path, .is_stdin = names_stdin(path) };
	if (source->is_stdin) {
		source->name = "standard input";
		source->fd = STDIN_FILENO;
	} else {
		source->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	}
	if (source->fd < 0 || fstat(source->fd, &status) != 0) {
		int error = errno;

		if (error != EINTR)
			message("%s: cannot open: %s", source->name, strerror(error));
		source_close(source, 0);
		return -error;
	}
	if (S_ISDIR(status.st_mode)) {
		message("%s: is a directory; name the files in it", source->name);
		source_close(source, 0);
		return -EISDIR;
	}
	position = lseek(source->fd, 0, SEEK_CUR);
	source->stream = position < 0;
	source->offset = source->stream ? 0 : position;
	source->end = S_ISREG(status.st_mode) ? status.st_size : 0;
	return 0;
}

void source_measure(struct source *source)
{
	struct stat status;

	if (fstat(source->fd, &status) == 0 && S_ISREG(status.st_mode) &&
	    (uint64_t)status.st_size > source->end)
		source->end = status.st_size;
}

void source_close(struct source *source, uint64_t position)
{
	if (source->fd < 0)
		return;
	if (!source->is_stdin)
		close(source->fd);
	else if (!source->stream)
		lseek(source->fd, position, SEEK_SET);
	source->fd = -1;
}

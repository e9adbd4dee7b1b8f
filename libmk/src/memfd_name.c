// SPDX-License-Identifier: MIT
#include "memfd_name.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backing.h"
#include "deadline.h"

#define LINK_PREFIX "/memfd:mk:"
#define LINK_SUFFIX " (deleted)"
#define LINK_BYTES  64

static const char *const names[MK_MEMORIES] = {
	[MK_REGION_CONTROL] = "control",
	[MK_REGION_RING] = "ring",
	[MK_REGION_DEBUG_LOG] = "log",
	[MK_REGION_IO_QUEUE] = "ioq",
	[MK_REGION_CQ] = "cq",
	[MK_MEMORY_STATE] = "state",
	[MK_ARENA] = "arena",
};

uint64_t mk_memfd_token(void)
{
	uint64_t token = 0;

	/* It need not be secret, so early in a boot something else will do. */
	if (getrandom(&token, sizeof(token), GRND_NONBLOCK) != sizeof(token))
		token = mk_now_ns() ^ (uint64_t)getpid() << 40;
	return token ? token : 1;
}

void mk_memfd_name(uint64_t token, uint32_t memory, char name[MK_MEMFD_NAME_BYTES])
{
	snprintf(name, MK_MEMFD_NAME_BYTES, "mk:%016" PRIx64 ":%s", token, names[memory]);
}

void mk_memfd_formats_name(uint64_t token, char name[MK_MEMFD_NAME_BYTES])
{
	snprintf(name, MK_MEMFD_NAME_BYTES, "mk:%016" PRIx64 ":formats", token);
}

void mk_memfd_formats_name_by_id(uint64_t id, char name[MK_MEMFD_NAME_BYTES])
{
	snprintf(name, MK_MEMFD_NAME_BYTES, "mk:id:%016" PRIx64 ":formats", id);
}

bool mk_memfd_name_is_there(int directory, const char *entry)
{
	char link[sizeof(LINK_PREFIX)];

	return readlinkat(directory, entry, link, strlen(LINK_PREFIX)) ==
		       (ssize_t)strlen(LINK_PREFIX) &&
	       !memcmp(link, LINK_PREFIX, strlen(LINK_PREFIX));
}

/* False when it has another name, or one that is longer. */
static bool read_link(int directory, const char *entry, char link[LINK_BYTES])
{
	ssize_t length = readlinkat(directory, entry, link, LINK_BYTES);

	if (length <= 0 || length == LINK_BYTES)
		return false;
	link[length] = '\0';
	return true;
}

bool mk_memfd_has_name(int directory, const char *entry, const char *name)
{
	char link[LINK_BYTES], wanted[LINK_BYTES];

	snprintf(wanted, sizeof(wanted), "/memfd:%s" LINK_SUFFIX, name);
	return read_link(directory, entry, link) && !strcmp(link, wanted);
}

bool mk_memfd_is_file(int directory, const char *entry, const struct stat *file)
{
	struct stat stat;

	/* A look at a file's name is cheap, and most are no memfds. */
	return mk_memfd_name_is_there(directory, entry) &&
	       !fstatat(directory, entry, &stat, 0) && stat.st_ino == file->st_ino &&
	       stat.st_dev == file->st_dev;
}

int mk_memfd_token_of(int fd, uint64_t *token)
{
	char path[32], link[LINK_BYTES];
	uint32_t memory;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return read_link(AT_FDCWD, path, link) &&
			       mk_memfd_name_read(link, token, &memory) ?
		       0 :
		       -ENOTSUP;
}

bool mk_memfd_name_read(const char *link, uint64_t *token, uint32_t *memory)
{
	const char *at = link + strlen(LINK_PREFIX);
	char *end;

	if (strncmp(link, LINK_PREFIX, strlen(LINK_PREFIX)))
		return false;
	*token = strtoull(at, &end, 16);
	if (end != at + 16 || *end++ != ':' || !*token)
		return false;
	for (uint32_t i = 0; i < MK_MEMORIES; i++) {
		size_t length = strlen(names[i]);

		if (strncmp(end, names[i], length) || strcmp(end + length, LINK_SUFFIX))
			continue;
		*memory = i;
		return true;
	}
	return false;
}

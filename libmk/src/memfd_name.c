// SPDX-License-Identifier: MIT
#include "memfd_name.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "backing.h"
#include "deadline.h"

#define LINK_PREFIX "/memfd:mk:"
#define LINK_SUFFIX " (deleted)"

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

bool mk_memfd_name_is_there(int directory, const char *entry)
{
	char link[sizeof(LINK_PREFIX)];

	return readlinkat(directory, entry, link, strlen(LINK_PREFIX)) ==
		       (ssize_t)strlen(LINK_PREFIX) &&
	       !memcmp(link, LINK_PREFIX, strlen(LINK_PREFIX));
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

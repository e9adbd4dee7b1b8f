// SPDX-License-Identifier: MIT
#include "found.h"

#include <errno.h>
#include <stdlib.h>

#include "common/complain.h"

/* Between counting and listing more may come. */
#define FIRST_CAPACITY 64
#define LAST_CAPACITY  (1 << 20)

static int list(uint32_t pid, struct found *found)
{
	size_t capacity = FIRST_CAPACITY;
	int ret;

	do {
		struct mk_found_context *contexts =
			realloc(found->contexts, capacity * sizeof(*contexts));

		if (!contexts)
			return -ENOMEM;
		found->contexts = contexts;
		ret = mk_contexts_find(pid, contexts, capacity, &found->count);
		capacity *= 4;
	} while (ret == -ENOSPC && capacity < LAST_CAPACITY);
	return ret;
}

int found_get(uint32_t pid, uint64_t token, struct found *found)
{
	size_t kept = 0;
	int ret;

	*found = (struct found){ 0 };
	ret = list(pid, found);
	if (ret) {
		found_free(found);
		return complain("looking for contexts", ret);
	}
	for (size_t i = 0; i < found->count; i++)
		if (!token || found->contexts[i].token == token)
			found->contexts[kept++] = found->contexts[i];
	found->count = kept;
	return 0;
}

void found_free(struct found *found)
{
	free(found->contexts);
}

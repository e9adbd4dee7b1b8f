// SPDX-License-Identifier: MIT
#include "holders.h"

#include <errno.h>
#include <stdlib.h>

#include "common/complain.h"
#include "source.h"

#define FIRST_CAPACITY 64
#define LAST_CAPACITY  (1 << 20)

int holders_get(const struct source *source, struct holders *holders)
{
	size_t capacity = FIRST_CAPACITY;
	int ret;

	*holders = (struct holders){ 0 };
	if (!source->context)
		return -ENODATA;
	do {
		struct mk_holder *larger =
			realloc(holders->holders, capacity * sizeof(*larger));

		if (!larger) {
			holders_free(holders);
			return complain_of(-ENOMEM, "no memory for a list of processes");
		}
		holders->holders = larger;
		ret = mk_context_holders(source->context, larger, capacity,
					 &holders->count);
		capacity *= 4;
	} while (ret == -ENOSPC && capacity < LAST_CAPACITY);
	if (!ret)
		return 0;
	holders_free(holders);
	return complain("looking for processes", ret);
}

void holders_free(struct holders *holders)
{
	free(holders->holders);
}

const struct mk_holder *holders_find(const struct holders *holders,
				     enum mk_holder_kind kind, uint32_t id)
{
	for (size_t i = 0; i < holders->count; i++)
		if (holders->holders[i].kind == kind && holders->holders[i].id == id)
			return &holders->holders[i];
	return NULL;
}

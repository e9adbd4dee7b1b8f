/* SPDX-License-Identifier: MIT */
/* Which processes hold a context, as what. */
#ifndef MKINSPECT_HOLDERS_H
#define MKINSPECT_HOLDERS_H

#include <mk/find.h>

struct source;

struct holders {
	struct mk_holder *holders;
	size_t count;
};

/* -ENODATA for a file, which does not know; other errors were told. */
int holders_get(const struct source *source, struct holders *holders);
void holders_free(struct holders *holders);

/* The first of a kind, of a producer with @id; NULL: nobody that can be seen. */
const struct mk_holder *holders_find(const struct holders *holders,
				     enum mk_holder_kind kind, uint32_t id);

#endif /* MKINSPECT_HOLDERS_H */

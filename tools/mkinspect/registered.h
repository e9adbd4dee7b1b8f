/* SPDX-License-Identifier: MIT */
/* What a live context's owner has registered as texts of its debug records. */
#ifndef MKINSPECT_REGISTERED_H
#define MKINSPECT_REGISTERED_H

struct formats;
struct source;

/*
 * Those that are registered now, for formats_free(); none, of a file, or where the owner
 * has none.  -errno, which was told, when something is wrong with them; then there are
 * none either.
 */
int registered_get(const struct source *source, struct formats *formats);

#endif /* MKINSPECT_REGISTERED_H */

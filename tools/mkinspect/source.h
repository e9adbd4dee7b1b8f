/* SPDX-License-Identifier: MIT */
/* Where looks come from: a live context, attached to be read only, or a snapshot's file. */
#ifndef MKINSPECT_SOURCE_H
#define MKINSPECT_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include <mk/mk.h>

struct options;

struct source {
	struct mk_context *context; /* NULL: it is a file */
	struct mk_snapshot *file;
	const char *path; /* of the file, or NULL */
	uint32_t pid;	  /* of the process that it was found by, or 0 */
	uint64_t token;	  /* of memfds that were found, or 0 */
};

/* What the options ask for, or the only one that there is.  -errno, which was told. */
int source_open(const struct options *options, struct source *source);
int source_open_file(const char *path, struct source *source);
void source_close(struct source *source);

/*
 * One look; source_put() gives it back.  -errno, which was told.
 * @memories: set of MK_SNAPSHOT_MEMORY() that are needed; a file may lack some
 */
int source_take(struct source *source, uint32_t memories, struct mk_snapshot **snapshot);
void source_put(struct source *source, struct mk_snapshot *snapshot);

#endif /* MKINSPECT_SOURCE_H */

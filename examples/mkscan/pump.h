/* SPDX-License-Identifier: MIT */
/* What answers the slots that ask for their text, and the files that they ask for. */
#ifndef PUMP_H
#define PUMP_H

#include <stdbool.h>
#include <stdint.h>

#include <mk/io.h>

#include "source.h"

/* The arena's blocks, by bytes from its start. */
struct pump_blocks {
	uint64_t offset;
	uint64_t bytes; /* of each */
	uint64_t stride;
	uint32_t count;
};

/* A file that slots may ask for. */
struct pump_file {
	struct pump_file *next;
	const char *name;
	uint32_t handle;
	uint32_t users; /* slots that may ask for it, and who publishes them */

	/* What went wrong nearest to the file's start. */
	uint32_t reason; /* MK_IO_REASON_*; 0: nothing did */
	int error;	 /* errno, where the system said one */
	uint64_t position;
	bool *failed; /* the caller's */
};

struct pump {
	struct mk_io *io; /* NULL: there is no pump */
	uint32_t first_block;
	struct pump_file *files; /* that have users */
};

/* All print what is wrong to stderr, and then return a negative errno. */

/* The handle of the i-th block is first_block + i. */
int pump_open(struct pump *pump, struct mk_context *context,
	      const struct pump_blocks *blocks);

/* When no engine runs any more. */
int pump_close(struct pump *pump);

/**
 * pump_add_file() - let slots ask for a file
 * @failed: is set when it turns out, by the last pump_release_file() at the latest, that
 *          the file cannot be read
 *
 * Return: the file, with the caller as its user, or NULL when this one has failed.
 */
struct pump_file *pump_add_file(struct pump *pump, const struct source *source,
				bool *failed);

/* Note that what was asked for at @offset was answered with an error. */
void pump_file_failed(struct pump *pump, struct pump_file *file, uint64_t offset,
		      uint32_t reason);

/* A user less.  With the last one the file goes, and what went wrong is printed. */
int pump_release_file(struct pump *pump, struct pump_file *file);

#endif /* PUMP_H */

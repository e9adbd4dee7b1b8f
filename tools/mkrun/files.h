/* SPDX-License-Identifier: MIT */
/* The files that requests of the device may use, and the pump that answers. */
#ifndef MKRUN_FILES_H
#define MKRUN_FILES_H

#include "options.h"

/* The handles that go with them, as requests name them. */
struct file_handles {
	uint32_t arena; /* all of it */
	uint32_t files[FILES_LIMIT];
};

/*
 * files_open() - become the pump of a context, and start it
 * @io: receives it
 *
 * Return: 0, or a negative errno that was told, with nothing to give back.
 */
int files_open(const struct run_options *options, struct mk_context *context,
	       struct mk_io **io, struct file_handles *handles);

/* Say that a request was answered with an error. */
void files_tell_error(const struct mk_io_error *error);

#endif /* MKRUN_FILES_H */

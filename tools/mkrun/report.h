/* SPDX-License-Identifier: MIT */
/* What mkrun says: lines for a person, or a JSON object each time for a program. */
#ifndef MKRUN_REPORT_H
#define MKRUN_REPORT_H

#include "status.h"

enum report_event {
	REPORT_START,
	REPORT_STATUS,
	REPORT_LOST,
	REPORT_REBUILD, /* the engine goes on after that by itself */
	REPORT_RESTART,
	REPORT_STOP,
};

/* Whether standard output is a terminal on which a line can be written over. */
bool report_is_live(const struct run_options *options);

/* Says it on standard output; false when that cannot be written any more. */
bool report_show(const struct instance *instance, const struct status *status,
		 enum report_event event);

/* A line of text, without its end, for a supervisor. */
void report_line(const struct status *status, char *line, size_t room);

/* What is said on standard error begins a line of its own from now on. */
void report_break_line(void);

#endif /* MKRUN_REPORT_H */

/* SPDX-License-Identifier: MIT */
/* What mkscan prints.  All write to a stream and leave its errors to the caller. */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <mk/engine.h>

#include "patterns.h"
#include "scanner.h"

struct report {
	const struct pattern_list *patterns;
	const uint64_t *counts; /* one for each sorted pattern */
	const char *const *failed_files;
	size_t failed_count;
	size_t file_count;    /* scanned whole */
	double seconds;	      /* of scanning */
	double start_seconds; /* of getting ready for it */
	struct scanner_statistics statistics;
	struct mk_engine_info engine;
};

/* COUNT<TAB>PATTERN, in the order given; the pattern's bytes as they are. */
void report_text(const struct report *report, FILE *stream);

/* "host" or "device" */
const char *report_io(const struct report *report);

/* 0 or -ENOMEM. */
int report_json(const struct report *report, FILE *stream);

void report_statistics(const struct report *report, FILE *stream);

#endif /* REPORT_H */

// SPDX-License-Identifier: MIT
#define _GNU_SOURCE /* program_invocation_short_name */
#include "message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "progress.h"

void message(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	progress_hide();
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

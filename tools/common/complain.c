// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "complain.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <mk/error.h>

int complain(const char *what, int error)
{
	const char *text = mk_error_text();

	fprintf(stderr, "%s: %s: %s%s%s\n", program_invocation_short_name, what, text,
		*text ? ": " : "", strerror(-error));
	return error;
}

int complain_of(int error, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return error;
}

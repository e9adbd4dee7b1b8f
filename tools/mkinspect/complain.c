// SPDX-License-Identifier: MIT
#include "complain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <mk/error.h>

int complain(int error, const char *format, ...)
{
	va_list arguments;

	fputs("mkinspect: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return error;
}

int complain_library(int error, const char *what)
{
	const char *text = mk_error_text();

	return complain(error, "%s: %s", what, *text ? text : strerror(-error));
}

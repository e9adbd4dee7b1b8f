// SPDX-License-Identifier: MIT
#include "error.h"

#include <stdarg.h>
#include <stdio.h>

#define ERROR_TEXT_BYTES 4096

static _Thread_local char error_text[ERROR_TEXT_BYTES];

int mk_fail(int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error_text, sizeof(error_text), format, args);
	va_end(args);
	return -error;
}

const char *mk_error_text(void)
{
	return error_text;
}

// SPDX-License-Identifier: MIT
/*
 * Any format of a debug record, with any words, into room of any size; and the same bytes
 * as lines that somebody registered.
 */
#include <stdlib.h>
#include <string.h>

#include "common/formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void print(const char *format, const uint32_t args[MK_LOG_ARGS], size_t room)
{
	char *text = malloc(room);

	if (!text)
		abort();
	mk_log_format_check(format);
	mk_log_format_print(format, args, text, room);
	if (strlen(text) >= room)
		abort();
	for (const char *at = text; *at; at++)
		if (*at < ' ' || *at > '~')
			abort();
	free(text);
}

static void parse(const char *lines, size_t bytes, const uint32_t args[MK_LOG_ARGS])
{
	FILE *stream = fmemopen((void *)lines, bytes, "r");
	struct formats formats;
	int line;

	if (!stream)
		abort();
	formats_parse(stream, &formats, &line);
	for (size_t i = 0; i < formats.count; i++) {
		if (mk_log_format_check(formats.formats[i].text) ||
		    formats_find(&formats, formats.formats[i].number) !=
			    formats.formats[i].text)
			abort();
		print(formats.formats[i].text, args, 256);
	}
	formats_free(&formats);
	fclose(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	uint32_t args[MK_LOG_ARGS];
	char *format;

	if (bytes < sizeof(args) + 2)
		return 0;
	memcpy(args, data, sizeof(args));
	bytes -= sizeof(args) + 1;
	format = malloc(bytes + 1);
	if (!format)
		abort();
	memcpy(format, data + sizeof(args) + 1, bytes);
	format[bytes] = '\0';
	print(format, args, 1 + data[sizeof(args)]);
	parse(format, bytes, args);
	free(format);
	return 0;
}

// SPDX-License-Identifier: MIT
/* Any format of a debug record, with any words, into room of any size. */
#include <stdlib.h>
#include <string.h>

#include "formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	uint32_t args[FORMAT_ARGS];
	size_t room;
	char *format, *text;

	if (bytes < sizeof(args) + 1)
		return 0;
	memcpy(args, data, sizeof(args));
	room = 1 + data[sizeof(args)];
	bytes -= sizeof(args) + 1;
	format = malloc(bytes + 1);
	text = malloc(room);
	if (!format || !text)
		abort();
	memcpy(format, data + sizeof(args) + 1, bytes);
	format[bytes] = '\0';
	formats_check(format);
	formats_print(format, args, text, room);
	if (strlen(text) >= room)
		abort();
	free(format);
	free(text);
	return 0;
}

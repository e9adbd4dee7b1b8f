// SPDX-License-Identifier: MIT
#include "registered.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/complain.h"
#include "common/formats.h"
#include "source.h"

int registered_get(const struct source *source, struct formats *formats)
{
	const char *wrong;
	FILE *stream;
	int fd, line;

	*formats = (struct formats){ 0 };
	if (!source->context)
		return 0;
	fd = mk_context_open_formats(source->context);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return complain("looking for registered formats", fd);
	stream = fdopen(fd, "r");
	if (!stream) {
		close(fd);
		return complain_of(-ENOMEM, "no memory for registered formats");
	}
	wrong = formats_parse(stream, formats, &line);
	fclose(stream);
	if (!wrong)
		return 0;
	formats_free(formats);
	return complain_of(
		-EPROTO,
		"the registered formats: line %d: %s; records are shown without "
		"them, --formats has others",
		line, wrong);
}

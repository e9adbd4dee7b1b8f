// SPDX-License-Identifier: MIT
#include "formats.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"

/* As long as one can be that was registered, and more. */
#define LINE_BYTES (4 * MK_LOG_FORMAT_BYTES)

/* Takes what stands in quotes; NULL without an end.  Ends it in place. */
static char *take_quoted(char *at, char **rest)
{
	char *text = ++at, *to = at;

	for (; *at && *at != '"'; at++) {
		if (*at == '\\' && at[1]) {
			at++;
			*to++ = *at == 'n' ? '\n' : *at == 't' ? '\t' : *at;
		} else {
			*to++ = *at;
		}
	}
	if (!*at)
		return NULL;
	*rest = at + 1;
	*to = '\0';
	/* A record is a line already. */
	if (to > text && to[-1] == '\n')
		to[-1] = '\0';
	return text;
}

static char *skip_spaces(char *at)
{
	while (isspace((unsigned char)*at))
		at++;
	return at;
}

static bool is_end(const char *at)
{
	return !*at || *at == '#';
}

/* Returns what is wrong, or NULL. */
static const char *add(struct formats *formats, uint32_t number, const char *text)
{
	struct mk_log_format *larger;
	char *copy;

	if (formats->count == MK_LOG_FORMATS_LIMIT)
		return "there are more formats than a context can have";
	larger = realloc(formats->formats, (formats->count + 1) * sizeof(*larger));
	if (!larger)
		return "there is no memory for more";
	formats->formats = larger;
	copy = strdup(text);
	if (!copy)
		return "there is no memory for more";
	larger[formats->count++] = (struct mk_log_format){ number, copy };
	return NULL;
}

static const char *take_line(struct formats *formats, char *line)
{
	char *at = skip_spaces(line);
	unsigned long long number;
	const char *wrong;
	char *text;

	if (is_end(at))
		return NULL;
	errno = 0;
	number = isdigit((unsigned char)*at) ? strtoull(at, &at, 0) : UINT64_MAX;
	if (errno || number > UINT32_MAX)
		return "it does not begin with a number of 32 bits";
	at = skip_spaces(at);
	text = *at == '"' ? take_quoted(at, &at) : NULL;
	if (!text)
		return "behind the number there is no format in quotes";
	if (!is_end(skip_spaces(at)))
		return "something follows the format";
	if (strlen(text) >= MK_LOG_FORMAT_BYTES)
		return "the format is too long";
	wrong = mk_log_format_check(text);
	if (wrong)
		return wrong;
	if (formats_find(formats, (uint32_t)number))
		return "there is a format of that number already";
	return add(formats, (uint32_t)number, text);
}

const char *formats_parse(FILE *stream, struct formats *formats, int *line)
{
	const char *wrong = NULL;
	char text[LINE_BYTES];

	*formats = (struct formats){ 0 };
	*line = 0;
	while (!wrong && fgets(text, sizeof(text), stream)) {
		++*line;
		wrong = strchr(text, '\n') || feof(stream) ? take_line(formats, text) :
							     "it is too long";
	}
	return !wrong && ferror(stream) ? "it cannot be read" : wrong;
}

int formats_read(const char *path, struct formats *formats)
{
	FILE *stream = fopen(path, "re");
	const char *wrong;
	int line;

	*formats = (struct formats){ 0 };
	if (!stream)
		return complain_of(-errno, "%s: %s", path, strerror(errno));
	wrong = formats_parse(stream, formats, &line);
	fclose(stream);
	if (!wrong)
		return 0;
	formats_free(formats);
	return complain_of(-EINVAL,
			   "%s: line %d: %s; expected a number and a format as "
			   "0x10 \"read %%u bytes\"",
			   path, line, wrong);
}

void formats_free(struct formats *formats)
{
	for (size_t i = 0; i < formats->count; i++)
		free((char *)formats->formats[i].text);
	free(formats->formats);
	*formats = (struct formats){ 0 };
}

const char *formats_find(const struct formats *formats, uint32_t number)
{
	for (size_t i = 0; i < formats->count; i++)
		if (formats->formats[i].number == number)
			return formats->formats[i].text;
	return NULL;
}

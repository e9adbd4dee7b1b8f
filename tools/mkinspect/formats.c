// SPDX-License-Identifier: MIT
#include "formats.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/complain.h"

#define LINE_BYTES	1024
#define DIRECTIVE_BYTES 16
#define FORMATS_LIMIT	65536

struct format {
	uint32_t id;
	char *text;
};

/* Formats --------------------------------------------------------------------------- */

/*
 * Copy a directive, from its '%' on, as one that printf() may have; returns what follows
 * it, or NULL when it is none of ours.
 */
static const char *take_directive(const char *at, char directive[DIRECTIVE_BYTES])
{
	size_t used = 0;
	int digits = 0;

	directive[used++] = *at++;
	while (*at && strchr("-+ #0", *at) && used < 6)
		directive[used++] = *at++;
	while (isdigit((unsigned char)*at) && digits++ < 2)
		directive[used++] = *at++;
	if (!*at || !strchr("udxXoc%", *at))
		return NULL;
	directive[used++] = *at++;
	directive[used] = '\0';
	return at;
}

static bool takes_word(const char *directive)
{
	return directive[strlen(directive) - 1] != '%';
}

const char *formats_check(const char *format)
{
	char directive[DIRECTIVE_BYTES];
	int words = 0;

	for (const char *at = format; (at = strchr(at, '%'));) {
		at = take_directive(at, directive);
		if (!at)
			return "a directive is not one of %u %d %x %X %o %c %%";
		words += takes_word(directive);
	}
	return words > FORMAT_ARGS ? "it takes more than the three words of a record" :
				     NULL;
}

static int print_directive(const char *directive, uint32_t word, char *text, size_t bytes)
{
	char conversion = directive[strlen(directive) - 1];

	if (conversion == '%')
		return snprintf(text, bytes, "%%");
	/* What a device says is nobody's terminal's business. */
	if (conversion == 'c')
		word = isprint((int)(word & 0x7f)) && word < 0x80 ? word : '?';
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	return snprintf(text, bytes, directive, word);
#pragma GCC diagnostic pop
}

void formats_print(const char *format, const uint32_t args[FORMAT_ARGS], char *text,
		   size_t bytes)
{
	const char *at = format;
	size_t used = 0;
	int next = 0;

	text[0] = '\0';
	while (*at && used + 1 < bytes) {
		char directive[DIRECTIVE_BYTES];
		int length;

		if (*at != '%') {
			text[used++] = *at++;
			text[used] = '\0';
			continue;
		}
		at = take_directive(at, directive);
		if (!at || (takes_word(directive) && next == FORMAT_ARGS))
			return;
		length = print_directive(directive,
					 takes_word(directive) ? args[next++] : 0,
					 text + used, bytes - used);
		if (length < 0)
			return;
		used += (size_t)length;
	}
}

/* Files ------------------------------------------------------------------------------- */

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

static int add(struct formats *formats, uint32_t id, const char *text)
{
	struct format *larger;
	char *copy;

	if (formats->count == FORMATS_LIMIT)
		return -E2BIG;
	larger = realloc(formats->formats, (formats->count + 1) * sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	formats->formats = larger;
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	larger[formats->count++] = (struct format){ id, copy };
	return 0;
}

/* Returns what is wrong with a line, or NULL. */
static const char *take_line(struct formats *formats, char *line)
{
	char *at = skip_spaces(line);
	unsigned long long id;
	const char *wrong;
	char *text;

	if (is_end(at))
		return NULL;
	errno = 0;
	id = isdigit((unsigned char)*at) ? strtoull(at, &at, 0) : UINT64_MAX;
	if (errno || id > UINT32_MAX)
		return "it does not begin with a number of 32 bits";
	at = skip_spaces(at);
	text = *at == '"' ? take_quoted(at, &at) : NULL;
	if (!text)
		return "behind the number there is no format in quotes";
	if (!is_end(skip_spaces(at)))
		return "something follows the format";
	wrong = formats_check(text);
	if (wrong)
		return wrong;
	if (formats_find(formats, (uint32_t)id))
		return "there is a format of that number already";
	return add(formats, (uint32_t)id, text) ? "there is no room for more" : NULL;
}

int formats_read(const char *path, struct formats *formats)
{
	FILE *stream = fopen(path, "re");
	const char *wrong = NULL;
	char line[LINE_BYTES];
	int number = 0;

	*formats = (struct formats){ 0 };
	if (!stream)
		return complain_of(-errno, "%s: %s", path, strerror(errno));
	while (!wrong && fgets(line, sizeof(line), stream)) {
		number++;
		wrong = strchr(line, '\n') || feof(stream) ? take_line(formats, line) :
							     "it is too long";
	}
	if (!wrong && ferror(stream))
		wrong = "it cannot be read";
	fclose(stream);
	if (!wrong)
		return 0;
	formats_free(formats);
	return complain_of(-EINVAL,
			   "%s: line %d: %s; expected a number and a format as "
			   "0x10 \"read %%u bytes\"",
			   path, number, wrong);
}

void formats_free(struct formats *formats)
{
	for (size_t i = 0; i < formats->count; i++)
		free(formats->formats[i].text);
	free(formats->formats);
}

const char *formats_find(const struct formats *formats, uint32_t id)
{
	for (size_t i = 0; i < formats->count; i++)
		if (formats->formats[i].id == id)
			return formats->formats[i].text;
	return NULL;
}

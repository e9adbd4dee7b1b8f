// SPDX-License-Identifier: MIT
/* Formats of debug records: what is one, and what it prints. */
#include <mk/log.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DIRECTIVE_BYTES 16

/* Unlike those of <ctype.h> the same in every locale. */
static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static bool is_printable(char byte)
{
	return byte >= ' ' && byte <= '~';
}

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
	while (is_digit(*at) && digits++ < 2)
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

const char *mk_log_format_check(const char *text)
{
	char directive[DIRECTIVE_BYTES];
	uint32_t words = 0;

	for (const char *at = text; *at; at++)
		if (!is_printable(*at) && *at != '\n' && *at != '\t')
			return "a character is not printable ASCII";
	for (const char *at = text; (at = strchr(at, '%'));) {
		at = take_directive(at, directive);
		if (!at)
			return "a directive is not one of %u %d %x %X %o %c %%";
		words += takes_word(directive);
	}
	return words > MK_LOG_ARGS ? "it takes more than the three words of a record" :
				     NULL;
}

static int print_directive(const char *directive, uint32_t word, char *text, size_t bytes)
{
	char conversion = directive[strlen(directive) - 1];

	if (conversion == '%')
		return snprintf(text, bytes, "%%");
	/* What a device says is nobody's terminal's business. */
	if (conversion == 'c')
		word = word < 0x80 && is_printable((char)word) ? word : '?';
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	return snprintf(text, bytes, directive, word);
#pragma GCC diagnostic pop
}

/* Neither is what another process registered; and a record is one line. */
static char printable(char byte)
{
	if (byte == '\n' || byte == '\t')
		return ' ';
	return is_printable(byte) ? byte : '?';
}

void mk_log_format_print(const char *format, const uint32_t args[MK_LOG_ARGS], char *text,
			 size_t bytes)
{
	const char *at = format;
	uint32_t next = 0;
	size_t used = 0;

	text[0] = '\0';
	while (*at && used + 1 < bytes) {
		char directive[DIRECTIVE_BYTES];
		int length;

		if (*at != '%') {
			text[used++] = printable(*at++);
			text[used] = '\0';
			continue;
		}
		at = take_directive(at, directive);
		if (!at || (takes_word(directive) && next == MK_LOG_ARGS))
			return;
		length = print_directive(directive,
					 takes_word(directive) ? args[next++] : 0,
					 text + used, bytes - used);
		if (length < 0)
			return;
		used += (size_t)length;
	}
}

// SPDX-License-Identifier: MIT
/* The owner's formats of debug records, in a file that others find by its name. */
#define _GNU_SOURCE
#include <mk/log.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "context.h"
#include "error.h"
#include "log_formats.h"

/* Lines ---------------------------------------------------------------------------- */

static int check(const struct mk_log_format *formats, size_t index)
{
	const struct mk_log_format *format = &formats[index];
	const char *wrong = format->text ? mk_log_format_check(format->text) :
					   "there is no text";

	if (wrong)
		return mk_fail(EINVAL, "the format of debug record 0x%x: %s",
			       format->number, wrong);
	if (strlen(format->text) >= MK_LOG_FORMAT_BYTES)
		return mk_fail(E2BIG,
			       "the format of debug record 0x%x has %zu bytes, expected "
			       "less than %u",
			       format->number, strlen(format->text), MK_LOG_FORMAT_BYTES);
	for (size_t i = 0; i < index; i++)
		if (formats[i].number == format->number)
			return mk_fail(EINVAL, "debug record 0x%x has two formats",
				       format->number);
	return 0;
}

static int check_all(const struct mk_log_format *formats, size_t count)
{
	int ret = 0;

	if (count > MK_LOG_FORMATS_LIMIT)
		return mk_fail(E2BIG, "%zu formats of debug records, expected at most %u",
			       count, MK_LOG_FORMATS_LIMIT);
	for (size_t i = 0; i < count && !ret; i++)
		ret = check(formats, i);
	return ret;
}

static void print_line(FILE *stream, const struct mk_log_format *format)
{
	fprintf(stream, "0x%x \"", format->number);
	for (const char *at = format->text; *at; at++) {
		if (*at == '\n' || *at == '\t')
			fputs(*at == '\n' ? "\\n" : "\\t", stream);
		else
			fprintf(stream, *at == '"' || *at == '\\' ? "\\%c" : "%c", *at);
	}
	fputs("\"\n", stream);
}

/* The caller's to free. */
static int print_lines(const struct mk_log_format *formats, size_t count, char **lines,
		       size_t *bytes)
{
	FILE *stream = open_memstream(lines, bytes);

	if (!stream)
		return mk_fail(ENOMEM, "no memory for formats of debug records");
	for (size_t i = 0; i < count; i++)
		print_line(stream, &formats[i]);
	if (fclose(stream))
		return mk_fail(ENOMEM, "no memory for formats of debug records");
	if (*bytes > MK_LOG_FORMATS_BYTES)
		return mk_fail(E2BIG,
			       "the formats of debug records have %zu bytes, expected at "
			       "most %u",
			       *bytes, MK_LOG_FORMATS_BYTES);
	return 0;
}

/* The file -------------------------------------------------------------------------- */

int mk_log_formats_name(const struct mk_context *context, char name[MK_MEMFD_NAME_BYTES])
{
	uint64_t id = mk_context_id(context), token;
	int fd, ret;

	if (id) {
		mk_memfd_formats_name_by_id(id, name);
		return 0;
	}
	fd = context->backing->ops->open_identity(context->backing);
	if (fd < 0)
		return fd;
	ret = mk_memfd_token_of(fd, &token);
	close(fd);
	if (ret)
		return mk_fail(-ret, "its file does not say which context it is of: "
				     "another library made it, or /proc is not mounted");
	mk_memfd_formats_name(token, name);
	return 0;
}

static int write_all(int fd, const char *at, size_t bytes)
{
	while (bytes) {
		ssize_t written = write(fd, at, bytes);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return -errno;
		at += written;
		bytes -= (size_t)written;
	}
	return 0;
}

/* Returns the file. */
static int make_file(const char *name, const char *lines, size_t bytes)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int ret;

	if (fd < 0)
		return mk_fail(errno, "cannot create a memfd for formats: %s",
			       strerror(errno));
	ret = write_all(fd, lines, bytes);
	if (!ret && fcntl(fd, F_ADD_SEALS, MK_LOG_FORMATS_SEALS | F_SEAL_SEAL))
		ret = -errno;
	if (!ret)
		return fd;
	close(fd);
	return mk_fail(-ret, "cannot write the memfd of formats: %s", strerror(-ret));
}

int mk_context_register_formats(struct mk_context *context,
				const struct mk_log_format *formats, size_t count)
{
	char name[MK_MEMFD_NAME_BYTES], *lines = NULL;
	size_t bytes;
	int ret = mk_context_check_role(context, MK_ROLE_OWNER, "register formats");
	int fd = -1;

	if (!ret)
		ret = check_all(formats, count);
	if (!ret && count) {
		ret = print_lines(formats, count, &lines, &bytes);
		if (!ret)
			ret = mk_log_formats_name(context, name);
		if (!ret)
			ret = fd = make_file(name, lines, bytes);
		free(lines);
	}
	if (ret < 0)
		return ret;
	fd = atomic_exchange(&context->formats, fd);
	if (fd >= 0)
		close(fd);
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * Formats of debug records: what is one, what it prints, and what becomes of those that an
 * owner registers, also where others lay out files of their own.
 */
#define _GNU_SOURCE
#include "live.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "children.h"
#include "common/formats.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define ALL_SEALS	(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static const uint32_t args[MK_LOG_ARGS] = { 42, 0xffffffff, 'x' };

/* One by itself -------------------------------------------------------------------- */

static void test_checks(void **state)
{
	static const char *const good[] = { "", "%u%d%x", "%%%-08X%+ #2o%c", "a\tb\n" };
	static const char *const bad[] = { "%",	    "%s",      "%n",   "%lu",
					   "%123u", "%*u",     "%1$u", "%u%u%u%u",
					   "%.3u",  "\033[2J", "\x7f", "\xc3\xa4",
					   "a\rb" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++)
		assert_null(mk_log_format_check(good[i]));
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_non_null(mk_log_format_check(bad[i]));
}

static void test_prints(void **state)
{
	char text[64], few[6];

	(void)state;
	mk_log_format_print("%u of %d%%: '%c'\nend", args, text, sizeof(text));
	assert_string_equal(text, "42 of -1%: 'x' end");
	mk_log_format_print("%c %5X", (const uint32_t[]){ 27, 0xab, 0 }, text,
			    sizeof(text));
	assert_string_equal(text, "?    AB");
	mk_log_format_print("1234%u", args, few, sizeof(few));
	assert_string_equal(few, "12344");
	mk_log_format_print("good %s bad \033", args, text, sizeof(text));
	assert_string_equal(text, "good ");
	mk_log_format_print("\033[2J", args, text, sizeof(text));
	assert_string_equal(text, "?[2J");
}

/* Registered ------------------------------------------------------------------------- */

/* As who looks from outside has it. */
static void expect_formats(const struct mk_context *context,
			   const struct mk_log_format *expected, size_t count)
{
	int fd = mk_context_open_formats(context), line;
	struct formats had;
	FILE *stream;

	live_expect(count ? fd : -ENOENT, fd);
	if (!count)
		return;
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	stream = fdopen(fd, "r");
	assert_non_null(stream);
	assert_null(formats_parse(stream, &had, &line));
	fclose(stream);
	assert_int_equal(had.count, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(had.formats[i].number, expected[i].number);
		assert_string_equal(had.formats[i].text, expected[i].text);
	}
	formats_free(&had);
}

static const struct mk_log_format first[] = {
	{ 0x10, "block %u has %u matches" },
	{ 0, "\"quoted\" \\ and\ttab, \\n and\nlines #" },
	{ UINT32_MAX, "" },
};

static void test_registers(void **state)
{
	static const struct mk_log_format second[] = { { 7, "another: %c" } };
	struct mk_context *other, *unregistered;
	struct live *live = *state;

	live_create(live, NULL);
	other = live_attach(live, MK_ROLE_OBSERVER);
	live_ok(mk_context_create(
		&(struct mk_geometry){ .size = sizeof(struct mk_geometry) },
		&unregistered));
	expect_formats(other, NULL, 0);
	live_ok(mk_context_register_formats(live->context, first, COUNT_OF(first)));
	expect_formats(other, first, COUNT_OF(first));
	expect_formats(live->context, first, COUNT_OF(first));
	expect_formats(unregistered, NULL, 0);
	live_ok(mk_context_register_formats(live->context, second, COUNT_OF(second)));
	expect_formats(other, second, COUNT_OF(second));
	live_ok(mk_context_register_formats(live->context, NULL, 0));
	expect_formats(other, NULL, 0);
	live_ok(mk_context_register_formats(live->context, first, COUNT_OF(first)));
	mk_context_close(live->context);
	live->context = NULL;
	live_expect(-ENOENT, mk_context_open_formats(other));
	mk_context_close(other);
	mk_context_close(unregistered);
}

static void test_refuses_to_register(void **state)
{
	static struct mk_log_format many[MK_LOG_FORMATS_LIMIT + 1];
	static char text[MK_LOG_FORMAT_BYTES + 1];
	const struct mk_log_format bad[] = { { 1, "fine" }, { 2, "%s" } };
	const struct mk_log_format twice[] = { { 1, "one" }, { 1, "two" } };
	const struct mk_log_format no_text[] = { { 1, NULL } };
	struct live *live = *state;
	struct mk_context *engine;

	live_create(live, NULL);
	live_ok(mk_context_register_formats(live->context, first, COUNT_OF(first)));
	live_expect(-EINVAL, mk_context_register_formats(live->context, bad, 2));
	assert_non_null(strstr(mk_error_text(), "0x2"));
	live_expect(-EINVAL, mk_context_register_formats(live->context, twice, 2));
	live_expect(-EINVAL, mk_context_register_formats(live->context, no_text, 1));
	memset(text, 'a', MK_LOG_FORMAT_BYTES);
	for (uint32_t i = 0; i < COUNT_OF(many); i++)
		many[i] = (struct mk_log_format){ i, text };
	live_expect(-E2BIG, mk_context_register_formats(live->context, many, 1));
	text[MK_LOG_FORMAT_BYTES - 1] = '\0';
	live_expect(-E2BIG, mk_context_register_formats(live->context, many,
							MK_LOG_FORMATS_LIMIT));
	text[0] = '\0';
	live_expect(-E2BIG,
		    mk_context_register_formats(live->context, many, COUNT_OF(many)));
	engine = live_attach(live, MK_ROLE_ENGINE);
	live_expect(-EACCES, mk_context_register_formats(engine, first, 1));
	mk_context_close(engine);
	/* None of it took away what was there. */
	expect_formats(live->context, first, COUNT_OF(first));
	live_ok(mk_context_register_formats(live->context, many, MK_LOG_FORMATS_LIMIT));
	expect_formats(live->context, many, MK_LOG_FORMATS_LIMIT);
}

/* In another process ----------------------------------------------------------------- */

/* A body: looks at the formats of its context. */
static int look_from_elsewhere(const struct child_self *self)
{
	char line[64] = "";
	int fd;

	if (!child_say_ready(self) || !child_await_word(self))
		return EXIT_FAILURE;
	fd = mk_context_open_formats(self->context);
	if (fd < 0 || read(fd, line, sizeof(line) - 1) < 0) {
		fprintf(stderr, "child: %s\n", mk_error_text());
		return EXIT_FAILURE;
	}
	close(fd);
	mk_context_close(self->context);
	return strcmp(line, "0x7 \"of the parent\"\n") ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void test_is_seen_elsewhere(void **state)
{
	const struct mk_log_format format = { 7, "of the parent" };
	struct live *live = *state;
	struct child child;

	live_create(live, NULL);
	live_ok(mk_context_register_formats(live->context, first, COUNT_OF(first)));
	child_start_on(&child, look_from_elsewhere, live->context, MK_ROLE_OBSERVER);
	child_await(&child);
	live_ok(mk_context_register_formats(live->context, &format, 1));
	child_tell(&child);
	child_expect_success(&child);
}

/* Files of others -------------------------------------------------------------------- */

/* As the owner's is called: by the id, or by the token that its other files have. */
static void name_file(const struct mk_context *context, char name[64])
{
	struct mk_found_context found;
	size_t count;

	if (mk_context_id(context)) {
		snprintf(name, 64, "mk:id:%016" PRIx64 ":formats",
			 mk_context_id(context));
		return;
	}
	live_ok(mk_contexts_find((uint32_t)getpid(), &found, 1, &count));
	snprintf(name, 64, "mk:%016" PRIx64 ":formats", found.token);
}

static int lay_out(const char *name, off_t bytes, int seals)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, bytes), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void expect_file(const struct mk_context *context, int expected, const char *name,
			off_t bytes, int seals)
{
	int laid_out = lay_out(name, bytes, seals);
	int had = mk_context_open_formats(context);

	live_expect(expected, had < 0 ? had : 0);
	if (had >= 0)
		close(had);
	close(laid_out);
}

static void test_distrusts_files(void **state)
{
	struct live *live = *state;
	char name[64];
	int bad;

	live_create(live, NULL);
	name_file(live->context, name);
	expect_file(live->context, 0, name, 100, ALL_SEALS);
	expect_file(live->context, 0, name, MK_LOG_FORMATS_BYTES, ALL_SEALS);
	expect_file(live->context, -EPROTO, name, MK_LOG_FORMATS_BYTES + 1, ALL_SEALS);
	expect_file(live->context, -EPROTO, name, 100, 0);
	expect_file(live->context, -EPROTO, name, 100, ALL_SEALS & ~F_SEAL_WRITE);
	expect_file(live->context, -EPROTO, name, 100, ALL_SEALS & ~F_SEAL_SHRINK);
	name[strlen(name) - 1] = 'z';
	expect_file(live->context, -ENOENT, name, 100, ALL_SEALS);
	name[strlen(name) - 1] = 's';
	/* Beside a bad one the good one is found. */
	bad = lay_out(name, 100, 0);
	live_ok(mk_context_register_formats(live->context, first, COUNT_OF(first)));
	expect_formats(live->context, first, COUNT_OF(first));
	close(bad);
}

/* A body: has a file of the right name, which is the argument, and no context. */
static int lay_out_elsewhere(const struct child_self *self)
{
	if (lay_out(self->argument, 100, ALL_SEALS) < 0)
		return EXIT_FAILURE;
	return child_say_ready(self) && child_await_word(self) ? EXIT_SUCCESS :
								 EXIT_FAILURE;
}

static void test_ignores_strangers(void **state)
{
	struct live *live = *state;
	char name[64] = "";
	struct child child;

	live_create(live, NULL);
	name_file(live->context, name);
	child_start(&child, lay_out_elsewhere,
		    &(struct child_options){ .argument = name,
					     .argument_bytes = sizeof(name) });
	child_await(&child);
	live_expect(-ENOENT, mk_context_open_formats(live->context));
	child_tell(&child);
	child_expect_success(&child);
}

static const struct child_entry bodies[] = {
	CHILD_BODY(look_from_elsewhere),
	CHILD_BODY(lay_out_elsewhere),
};

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checks),	   cmocka_unit_test(test_prints),
		LIVE_TEST(test_registers),	   LIVE_TEST(test_refuses_to_register),
		LIVE_TEST(test_is_seen_elsewhere), LIVE_TEST(test_distrusts_files),
		LIVE_TEST(test_ignores_strangers),
	};

	children_main(argc, argv, bodies);
	return live_main(tests);
}

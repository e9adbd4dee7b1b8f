// SPDX-License-Identifier: MIT
/*
 * What mkscan should print, found by comparing bytes: no automaton, no blocks, no
 * code in common.  Takes -e PATTERN, -f FILE and FILEs as mkscan does.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct bytes {
	char *data;
	size_t length;
};

struct pattern {
	struct bytes bytes;
	uint64_t count;
};

static struct pattern *patterns;
static size_t pattern_count;

static void fail(const char *what)
{
	fprintf(stderr, "scan_reference: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void add_pattern(const char *data, size_t length)
{
	struct bytes copy = { malloc(length), length };

	patterns = reallocarray(patterns, pattern_count + 1, sizeof(*patterns));
	if (!patterns || !copy.data)
		fail("no memory for patterns");
	memcpy(copy.data, data, length);
	patterns[pattern_count++] = (struct pattern){ .bytes = copy };
}

static struct bytes read_whole(const char *path)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
	struct bytes all = { NULL, 0 };
	size_t got;

	if (!file)
		fail(path);
	do {
		all.data = realloc(all.data, all.length + (1 << 20));
		if (!all.data)
			fail("no memory for the file");
		got = fread(all.data + all.length, 1, 1 << 20, file);
		all.length += got;
	} while (got);
	if (ferror(file))
		fail(path);
	if (file != stdin)
		fclose(file);
	return all;
}

static void add_patterns_of(const char *path)
{
	struct bytes lines = read_whole(path);
	const char *begin = lines.data, *end = lines.data + lines.length;

	while (begin < end) {
		const char *newline = memchr(begin, '\n', end - begin);
		const char *line_end = newline ? newline : end;

		add_pattern(begin, line_end - begin);
		begin = line_end + 1;
	}
	free(lines.data);
}

static uint64_t count(const struct bytes *text, const struct bytes *pattern)
{
	const char *at = text->data, *end = text->data + text->length;
	uint64_t found = 0;

	while ((size_t)(end - at) >= pattern->length) {
		at = memchr(at, pattern->data[0], end - at - pattern->length + 1);
		if (!at)
			break;
		if (memcmp(at, pattern->data, pattern->length) == 0)
			found++;
		at++;
	}
	return found;
}

int main(int argument_count, char **arguments)
{
	int option;

	while ((option = getopt(argument_count, arguments, "e:f:")) != -1) {
		if (option == 'e')
			add_pattern(optarg, strlen(optarg));
		else if (option == 'f')
			add_patterns_of(optarg);
		else
			return 2;
	}
	for (int i = optind; i < argument_count; i++) {
		struct bytes text = read_whole(arguments[i]);

		for (size_t j = 0; j < pattern_count; j++)
			patterns[j].count += count(&text, &patterns[j].bytes);
		free(text.data);
	}
	for (size_t i = 0; i < pattern_count; i++) {
		printf("%llu\t", (unsigned long long)patterns[i].count);
		fwrite(patterns[i].bytes.data, 1, patterns[i].bytes.length, stdout);
		putchar('\n');
		free(patterns[i].bytes.data);
	}
	free(patterns);
	return fflush(stdout) ? 2 : 0;
}

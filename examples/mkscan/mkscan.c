// SPDX-License-Identifier: MIT
/* Counts byte strings in files, on a resident kernel. */
#define _GNU_SOURCE /* O_PATH */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "elapsed.h"
#include "interrupt.h"
#include "message.h"
#include "options.h"
#include "progress.h"
#include "report.h"
#include "scanner.h"
#include "source.h"

/* As a shell reports a program that a signal ended. */
#define EXIT_SIGNAL 128

struct run {
	struct options options;
	struct scanner *scanner;
	uint64_t *counts;
	bool *failed; /* of each file */
	const char **failed_files;
	size_t failed_count;
};

static void run_free(struct run *run)
{
	scanner_close(run->scanner);
	options_free(&run->options);
	free(run->counts);
	free(run->failed);
	free(run->failed_files);
}

static int prepare(struct run *run)
{
	int error = pattern_list_sort(&run->options.patterns);

	if (error)
		return error;
	run->counts = calloc(run->options.patterns.sorted_count, sizeof(*run->counts));
	run->failed = calloc(run->options.file_count, sizeof(*run->failed));
	run->failed_files = calloc(run->options.file_count, sizeof(*run->failed_files));
	if (!run->counts || !run->failed || !run->failed_files) {
		message("no memory is left; give fewer patterns or files");
		return -ENOMEM;
	}
	return scanner_open(&run->options.scanner, &run->options.patterns, &run->scanner);
}

static uint64_t bytes_to_come(const struct options *options)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < options->file_count; i++)
		bytes += source_size(options->files[i]);
	return bytes;
}

/* A file that cannot be scanned is noted; an error means to stop. */
static int scan_file(struct run *run, const char *path, bool *failed)
{
	uint64_t position = 0;
	struct source source;
	int error = 0;

	if (source_open(&source, path) != 0) {
		*failed = true;
	} else {
		error = scanner_scan(run->scanner, &source, &position, failed);
		source_close(&source, position);
	}
	if (!error && interrupt_signal())
		error = -EINTR;
	return error;
}

/* Some may fail after others were begun, but are named in the order given. */
static void name_failed_files(struct run *run)
{
	for (size_t i = 0; i < run->options.file_count; i++)
		if (run->failed[i])
			run->failed_files[run->failed_count++] = run->options.files[i];
}

static int scan_files(struct run *run)
{
	const struct options *options = &run->options;
	int error = 0;

	progress_begin(bytes_to_come(options));
	for (size_t i = 0; !error && i < options->file_count; i++)
		error = scan_file(run, options->files[i], &run->failed[i]);
	if (!error)
		error = scanner_finish(run->scanner, run->counts);
	name_failed_files(run);
	progress_end();
	return error;
}

static int print(struct run *run, double start_seconds, double seconds)
{
	const struct options *options = &run->options;
	struct report report = {
		.patterns = &options->patterns,
		.counts = run->counts,
		.failed_files = run->failed_files,
		.failed_count = run->failed_count,
		.file_count = options->file_count - run->failed_count,
		.start_seconds = start_seconds,
		.seconds = seconds,
	};
	int error = 0;

	scanner_describe(run->scanner, &report.statistics, &report.engine);
	errno = 0;
	if (options->json)
		error = report_json(&report, stdout);
	else
		report_text(&report, stdout);
	if (!error && (ferror(stdout) || fflush(stdout) != 0))
		error = errno ? -errno : -EIO;
	if (error)
		message("cannot write the counts to standard output: %s",
			strerror(-error));
	if (options->verbose)
		report_statistics(&report, stderr);
	return error;
}

static int run_all(struct run *run)
{
	double began = elapsed_seconds();
	double started;
	int error = prepare(run);

	if (error)
		return error;
	started = elapsed_seconds();
	error = scan_files(run);
	if (error)
		return error;
	return print(run, started - began, elapsed_seconds() - started);
}

/*
 * A standard stream that is closed would get the descriptor of something else that
 * is opened.  This one fails reads and writes, as a closed one does.
 */
static void occupy_standard_streams(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_PATH);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int count, char **arguments)
{
	struct run run = { 0 };
	int error, signal;

	occupy_standard_streams();
	options_parse(&run.options, count, arguments);
	interrupt_catch();
	error = run_all(&run);
	if (!error && run.failed_count)
		error = -EIO;
	signal = error == -EINTR ? interrupt_signal() : 0;
	if (signal)
		message("ended by %s; the counts are not complete and not printed",
			signal == SIGINT ? "SIGINT" : "SIGTERM");
	run_free(&run);
	if (signal)
		return EXIT_SIGNAL + signal;
	return error ? EXIT_TROUBLE : EXIT_SUCCESS;
}

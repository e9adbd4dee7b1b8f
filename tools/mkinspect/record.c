// SPDX-License-Identifier: MIT
/* Run a program with MK_TRACE set, and make one file of those of its processes. */
#define _GNU_SOURCE
#include <argp.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <json-c/json.h>

#include <mk/trace.h>

#include "common/complain.h"
#include "trace_commands.h"

/* Goes up when a key changes its meaning or goes; mkinspect-record(1) lists the keys. */
#define SCHEMA_VERSION 1

struct arguments {
	const char *output;
	const char *ring_bytes;
	bool replay;
	bool json;
	char **command;
};

struct summary {
	uint32_t processes; /* parts, to be exact */
	uint32_t killed;    /* of these, without an end */
	uint64_t records;
	uint64_t dropped;
	uint64_t bytes;
	uint64_t begin_ns;
	uint64_t end_ns;
	int status; /* of the command */
};

/* Arguments ------------------------------------------------------------------------ */

enum { KEY_REPLAY = 256, KEY_RING_BYTES };

static const struct argp_option option_table[] = {
	{ "output", 'o', "FILE", 0, "the trace to write (needed)", 0 },
	{ "replay", KEY_REPLAY, NULL, 0,
	  "record all that mkinspect replay needs: memory, what is read, and each record; the "
	  "program waits for the file where it must",
	  0 },
	{ "ring-bytes", KEY_RING_BYTES, "N", 0,
	  "memory for each thread's records that are not written yet: a power of two "
	  "(default: 4 MiB)",
	  0 },
	{ "json", 'j', NULL, 0, "print the summary as JSON, on standard error", 0 },
	{ 0 },
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'o':
		arguments->output = text;
		return 0;
	case 'j':
		arguments->json = true;
		return 0;
	case KEY_REPLAY:
		arguments->replay = true;
		return 0;
	case KEY_RING_BYTES:
		if (!*text || text[strspn(text, "0123456789")])
			argp_error(state, "--ring-bytes: had \"%s\", expected a number",
				   text);
		arguments->ring_bytes = text;
		return 0;
	case ARGP_KEY_ARGS:
		arguments->command = state->argv + state->next;
		return 0;
	case ARGP_KEY_END:
		if (!arguments->command)
			argp_error(state, "had no command to run, expected one after --");
		if (!arguments->output)
			argp_error(state, "had no file to write, expected -o FILE");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void parse_arguments(int argc, char **argv, struct arguments *arguments)
{
	static const struct argp parser = {
		.options = option_table,
		.parser = parse_option,
		.args_doc = "COMMAND [ARGUMENT]...",
		.doc = "Run a program, and record what it and its children do on contexts.\v"
		       "Example:\n\n"
		       "  mkinspect record --replay -o run.trace -- mkscan -e needle "
		       "haystack\n\n"
		       "Exit status: the program's; 128 + N when signal N ended it; 125 "
		       "when there is no whole trace; 64 wrong usage.",
	};

	argv[0] = (char *)"mkinspect record";
	/* What follows the command is the command's. */
	argp_parse(&parser, argc, argv, ARGP_IN_ORDER, NULL, arguments);
}

/* Running -------------------------------------------------------------------------- */

static int set_environment(const struct arguments *arguments, const char *directory)
{
	char path[PATH_MAX + 8], options[64];

	snprintf(path, sizeof(path), "%s/%%p", directory);
	snprintf(options, sizeof(options), "%s%s%s%s", arguments->replay ? "replay" : "",
		 arguments->replay && arguments->ring_bytes ? "," : "",
		 arguments->ring_bytes ? "ring_bytes=" : "",
		 arguments->ring_bytes ? arguments->ring_bytes : "");
	if (setenv("MK_TRACE", path, 1) || setenv("MK_TRACE_OPTIONS", options, 1))
		return complain_of(-errno, "cannot set the environment: %s",
				   strerror(errno));
	return 0;
}

static int run_command(const struct arguments *arguments, int *status)
{
	/* A signal from the keyboard is for the command; what there is, is wanted then. */
	struct sigaction ignore = { .sa_handler = SIG_IGN }, interrupt, quit;
	pid_t child;

	sigaction(SIGINT, &ignore, &interrupt);
	sigaction(SIGQUIT, &ignore, &quit);
	child = fork();
	if (!child) {
		sigaction(SIGINT, &interrupt, NULL);
		sigaction(SIGQUIT, &quit, NULL);
		execvp(arguments->command[0], arguments->command);
		complain_of(0, "cannot run %s: %s", arguments->command[0],
			    strerror(errno));
		_exit(errno == ENOENT ? 127 : 126);
	}
	if (child < 0)
		return complain_of(-errno, "cannot start a process: %s", strerror(errno));
	while (waitpid(child, status, 0) < 0)
		if (errno != EINTR)
			return complain_of(-errno, "cannot wait for %s: %s",
					   arguments->command[0], strerror(errno));
	return 0;
}

/* Merging -------------------------------------------------------------------------- */

static void count_event(const struct mk_trace_event *event, struct summary *summary)
{
	if (event->type == MK_TRACE_PART) {
		summary->processes++;
		summary->killed++;
	}
	if (event->type == MK_TRACE_END)
		summary->killed--;
	if (event->type == MK_TRACE_DROPPED)
		summary->dropped += event->dropped;
	summary->records++;
	if (!summary->begin_ns || event->time_ns < summary->begin_ns)
		summary->begin_ns = event->time_ns;
	if (event->time_ns > summary->end_ns)
		summary->end_ns = event->time_ns;
}

/* Whole blocks, behind each other, are a trace again. */
static int copy_bytes(int from, int to, uint64_t bytes)
{
	off_t offset = 0;

	while ((uint64_t)offset < bytes) {
		ssize_t sent = sendfile(to, from, &offset, bytes - (uint64_t)offset);

		if (sent < 0 && errno != EINTR)
			return complain_of(-errno, "cannot write the trace: %s",
					   strerror(errno));
		if (!sent)
			return complain_of(-EIO, "a process's trace became shorter");
	}
	return 0;
}

static int add_file(int directory, const char *name, int output, struct summary *summary)
{
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	struct mk_trace_reader *reader;
	struct mk_trace_event event;
	struct stat status;
	int ret;

	if (fd < 0)
		return complain_of(-errno, "cannot open %s: %s", name, strerror(errno));
	/* Killed before its first record. */
	if (!fstat(fd, &status) && !status.st_size) {
		close(fd);
		return 0;
	}
	ret = mk_trace_open(fd, &reader);
	if (ret) {
		complain(name, ret);
		close(fd);
		return ret;
	}
	while ((ret = mk_trace_next(reader, &event)) > 0)
		count_event(&event, summary);
	if (ret)
		complain(name, ret);
	else
		ret = copy_bytes(fd, output, mk_trace_good_bytes(reader));
	summary->bytes += mk_trace_good_bytes(reader);
	mk_trace_close(reader);
	close(fd);
	return ret;
}

/* Every file is taken away, whether it could be read or not. */
static int merge(const char *path, int output, struct summary *summary)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	int error = 0;

	if (!directory)
		return complain_of(-errno, "cannot open %s: %s", path, strerror(errno));
	while ((entry = readdir(directory))) {
		int ret;

		if (entry->d_name[0] == '.')
			continue;
		ret = add_file(dirfd(directory), entry->d_name, output, summary);
		unlinkat(dirfd(directory), entry->d_name, 0);
		if (!error)
			error = ret;
	}
	closedir(directory);
	if (!error && !summary->processes)
		error = complain_of(-ENODATA, "the program used no context, or its libmk "
					      "knows no traces; nothing was recorded");
	return error;
}

/* Summary -------------------------------------------------------------------------- */

static double seconds(const struct summary *summary)
{
	return (double)(summary->end_ns - summary->begin_ns) / 1e9;
}

static void print_json(const struct summary *summary)
{
	struct json_object *object = json_object_new_object();
	char digits[32];

	snprintf(digits, sizeof(digits), "%.6f", seconds(summary));
	json_object_object_add(object, "schema", json_object_new_int(SCHEMA_VERSION));
	json_object_object_add(object, "processes",
			       json_object_new_uint64(summary->processes));
	json_object_object_add(object, "killed", json_object_new_uint64(summary->killed));
	json_object_object_add(object, "records",
			       json_object_new_uint64(summary->records));
	json_object_object_add(object, "dropped",
			       json_object_new_uint64(summary->dropped));
	json_object_object_add(object, "file_bytes",
			       json_object_new_uint64(summary->bytes));
	json_object_object_add(object, "seconds",
			       json_object_new_double_s(seconds(summary), digits));
	fprintf(stderr, "%s\n",
		json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
	json_object_put(object);
}

static void print_text(const struct summary *summary, const char *output)
{
	fprintf(stderr,
		"%s: %llu records of %u process%s in %.3f s, %llu dropped, %llu bytes\n",
		output, (unsigned long long)summary->records, summary->processes,
		summary->processes == 1 ? "" : "es", seconds(summary),
		(unsigned long long)summary->dropped, (unsigned long long)summary->bytes);
	if (summary->killed)
		fprintf(stderr, "%u of them ended without closing the context\n",
			summary->killed);
}

/* Command -------------------------------------------------------------------------- */

static int record_into(const struct arguments *arguments, const char *directory,
		       int output, struct summary *summary)
{
	int ret = set_environment(arguments, directory);
	int merged;

	if (!ret)
		ret = run_command(arguments, &summary->status);
	merged = merge(directory, output, summary);
	rmdir(directory);
	return ret ? ret : merged;
}

int record_command(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	struct summary summary = { 0 };
	char directory[PATH_MAX];
	char *absolute;
	int output, ret;

	parse_arguments(argc, argv, &arguments);
	output = open(arguments.output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (output < 0) {
		complain_of(0, "cannot write %s: %s", arguments.output, strerror(errno));
		return 125;
	}
	/* Beside the trace, where there is room for it. */
	snprintf(directory, sizeof(directory), "%s.XXXXXX", arguments.output);
	if (!mkdtemp(directory)) {
		complain_of(0, "cannot make the folder %s: %s", directory,
			    strerror(errno));
		close(output);
		return 125;
	}
	/* The program may go to another folder. */
	absolute = realpath(directory, NULL);
	ret = record_into(&arguments, absolute ? absolute : directory, output, &summary);
	free(absolute);
	if (close(output) && !ret)
		ret = complain_of(-errno, "cannot write %s: %s", arguments.output,
				  strerror(errno));
	if (summary.processes && arguments.json)
		print_json(&summary);
	else if (summary.processes)
		print_text(&summary, arguments.output);
	if (WIFSIGNALED(summary.status))
		return 128 + WTERMSIG(summary.status);
	if (WEXITSTATUS(summary.status))
		return WEXITSTATUS(summary.status);
	return ret ? 125 : 0;
}

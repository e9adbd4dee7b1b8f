// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "doctor_facts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STOP_TIMEOUT_NS UINT64_C(10000000000)

/* The machine ----------------------------------------------------------------------- */

void facts_of_module(struct facts *facts)
{
	struct mk_context *context;
	int fd = open("/dev/mk", O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		facts->module = -errno;
		snprintf(facts->module_text, sizeof(facts->module_text), "%s",
			 strerror(errno));
		return;
	}
	close(fd);
	/* There is no such context, but before that is seen, versions are compared. */
	facts->module = mk_context_open(UINT64_MAX, MK_ROLE_OBSERVER, &context);
	if (!facts->module)
		mk_context_close(context);
	if (facts->module == -ENOENT)
		facts->module = 0;
	snprintf(facts->module_text, sizeof(facts->module_text), "%s", mk_error_text());
}

void facts_of_vulkan(struct facts *facts)
{
	const struct mk_geometry geometry = { .size = sizeof(geometry) };
	const struct mk_engine_options options = { .size = sizeof(options),
						   .workgroups = 1 };
	struct mk_context *context = NULL;
	struct mk_engine *engine;

	facts->vulkan = mk_context_create(&geometry, &context);
	if (!facts->vulkan)
		facts->vulkan = mk_engine_start(context, &options, &engine);
	if (facts->vulkan)
		snprintf(facts->vulkan_text, sizeof(facts->vulkan_text), "%s",
			 mk_error_text());
	else if (mk_engine_stop(engine, STOP_TIMEOUT_NS))
		/* It is slow, and may still write there: the context goes with us. */
		return;
	mk_context_close(context);
}

/* Processes ------------------------------------------------------------------------- */

/* The letter behind the name, in which there may be anything. */
static char state_letter(uint32_t pid)
{
	char path[64], text[512];
	const char *end;
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return '\0';
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (length <= 0)
		return '\0';
	text[length] = '\0';
	end = strrchr(text, ')');
	return end && end[1] == ' ' ? end[2] : '\0';
}

static enum process_state process_state(uint32_t pid)
{
	switch (state_letter(pid)) {
	case 'T':
	case 't':
		return PROCESS_STOPPED;
	case 'Z':
	case 'X':
		return PROCESS_GONE;
	default:
		return PROCESS_RUNS;
	}
}

static bool holds(const struct holders *holders, uint32_t pid)
{
	for (size_t i = 0; i < holders->count; i++)
		if (holders->holders[i].pid == pid)
			return true;
	return false;
}

/* The word is anybody's, and a number may be another process's by now. */
static enum process_state find_engine(const struct holders *holders, uint32_t said,
				      uint32_t *pid)
{
	const struct mk_holder *engine =
		holders ? holders_find(holders, MK_HOLDER_ENGINE, 0) : NULL;

	*pid = engine ? engine->pid : said;
	if (!*pid || *pid > INT32_MAX)
		return PROCESS_UNKNOWN;
	if (engine)
		return process_state(*pid);
	if (kill((pid_t)*pid, 0))
		return errno == ESRCH ? PROCESS_GONE : PROCESS_UNKNOWN;
	return holders && !holds(holders, *pid) ? PROCESS_GONE : process_state(*pid);
}

void facts_of_context(const struct source *source, const struct view *view,
		      struct facts *facts, struct holders *holders)
{
	facts->is_live = source->context;
	if (!facts->is_live)
		return;
	if (!holders_get(source, holders))
		facts->holders = holders;
	facts->engine_process = find_engine(
		facts->holders, view_word(view, MK_REGION_CQ, MK_CQ_OWNER_PID),
		&facts->engine_pid);
}

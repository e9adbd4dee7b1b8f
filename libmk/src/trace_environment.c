// SPDX-License-Identifier: MIT
/* Traces of programs that know nothing of them. */
#include "trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "trace_state.h"

static int take_option(const char *text, size_t length, struct mk_trace_options *options)
{
	static const char replay[] = "replay", ring_bytes[] = "ring_bytes=";
	const size_t prefix = sizeof(ring_bytes) - 1;
	char *end = NULL;
	unsigned long value;

	if (length == sizeof(replay) - 1 && !strncmp(text, replay, length)) {
		options->flags |= MK_TRACE_REPLAY;
		return 0;
	}
	if (length > prefix && !strncmp(text, ring_bytes, prefix)) {
		value = strtoul(text + prefix, &end, 10);
		if (end == text + length && value <= MK_TRACE_RING_BYTES_MOST) {
			options->ring_bytes = (uint32_t)value;
			return 0;
		}
	}
	return mk_fail(EINVAL,
		       "the environment variable MK_TRACE_OPTIONS has \"%.*s\"; it has "
		       "replay, ring_bytes=N, or both with a comma between them",
		       (int)length, text);
}

/* The first of a process has the name as it is, if no other process has that. */
static int start_numbered(struct mk_context *context,
			  const struct mk_trace_options *options)
{
	static atomic_uint count;
	static atomic_int counted_by;
	uint32_t number;
	int ret;

	/* A child of a fork counts its own. */
	if (atomic_exchange(&counted_by, getpid()) != getpid())
		atomic_store(&count, 0);
	number = atomic_load(&count);
	do {
		ret = mk_trace_start_numbered(context, options, number++);
	} while (ret == -EBUSY);
	if (!ret)
		atomic_store(&count, number);
	return ret;
}

int mk_trace_start_by_environment(struct mk_context *context)
{
	const char *path = getenv("MK_TRACE");
	const char *text = getenv("MK_TRACE_OPTIONS");
	struct mk_trace_options options = { .size = sizeof(options), .path = path };

	if (!path || !*path)
		return 0;
	while (text && *text) {
		size_t length = strcspn(text, ",");
		int ret = take_option(text, length, &options);

		if (ret)
			return ret;
		text += length + (text[length] == ',');
	}
	return start_numbered(context, &options);
}

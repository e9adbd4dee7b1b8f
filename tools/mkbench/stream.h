/* SPDX-License-Identifier: MIT */
/* Threads that publish as much as goes through. */
#ifndef MKBENCH_STREAM_H
#define MKBENCH_STREAM_H

#include "bench.h"
#include "session.h"

struct stream;

enum stream_mode {
	STREAM_FREE, /* publishes many, waits for none */
	STREAM_EACH, /* publishes one, waits for it */
};

struct stream_options {
	enum operation operation;
	enum stream_mode mode;
	uint32_t producers;
	uint32_t max_windows; /* of each producer */
};

struct stream_result {
	uint64_t slots; /* published, and all of them done */
	uint64_t ns;	/* from the first publish until the last was done */
	/* Processors' time while the first producer published: of it, of the process. */
	uint64_t producer_cpu_ns;
	uint64_t process_cpu_ns;
	uint64_t publish_ns;
};

/*
 * stream_start() - 0, and producers of which each has published; or a negative errno
 * that was told
 */
int stream_start(const struct session *session, const struct stream_options *options,
		 struct stream **stream);

/*
 * stream_stop() - let them end, wait for what is published, free the stream
 *
 * Return: 0; a negative errno that was told, -EIO when a sum is wrong.
 */
int stream_stop(struct stream *stream, struct stream_result *result);

/* stream_run() - all that for @seconds, showing progress as @name */
int stream_run(const struct session *session, const struct stream_options *options,
	       double seconds, const char *name, struct stream_result *result);

#endif /* MKBENCH_STREAM_H */

/* SPDX-License-Identifier: MIT */
/* A file to scan, whatever kind of file it is. */
#ifndef SOURCE_H
#define SOURCE_H

#include <stdbool.h>
#include <stdint.h>

struct source {
	const char *name; /* for messages */
	int fd;
	bool is_stdin;
	bool stream;	 /* has no positions: a pipe, a socket, a terminal */
	uint64_t offset; /* where scanning starts */
	uint64_t end;	 /* where the file seemed to end when it was opened */
};

/* Bytes of a regular file, 0 for everything else; prints nothing. */
uint64_t source_size(const char *path);

/* "-" is stdin.  Prints why it fails; -EINTR when a signal came. */
int source_open(struct source *source, const char *path);

/* Sees whether the file has grown since: end goes up, never down. */
void source_measure(struct source *source);

/* @position: how far it was scanned; stdin is left there for who reads on. */
void source_close(struct source *source, uint64_t position);

#endif /* SOURCE_H */

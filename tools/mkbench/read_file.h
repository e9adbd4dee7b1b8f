/* SPDX-License-Identifier: MIT */
/* The file that mkbench io reads. */
#ifndef MKBENCH_READ_FILE_H
#define MKBENCH_READ_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "bench.h"

struct read_file {
	int buffered;	/* descriptors */
	int direct;	/* -1: there is none */
	uint32_t bytes; /* that are read, a power of two */
	uint32_t *content;
};

/*
 * read_file_open() - the user's file, or one made for this, without a name
 *
 * What is to be read of it is in the page cache then, and its content here.
 * Return: 0 or a negative errno that was told.
 */
int read_file_open(const struct bench_options *options, struct read_file *file);
void read_file_close(struct read_file *file);

/* Whether so many bytes can be read past the page cache; if not so, says why. */
bool read_file_is_direct(const struct read_file *file, uint32_t bytes);

#endif /* MKBENCH_READ_FILE_H */

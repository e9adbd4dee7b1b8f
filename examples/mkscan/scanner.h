/* SPDX-License-Identifier: MIT */
/*
 * Scans files through a resident kernel: blocks of them are read into the arena
 * while blocks read before are scanned, each as one slot.  Who reads is either this
 * program, or a pump that the slots themselves ask.
 */
#ifndef SCANNER_H
#define SCANNER_H

#include <stdbool.h>
#include <stdint.h>

#include <mk/engine.h>

#include "automaton.h"
#include "patterns.h"
#include "source.h"

#define SCANNER_BLOCK_BYTES	131072
#define SCANNER_BLOCK_BYTES_MAX (16u << 20)

enum scanner_io {
	SCANNER_IO_HOST,
	SCANNER_IO_DEVICE, /* what it cannot ask for is read by the host all the same */
};

struct scanner_options {
	enum scanner_io io;
	enum mk_engine_kind engine;
	const char *device;   /* NULL: any */
	uint32_t workgroups;  /* 0: the engine's default */
	uint32_t block_bytes; /* 0: SCANNER_BLOCK_BYTES, or less if little is left */
};

struct scanner_statistics {
	uint64_t bytes;		/* scanned, each byte of a file once */
	uint64_t overlap_bytes; /* scanned again, for matches across borders */
	uint64_t slots;		/* published */
	uint32_t slots_at_once; /* in flight, at most */
	uint64_t io_requests;	/* texts that slots have asked for */
	uint64_t files_read_by_host;
	double scan_wait; /* seconds that nothing could be read for want of a block */
	double read_wait; /* seconds that nothing could be published yet */

	enum scanner_io io;
	uint32_t blocks;
	uint32_t block_bytes;
	uint32_t states; /* of the automaton */
	uint64_t automaton_bytes;
	uint64_t arena_bytes;
	bool fixed_buffers;
};

struct scanner;

/*
 * All functions print what is wrong to stderr, and then return a negative errno.
 * -EINTR says, without a message, that interrupt_signal() has something to tell.
 */

int scanner_open(const struct scanner_options *options,
		 const struct pattern_list *patterns, struct scanner **scanner);

/**
 * scanner_scan() - scan a file to its end
 * @position: receives how far it was scanned
 * @failed: is set, by scanner_finish() at the latest, when the file could not be read
 *          whole
 *
 * Its last blocks may still be scanned on return.  Blocks that could be read are
 * scanned: those before an error in the file, and perhaps some behind it.
 *
 * Return: 0, also for a file that failed; a negative errno when the scanner is out of
 * order.
 */
int scanner_scan(struct scanner *scanner, const struct source *source, uint64_t *position,
		 bool *failed);

/* Waits for all blocks; @counts receives one count for each sorted pattern. */
int scanner_finish(struct scanner *scanner, uint64_t *counts);

void scanner_describe(const struct scanner *scanner,
		      struct scanner_statistics *statistics,
		      struct mk_engine_info *engine);

void scanner_close(struct scanner *scanner);

#endif /* SCANNER_H */

/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the scanner share.
 *
 * The arena: the automaton, the counters, the outcomes, the blocks.  Before each block
 * lies head room for the end of the block before it in the file, as much as a match
 * that ends in this block may need.  So every slot starts at the automaton's root, in
 * any order, and counts what ends in its own block.
 *
 * A text comes into its block in one of two ways.  The host reads it and then publishes
 * the slot (host_path.c); or the slot is published at once, and asks for it
 * (device_path.c).
 */
#ifndef SCANNER_PARTS_H
#define SCANNER_PARTS_H

#include <mk/mk.h>

#include "block_queue.h"
#include "scanner.h"

#define HEAD_ROOM_BYTES PATTERN_BYTES_MAX
#define BLOCKS_MAX	256u
/* A signal may come just before a wait, and would not end it. */
#define WAIT_MILLISECONDS 100u
#define WAIT_NANOSECONDS  (WAIT_MILLISECONDS * UINT64_C(1000000))

/* What the host's way has of its own. */
struct host_path {
	struct reader reader;
	bool is_open;
	struct block_queue reading; /* of one file, in its order */
	/* The file's last bytes so far, for the next block's head room. */
	uint8_t carry[HEAD_ROOM_BYTES];
	uint32_t carry_bytes;
};

struct scanner {
	struct automaton automaton;
	struct mk_context *context;
	struct mk_engine *engine;
	struct mk_producer *producer;
	struct pump pump;
	struct host_path host;

	uint8_t *arena;
	uint32_t counters; /* first word */
	uint32_t outcomes; /* first word; one for each block */
	uint8_t *block_memory;
	uint64_t block_memory_bytes;
	struct block *blocks;
	struct block_queue unused;
	struct block_queue scanning;
	uint32_t scanning_count;
	uint32_t carry_bytes_max;

	uint64_t completed_bytes;
	uint64_t failed_slots; /* whose text could not be read */
	struct scanner_statistics statistics;
};

/* All return 0, or a negative errno as those of scanner.h do. */

/* slots.c */

/* Prints what the library says, and returns @error. */
int library_failed(const char *what, int error);

/* Whether there is still sense in waiting. */
int slots_check(struct scanner *scanner);

/* Takes back the blocks that have been scanned; waits for the oldest at most. */
int slots_collect(struct scanner *scanner, uint64_t nanoseconds);

/* Publishes a block.  If it has a file, the slot asks for its text, as a user of that. */
int slots_publish(struct scanner *scanner, struct block *block);

/* host_path.c */

int host_path_open(struct scanner *scanner);
void host_path_close(struct scanner *scanner);
int host_path_scan(struct scanner *scanner, const struct source *source,
		   uint64_t *position, bool *failed);

/* device_path.c */

/* Whether it is a file that slots can ask for, by offsets that are known. */
bool device_path_takes(const struct scanner *scanner, const struct source *source);
int device_path_scan(struct scanner *scanner, const struct source *source,
		     uint64_t *position, bool *failed);

#endif /* SCANNER_PARTS_H */

/* SPDX-License-Identifier: MIT */
/*
 * A snapshot's file: a header, then blocks, each a piece of a memory in a zstd frame, in
 * the order of the memories' numbers and from each one's beginning, then the bits of the
 * slots that changed, then a block that says that this is all.  Words are little-endian;
 * Documentation/mkinspect.rst has the same in prose.
 */
#ifndef MK_SRC_SNAPSHOT_LAYOUT_H
#define MK_SRC_SNAPSHOT_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include <mk/snapshot.h>

#define SNAPSHOT_MAGIC	     "mksnap\r\n"
#define SNAPSHOT_MAGIC_BYTES 8
#define SNAPSHOT_VERSION     1u

/* The header's words; two names for 64 bits are the first of two words. */
enum {
	HEADER_MAGIC = 0,
	HEADER_VERSION = 2,
	HEADER_BYTES,
	HEADER_ABI_VERSION,
	HEADER_SLOTS,
	HEADER_WINDOW_SLOTS,
	HEADER_LOG_RECORDS,
	HEADER_IO_SLOTS,
	HEADER_IO_REQUEST_SLOTS,
	HEADER_OBSERVABLE_WORDS,
	HEADER_CONTEXT_FLAGS,
	HEADER_BACKING,
	HEADER_IS_SPLIT,
	HEADER_ARENA_BYTES = 14,
	HEADER_ID = 16,
	HEADER_TAKEN_NS = 18,
	HEADER_MONOTONIC_NS = 20,
	HEADER_COPY_NS = 22,
	HEADER_PID = 24,
	HEADER_MEMORIES,
	HEADER_REASON,
	HEADER_SLOTS_CHANGED,
	HEADER_SLOTS_DONE = 28,
	HEADER_IO_SLOTS_CHANGED = 30,
	HEADER_LOG_ADDED,
	HEADER_LOG_RESTARTS,
	HEADER_DISPATCHES,
	HEADER_RESERVED,      /* 0 up to the checksum */
	HEADER_CHECKSUM = 46, /* XXH64 of what is before it */
	HEADER_WORDS = 48,
};

/* A block's words; then come the stored bytes. */
enum {
	BLOCK_WHAT = 0, /* a memory's number, or one of the two below */
	BLOCK_BYTES,	/* of the piece */
	BLOCK_STORED_BYTES,
	BLOCK_RESERVED,
	BLOCK_OFFSET =
		4, /* of the piece, in bytes; at the end how many blocks there were */
	BLOCK_CHECKSUM =
		6, /* XXH64 of the stored bytes; the seed is that of what is before */
	BLOCK_WORDS = 8,
};

#define BLOCK_CHANGED 0x100u
#define BLOCK_END     0xffffffffu

/* A piece is no larger; all but a memory's last are as large. */
#define BLOCK_BYTES_MAX (256u * 1024)

uint64_t mk_snapshot_load_long(const void *words, size_t word);
void mk_snapshot_store_long(void *words, size_t word, uint64_t value);

uint64_t mk_snapshot_header_checksum(const void *header);
uint64_t mk_snapshot_block_checksum(const void *block, const void *stored, size_t bytes);

/* What the header has, but for choices and what has two words. */
struct mk_snapshot_word {
	uint32_t word;
	uint32_t *value;
};

#define MK_SNAPSHOT_WORDS_KEPT 14

void mk_snapshot_list_words(struct mk_snapshot_info *info,
			    struct mk_snapshot_word words[MK_SNAPSHOT_WORDS_KEPT]);

#endif /* MK_SRC_SNAPSHOT_LAYOUT_H */

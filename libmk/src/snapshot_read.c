// SPDX-License-Identifier: MIT
/* Snapshots from files, which may be anybody's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zstd.h>

#include "error.h"
#include "geometry.h"
#include "snapshot.h"
#include "snapshot_layout.h"
#include "words.h"

/* Where a fuzzer shall get past it, every checksum is right. */
static bool is_same_checksum(uint64_t had, uint64_t expected)
{
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
	(void)had;
	(void)expected;
	return true;
#else
	return had == expected;
#endif
}

struct reader {
	int fd;
	ZSTD_DCtx *decompressor;
	uint8_t *stored;
	size_t capacity;
	uint64_t blocks;
};

static int read_all(int fd, void *data, size_t bytes, const char *what)
{
	uint8_t *at = data;

	while (bytes) {
		ssize_t done = read(fd, at, bytes);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return mk_fail(errno, "cannot read the snapshot: %s",
				       strerror(errno));
		if (!done)
			return mk_fail(EBADMSG,
				       "the snapshot ends in the middle of %s, %zu bytes "
				       "early; was all of it copied?",
				       what, bytes);
		at += done;
		bytes -= (size_t)done;
	}
	return 0;
}

static int check_version(const void *header)
{
	uint32_t version = mk_load_word(header, HEADER_VERSION);

	if (memcmp(header, SNAPSHOT_MAGIC, SNAPSHOT_MAGIC_BYTES))
		return mk_fail(EPROTO, "this is no snapshot of mkinspect's; it begins "
				       "otherwise");
	if (version != SNAPSHOT_VERSION)
		return mk_fail(EPROTO,
			       "the snapshot has version %u, this library reads %u; use "
			       "the mkinspect that wrote it",
			       version, SNAPSHOT_VERSION);
	if (!is_same_checksum(mk_snapshot_load_long(header, HEADER_CHECKSUM),
			      mk_snapshot_header_checksum(header)))
		return mk_fail(EBADMSG, "the snapshot's header is damaged: its checksum "
					"is wrong");
	if (mk_load_word(header, HEADER_BYTES) != HEADER_WORDS * MK_WORD_BYTES)
		return mk_fail(EPROTO, "the snapshot has a header of %u bytes, not %zu",
			       mk_load_word(header, HEADER_BYTES),
			       HEADER_WORDS * MK_WORD_BYTES);
	if (mk_load_word(header, HEADER_ABI_VERSION) != MK_ABI_VERSION)
		return mk_fail(EPROTO,
			       "the snapshot is of a context with ABI version %u, this "
			       "library knows %u; use the mkinspect that wrote it",
			       mk_load_word(header, HEADER_ABI_VERSION), MK_ABI_VERSION);
	return 0;
}

static int check_choices(const void *header)
{
	uint32_t backing = mk_load_word(header, HEADER_BACKING);
	uint32_t split = mk_load_word(header, HEADER_IS_SPLIT);
	uint32_t reason = mk_load_word(header, HEADER_REASON);

	if (backing < MK_BACKING_MEMFD || backing > MK_BACKING_DEVICE || split > 1 ||
	    reason > MK_SNAPSHOT_SIGNAL)
		return mk_fail(EPROTO,
			       "the snapshot's header makes no sense: backing %u, split "
			       "%u, reason %u",
			       backing, split, reason);
	for (uint32_t i = HEADER_RESERVED; i < HEADER_CHECKSUM; i++)
		if (mk_load_word(header, i))
			return mk_fail(EPROTO,
				       "word %u of the snapshot's header is %u, and is "
				       "to be 0",
				       i, mk_load_word(header, i));
	return 0;
}

static int check_memories(const struct mk_snapshot_info *info,
			  const size_t bytes[MK_MEMORIES])
{
	uint32_t needed = MK_SNAPSHOT_MEMORY(MK_REGION_CONTROL) |
			  MK_SNAPSHOT_MEMORY(MK_REGION_CQ);
	uint32_t possible = 0;

	for (uint32_t i = 0; i < MK_MEMORIES; i++)
		if (bytes[i])
			possible |= MK_SNAPSHOT_MEMORY(i);
	if ((info->memories & needed) != needed || info->memories & ~possible)
		return mk_fail(EPROTO,
			       "the snapshot has the memories 0x%x; of such a context "
			       "there are 0x%x, and 0x%x are needed",
			       info->memories, possible, needed);
	return 0;
}

static int read_header(int fd, struct mk_snapshot_info *info, size_t bytes[MK_MEMORIES])
{
	struct mk_snapshot_word words[MK_SNAPSHOT_WORDS_KEPT];
	uint32_t header[HEADER_WORDS];
	int ret = read_all(fd, header, sizeof(header), "its header");

	if (!ret)
		ret = check_version(header);
	if (!ret)
		ret = check_choices(header);
	if (ret)
		return ret;
	mk_snapshot_list_words(info, words);
	for (size_t i = 0; i < MK_SNAPSHOT_WORDS_KEPT; i++)
		*words[i].value = mk_load_word(header, words[i].word);
	info->geometry.size = sizeof(info->geometry);
	info->geometry.backing =
		(enum mk_backing_kind)mk_load_word(header, HEADER_BACKING);
	info->geometry.arena_bytes = mk_snapshot_load_long(header, HEADER_ARENA_BYTES);
	info->is_split = mk_load_word(header, HEADER_IS_SPLIT);
	info->reason = (enum mk_snapshot_reason)mk_load_word(header, HEADER_REASON);
	info->id = mk_snapshot_load_long(header, HEADER_ID);
	info->taken_ns = mk_snapshot_load_long(header, HEADER_TAKEN_NS);
	info->monotonic_ns = mk_snapshot_load_long(header, HEADER_MONOTONIC_NS);
	info->copy_ns = mk_snapshot_load_long(header, HEADER_COPY_NS);
	info->tear.slots_done = mk_snapshot_load_long(header, HEADER_SLOTS_DONE);
	if (mk_geometry_check(&info->geometry))
		return -EPROTO;
	mk_geometry_sizes(&info->geometry, bytes);
	return check_memories(info, bytes);
}

/* A block's header must be the one that comes next. */
static int check_block(const void *block, uint32_t what, uint64_t offset, size_t bytes,
		       size_t capacity)
{
	if (mk_load_word(block, BLOCK_WHAT) == what &&
	    mk_load_word(block, BLOCK_BYTES) == bytes &&
	    mk_load_word(block, BLOCK_STORED_BYTES) <= capacity &&
	    !mk_load_word(block, BLOCK_RESERVED) &&
	    mk_snapshot_load_long(block, BLOCK_OFFSET) == offset)
		return 0;
	return mk_fail(EBADMSG,
		       "the snapshot is damaged: had a block 0x%x of %u bytes at %llu, "
		       "expected 0x%x of %zu at %llu",
		       mk_load_word(block, BLOCK_WHAT), mk_load_word(block, BLOCK_BYTES),
		       (unsigned long long)mk_snapshot_load_long(block, BLOCK_OFFSET),
		       what, bytes, (unsigned long long)offset);
}

static int read_block(struct reader *reader, uint32_t what, uint64_t offset, void *data,
		      size_t bytes)
{
	uint32_t block[BLOCK_WORDS];
	size_t stored, unfolded;
	int ret = read_all(reader->fd, block, sizeof(block), "a block's header");

	if (!ret)
		ret = check_block(block, what, offset, bytes,
				  bytes ? reader->capacity : 0);
	if (ret)
		return ret;
	stored = mk_load_word(block, BLOCK_STORED_BYTES);
	ret = read_all(reader->fd, reader->stored, stored, "a block");
	if (ret)
		return ret;
	if (!is_same_checksum(mk_snapshot_load_long(block, BLOCK_CHECKSUM),
			      mk_snapshot_block_checksum(block, reader->stored, stored)))
		return mk_fail(EBADMSG,
			       "the snapshot is damaged: the checksum of block %llu is "
			       "wrong",
			       (unsigned long long)reader->blocks);
	reader->blocks++;
	if (!bytes)
		return 0;
	unfolded = ZSTD_decompressDCtx(reader->decompressor, data, bytes, reader->stored,
				       stored);
	if (ZSTD_isError(unfolded) || unfolded != bytes)
		return mk_fail(EBADMSG, "the snapshot is damaged: %s",
			       ZSTD_isError(unfolded) ? ZSTD_getErrorName(unfolded) :
							"a block is too short");
	return 0;
}

/* Room for what was read, not for what is promised: that could be anything. */
static int make_room(uint8_t **data, size_t *room, size_t used, size_t bytes)
{
	size_t wanted = *room * 2 > BLOCK_BYTES_MAX ? *room * 2 : BLOCK_BYTES_MAX;
	uint8_t *larger;

	if (used < *room)
		return 0;
	if (wanted > bytes)
		wanted = bytes;
	larger = realloc(*data, wanted);
	if (!larger)
		return mk_fail(ENOMEM, "no memory for a snapshot with %zu bytes", wanted);
	*data = larger;
	*room = wanted;
	return 0;
}

/* @words is the caller's to free, also after an error. */
static int read_words(struct reader *reader, uint32_t what, uint32_t **words,
		      size_t bytes)
{
	uint8_t *data = NULL;
	size_t room = 0;
	int ret = 0;

	for (size_t offset = 0; offset < bytes && !ret; offset += BLOCK_BYTES_MAX) {
		size_t left = bytes - offset;

		ret = make_room(&data, &room, offset, bytes);
		if (!ret)
			ret = read_block(reader, what, offset, data + offset,
					 left < BLOCK_BYTES_MAX ? left : BLOCK_BYTES_MAX);
	}
	*words = (uint32_t *)(void *)data;
	return ret;
}

static int read_end(struct reader *reader)
{
	int ret = read_block(reader, BLOCK_END, reader->blocks, NULL, 0);
	uint8_t more;

	if (ret)
		return ret;
	if (read(reader->fd, &more, 1) > 0)
		return mk_fail(EBADMSG, "something follows behind the snapshot's end; is "
					"it one file?");
	return 0;
}

static int read_body(struct reader *reader, const size_t bytes[MK_MEMORIES],
		     struct mk_snapshot *snapshot)
{
	int ret = 0;

	for (uint32_t i = 0; i < MK_MEMORIES && !ret; i++) {
		if (!(snapshot->info.memories >> i & 1))
			continue;
		/* Whole words: of an arena the last bytes may be none. */
		snapshot->counts[i] = bytes[i] / MK_WORD_BYTES;
		ret = read_words(reader, i, &snapshot->words[i],
				 snapshot->counts[i] * MK_WORD_BYTES);
	}
	if (!ret)
		ret = read_words(reader, BLOCK_CHANGED, &snapshot->changed,
				 mk_snapshot_changed_words(snapshot) * MK_WORD_BYTES);
	if (!ret)
		ret = read_end(reader);
	return ret ? ret : mk_snapshot_finish(snapshot);
}

int mk_snapshot_read(int fd, struct mk_snapshot **result)
{
	struct reader reader = { .fd = fd,
				 .capacity = ZSTD_compressBound(BLOCK_BYTES_MAX) };
	struct mk_snapshot *snapshot = mk_snapshot_new();
	size_t bytes[MK_MEMORIES];
	int ret;

	if (!snapshot)
		return -ENOMEM;
	ret = read_header(fd, &snapshot->info, bytes);
	if (ret)
		goto out;
	reader.decompressor = ZSTD_createDCtx();
	reader.stored = malloc(reader.capacity);
	if (reader.decompressor && reader.stored)
		ret = read_body(&reader, bytes, snapshot);
	else
		ret = mk_fail(ENOMEM, "no memory to read a snapshot");
out:
	ZSTD_freeDCtx(reader.decompressor);
	free(reader.stored);
	if (ret)
		mk_snapshot_free(snapshot);
	else
		*result = snapshot;
	return ret;
}

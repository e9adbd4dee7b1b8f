// SPDX-License-Identifier: MIT
/* Snapshots in files. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>
#include <zstd.h>

#include "error.h"
#include "geometry.h"
#include "snapshot.h"
#include "snapshot_layout.h"
#include "words.h"

#define COMPRESSION_LEVEL 3

static uint64_t load_long(const void *words, size_t word)
{
	return mk_load_word(words, word) | (uint64_t)mk_load_word(words, word + 1) << 32;
}

static void store_long(void *words, size_t word, uint64_t value)
{
	mk_store_word(words, word, (uint32_t)value);
	mk_store_word(words, word + 1, (uint32_t)(value >> 32));
}

static uint64_t header_checksum(const void *header)
{
	return XXH64(header, HEADER_CHECKSUM * MK_WORD_BYTES, 0);
}

static uint64_t block_checksum(const void *block, const void *stored, size_t bytes)
{
	return XXH64(stored, bytes, XXH64(block, BLOCK_CHECKSUM * MK_WORD_BYTES, 0));
}

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

/* What the header has, but for the geometry's and the snapshot's 64-bit words. */
struct header_word {
	uint32_t word;
	uint32_t *value;
};

#define HEADER_WORDS_KEPT 14

static void list_words(struct mk_snapshot_info *info,
		       struct header_word words[HEADER_WORDS_KEPT])
{
	const struct header_word all[HEADER_WORDS_KEPT] = {
		{ HEADER_SLOTS, &info->geometry.slots },
		{ HEADER_WINDOW_SLOTS, &info->geometry.window_slots },
		{ HEADER_LOG_RECORDS, &info->geometry.log_records },
		{ HEADER_IO_SLOTS, &info->geometry.io_slots },
		{ HEADER_IO_REQUEST_SLOTS, &info->geometry.io_request_slots },
		{ HEADER_OBSERVABLE_WORDS, &info->geometry.observable_words },
		{ HEADER_CONTEXT_FLAGS, &info->geometry.flags },
		{ HEADER_PID, &info->pid },
		{ HEADER_MEMORIES, &info->memories },
		{ HEADER_SLOTS_CHANGED, &info->tear.slots_changed },
		{ HEADER_IO_SLOTS_CHANGED, &info->tear.io_slots_changed },
		{ HEADER_LOG_ADDED, &info->tear.log_records },
		{ HEADER_LOG_RESTARTS, &info->tear.log_restarts },
		{ HEADER_DISPATCHES, &info->tear.dispatches },
	};

	memcpy(words, all, sizeof(all));
}

/* Write ------------------------------------------------------------------------ */

struct writer {
	int fd;
	ZSTD_CCtx *compressor;
	uint8_t *stored;
	size_t capacity;
	uint64_t blocks;
};

static int write_all(int fd, const void *data, size_t bytes)
{
	const uint8_t *at = data;

	while (bytes) {
		ssize_t done = write(fd, at, bytes);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			int error = done ? errno : EIO;

			return mk_fail(error, "cannot write the snapshot: %s",
				       strerror(error));
		}
		at += done;
		bytes -= (size_t)done;
	}
	return 0;
}

static int write_header(const struct mk_snapshot *snapshot, int fd)
{
	struct mk_snapshot_info info = snapshot->info;
	struct header_word words[HEADER_WORDS_KEPT];
	uint32_t header[HEADER_WORDS] = { 0 };

	list_words(&info, words);
	for (size_t i = 0; i < HEADER_WORDS_KEPT; i++)
		mk_store_word(header, words[i].word, *words[i].value);
	memcpy(header, SNAPSHOT_MAGIC, SNAPSHOT_MAGIC_BYTES);
	mk_store_word(header, HEADER_VERSION, SNAPSHOT_VERSION);
	mk_store_word(header, HEADER_BYTES, sizeof(header));
	mk_store_word(header, HEADER_ABI_VERSION, MK_ABI_VERSION);
	mk_store_word(header, HEADER_BACKING, (uint32_t)info.geometry.backing);
	mk_store_word(header, HEADER_IS_SPLIT, info.is_split);
	mk_store_word(header, HEADER_REASON, (uint32_t)info.reason);
	store_long(header, HEADER_ARENA_BYTES, info.geometry.arena_bytes);
	store_long(header, HEADER_ID, info.id);
	store_long(header, HEADER_TAKEN_NS, info.taken_ns);
	store_long(header, HEADER_MONOTONIC_NS, info.monotonic_ns);
	store_long(header, HEADER_COPY_NS, info.copy_ns);
	store_long(header, HEADER_SLOTS_DONE, info.tear.slots_done);
	store_long(header, HEADER_CHECKSUM, header_checksum(header));
	return write_all(fd, header, sizeof(header));
}

static int write_block(struct writer *writer, uint32_t what, uint64_t offset,
		       const void *data, size_t bytes)
{
	uint32_t block[BLOCK_WORDS] = { 0 };
	size_t stored = 0;
	int ret;

	if (bytes)
		stored = ZSTD_compressCCtx(writer->compressor, writer->stored,
					   writer->capacity, data, bytes,
					   COMPRESSION_LEVEL);
	if (ZSTD_isError(stored))
		return mk_fail(ENOMEM, "cannot compress a snapshot: %s",
			       ZSTD_getErrorName(stored));
	mk_store_word(block, BLOCK_WHAT, what);
	mk_store_word(block, BLOCK_BYTES, (uint32_t)bytes);
	mk_store_word(block, BLOCK_STORED_BYTES, (uint32_t)stored);
	store_long(block, BLOCK_OFFSET, offset);
	store_long(block, BLOCK_CHECKSUM, block_checksum(block, writer->stored, stored));
	ret = write_all(writer->fd, block, sizeof(block));
	if (!ret)
		ret = write_all(writer->fd, writer->stored, stored);
	writer->blocks++;
	return ret;
}

static int write_words(struct writer *writer, uint32_t what, const uint32_t *words,
		       size_t count)
{
	size_t bytes = count * sizeof(*words);
	int ret = 0;

	for (size_t offset = 0; offset < bytes && !ret; offset += BLOCK_BYTES_MAX) {
		size_t left = bytes - offset;

		ret = write_block(writer, what, offset, (const uint8_t *)words + offset,
				  left < BLOCK_BYTES_MAX ? left : BLOCK_BYTES_MAX);
	}
	return ret;
}

int mk_snapshot_write(const struct mk_snapshot *snapshot, int fd)
{
	struct writer writer = {
		.fd = fd,
		.compressor = ZSTD_createCCtx(),
		.capacity = ZSTD_compressBound(BLOCK_BYTES_MAX),
	};
	int ret = 0;

	writer.stored = malloc(writer.capacity);
	if (!writer.compressor || !writer.stored)
		ret = mk_fail(ENOMEM, "no memory to compress a snapshot");
	if (!ret)
		ret = write_header(snapshot, fd);
	for (uint32_t i = 0; i < MK_MEMORIES && !ret; i++)
		ret = write_words(&writer, i, snapshot->words[i], snapshot->counts[i]);
	if (!ret)
		ret = write_words(&writer, BLOCK_CHANGED, snapshot->changed,
				  mk_snapshot_changed_words(snapshot));
	if (!ret)
		ret = write_block(&writer, BLOCK_END, writer.blocks, NULL, 0);
	ZSTD_freeCCtx(writer.compressor);
	free(writer.stored);
	return ret;
}

/* Read ------------------------------------------------------------------------- */

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
	if (!is_same_checksum(load_long(header, HEADER_CHECKSUM),
			      header_checksum(header)))
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
	struct header_word words[HEADER_WORDS_KEPT];
	uint32_t header[HEADER_WORDS];
	int ret = read_all(fd, header, sizeof(header), "its header");

	if (!ret)
		ret = check_version(header);
	if (!ret)
		ret = check_choices(header);
	if (ret)
		return ret;
	list_words(info, words);
	for (size_t i = 0; i < HEADER_WORDS_KEPT; i++)
		*words[i].value = mk_load_word(header, words[i].word);
	info->geometry.size = sizeof(info->geometry);
	info->geometry.backing =
		(enum mk_backing_kind)mk_load_word(header, HEADER_BACKING);
	info->geometry.arena_bytes = load_long(header, HEADER_ARENA_BYTES);
	info->is_split = mk_load_word(header, HEADER_IS_SPLIT);
	info->reason = (enum mk_snapshot_reason)mk_load_word(header, HEADER_REASON);
	info->id = load_long(header, HEADER_ID);
	info->taken_ns = load_long(header, HEADER_TAKEN_NS);
	info->monotonic_ns = load_long(header, HEADER_MONOTONIC_NS);
	info->copy_ns = load_long(header, HEADER_COPY_NS);
	info->tear.slots_done = load_long(header, HEADER_SLOTS_DONE);
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
	    load_long(block, BLOCK_OFFSET) == offset)
		return 0;
	return mk_fail(EBADMSG,
		       "the snapshot is damaged: had a block 0x%x of %u bytes at %llu, "
		       "expected 0x%x of %zu at %llu",
		       mk_load_word(block, BLOCK_WHAT), mk_load_word(block, BLOCK_BYTES),
		       (unsigned long long)load_long(block, BLOCK_OFFSET), what, bytes,
		       (unsigned long long)offset);
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
	if (!is_same_checksum(load_long(block, BLOCK_CHECKSUM),
			      block_checksum(block, reader->stored, stored)))
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

// SPDX-License-Identifier: MIT
/* Snapshots into files. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zstd.h>

#include "error.h"
#include "snapshot.h"
#include "snapshot_layout.h"
#include "words.h"

#define COMPRESSION_LEVEL 3

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
	struct mk_snapshot_word words[MK_SNAPSHOT_WORDS_KEPT];
	uint32_t header[HEADER_WORDS] = { 0 };

	mk_snapshot_list_words(&info, words);
	for (size_t i = 0; i < MK_SNAPSHOT_WORDS_KEPT; i++)
		mk_store_word(header, words[i].word, *words[i].value);
	memcpy(header, SNAPSHOT_MAGIC, SNAPSHOT_MAGIC_BYTES);
	mk_store_word(header, HEADER_VERSION, SNAPSHOT_VERSION);
	mk_store_word(header, HEADER_BYTES, sizeof(header));
	mk_store_word(header, HEADER_ABI_VERSION, MK_ABI_VERSION);
	mk_store_word(header, HEADER_BACKING, (uint32_t)info.geometry.backing);
	mk_store_word(header, HEADER_IS_SPLIT, info.is_split);
	mk_store_word(header, HEADER_REASON, (uint32_t)info.reason);
	mk_snapshot_store_long(header, HEADER_ARENA_BYTES, info.geometry.arena_bytes);
	mk_snapshot_store_long(header, HEADER_ID, info.id);
	mk_snapshot_store_long(header, HEADER_TAKEN_NS, info.taken_ns);
	mk_snapshot_store_long(header, HEADER_MONOTONIC_NS, info.monotonic_ns);
	mk_snapshot_store_long(header, HEADER_COPY_NS, info.copy_ns);
	mk_snapshot_store_long(header, HEADER_SLOTS_DONE, info.tear.slots_done);
	mk_snapshot_store_long(header, HEADER_CHECKSUM,
			       mk_snapshot_header_checksum(header));
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
	mk_snapshot_store_long(block, BLOCK_OFFSET, offset);
	mk_snapshot_store_long(block, BLOCK_CHECKSUM,
			       mk_snapshot_block_checksum(block, writer->stored, stored));
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

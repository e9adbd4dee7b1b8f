// SPDX-License-Identifier: MIT
/* Reading a trace's file, which anybody may have written: blocks, and records in them. */
#define _GNU_SOURCE
#include <mk/trace.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zstd.h>

#include "backing.h"
#include "error.h"
#include "geometry.h"
#include "trace_record.h"

struct mk_trace_reader {
	int fd;
	uint64_t offset; /* of the next block */
	bool has_part;
	bool is_cut_off;
	int error; /* nothing is read after it */
	struct mk_trace_info info;
	size_t memory_bytes[MK_MEMORIES]; /* of the geometry */

	ZSTD_DCtx *decompressor;
	uint8_t *block;
	size_t block_capacity;
	uint8_t *records;
	uint32_t at;
	uint32_t used;
};

static int damaged(struct mk_trace_reader *reader, const char *what)
{
	reader->error = mk_fail(EBADMSG,
				"the trace is damaged in the block before byte %llu: %s; "
				"record it again",
				(unsigned long long)reader->offset, what);
	return reader->error;
}

/* Blocks ------------------------------------------------------------------------- */

/* As many as there are, which are fewer at the end of the file only. */
static int64_t read_bytes(struct mk_trace_reader *reader, void *data, size_t bytes)
{
	size_t done = 0;

	while (done < bytes) {
		ssize_t got = pread(reader->fd, (char *)data + done, bytes - done,
				    (off_t)(reader->offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			reader->error = mk_fail(errno, "cannot read the trace: %s",
						strerror(errno));
			return reader->error;
		}
		if (!got)
			break;
		done += (size_t)got;
	}
	return (int64_t)done;
}

/* A length that is wrong must not pass for the end of the file. */
static bool holds_shorter_frame(const struct mk_trace_reader *reader, size_t bytes)
{
	return !ZSTD_isError(ZSTD_findFrameCompressedSize(reader->block, bytes));
}

static int decompress(struct mk_trace_reader *reader, uint32_t stored)
{
	unsigned long long raw = ZSTD_getFrameContentSize(reader->block, stored);
	size_t bytes;

	if (ZSTD_findFrameCompressedSize(reader->block, stored) != stored)
		return damaged(reader, "its length is not its frame's");
	if (!raw || raw > MK_TRACE_BLOCK_MAX || raw % MK_TRACE_UNIT)
		return damaged(reader, "its records have an impossible length");
	bytes = ZSTD_decompressDCtx(reader->decompressor, reader->records,
				    MK_TRACE_BLOCK_MAX, reader->block, stored);
	if (ZSTD_isError(bytes) || bytes != raw)
		return damaged(reader, "it cannot be decompressed");
	reader->at = 0;
	reader->used = (uint32_t)raw;
	return 1;
}

/* 1: there is one; 0: the end of the file. */
static int next_block(struct mk_trace_reader *reader)
{
	uint32_t header[MK_TRACE_BLOCK_HEADER / sizeof(uint32_t)];
	int64_t had = read_bytes(reader, header, sizeof(header));

	if (had <= 0)
		return (int)had;
	/* A file that is cut off here has the first bytes of the magic at least. */
	if (memcmp(header, "MKTB", had < 4 ? (size_t)had : 4))
		return damaged(reader, "it does not begin as a block");
	if (had == sizeof(header) && (!header[1] || header[1] > reader->block_capacity))
		return damaged(reader, "it has an impossible length");
	if (had < (int64_t)sizeof(header)) {
		reader->is_cut_off = true;
		return 0;
	}
	reader->offset += sizeof(header);
	had = read_bytes(reader, reader->block, header[1]);
	if (had < 0)
		return (int)had;
	if (had < header[1]) {
		if (holds_shorter_frame(reader, (size_t)had))
			return damaged(reader, "its length is not its frame's");
		reader->offset -= sizeof(header);
		reader->is_cut_off = true;
		return 0;
	}
	reader->offset += header[1];
	return decompress(reader, header[1]);
}

/* Records ------------------------------------------------------------------------ */

static int take_part(struct mk_trace_reader *reader, const void *data)
{
	struct mk_trace_part_record record;
	struct mk_geometry *geometry = &reader->info.geometry;

	memcpy(&record, data, sizeof(record));
	if (record.magic != MK_TRACE_MAGIC)
		return damaged(reader, "a part does not begin with the magic number");
	if (record.version != MK_TRACE_VERSION || record.abi_version != MK_ABI_VERSION) {
		reader->error = mk_fail(
			EPROTO,
			"the trace has version %u, of ABI %u; this library reads version "
			"%u, of ABI %u: use the libmk that it was recorded with",
			record.version, record.abi_version, MK_TRACE_VERSION,
			MK_ABI_VERSION);
		return reader->error;
	}
	reader->info = (struct mk_trace_info){
		.pid = record.pid,
		.abi_version = record.abi_version,
		.flags = record.flags,
		.context = { record.context[0], record.context[1], record.context[2] },
		.begin_ns = record.head.time_ns,
		.begin_real_ns = record.begin_real_ns,
		.geometry = {
			.size = sizeof(*geometry),
			.slots = record.slots,
			.window_slots = record.window_slots,
			.log_records = record.log_records,
			.io_slots = record.io_slots,
			.io_request_slots = record.io_request_slots,
			.observable_words = record.observable_words,
			.tenants = record.tenants,
			.flags = record.context_flags,
			.arena_bytes = record.arena_bytes,
			.backing = (enum mk_backing_kind)record.backing,
			.engine = (enum mk_engine_kind)record.engine,
		},
	};
	memcpy(reader->info.boot_id, record.boot_id, sizeof(record.boot_id));
	if (record.backing > MK_BACKING_DEVICE || record.engine > MK_ENGINE_KIND_CPU ||
	    mk_geometry_check(geometry))
		return damaged(reader, "its geometry is none that a context may have");
	mk_geometry_sizes(geometry, reader->memory_bytes);
	reader->has_part = true;
	return 1;
}

/* 1, or 0 where the words say what cannot be. */
static int take_publish(const struct mk_trace_reader *reader, const void *data,
			struct mk_trace_publish *publish)
{
	struct mk_trace_publish_record record;

	memcpy(&record, data, sizeof(record));
	publish->slot = record.slot;
	publish->use = record.use & MK_CQ_ENTRY_COUNT_MASK;
	memcpy(publish->words, record.words, sizeof(record.words));
	return record.slot < reader->info.geometry.slots &&
	       record.words[MK_SLOT_STATUS] == MK_STATUS_PUBLISHED;
}

static int take_completion(const struct mk_trace_reader *reader, const void *data,
			   struct mk_trace_completion *completion)
{
	struct mk_trace_completion_record record;

	memcpy(&record, data, sizeof(record));
	*completion = (struct mk_trace_completion){
		.slot = record.slot,
		.use = record.use & MK_CQ_ENTRY_COUNT_MASK,
		.status = record.status,
		.fault = record.fault,
		.flags = record.flags,
	};
	return record.slot < reader->info.geometry.slots &&
	       (!record.status || record.status == MK_STATUS_DONE ||
		record.status == MK_STATUS_FAULT);
}

static int take_dispatch(const void *data, struct mk_trace_dispatch *dispatch)
{
	struct mk_trace_dispatch_record record;

	memcpy(&record, data, sizeof(record));
	dispatch->steps = record.steps;
	dispatch->executions = record.executions;
	return 1;
}

static int take_io(const struct mk_trace_reader *reader, const void *data,
		   struct mk_trace_io *io)
{
	struct mk_trace_io_record record;

	memcpy(&record, data, sizeof(record));
	*io = (struct mk_trace_io){
		.request = {
			.slot = record.slot,
			.op = record.op,
			.source = record.source,
			.destination = record.destination,
			.offset = record.offset,
			.byte_count = record.byte_count,
			.tag = record.tag,
		},
		.status = record.status,
		.reason = record.reason,
		.error = record.error,
		.done = record.done,
	};
	return record.slot < reader->info.geometry.io_slots;
}

static uint64_t bytes_of(const struct mk_trace_reader *reader, uint32_t memory)
{
	return memory < MK_MEMORIES ? reader->memory_bytes[memory] : 0;
}

static int take_data(const struct mk_trace_reader *reader,
		     const struct mk_trace_head *head, const uint8_t *data,
		     struct mk_trace_data *taken)
{
	struct mk_trace_data_record record;
	uint64_t limit;

	memcpy(&record, data, sizeof(record));
	*taken = (struct mk_trace_data){
		.memory = head->type == MK_TRACE_MEMORY ? record.where : MK_ARENA,
		.bytes = record.bytes,
		.offset = record.offset,
		.data = data + sizeof(record),
	};
	if (head->type == MK_TRACE_IO_DATA)
		taken->slot = record.where | (uint32_t)record.more << 16;
	if (head->type == MK_TRACE_MEMORY)
		taken->is_end = record.more;
	limit = bytes_of(reader, taken->memory);
	return record.bytes &&
	       record.bytes <= head->units * MK_TRACE_UNIT - sizeof(record) &&
	       record.offset <= limit && record.bytes <= limit - record.offset &&
	       taken->slot < reader->info.geometry.io_slots;
}

static int take_ingest(const struct mk_trace_reader *reader, const void *data,
		       struct mk_trace_ingest *ingest)
{
	struct mk_trace_ingest_record record;

	memcpy(&record, data, sizeof(record));
	*ingest = (struct mk_trace_ingest){
		.slot = record.slot,
		.source = record.source,
		.destination = record.destination,
		.byte_count = record.byte_count,
		.offset = record.offset,
		.tag = record.tag,
	};
	return record.slot < reader->info.geometry.io_slots;
}

static int take_control(const void *data, struct mk_trace_control *control)
{
	struct mk_trace_control_record record;

	memcpy(&record, data, sizeof(record));
	control->word = record.word;
	control->value = record.value;
	return record.word < MK_CONTROL_OBSERVABLES;
}

static int take_epoch(const struct mk_trace_reader *reader,
		      const struct mk_trace_head *head, const uint8_t *data,
		      struct mk_trace_epoch *epoch)
{
	struct mk_trace_epoch_record record;
	uint32_t words = reader->info.geometry.observable_words;

	memcpy(&record, data, sizeof(record));
	*epoch = (struct mk_trace_epoch){
		.begin_ns = record.begin_ns,
		.epoch = record.epoch,
		.first = record.first,
		.count = record.count,
		.total = record.total,
		.data = data + sizeof(record),
	};
	return record.first <= words && record.count <= words - record.first &&
	       record.total == words &&
	       record.count <=
		       (head->units * MK_TRACE_UNIT - sizeof(record)) / sizeof(uint32_t);
}

static int take_dropped(const void *data, uint64_t *dropped)
{
	struct mk_trace_dropped_record record;

	memcpy(&record, data, sizeof(record));
	*dropped = record.count;
	return 1;
}

/* The least that a record of each type has. */
static const uint16_t least_bytes[MK_TRACE_TYPE_COUNT] = {
	[MK_TRACE_PART] = sizeof(struct mk_trace_part_record),
	[MK_TRACE_END] = sizeof(struct mk_trace_end_record),
	[MK_TRACE_PUBLISH] = sizeof(struct mk_trace_publish_record),
	[MK_TRACE_COMPLETION] = sizeof(struct mk_trace_completion_record),
	[MK_TRACE_DISPATCH_BEGIN] = sizeof(struct mk_trace_dispatch_record),
	[MK_TRACE_DISPATCH_END] = sizeof(struct mk_trace_dispatch_record),
	[MK_TRACE_PARK] = sizeof(struct mk_trace_head),
	[MK_TRACE_UNPARK] = sizeof(struct mk_trace_head),
	[MK_TRACE_IO_CLAIM] = sizeof(struct mk_trace_io_record),
	[MK_TRACE_IO_DATA] = sizeof(struct mk_trace_data_record),
	[MK_TRACE_IO_ANSWER] = sizeof(struct mk_trace_io_record),
	[MK_TRACE_INGEST] = sizeof(struct mk_trace_ingest_record),
	[MK_TRACE_INGEST_END] = sizeof(struct mk_trace_ingest_record),
	[MK_TRACE_ARENA] = sizeof(struct mk_trace_data_record),
	[MK_TRACE_CONTROL] = sizeof(struct mk_trace_control_record),
	[MK_TRACE_EPOCH] = sizeof(struct mk_trace_epoch_record),
	[MK_TRACE_MEMORY] = sizeof(struct mk_trace_data_record),
	[MK_TRACE_DROPPED] = sizeof(struct mk_trace_dropped_record),
};

static int take_body(struct mk_trace_reader *reader, const struct mk_trace_head *head,
		     const uint8_t *data, struct mk_trace_event *event)
{
	switch ((enum mk_trace_type)head->type) {
	case MK_TRACE_PART:
		return take_part(reader, data);
	case MK_TRACE_PUBLISH:
		return take_publish(reader, data, &event->publish);
	case MK_TRACE_COMPLETION:
		return take_completion(reader, data, &event->completion);
	case MK_TRACE_DISPATCH_BEGIN:
	case MK_TRACE_DISPATCH_END:
		return take_dispatch(data, &event->dispatch);
	case MK_TRACE_IO_CLAIM:
	case MK_TRACE_IO_ANSWER:
		return take_io(reader, data, &event->io);
	case MK_TRACE_IO_DATA:
	case MK_TRACE_ARENA:
	case MK_TRACE_MEMORY:
		return take_data(reader, head, data, &event->data);
	case MK_TRACE_INGEST:
	case MK_TRACE_INGEST_END:
		return take_ingest(reader, data, &event->ingest);
	case MK_TRACE_CONTROL:
		return take_control(data, &event->control);
	case MK_TRACE_EPOCH:
		return take_epoch(reader, head, data, &event->epoch);
	case MK_TRACE_DROPPED:
		return take_dropped(data, &event->dropped);
	case MK_TRACE_END:
	case MK_TRACE_PARK:
	case MK_TRACE_UNPARK:
	case MK_TRACE_TYPE_COUNT:
		break;
	}
	return 1;
}

static int take_record(struct mk_trace_reader *reader, struct mk_trace_event *event)
{
	const uint8_t *data = reader->records + reader->at;
	struct mk_trace_head head;
	uint32_t bytes;
	int ret;

	memcpy(&head, data, sizeof(head));
	bytes = head.units * MK_TRACE_UNIT;
	if (!bytes || bytes > reader->used - reader->at || !head.type ||
	    head.type >= MK_TRACE_TYPE_COUNT || bytes < least_bytes[head.type])
		return damaged(reader, "a record has an impossible type or length");
	if (!reader->has_part && head.type != MK_TRACE_PART)
		return damaged(reader, "records come before what they are about");
	*event = (struct mk_trace_event){
		.time_ns = head.time_ns,
		.thread = head.thread,
		.type = (enum mk_trace_type)head.type,
	};
	ret = take_body(reader, &head, data, event);
	if (!ret)
		return damaged(reader, "a record names what its context has not got");
	reader->at += bytes;
	return ret;
}

/* Public ------------------------------------------------------------------------- */

int mk_trace_open(int fd, struct mk_trace_reader **result)
{
	struct mk_trace_reader *reader = calloc(1, sizeof(*reader));
	int ret;

	if (!reader)
		return mk_fail(ENOMEM, "no memory to read a trace");
	reader->fd = fd;
	reader->block_capacity = ZSTD_compressBound(MK_TRACE_BLOCK_MAX);
	reader->decompressor = ZSTD_createDCtx();
	reader->block = malloc(reader->block_capacity);
	reader->records = malloc(MK_TRACE_BLOCK_MAX);
	if (!reader->decompressor || !reader->block || !reader->records) {
		mk_trace_close(reader);
		return mk_fail(ENOMEM, "no memory to read a trace");
	}
	ret = next_block(reader);
	if (!ret)
		ret = mk_fail(EPROTO, "the file has no whole block of a trace; was it "
				      "recorded with MK_TRACE or mkinspect record?");
	if (ret < 0) {
		if (ret == -EBADMSG && !reader->offset)
			ret = mk_fail(EPROTO, "the file is no trace; name one that "
					      "MK_TRACE or mkinspect record has written");
		mk_trace_close(reader);
		return ret;
	}
	*result = reader;
	return 0;
}

int mk_trace_next(struct mk_trace_reader *reader, struct mk_trace_event *event)
{
	int ret = 1;

	if (reader->error)
		return reader->error;
	if (reader->at == reader->used)
		ret = reader->is_cut_off ? 0 : next_block(reader);
	return ret == 1 ? take_record(reader, event) : ret;
}

const struct mk_trace_info *mk_trace_info(const struct mk_trace_reader *reader)
{
	return &reader->info;
}

int mk_trace_is_cut_off(const struct mk_trace_reader *reader)
{
	return reader->is_cut_off;
}

uint64_t mk_trace_good_bytes(const struct mk_trace_reader *reader)
{
	return reader->offset;
}

void mk_trace_close(struct mk_trace_reader *reader)
{
	if (!reader)
		return;
	ZSTD_freeDCtx(reader->decompressor);
	free(reader->block);
	free(reader->records);
	free(reader);
}

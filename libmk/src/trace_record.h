/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a trace: the same in the rings and, compressed, in a file.
 *
 * A file is a row of blocks.  A block is MK_TRACE_BLOCK_MAGIC, the length of what follows,
 * and a frame of zstd's with its checksum and its length.  In the frame are records, whole
 * ones, each of a multiple of 16 bytes.  The first record of a part is RECORD_PART.
 */
#ifndef MK_SRC_TRACE_RECORD_H
#define MK_SRC_TRACE_RECORD_H

#include <stdint.h>

#include <mk/trace.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "traces are little-endian, and so must the host be"
#endif

#define MK_TRACE_MAGIC	      UINT64_C(0x0a45434152544b4d) /* "MKTRACE\n" */
#define MK_TRACE_VERSION      1u
#define MK_TRACE_BLOCK_MAGIC  UINT32_C(0x42544b4d) /* "MKTB" */
#define MK_TRACE_BLOCK_HEADER 8u
#define MK_TRACE_BLOCK_MAX    (1u << 20) /* bytes of records in a block */
#define MK_TRACE_UNIT	      16u
/* What a record that goes to the file at once may carry. */
#define MK_TRACE_MEMORY_MAX 262144u

/* Leaves the rest of a ring; never in a file. */
#define MK_TRACE_PAD 0u

struct mk_trace_head {
	uint64_t time_ns;
	uint32_t thread;
	uint16_t type;	/* enum mk_trace_type */
	uint16_t units; /* of 16 bytes, this head included */
};

struct mk_trace_part_record {
	struct mk_trace_head head;
	uint64_t magic;
	uint32_t version;
	uint32_t abi_version;
	uint32_t pid;
	uint32_t flags;
	uint8_t boot_id[16];
	uint64_t context[3];
	uint64_t begin_real_ns;
	uint64_t arena_bytes;
	uint32_t slots;
	uint32_t window_slots;
	uint32_t log_records;
	uint32_t io_slots;
	uint32_t io_request_slots;
	uint32_t observable_words;
	uint32_t tenants;
	uint32_t context_flags;
	uint32_t backing;
	uint32_t engine;
	uint32_t zero[2];
};

struct mk_trace_end_record {
	struct mk_trace_head head;
	uint64_t records;
	uint64_t dropped;
};

struct mk_trace_publish_record {
	struct mk_trace_head head;
	uint32_t slot;
	uint32_t use;
	uint32_t words[MK_SLOT_WORDS];
	uint32_t zero[2];
};

struct mk_trace_completion_record {
	struct mk_trace_head head;
	uint32_t slot;
	uint32_t use;
	uint16_t status;
	uint16_t fault;
	uint32_t flags;
};

struct mk_trace_dispatch_record {
	struct mk_trace_head head;
	uint32_t steps;
	uint32_t executions;
	uint32_t zero[2];
};

struct mk_trace_io_record {
	struct mk_trace_head head;
	uint32_t slot;
	uint32_t op;
	uint32_t source;
	uint32_t destination;
	uint64_t offset;
	uint32_t byte_count;
	uint32_t tag;
	uint32_t status;
	uint32_t reason;
	uint32_t error;
	uint32_t done;
};

/* Of IO_DATA, ARENA and MEMORY; the bytes follow. */
struct mk_trace_data_record {
	struct mk_trace_head head;
	uint64_t offset;
	uint32_t bytes;
	uint16_t where; /* io slot's low half, or the memory */
	uint16_t more;	/* its high half, or whether it is the end */
};

struct mk_trace_ingest_record {
	struct mk_trace_head head;
	uint32_t slot;
	uint32_t source;
	uint32_t destination;
	uint32_t byte_count;
	uint64_t offset;
	uint32_t tag;
	uint32_t zero;
};

struct mk_trace_control_record {
	struct mk_trace_head head;
	uint32_t word;
	uint32_t value;
	uint32_t zero[2];
};

/* The words follow. */
struct mk_trace_epoch_record {
	struct mk_trace_head head;
	uint64_t begin_ns;
	uint32_t epoch;
	uint32_t first;
	uint32_t count;
	uint32_t total;
	uint32_t zero[2];
};

struct mk_trace_dropped_record {
	struct mk_trace_head head;
	uint64_t count;
	uint64_t zero;
};

#define MK_TRACE_WHOLE_UNITS(type) \
	_Static_assert(sizeof(type) % MK_TRACE_UNIT == 0, #type " is whole units")
MK_TRACE_WHOLE_UNITS(struct mk_trace_head);
MK_TRACE_WHOLE_UNITS(struct mk_trace_part_record);
MK_TRACE_WHOLE_UNITS(struct mk_trace_end_record);
MK_TRACE_WHOLE_UNITS(struct mk_trace_publish_record);
MK_TRACE_WHOLE_UNITS(struct mk_trace_completion_record);
MK_TRACE_WHOLE_UNITS(struct mk_trace_dispatch_record);
MK_TRACE_WHOLE_UNITS(struct mk_trace_io_record);
MK_TRACE_WHOLE_UNITS(struct mk_trace_data_record);
MK_TRACE_WHOLE_UNITS(struct mk_trace_ingest_record);
MK_TRACE_WHOLE_UNITS(struct mk_trace_control_record);
MK_TRACE_WHOLE_UNITS(struct mk_trace_epoch_record);
MK_TRACE_WHOLE_UNITS(struct mk_trace_dropped_record);

static inline uint32_t mk_trace_whole_units(uint32_t bytes)
{
	return (bytes + MK_TRACE_UNIT - 1) / MK_TRACE_UNIT * MK_TRACE_UNIT;
}

/* @bytes: of the whole record, which ends with zeros up to a whole unit. */
static inline void mk_trace_put_head(void *record, enum mk_trace_type type,
				     uint64_t time_ns, uint32_t thread, uint32_t bytes)
{
	*(struct mk_trace_head *)record = (struct mk_trace_head){
		.time_ns = time_ns,
		.thread = thread,
		.type = (uint16_t)type,
		.units = (uint16_t)(mk_trace_whole_units(bytes) / MK_TRACE_UNIT),
	};
}

#endif /* MK_SRC_TRACE_RECORD_H */

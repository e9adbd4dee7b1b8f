/* SPDX-License-Identifier: MIT */
/*
 * The pure part of the wire format: functions on bytes that belong to the
 * caller.  Nothing here allocates, locks, or knows where memory comes from.
 *
 * A buffer is a pointer and a length in bytes and need not be aligned.  Words
 * are little-endian.  Unless said otherwise a function returns 0, or a negative
 * errno with a text in mk_error_text(); a call that fails changes nothing.
 *
 * -EINVAL     an argument or the buffer's form is wrong
 * -EOVERFLOW  a size does not fit the format, or exceeds the encoder's limit
 * -ERANGE     a slot, a word or a range of them lies outside the buffer
 * -EBUSY      a slot is in a state that forbids the operation
 * -ENOSPC     the caller's storage is too small
 *
 * These functions are for buffers that nobody else touches.  A ring with live
 * producers and a running kernel is <mk/producer.h>'s subject.
 */
#ifndef MK_ABI_H
#define MK_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/mk_abi.h>
#include <mk/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One operation to publish. */
struct mk_item {
	uint32_t opcode;
	uint32_t arg_count;   /* words in args, at most MK_SLOT_ARG_COUNT */
	const uint32_t *args; /* may be NULL when arg_count is 0 */
};

/* An operation that turns one input into one output; published as its args. */
struct mk_work_item {
	uint32_t opcode;
	uint32_t input;
	uint32_t output;
	uint32_t param;
};

/* Sizes ---------------------------------------------------------------- */

/**
 * mk_control_bytes() - size of a control region
 * @observable_words: at most 2^32 - 1 - 160
 *
 * Return: bytes, or -EOVERFLOW when the words cannot be counted in 32 bits.
 */
MK_PUBLIC int64_t mk_control_bytes(uint32_t observable_words);

/* mk_ring_bytes() - size of a ring; at most (2^32 - 1) / 16 slots. */
MK_PUBLIC int64_t mk_ring_bytes(uint32_t slots);

/* mk_debug_log_bytes() - size of a log; at most (2^32 - 1) / 4 records. */
MK_PUBLIC int64_t mk_debug_log_bytes(uint32_t records);

/* mk_io_queue_bytes() - size of an io queue; at most (2^32 - 1) / 8 slots. */
MK_PUBLIC int64_t mk_io_queue_bytes(uint32_t slots);

/**
 * mk_cq_bytes() - size of a cq region
 * @slots: slots of the ring
 * @window_slots: slots of a window, not 0
 *
 * Return: bytes, -EINVAL for a window of 0, -EOVERFLOW.
 */
MK_PUBLIC int64_t mk_cq_bytes(uint32_t slots, uint32_t window_slots);

/*
 * mk_cq_first_lease() - the word at which the leases of such a cq begin; 0 when
 * no ring has so many slots.
 */
MK_PUBLIC uint32_t mk_cq_first_lease(uint32_t slots);

/* Encoders: fresh buffers.  @length must be the size exactly. ----------- */

/**
 * mk_control_encode() - write a fresh control region
 * @buffer: the region
 * @length: mk_control_bytes(observable_words)
 * @shutdown: whether SHUTDOWN is set from the start
 * @tenants: tenants that are authorised, counted from 0; what exceeds the
 *           29 masks and 32 quotas of the format has no effect
 * @observable_words: at most MK_ENCODE_LIMIT (-EOVERFLOW)
 */
MK_PUBLIC int mk_control_encode(void *buffer, size_t length, bool shutdown,
				uint32_t tenants, uint32_t observable_words);

/* mk_ring_encode() - write an empty ring of at most MK_ENCODE_LIMIT slots. */
MK_PUBLIC int mk_ring_encode(void *buffer, size_t length, uint32_t slots);

/* mk_debug_log_encode() - write an empty log, at most MK_ENCODE_LIMIT records. */
MK_PUBLIC int mk_debug_log_encode(void *buffer, size_t length, uint32_t records);

/**
 * mk_io_queue_encode() - write an empty io queue
 * @slots: 1 to MK_IO_SLOT_COUNT_DEFAULT
 */
MK_PUBLIC int mk_io_queue_encode(void *buffer, size_t length, uint32_t slots);

/**
 * mk_priority_offsets() - the default partition of a ring into priorities
 * @slots: slots of the ring
 * @offsets: first slot of each of the five priorities, then the total
 *
 * Each priority gets slots / 5, the remainder goes to NORMAL.
 */
MK_PUBLIC void mk_priority_offsets(uint32_t slots,
				   uint32_t offsets[MK_PRIORITY_COUNT + 1]);

/* Publishing ------------------------------------------------------------ */

/**
 * mk_opcode_publishable() - whether a publish takes this opcode
 *
 * True for the built-ins and for users' opcodes, false for what is reserved.
 * PACKED_SLOT is a built-in: who publishes it as a plain operation lays out its
 * arguments himself, and the device judges them.
 */
MK_PUBLIC bool mk_opcode_publishable(uint32_t opcode);

/**
 * mk_slot_encode() - lay one operation out as a slot
 * @words: receives all 16 words, in the host's byte order; the status is
 *         MK_STATUS_PUBLISHED
 *
 * The live producer uses this to prepare what it then stores in order.
 */
MK_PUBLIC int mk_slot_encode(uint32_t words[MK_SLOT_WORDS], uint32_t tenant,
			     const struct mk_item *item);

/**
 * mk_slot_encode_packed() - lay several operations out as one slot
 * @operations: opcodes and offsets must fit a byte, all of it 12 words
 */
MK_PUBLIC int mk_slot_encode_packed(uint32_t words[MK_SLOT_WORDS], uint32_t tenant,
				    const struct mk_item *operations, size_t count);

/**
 * mk_ring_publish() - publish one operation
 * @ring: the ring
 * @length: its bytes, whole slots
 * @slot: a slot that is EMPTY or DONE (-EBUSY for every other status)
 * @tenant: stored as it is; the device judges it
 * @item: the operation
 *
 * The priority written is NORMAL, unused arguments are zero, the status comes
 * last.
 */
MK_PUBLIC int mk_ring_publish(void *ring, size_t length, uint32_t slot, uint32_t tenant,
			      const struct mk_item *item);

/* mk_ring_publish_packed() - publish several operations in one slot. */
MK_PUBLIC int mk_ring_publish_packed(void *ring, size_t length, uint32_t slot,
				     uint32_t tenant, const struct mk_item *operations,
				     size_t count);

/**
 * mk_ring_publish_batch() - publish operations and a fence behind them
 * @start: slot of the first operation; the others and the fence follow it
 * @tag: what the fence leaves in observable 0
 *
 * The whole batch is checked before the first word is written.
 *
 * Return: slots used (count + 1), or a negative errno.
 */
MK_PUBLIC int64_t mk_ring_publish_batch(void *ring, size_t length, uint32_t start,
					uint32_t tenant, const struct mk_item *items,
					size_t count, uint32_t tag);

/**
 * mk_ring_publish_work_items() - publish work items in consecutive slots
 *
 * The arguments of each are (input, output, param).  No fence follows.  No items
 * at all is a success, also at the ring's end.
 */
MK_PUBLIC int mk_ring_publish_work_items(void *ring, size_t length, uint32_t start,
					 uint32_t tenant,
					 const struct mk_work_item *items, size_t count);

/* mk_ring_done_slots() - how many slots are DONE, or a negative errno. */
MK_PUBLIC int64_t mk_ring_done_slots(const void *ring, size_t length);

/* mk_load_miss() - fill @args with the arguments of a LOAD_MISS. */
MK_PUBLIC void mk_load_miss(struct mk_item *item, uint32_t args[2], uint32_t resource,
			    bool prefetch);

/*
 * IO queue --------------------------------------------------------------
 *
 * These take a queue of whole slots, at most MK_IO_SLOT_COUNT_DEFAULT of them
 * (-EINVAL).
 */

struct mk_io_request {
	uint32_t slot;
	uint32_t op; /* MK_IO_OP_* */
	uint32_t source;
	uint32_t destination;
	uint64_t offset; /* bytes */
	uint32_t byte_count;
	uint32_t tag;
};

struct mk_io_answer {
	uint32_t slot;
	bool success;
};

struct mk_io_completion {
	uint32_t destination;
	uint32_t byte_count;
	uint32_t tag;
};

/**
 * mk_io_submit_read() - what the device does to ask for data
 *
 * Writes a READ with offset 0 into an EMPTY slot and publishes it.
 */
MK_PUBLIC int mk_io_submit_read(void *queue, size_t length, uint32_t slot,
				uint32_t source, uint32_t destination,
				uint32_t byte_count, uint32_t tag);

/* mk_io_publish_ingest() - tell the device of data that has arrived. */
MK_PUBLIC int mk_io_publish_ingest(void *queue, size_t length, uint32_t slot,
				   uint32_t destination, uint32_t byte_count,
				   uint32_t tag);

/**
 * mk_io_claim() - take the published requests, in index order
 * @requests: receives them
 * @capacity: entries in @requests; requests beyond it stay PUBLISHED
 *
 * Return: requests taken, or a negative errno.
 */
MK_PUBLIC int64_t mk_io_claim(void *queue, size_t length, struct mk_io_request *requests,
			      size_t capacity);

/*
 * mk_io_complete() - answer claimed requests, all of them or none.
 *
 * All answers are checked before the first is written, so a slot may be answered
 * twice in one call: the later answer holds.
 */
MK_PUBLIC int mk_io_complete(void *queue, size_t length,
			     const struct mk_io_answer *answers, size_t count);

/**
 * mk_io_completion() - what a slot says of its transfer
 *
 * Return: 1 and @completion filled, 0 when the slot is EMPTY, a negative errno.
 */
MK_PUBLIC int mk_io_completion(const void *queue, size_t length, uint32_t slot,
			       struct mk_io_completion *completion);

/**
 * mk_io_recycled() - whether a slot can be used again
 *
 * Return: 1 when it is EMPTY, 0 when not, a negative errno.
 */
MK_PUBLIC int mk_io_recycled(const void *queue, size_t length, uint32_t slot);

/*
 * Strict decoders -------------------------------------------------------
 *
 * Those of a control region demand whole words (-EINVAL) and the words that they
 * read (-ERANGE); what follows these may be missing.
 */

struct mk_metric {
	uint32_t opcode;
	uint32_t count;
};

struct mk_log_record {
	uint32_t format;
	uint32_t args[3];
};

/* mk_control_done_count() - slots drained so far; wraps. */
MK_PUBLIC int mk_control_done_count(const void *control, size_t length,
				    uint32_t *done_count);

/* mk_control_epoch() - batch fences passed so far. */
MK_PUBLIC int mk_control_epoch(const void *control, size_t length, uint32_t *epoch);

/* mk_control_observable() - one observable word; -ERANGE outside the buffer. */
MK_PUBLIC int mk_control_observable(const void *control, size_t length, uint32_t index,
				    uint32_t *value);

/**
 * mk_control_metrics() - executions of the opcodes 0 to 31
 * @metrics: receives the non-zero ones in ascending order
 *
 * Return: entries written, or a negative errno.
 */
MK_PUBLIC int64_t mk_control_metrics(const void *control, size_t length,
				     struct mk_metric metrics[MK_METRIC_COUNT]);

/**
 * mk_debug_log_read() - decode a debug log
 * @records: receives them; NULL with @capacity 0 only counts
 * @capacity: entries in @records; -ENOSPC when the log holds more
 *
 * Rejects a cursor that is past the buffer or inside a record, and a length
 * that is not whole words.
 *
 * Return: records in the log, or a negative errno.
 */
MK_PUBLIC int64_t mk_debug_log_read(const void *log, size_t length,
				    struct mk_log_record *records, size_t capacity);

#ifdef __cplusplus
}
#endif

#endif /* MK_ABI_H */

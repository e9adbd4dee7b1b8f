/* SPDX-License-Identifier: MIT */
/*
 * A readback is the first four regions as bytes, in the order of the format:
 * control, ring, debug log, io queue.  These functions check that buffers have
 * that form and hand them on.
 */
#ifndef MK_READBACK_H
#define MK_READBACK_H

#include <stddef.h>
#include <stdint.h>

#include <mk/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MK_READBACK_BUFFERS 4

/* Bytes that the caller owns. */
struct mk_buffer {
	void *data;
	size_t length;	 /* bytes in use */
	size_t capacity; /* bytes allocated, at least length */
};

/* The four buffers, indexed by MK_REGION_CONTROL to MK_REGION_IO_QUEUE. */
struct mk_readback {
	struct mk_buffer buffers[MK_READBACK_BUFFERS];
};

/* What a readback should be. */
struct mk_readback_shape {
	uint32_t slots;	  /* of the ring */
	uint32_t records; /* of the debug log */
};

struct mk_readback_counters {
	uint64_t control_bytes;
	uint64_t ring_bytes;
	uint64_t debug_log_bytes;
	uint64_t io_queue_bytes;
	uint64_t total_bytes;
};

/**
 * mk_readback_decode() - check buffers and view them as a readback
 * @buffers: the buffers in order
 * @count: how many there are; must be MK_READBACK_BUFFERS
 * @shape: what they should be
 * @readback: receives the same pointers; nothing is copied
 *
 * Valid are: a control region of whole words and at least 640 bytes; a ring of
 * exactly shape->slots; a debug log of exactly shape->records; an io queue of
 * whole slots, at most 64.  The text of an error names the buffer, what it has,
 * what was expected and how to fix it.
 *
 * Return: 0 or -EINVAL.
 */
MK_PUBLIC int mk_readback_decode(const struct mk_buffer *buffers, size_t count,
				 const struct mk_readback_shape *shape,
				 struct mk_readback *readback);

/**
 * mk_readback_decode_into() - check buffers and copy them into caller's storage
 * @storage: buffers with capacity; their lengths are set
 *
 * Return: 0, -EINVAL, or -ENOSPC when a capacity is too small: then the text
 * says how much is needed, and nothing has been copied.
 */
MK_PUBLIC int mk_readback_decode_into(const struct mk_buffer *buffers, size_t count,
				      const struct mk_readback_shape *shape,
				      struct mk_readback *storage);

/**
 * mk_readback_drain() - check buffers and swap them with the caller's storage
 * @buffers: on success, the storage's former allocations, their length 0
 * @storage: on success, the buffers' former contents
 *
 * Nothing is copied and nothing is allocated: what was the caller's storage is
 * there for the next round.  An error changes neither side.
 *
 * Return: 0 or -EINVAL.
 */
MK_PUBLIC int mk_readback_drain(struct mk_buffer *buffers, size_t count,
				const struct mk_readback_shape *shape,
				struct mk_readback *storage);

/* mk_readback_slot_count() - slots in the ring of a readback. */
MK_PUBLIC uint32_t mk_readback_slot_count(const struct mk_readback *readback);

/* mk_readback_counters() - bytes of each buffer and of all. */
MK_PUBLIC void mk_readback_counters(const struct mk_readback *readback,
				    struct mk_readback_counters *counters);

#ifdef __cplusplus
}
#endif

#endif /* MK_READBACK_H */

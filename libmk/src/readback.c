// SPDX-License-Identifier: MIT
#include <mk/readback.h>

#include <errno.h>
#include <string.h>

#include "abi.h"
#include "error.h"
#include "words.h"

static const char *const region_names[MK_READBACK_BUFFERS] = {
	[MK_REGION_CONTROL] = "control",
	[MK_REGION_RING] = "ring",
	[MK_REGION_DEBUG_LOG] = "debug log",
	[MK_REGION_IO_QUEUE] = "io queue",
};

static int check_control(size_t length)
{
	if (length < MK_CONTROL_MIN_BYTES || length % MK_WORD_BYTES)
		return mk_fail(EINVAL,
			       "control: has %zu bytes, expected at least %u and whole "
			       "words of %zu; read the whole region back",
			       length, MK_CONTROL_MIN_BYTES, MK_WORD_BYTES);
	return 0;
}

/* @bytes: what the region's size function said of the expected shape. */
static int check_exact(uint32_t region, size_t length, int64_t bytes, const char *unit,
		       uint32_t count)
{
	if (bytes < 0)
		return mk_fail(EINVAL,
			       "%s: no buffer holds the %u %ss that the shape expects; "
			       "correct the shape",
			       region_names[region], count, unit);
	if (length != (uint64_t)bytes)
		return mk_fail(
			EINVAL,
			"%s: has %zu bytes, expected %lld for %u %ss; read the whole "
			"region back, or correct the shape",
			region_names[region], length, (long long)bytes, count, unit);
	return 0;
}

static int check_readback(const struct mk_buffer *buffers, size_t count,
			  const struct mk_readback_shape *shape)
{
	int error;

	if (count != MK_READBACK_BUFFERS)
		return mk_fail(
			EINVAL,
			"readback: has %zu buffers, expected %d; pass control, ring, "
			"debug log and io queue in this order",
			count, MK_READBACK_BUFFERS);
	error = check_control(buffers[MK_REGION_CONTROL].length);
	if (error)
		return error;
	error = check_exact(MK_REGION_RING, buffers[MK_REGION_RING].length,
			    mk_ring_bytes(shape->slots), "slot", shape->slots);
	if (error)
		return error;
	error = check_exact(MK_REGION_DEBUG_LOG, buffers[MK_REGION_DEBUG_LOG].length,
			    mk_debug_log_bytes(shape->records), "record", shape->records);
	if (error)
		return error;
	return mk_check_io_queue(buffers[MK_REGION_IO_QUEUE].length);
}

int mk_readback_decode(const struct mk_buffer *buffers, size_t count,
		       const struct mk_readback_shape *shape,
		       struct mk_readback *readback)
{
	int error = check_readback(buffers, count, shape);

	if (!error)
		memmove(readback->buffers, buffers, sizeof(readback->buffers));
	return error;
}

static int check_room(const struct mk_buffer *buffers, const struct mk_readback *storage)
{
	for (uint32_t i = 0; i < MK_READBACK_BUFFERS; i++) {
		if (storage->buffers[i].capacity < buffers[i].length)
			return mk_fail(ENOSPC,
				       "%s: the storage has room for %zu bytes, %zu are "
				       "needed; make it larger and ask again",
				       region_names[i], storage->buffers[i].capacity,
				       buffers[i].length);
	}
	return 0;
}

int mk_readback_decode_into(const struct mk_buffer *buffers, size_t count,
			    const struct mk_readback_shape *shape,
			    struct mk_readback *storage)
{
	int error = check_readback(buffers, count, shape);

	if (!error)
		error = check_room(buffers, storage);
	if (error)
		return error;
	for (uint32_t i = 0; i < MK_READBACK_BUFFERS; i++) {
		/* An empty buffer may be without memory, which memcpy must not see. */
		if (buffers[i].length)
			memcpy(storage->buffers[i].data, buffers[i].data,
			       buffers[i].length);
		storage->buffers[i].length = buffers[i].length;
	}
	return 0;
}

int mk_readback_drain(struct mk_buffer *buffers, size_t count,
		      const struct mk_readback_shape *shape, struct mk_readback *storage)
{
	int error = check_readback(buffers, count, shape);

	if (error)
		return error;
	for (uint32_t i = 0; i < MK_READBACK_BUFFERS; i++) {
		struct mk_buffer full = buffers[i];

		buffers[i] = storage->buffers[i];
		buffers[i].length = 0;
		storage->buffers[i] = full;
	}
	return 0;
}

uint32_t mk_readback_slot_count(const struct mk_readback *readback)
{
	return readback->buffers[MK_REGION_RING].length / MK_SLOT_BYTES;
}

void mk_readback_counters(const struct mk_readback *readback,
			  struct mk_readback_counters *counters)
{
	const struct mk_buffer *buffers = readback->buffers;

	counters->control_bytes = buffers[MK_REGION_CONTROL].length;
	counters->ring_bytes = buffers[MK_REGION_RING].length;
	counters->debug_log_bytes = buffers[MK_REGION_DEBUG_LOG].length;
	counters->io_queue_bytes = buffers[MK_REGION_IO_QUEUE].length;
	counters->total_bytes = counters->control_bytes + counters->ring_bytes +
				counters->debug_log_bytes + counters->io_queue_bytes;
}

// SPDX-License-Identifier: MIT
/* The io queue of the strict functions. */
#include "abi.h"

#include <errno.h>

#include "error.h"
#include "words.h"

int mk_check_io_queue(size_t length)
{
	if (length % MK_IO_SLOT_BYTES ||
	    length / MK_IO_SLOT_BYTES > MK_IO_SLOT_COUNT_DEFAULT)
		return mk_fail(
			EINVAL,
			"io queue: has %zu bytes, expected whole slots of %u bytes "
			"and at most %u of them; pass the length that the queue was "
			"made with",
			length, MK_IO_SLOT_BYTES, MK_IO_SLOT_COUNT_DEFAULT);
	return 0;
}

static int check_io_slot(size_t length, uint32_t slot)
{
	size_t slots = length / MK_IO_SLOT_BYTES;
	int error = mk_check_io_queue(length);

	if (error)
		return error;
	if (slot >= slots)
		return mk_fail(ERANGE,
			       "io queue: slot %u wanted, it has %zu; slots count from 0",
			       slot, slots);
	return 0;
}

static uint32_t load_io(const void *queue, size_t slot, uint32_t field)
{
	return mk_load_word(queue, slot * MK_IO_SLOT_WORDS + field);
}

static void store_io(void *queue, size_t slot, uint32_t field, uint32_t value)
{
	mk_store_word(queue, slot * MK_IO_SLOT_WORDS + field, value);
}

static int check_io_status(const void *queue, size_t length, uint32_t slot,
			   uint32_t expected, const char *name)
{
	uint32_t status;
	int error = check_io_slot(length, slot);

	if (error)
		return error;
	status = load_io(queue, slot, MK_IO_STATUS);
	if (status != expected)
		return mk_fail(EBUSY,
			       "io queue: slot %u has status 0x%x, expected 0x%x (%s); "
			       "take a slot in that state",
			       slot, status, expected, name);
	return 0;
}

static int publish_io(void *queue, size_t length, const struct mk_io_request *request)
{
	uint32_t slot = request->slot;
	int error = check_io_status(queue, length, slot, MK_STATUS_EMPTY, "EMPTY");

	if (error)
		return error;
	store_io(queue, slot, MK_IO_OP, request->op);
	store_io(queue, slot, MK_IO_SOURCE, request->source);
	store_io(queue, slot, MK_IO_DESTINATION, request->destination);
	store_io(queue, slot, MK_IO_OFFSET_LOW, request->offset);
	store_io(queue, slot, MK_IO_OFFSET_HIGH, request->offset >> 32);
	store_io(queue, slot, MK_IO_BYTE_COUNT, request->byte_count);
	store_io(queue, slot, MK_IO_TAG, request->tag);
	store_io(queue, slot, MK_IO_STATUS, MK_STATUS_PUBLISHED);
	return 0;
}

int mk_io_submit_read(void *queue, size_t length, uint32_t slot, uint32_t source,
		      uint32_t destination, uint32_t byte_count, uint32_t tag)
{
	struct mk_io_request request = {
		.slot = slot,
		.op = MK_IO_OP_READ,
		.source = source,
		.destination = destination,
		.byte_count = byte_count,
		.tag = tag,
	};

	return publish_io(queue, length, &request);
}

/* On the wire an ingest is a read whose source is 0. */
int mk_io_publish_ingest(void *queue, size_t length, uint32_t slot, uint32_t destination,
			 uint32_t byte_count, uint32_t tag)
{
	return mk_io_submit_read(queue, length, slot, 0, destination, byte_count, tag);
}

static void load_request(const void *queue, size_t slot, struct mk_io_request *request)
{
	request->slot = slot;
	request->op = load_io(queue, slot, MK_IO_OP);
	request->source = load_io(queue, slot, MK_IO_SOURCE);
	request->destination = load_io(queue, slot, MK_IO_DESTINATION);
	request->offset = (uint64_t)load_io(queue, slot, MK_IO_OFFSET_HIGH) << 32 |
			  load_io(queue, slot, MK_IO_OFFSET_LOW);
	request->byte_count = load_io(queue, slot, MK_IO_BYTE_COUNT);
	request->tag = load_io(queue, slot, MK_IO_TAG);
}

int64_t mk_io_claim(void *queue, size_t length, struct mk_io_request *requests,
		    size_t capacity)
{
	size_t claimed = 0;
	int error = mk_check_io_queue(length);

	if (error)
		return error;
	for (size_t slot = 0; slot < length / MK_IO_SLOT_BYTES && claimed < capacity;
	     slot++) {
		if (load_io(queue, slot, MK_IO_STATUS) != MK_STATUS_PUBLISHED)
			continue;
		load_request(queue, slot, &requests[claimed++]);
		store_io(queue, slot, MK_IO_STATUS, MK_STATUS_CLAIMED);
	}
	return claimed;
}

int mk_io_complete(void *queue, size_t length, const struct mk_io_answer *answers,
		   size_t count)
{
	int error = mk_check_io_queue(length);

	for (size_t i = 0; i < count && !error; i++)
		error = check_io_status(queue, length, answers[i].slot, MK_STATUS_CLAIMED,
					"CLAIMED");
	if (error)
		return error;
	for (size_t i = 0; i < count; i++)
		store_io(queue, answers[i].slot, MK_IO_STATUS,
			 answers[i].success ? MK_IO_STATUS_OK : MK_IO_STATUS_ERROR);
	return 0;
}

int mk_io_completion(const void *queue, size_t length, uint32_t slot,
		     struct mk_io_completion *completion)
{
	int recycled = mk_io_recycled(queue, length, slot);

	if (recycled)
		return recycled < 0 ? recycled : 0;
	completion->destination = load_io(queue, slot, MK_IO_DESTINATION);
	completion->byte_count = load_io(queue, slot, MK_IO_BYTE_COUNT);
	completion->tag = load_io(queue, slot, MK_IO_TAG);
	return 1;
}

int mk_io_recycled(const void *queue, size_t length, uint32_t slot)
{
	int error = check_io_slot(length, slot);

	if (error)
		return error;
	return load_io(queue, slot, MK_IO_STATUS) == MK_STATUS_EMPTY;
}

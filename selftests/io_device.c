// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "io_device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Set-up --------------------------------------------------------------------- */

int io_setup(void **state)
{
	*state = calloc(1, sizeof(struct io_test));
	return *state ? 0 : -1;
}

int io_teardown(void **state)
{
	struct io_test *test = *state;

	if (mk_io_close(test->io, LIVE_TIMEOUT_NS)) {
		/* The system may still write into the context, so that stays. */
		print_error("the pump did not end: %s\n", mk_error_text());
		return -1;
	}
	free(test->device.in_use);
	return live_teardown(state);
}

struct io_test *io_create(void **state, uint32_t slots)
{
	const struct mk_geometry geometry = {
		.io_slots = slots,
		.io_request_slots = slots,
		.arena_bytes = IO_ARENA_BYTES,
	};
	struct io_test *test = *state;

	live_create(&test->live, &geometry);
	test->device = (struct io_device){
		.queue = mk_context_memory(test->live.context, MK_REGION_IO_QUEUE, NULL),
		.cq = mk_context_memory(test->live.context, MK_REGION_CQ, NULL),
		.is_across_bus =
			!strcmp(mk_context_backing(test->live.context), "device"),
		.slots = slots,
		.in_use = calloc(slots, sizeof(bool)),
	};
	assert_non_null(test->device.in_use);
	test->arena = mk_context_arena(test->live.context);
	return test;
}

void io_open(struct io_test *test, const struct mk_io_options *options)
{
	struct mk_io_options sized = { 0 };

	if (options)
		sized = *options;
	sized.size = sizeof(sized);
	live_ok(mk_io_open(test->live.context, &sized, &test->io));
}

struct io_test *io_start(void **state, uint32_t slots,
			 const struct mk_io_options *options)
{
	struct io_test *test = io_create(state, slots);

	io_open(test, options);
	live_ok(mk_io_start(test->io));
	return test;
}

void io_fill(void *data, size_t bytes, uint64_t seed)
{
	unsigned char *to = data;

	for (size_t i = 0; i < bytes; i++)
		to[i] = (unsigned char)live_random(&seed);
}

int io_file(size_t bytes, uint64_t seed)
{
	char name[] = "test_io_XXXXXX";
	int fd = mkostemp(name, O_CLOEXEC);
	void *data = malloc(bytes + 1);

	assert_true(fd >= 0);
	assert_non_null(data);
	assert_int_equal(unlink(name), 0);
	io_fill(data, bytes, seed);
	assert_int_equal(write(fd, data, bytes), bytes);
	free(data);
	return fd;
}

uint32_t io_add_file(struct io_test *test, int fd, uint32_t flags)
{
	const struct mk_io_file file = { .flags = flags };
	uint32_t handle = 0;

	live_ok(mk_io_add_file(test->io, fd, &file, &handle));
	return handle;
}

uint32_t io_add_arena(struct io_test *test, uint64_t offset, uint64_t bytes)
{
	uint32_t handle = 0;

	live_ok(mk_io_add_arena(test->io, offset, bytes, 0, 1, &handle));
	return handle;
}

/* The device ------------------------------------------------------------------ */

static _Atomic uint32_t *word(const struct io_device *device, uint32_t slot,
			      uint32_t field)
{
	return &device->queue[(size_t)slot * MK_IO_SLOT_WORDS + field];
}

static void store(const struct io_device *device, uint32_t slot, uint32_t field,
		  uint32_t value)
{
	atomic_store_explicit(word(device, slot, field), value, memory_order_relaxed);
}

static uint32_t load(const struct io_device *device, uint32_t slot, uint32_t field)
{
	return atomic_load_explicit(word(device, slot, field), memory_order_relaxed);
}

/* The record and the hint of a device across a bus. */
static void show_request(struct io_device *device, uint32_t slot,
			 const struct mk_io_request *request)
{
	const uint32_t words[] = {
		request->op,
		request->source,
		request->destination,
		(uint32_t)request->offset,
		(uint32_t)(request->offset >> 32),
		request->byte_count,
		request->tag,
	};
	_Atomic uint32_t *record =
		&device->cq[MK_CQ_IO_OUTBOX + slot * MK_CQ_IO_OUTBOX_WORDS];
	uint32_t lap = (*record >> 28) + 1, high = 0;

	/* Also of what a processor gathers for a device's memory. */
	atomic_thread_fence(memory_order_seq_cst);
	for (uint32_t i = 0; i < 7 && slot < MK_CQ_IO_OUTBOX_SLOTS; i++) {
		record[i] = lap << 28 | (words[i] & 0xfffffff);
		high |= words[i] >> 28 << 4 * i;
	}
	if (slot < MK_CQ_IO_OUTBOX_SLOTS)
		record[7] = lap << 28 | high;
	device->hints++;
	device->cq[MK_CQ_IO_HINTS + (device->hints - 1) % MK_CQ_IO_HINT_COUNT] =
		device->hints << MK_CQ_IO_HINT_SLOT_BITS | slot;
}

static void store_request(struct io_device *device, uint32_t slot,
			  const struct mk_io_request *request)
{
	store(device, slot, MK_IO_OP, request->op);
	store(device, slot, MK_IO_SOURCE, request->source);
	store(device, slot, MK_IO_DESTINATION, request->destination);
	store(device, slot, MK_IO_OFFSET_LOW, (uint32_t)request->offset);
	store(device, slot, MK_IO_OFFSET_HIGH, (uint32_t)(request->offset >> 32));
	store(device, slot, MK_IO_BYTE_COUNT, request->byte_count);
	store(device, slot, MK_IO_TAG, request->tag);
	atomic_store_explicit(word(device, slot, MK_IO_STATUS), MK_STATUS_PUBLISHED,
			      memory_order_release);
	if (device->is_across_bus)
		show_request(device, slot, request);
	atomic_fetch_add_explicit(&device->cq[MK_CQ_IO_REQUESTS], 1,
				  memory_order_release);
}

int64_t io_publish(struct io_device *device, const struct mk_io_request *request)
{
	for (uint32_t i = 0; i < device->slots; i++) {
		uint32_t slot = (device->next + i) % device->slots;

		if (device->in_use[slot])
			continue;
		device->in_use[slot] = true;
		device->next = slot + 1;
		store_request(device, slot, request);
		return slot;
	}
	return -1;
}

bool io_is_answered(const struct io_device *device, uint32_t slot)
{
	uint32_t status = atomic_load_explicit(word(device, slot, MK_IO_STATUS),
					       memory_order_acquire);

	return status == MK_IO_STATUS_OK || status == MK_IO_STATUS_ERROR;
}

struct io_result io_take(struct io_device *device, uint32_t slot)
{
	uint64_t begin = live_now_ns();
	struct io_result result = { 0 };

	while (!io_is_answered(device, slot)) {
		if (live_now_ns() - begin > LIVE_TIMEOUT_NS)
			fail_msg("slot %u was not answered; its status is 0x%x", slot,
				 load(device, slot, MK_IO_STATUS));
		live_pause_ns(10000);
	}
	result.status = load(device, slot, MK_IO_STATUS);
	if (result.status == MK_IO_STATUS_ERROR) {
		result.reason = load(device, slot, MK_IO_REASON);
		result.error = load(device, slot, MK_IO_ERRNO);
		result.bytes = load(device, slot, MK_IO_BYTE_COUNT);
	}
	atomic_store_explicit(word(device, slot, MK_IO_STATUS), MK_STATUS_EMPTY,
			      memory_order_release);
	device->in_use[slot] = false;
	return result;
}

uint32_t io_ask(struct io_test *test, const struct mk_io_request *request)
{
	int64_t slot = io_publish(&test->device, request);

	assert_true(slot >= 0);
	return (uint32_t)slot;
}

struct io_result io_do(struct io_test *test, const struct mk_io_request *request)
{
	return io_take(&test->device, io_ask(test, request));
}

/* What is expected -------------------------------------------------------------- */

void io_expect(struct io_result result, uint32_t reason, uint32_t error, uint32_t bytes,
	       const char *file, int line)
{
	uint32_t status = reason ? MK_IO_STATUS_ERROR : MK_IO_STATUS_OK;

	if (result.status == status && result.reason == reason && result.error == error &&
	    result.bytes == bytes)
		return;
	print_error("%s:%d: status 0x%x, %s, %s, %u bytes; expected %s, %s, %u bytes\n",
		    file, line, result.status, mk_io_reason_text(result.reason),
		    strerror((int)result.error), result.bytes, mk_io_reason_text(reason),
		    strerror((int)error), bytes);
	_fail(file, line);
}

struct mk_io_counters io_counters(struct io_test *test)
{
	struct mk_io_counters counters;

	mk_io_counters(test->io, &counters);
	return counters;
}

void io_wait_in_flight(struct io_test *test, uint32_t count)
{
	uint64_t begin = live_now_ns();

	while (io_counters(test).in_flight != count) {
		assert_true(live_now_ns() - begin < LIVE_TIMEOUT_NS);
		live_pause_ns(LIVE_NS_PER_MS / 10);
	}
	/* Fences are seen to before what is found afterwards is answered. */
	io_expect_error(io_do(test, IO_REQUEST(READ, 0, 0, 0, 0)),
			MK_IO_REASON_UNKNOWN_HANDLE, 0, 0);
}

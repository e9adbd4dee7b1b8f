// SPDX-License-Identifier: MIT
#include "played_device.h"

#include <sched.h>

#include "live.h"

_Atomic uint32_t *played_io_word(const struct mk_context *context, uint32_t slot,
				 uint32_t word)
{
	_Atomic uint32_t *words = mk_context_memory(context, MK_REGION_IO_QUEUE, NULL);

	return &words[slot * MK_IO_SLOT_WORDS + word];
}

_Atomic uint32_t *played_cq_word(const struct mk_context *context, uint32_t word)
{
	_Atomic uint32_t *words = mk_context_memory(context, MK_REGION_CQ, NULL);

	return &words[word];
}

static bool take(struct played_device *device, uint32_t slot)
{
	_Atomic uint32_t *status = played_io_word(device->context, slot, MK_IO_STATUS);
	uint32_t words[MK_IO_SLOT_WORDS];

	if (atomic_load_explicit(status, memory_order_acquire) != MK_STATUS_PUBLISHED)
		return false;
	atomic_store_explicit(status, MK_STATUS_CLAIMED, memory_order_release);
	for (uint32_t i = 0; i < MK_IO_SLOT_WORDS; i++)
		words[i] = atomic_load_explicit(played_io_word(device->context, slot, i),
						memory_order_relaxed);
	device->handle(device->argument, words);
	atomic_store_explicit(status, MK_STATUS_EMPTY, memory_order_release);
	if (!device->never_counts)
		atomic_fetch_add_explicit(played_cq_word(device->context,
							 MK_CQ_IO_INGESTS),
					  1, memory_order_release);
	return true;
}

static bool go_round(struct played_device *device)
{
	const struct mk_geometry *geometry = mk_context_geometry(device->context);
	bool found = false;

	for (uint32_t i = geometry->io_request_slots; i < geometry->io_slots; i++)
		found |= take(device, i);
	return found;
}

static bool is_to_end(struct played_device *device)
{
	return atomic_load(device->end ? device->end : &device->ended);
}

void played_device_run(struct played_device *device)
{
	while (!is_to_end(device))
		if (!go_round(device))
			sched_yield();
	go_round(device);
}

static void *run(void *argument)
{
	played_device_run(argument);
	return NULL;
}

void played_device_start(struct played_device *device)
{
	atomic_store(&device->ended, false);
	assert_int_equal(pthread_create(&device->thread, NULL, run, device), 0);
}

void played_device_stop(struct played_device *device)
{
	atomic_store(&device->ended, true);
	assert_int_equal(pthread_join(device->thread, NULL), 0);
}

/* SPDX-License-Identifier: MIT */
/*
 * The device's side of ingests, played by a thread or a process of a test: it goes round
 * the ingest slots, claims what is PUBLISHED, hands the words on, stores EMPTY and
 * counts.  What a test knows of a device's ways is here.
 */
#ifndef MK_SELFTESTS_PLAYED_DEVICE_H
#define MK_SELFTESTS_PLAYED_DEVICE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <mk/mk.h>

typedef void (*played_handler)(void *argument, const uint32_t words[MK_IO_SLOT_WORDS]);

struct played_device {
	struct mk_context *context;
	played_handler handle;
	void *argument;
	atomic_bool *end; /* for one that runs in another process; else NULL */
	bool never_counts;
	atomic_bool ended;
	pthread_t thread;
};

/* Goes round until it is told to end, and then once more. */
void played_device_run(struct played_device *device);

/* The same in a thread. */
void played_device_start(struct played_device *device);
void played_device_stop(struct played_device *device);

/* Words of a live context, as a device sees them. */
_Atomic uint32_t *played_io_word(const struct mk_context *context, uint32_t slot,
				 uint32_t word);
_Atomic uint32_t *played_cq_word(const struct mk_context *context, uint32_t word);

#endif /* MK_SELFTESTS_PLAYED_DEVICE_H */

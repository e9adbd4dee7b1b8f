/* SPDX-License-Identifier: MIT */
/*
 * The io queue of a live context from the host's side, by the steps of Documentation/abi.rst:
 * for tests that play the host themselves.
 */
#ifndef MK_SELFTESTS_IO_HOST_H
#define MK_SELFTESTS_IO_HOST_H

#include <stdatomic.h>

#include "live.h"

struct io_request {
	uint32_t words[MK_IO_SLOT_WORDS];
};

uint32_t io_request_slots(const struct live *live);
uint32_t io_slots(const struct live *live);

_Atomic uint32_t *io_word(const struct live *live, uint32_t slot, uint32_t word);
uint32_t io_load(const struct live *live, uint32_t slot, uint32_t word);
uint32_t io_status(const struct live *live, uint32_t slot);
/* With a fence before and behind, which also sends stores to a device's memory. */
void io_store_status(const struct live *live, uint32_t slot, uint32_t status);

uint32_t io_cq_word(const struct live *live, uint32_t word);
/* Wait until that word of the cq is @count: it comes right after what it counts. */
void io_expect_count(const struct live *live, uint32_t word, uint32_t count);
/* Every io slot, at once or in the end. */
void io_expect_all_empty(const struct live *live);
void io_await_all_empty(struct live *live);

/* Claim the first published request from @first on; false when there is none. */
bool io_try_claim(struct live *live, uint32_t first, uint32_t *slot,
		  struct io_request *request);
/* The same when there is one; returns its slot. */
uint32_t io_claim(struct live *live, struct io_request *request);
/* Requests published so far were answered without a claim, or never will be. */
void io_skip_records(struct live *live);
/* @reason only with MK_IO_STATUS_ERROR.  Wakes the engine. */
void io_answer(struct live *live, uint32_t slot, uint32_t status, uint32_t reason);

/* Publish an ingest in a slot that must be EMPTY, and wake the engine. */
void io_ingest(struct live *live, uint32_t slot, const struct io_request *ingest);

/* Wake a parked engine by the steps of a publish. */
void io_wake(struct live *live);

#endif /* MK_SELFTESTS_IO_HOST_H */

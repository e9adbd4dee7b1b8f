/* SPDX-License-Identifier: MIT */
/*
 * The outbox in the cq: what a device across a bus has published in the first request
 * slots, so that the host need not load it from the device's memory.
 *
 * A record is written by whoever has its request slot, and not again before the host has
 * answered that, so before it was read.  Its words may come in any order: each has the
 * lap, and a record is whole when all have the same.  The next lap is always another, so
 * a record is new when its lap is not the one that was taken last.
 */
#ifndef MK_SRC_IO_OUTBOX_H
#define MK_SRC_IO_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "context.h"

/* Store a record as the device does; @words are those of the io slot. */
void mk_io_outbox_store(const struct mk_context *context, uint32_t slot, uint32_t lap,
			const uint32_t words[MK_IO_SLOT_WORDS]);

/* The lap of a record, as far as it has come. */
uint32_t mk_io_outbox_lap(const struct mk_context *context, uint32_t slot);

/* Whether mk_io_outbox_take() will take it. */
bool mk_io_outbox_is_new(const struct mk_context *context, uint32_t slot, uint32_t lap);

/*
 * True: the record is whole and its lap not *@lap, which receives it; @words receives the
 * io slot's words, with 0 for the status.  False: it is the same still, or only partly here.
 * What the device stored before the record is visible after.
 */
bool mk_io_outbox_take(const struct mk_context *context, uint32_t slot, uint32_t *lap,
		       uint32_t words[MK_IO_SLOT_WORDS]);

#endif /* MK_SRC_IO_OUTBOX_H */

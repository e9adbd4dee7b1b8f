/* SPDX-License-Identifier: MIT */
/*
 * Storing slots where the device looks for them, so that it never sees PUBLISHED
 * before the words that belong to it.
 *
 * In cached memory a release store of the status does that.  Memory across a bus is
 * write-combining: the processor gathers stores and sends them when and in which order
 * it likes.  There a slot, which is a line of 64 bytes, is best stored whole, by one
 * instruction, which arrives as one write:
 *
 *   MOVDIR64B                     the architecture promises that it is not divided
 *   a streaming store of AVX-512  fills a write-combining buffer at once; that full
 *                                 buffers are written whole is what processors do
 *
 * Where the processor has neither, the words go first, then SFENCE, then the status.
 * Which it is, is found out at run time; the environment variable MK_LINE_STORE can ask
 * for another that the processor has, by its name below.  What is asked for is then used
 * in a device's memory that is cached, too, so that tests can do without a bus.
 */
#ifndef MK_SRC_LINE_STORE_H
#define MK_SRC_LINE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mk/abi.h>

#include "context.h"

/*
 * Store consecutive slots, which are free and leased to the caller.  What the caller
 * stored before, in whatever memory, is visible to who sees one of them PUBLISHED.
 * The items have been checked.  @counts says how often each slot has completed.
 */
void mk_slots_store(const struct mk_context *context, uint32_t slot, uint32_t tenant,
		    const struct mk_item *items, size_t count, const uint32_t *counts);

/* The same for one that is laid out already, but for its status. */
void mk_slot_store_words(const struct mk_context *context, uint32_t slot,
			 uint32_t words[MK_SLOT_WORDS], uint32_t count);

/* "MOVDIR64B", "AVX-512" or "SFENCE": how slots are stored in write-combining memory. */
const char *mk_line_store_name(void);

/*
 * 1: MK_LINE_STORE names the way that is used; 0: it is not set.  -EOPNOTSUPP: the
 * processor lacks the way that it names; -EINVAL: there is no such way.
 */
int mk_line_store_is_asked_for(void);

#endif /* MK_SRC_LINE_STORE_H */

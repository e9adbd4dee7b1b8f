/* SPDX-License-Identifier: MIT */
#ifndef MK_SRC_ABI_H
#define MK_SRC_ABI_H

#include <mk/abi.h>

/* The words of a ring are counted in 32 bits. */
#define MK_RING_SLOTS_MAX (UINT32_MAX / MK_SLOT_WORDS)

/* Check that an io queue is whole slots and no more than the format's limit. */
int mk_check_io_queue(size_t length);

/* Whether an opcode is free for users' handlers. */
bool mk_opcode_is_users(uint32_t opcode);

/* Check that a publish takes an operation. */
int mk_item_check(const struct mk_item *item);

/* True for operations that need no closer look, which are nearly all. */
static inline bool mk_item_is_plain(const struct mk_item *item)
{
	return item->opcode < MK_OP_SYSTEM_FIRST && item->args &&
	       item->arg_count <= MK_SLOT_ARG_COUNT;
}

/* The words of a slot that holds an operation which has been checked. */
void mk_slot_lay_out(uint32_t words[MK_SLOT_WORDS], uint32_t tenant,
		     const struct mk_item *item);

#endif /* MK_SRC_ABI_H */

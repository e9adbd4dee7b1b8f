// SPDX-License-Identifier: MIT
/* An operation of a user's, for mkrun --engine=cpu --handlers. */
#include <mk/mk.h>

#define OPCODE 0x100u

static uint32_t store(struct mk_call *call)
{
	mk_call_observable_store(call, 0, 4711);
	return MK_STATUS_DONE;
}

__attribute__((visibility("default"))) extern const struct mk_handler_entry mk_handlers[];

const struct mk_handler_entry mk_handlers[] = {
	{ OPCODE, store },
	{ 0, NULL },
};

/* SPDX-License-Identifier: MIT */
#ifndef MK_SRC_WAIT_H
#define MK_SRC_WAIT_H

#include <mk/producer.h>

#include "context.h"

/* One look at a slot's completion: as mk_context_wait(), -EAGAIN for not yet. */
int mk_ticket_look(const struct mk_context *context, const struct mk_ticket *ticket);

/* As mk_context_wait(), but what is seen is for the caller to trace. */
int mk_ticket_wait(const struct mk_context *context, const struct mk_ticket *ticket,
		   uint64_t timeout_ns);

#endif /* MK_SRC_WAIT_H */

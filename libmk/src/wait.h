/* SPDX-License-Identifier: MIT */
#ifndef MK_SRC_WAIT_H
#define MK_SRC_WAIT_H

#include <mk/producer.h>

#include "context.h"

/* One look at a slot's completion: as mk_context_wait(), -EAGAIN for not yet. */
int mk_ticket_look(const struct mk_context *context, const struct mk_ticket *ticket);

#endif /* MK_SRC_WAIT_H */

/* SPDX-License-Identifier: MIT */
/* Which requests a pump takes, and what becomes of them first.  With the lock held. */
#ifndef MK_SRC_IO_CLAIM_H
#define MK_SRC_IO_CLAIM_H

#include "io_state.h"

/* In the pump: claim what was published. */
void mk_io_take_requests(struct mk_io *io);

/* Answer what a pump that is dead had claimed. */
void mk_io_inherit(struct mk_io *io);

#endif /* MK_SRC_IO_CLAIM_H */

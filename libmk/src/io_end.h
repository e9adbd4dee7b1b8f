/* SPDX-License-Identifier: MIT */
/* How requests end: with their answers, or because they are cancelled.  With the lock held. */
#ifndef MK_SRC_IO_END_H
#define MK_SRC_IO_END_H

#include "io_state.h"

/* To be given to the system in its turn. */
void mk_io_enqueue(struct mk_io *io, struct mk_io_pending *pending);

/* What is first on a handle's list now may be a fence that waited for that. */
void mk_io_pass_turn(struct mk_io *io, struct mk_io_handle *handle);

/* End a request, with a reason or with 0 for OK; its answer is stored by the other. */
void mk_io_end(struct mk_io *io, struct mk_io_pending *pending, uint32_t reason,
	       int error);
void mk_io_store_answers(struct mk_io *io);

/* Have requests that are in flight, of a handle or all, end as soon as they can. */
void mk_io_cancel_handle(struct mk_io *io, struct mk_io_handle *handle);
void mk_io_cancel_all(struct mk_io *io);

#endif /* MK_SRC_IO_END_H */

/* SPDX-License-Identifier: MIT */
/* Running the pump: its rounds, its rests, and the thread that is in it. */
#ifndef MK_SRC_IO_PUMP_H
#define MK_SRC_IO_PUMP_H

#include "io_state.h"

/* For whoever is not the pump, which gives way to them. */
void mk_io_lock(struct mk_io *io);
void mk_io_unlock(struct mk_io *io);

/* With the lock held, all of these. */

/* Be the thread in the pump: -EBUSY when another is, -EDEADLK in a callback. */
int mk_io_enter(struct mk_io *io);
void mk_io_leave(struct mk_io *io);
/* Whether the caller is a callback. */
bool mk_io_is_callback(const struct mk_io *io);

/* In the pump: do what there is to do, but claim nothing, nor call. */
int mk_io_settle(struct mk_io *io);
/* In the pump: rest, for a time that grows with those before, and @limit_ns at most. */
void mk_io_rest(struct mk_io *io, uint64_t limit_ns);
/* Whether the system or the queue of requests for it has anything. */
bool mk_io_is_settled(const struct mk_io *io);

#endif /* MK_SRC_IO_PUMP_H */

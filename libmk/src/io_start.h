/* SPDX-License-Identifier: MIT */
/* What a pump asks of the system, and has back from it.  In the pump, with the lock held. */
#ifndef MK_SRC_IO_START_H
#define MK_SRC_IO_START_H

#include "io_state.h"

bool mk_io_is_fence(const struct mk_io_pending *pending);

/* Where in the arena the rest of a request's bytes are. */
char *mk_io_arena_at(const struct mk_io *io, const struct mk_io_pending *pending);

/* Whether the system has transfers, or is to have some. */
bool mk_io_has_others(const struct mk_io *io);

/* Give the system what is queued, as far as it has room; to be sent with the next submit. */
void mk_io_start_queued(struct mk_io *io);
void mk_io_send_cancels(struct mk_io *io);

/* Have back what has ended: it ends, or goes on with what is left. */
void mk_io_reap(struct mk_io *io);

/* A callback has transferred all that its request asked for. */
void mk_io_count_callback(struct mk_io *io, struct mk_io_pending *pending);

#endif /* MK_SRC_IO_START_H */

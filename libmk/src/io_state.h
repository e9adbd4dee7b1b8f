/* SPDX-License-Identifier: MIT */
/*
 * A pump, and what becomes of each request between its claim and its answer.
 *
 *   claimed --+-> FENCE_FOUND -> FENCE_WAITS --+
 *             |                                v
 *             +------------------------------> QUEUED <-> AT_SYSTEM --+-> ANSWERED
 *             |                                  |                    |
 *             +-> AT_CALLBACK -------------------+--------------------+
 *
 * A request is on the list of each handle that it names, in the order of claims, until
 * it ends.  A fence is on its handle's list, too, and its turn has come when it is the
 * first there.  So is a handle's, to be taken back, when its list is empty.
 *
 * All is under one lock, which the thread in the pump holds but for callbacks and rests.
 * Answers are gathered and stored together, for one fence and one wake.
 */
#ifndef MK_SRC_IO_STATE_H
#define MK_SRC_IO_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include <mk/io.h>

#include "context.h"
#include "io_descriptor.h"
#include "io_handles.h"
#include "io_transfer.h"
#include "ioq.h"
#include "list.h"
#include "trace.h"

#define MK_IO_ERRORS_KEPT 64u
/* A token is a number that is never used again, and below it the slot. */
#define MK_IO_TOKEN_SLOT_BITS 20u
_Static_assert(MK_ENCODE_LIMIT <= 1u << MK_IO_TOKEN_SLOT_BITS, "slots fit tokens");

/* Reads that are longer take their time in any case. */
#define MK_IO_CACHED_BYTES 65536u

enum mk_io_state {
	MK_IO_IDLE, /* not claimed */
	MK_IO_FENCE_FOUND,
	MK_IO_FENCE_WAITS,
	MK_IO_QUEUED,
	MK_IO_AT_SYSTEM,
	MK_IO_AT_CALLBACK,
	MK_IO_ANSWERED, /* but for the store */
};

struct mk_io_pending;

/* A request on a handle's list. */
struct mk_io_name {
	struct mk_list link;
	struct mk_io_pending *pending;
};

/* A request slot, and the request that was claimed there. */
struct mk_io_pending {
	enum mk_io_state state;
	bool is_cancelled; /* to end as soon as it can */
	struct mk_io_request request;
	struct mk_io_plan plan;
	struct mk_io_name names[2];
	struct mk_list link; /* on the pump's list of its state, or of cancellations */
	uint64_t token;
	uint32_t done; /* bytes */
	uint32_t retries;
	uint32_t piece;	 /* bytes that the system was asked for */
	void *buffer;	 /* the bounce buffer, if it has one */
	uint32_t status; /* of the answer, and why */
	uint32_t reason;
	uint32_t error;
};

struct mk_io {
	struct mk_context *context;
	int held; /* proves that the context has no other pump; -1: nothing does */
	uint32_t flags;
	uint64_t spin_ns;
	struct mk_trace_ring *trace; /* under the lock; NULL: nothing is traced */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	atomic_uint wanted; /* threads that want the lock */

	struct mk_ioq queue;
	struct mk_io_handles handles;
	struct mk_io_ring ring;
	struct mk_io_descriptor descriptor;
	struct mk_io_pending *pending;	 /* by request slot */
	char cached[MK_IO_CACHED_BYTES]; /* read without io_uring, to go across a bus */
	uint64_t last_token;

	struct mk_list fences; /* FENCE_FOUND */
	struct mk_list queued;
	struct mk_list starved; /* QUEUED, for want of a bounce buffer */
	struct mk_list calls;	/* AT_CALLBACK, to be called */
	struct mk_list cancels; /* AT_SYSTEM, to be cancelled */
	struct mk_list answers; /* ANSWERED */

	bool is_pumped; /* a thread is in the pump */
	pthread_t pumper;
	struct mk_io_handle *calling; /* the callback that runs */
	uint64_t events;	      /* anything that happened */
	uint64_t answered;
	uint64_t idle_since_ns; /* 0: not idle */
	uint64_t idle_ns;
	uint64_t looked_ns; /* when slots were looked at though nothing was counted */

	bool has_thread;
	bool thread_has_ended;
	pthread_t thread;
	bool stop;

	struct mk_io_counters counters;
	struct mk_io_error errors[MK_IO_ERRORS_KEPT];
	uint32_t first_error;
	uint32_t error_count;
};

#endif /* MK_SRC_IO_STATE_H */

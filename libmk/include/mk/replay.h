/* SPDX-License-Identifier: MIT */
/*
 * Replaying what a trace has: be the one producer of a context, which publishes in given
 * slots, and its pump, which answers what the device asks without any file.
 *
 * A replay belongs to one thread at a time.  Wait for what it has published with
 * mk_context_wait().
 */
#ifndef MK_REPLAY_H
#define MK_REPLAY_H

#include <mk/abi.h>
#include <mk/context.h>
#include <mk/producer.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mk_replay;

/**
 * mk_replay_open() - become the producer and the pump of a context
 *
 * For a context's owner or its engine.  No lease is taken: nobody else may publish on
 * @context meanwhile.
 *
 * -EBUSY: the context has a pump
 */
MK_PUBLIC int mk_replay_open(struct mk_context *context, struct mk_replay **replay);

/* mk_replay_close() - requests that were not answered stay so.  NULL is allowed. */
MK_PUBLIC void mk_replay_close(struct mk_replay *replay);

/**
 * mk_replay_publish() - publish in a given slot
 * @words: all words of the slot; the status does not count
 * @ticket: receives what to wait for
 *
 * -EBUSY: what was published there before has not ended
 * -EINVAL: there is no such slot
 */
MK_PUBLIC int mk_replay_publish(struct mk_replay *replay, uint32_t slot,
				const uint32_t words[MK_SLOT_WORDS],
				struct mk_ticket *ticket);

/* mk_replay_next_request() - claim what the device asks: 1 and @request, or 0. */
MK_PUBLIC int mk_replay_next_request(struct mk_replay *replay,
				     struct mk_io_request *request);

/**
 * mk_replay_answer() - answer a request that was claimed
 * @slot: the request's
 * @reason: 0, or MK_IO_REASON_* of an ERROR
 * @error: the system's number, if that was the reason
 * @done: bytes that were transferred
 *
 * What the caller has stored in the arena before is visible to who sees the answer.
 *
 * -EINVAL: no request is claimed there
 */
MK_PUBLIC int mk_replay_answer(struct mk_replay *replay, uint32_t slot, uint32_t reason,
			       uint32_t error, uint32_t done);

#ifdef __cplusplus
}
#endif

#endif /* MK_REPLAY_H */

/* SPDX-License-Identifier: MIT */
/*
 * A producer publishes operations into a live ring and waits for them.
 *
 * A producer leases windows of consecutive slots while it has something in flight or
 * a ticket that it did not wait for, and publishes into them without sharing a word
 * with others.  It holds a file that proves it alive: when its process dies, however it
 * dies, the next producer that needs a window takes its leases over.  A process that
 * forks must not use the parent's producers in the child.  The child has their files
 * too, so while it lives without an exec, the leases of a dead parent are not taken.
 *
 * One producer belongs to one thread at a time.  Open one for each thread.
 *
 * Timeouts are in nanoseconds from now, on CLOCK_MONOTONIC; 0 only looks.
 */
#ifndef MK_PRODUCER_H
#define MK_PRODUCER_H

#include <mk/context.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mk_producer;

struct mk_producer_options {
	size_t size;	      /* sizeof(struct mk_producer_options) */
	uint32_t tenant;      /* written into every slot */
	uint32_t max_windows; /* leased at a time: 0 is half of the ring's */
};

/*
 * What a published slot is known by: it ends with its count-th completion.  How it
 * ended is known until the slot is used again.  A producer uses other slots first,
 * as long as it may lease more windows and there are free ones.
 */
struct mk_ticket {
	uint32_t slot;
	uint32_t count;
};

/**
 * mk_producer_open() - become a producer of a context
 * @options: NULL for the defaults
 *
 * -EMFILE, -EUSERS: no file descriptor or no producer id is left
 * -EACCES: an observer of the context cannot be a producer
 * -EOWNERDEAD: the context is mk.ko's, and its owner is gone
 */
MK_PUBLIC int mk_producer_open(struct mk_context *context,
			       const struct mk_producer_options *options,
			       struct mk_producer **producer);

/**
 * mk_producer_close() - give the leases back
 *
 * What is published still completes.  NULL is allowed.
 */
MK_PUBLIC void mk_producer_close(struct mk_producer *producer);

/*
 * Who a producer or an ingester is in its leases, and to mk_context_reap().  With mk.ko
 * the id is the number of its file; with memfds an id is used again when its owner is
 * dead.  No two have the same generation.
 */
struct mk_producer_identity {
	uint32_t id;
	uint32_t generation;
};

MK_PUBLIC void mk_producer_identity(const struct mk_producer *producer,
				    struct mk_producer_identity *identity);

/**
 * mk_producer_publish() - publish one operation
 * @timeout_ns: how long to wait for a free slot
 * @ticket: receives what to wait for; may be NULL
 *
 * -EAGAIN: the ring is full and @timeout_ns is 0
 * -ETIMEDOUT: the ring stayed full
 * -EINVAL: an opcode or argument count that the format refuses
 */
MK_PUBLIC int mk_producer_publish(struct mk_producer *producer,
				  const struct mk_item *item, uint64_t timeout_ns,
				  struct mk_ticket *ticket);

/* mk_producer_publish_packed() - publish several operations in one slot. */
MK_PUBLIC int mk_producer_publish_packed(struct mk_producer *producer,
					 const struct mk_item *operations, size_t count,
					 uint64_t timeout_ns, struct mk_ticket *ticket);

/**
 * mk_producer_publish_many() - publish independent operations
 * @items: checked whole before the first is published
 * @tickets: @count entries, or NULL
 *
 * Cheaper than one by one: the check for a parked engine is made once.
 *
 * Return: how many were published before the time ran out, at least 1, or a
 * negative errno as above.
 */
MK_PUBLIC int64_t mk_producer_publish_many(struct mk_producer *producer,
					   const struct mk_item *items, size_t count,
					   uint64_t timeout_ns,
					   struct mk_ticket *tickets);

/**
 * mk_producer_publish_batch() - publish operations with a fence behind them
 * @count: at most the window's slots less one (-EMSGSIZE)
 * @tag: what the fence leaves in observable 0
 * @fence: receives the fence's ticket: it ends after all of them.  Their effects are
 *         visible then; that their own tickets have ended may be seen a moment later
 * @tickets: receives the operations' tickets; may be NULL
 *
 * All are published or none.
 */
MK_PUBLIC int mk_producer_publish_batch(struct mk_producer *producer,
					const struct mk_item *items, size_t count,
					uint32_t tag, uint64_t timeout_ns,
					struct mk_ticket *fence,
					struct mk_ticket *tickets);

/**
 * mk_producer_wait() - wait until a published slot has ended
 *
 * Once nothing that this producer published in a window is in flight, and every
 * ticket that it took for it has been waited for, the window goes back.  So do not
 * take tickets that you will not wait for: pass NULL.  And wait for each once.
 *
 * Return: 0 when it ended DONE; its fault code (positive, MK_FAULT_*) when it
 * ended FAULT; -ETIMEDOUT (-EAGAIN when @timeout_ns is 0); -ESTALE when it has
 * ended and the slot was used again since, so that how it ended is not known.
 */
MK_PUBLIC int mk_producer_wait(struct mk_producer *producer,
			       const struct mk_ticket *ticket, uint64_t timeout_ns);

/* mk_context_wait() - the same for who has the ticket, but is no producer. */
MK_PUBLIC int mk_context_wait(struct mk_context *context, const struct mk_ticket *ticket,
			      uint64_t timeout_ns);

/* The dead --------------------------------------------------------------- */

/*
 * A producer or an ingester that has died, or closed with something in flight, and what
 * it left.  Its id is 0 when only the generation is known any more: when it closed, with
 * memfds when its id is another's by now, and with mk.ko always.
 */
struct mk_dead_producer {
	struct mk_producer_identity identity;
	uint32_t windows;	    /* that it had leased */
	uint32_t slots_in_flight;   /* in these */
	uint32_t ingest_groups;	    /* that it had leased */
	uint32_t ingests_in_flight; /* in these */
};

/**
 * mk_context_reap() - learn who has died, and free what they had leased
 * @dead: receives one entry for each
 * @capacity: entries there
 *
 * For the context's owner and its engine.  Windows and groups in which nothing is in
 * flight any more are free afterwards.  The others keep their lease, so that they are
 * told again, until what was published has ended.  Nobody needs this call in order to
 * publish: who finds nothing free takes over what the dead have left.  What was taken
 * over is not told any more.
 *
 * Who lives is never touched.  A system call for each lease, with memfds.
 *
 * Return: how many.  When that is @capacity there may be more, of whom nothing was
 * freed: call again, with more room if all of these have something in flight.
 * -EACCES: not for a producer or an observer
 */
MK_PUBLIC int64_t mk_context_reap(struct mk_context *context,
				  struct mk_dead_producer *dead, size_t capacity);

#ifdef __cplusplus
}
#endif

#endif /* MK_PRODUCER_H */

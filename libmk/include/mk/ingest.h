/* SPDX-License-Identifier: MIT */
/*
 * An ingester tells the device of data that has arrived: it writes the data into the
 * arena and publishes an ingest, which the kernel's ingest handler gets.  The name is
 * that of the component which takes data in and hands it on; a producer publishes
 * operations, which somebody waits for.
 *
 * Ingests are published in the io queue's slots that are no request slots.  An ingester
 * leases groups of them (MK_INGEST_GROUP_SLOTS() of <linux/mk_abi.h>) as a producer
 * leases windows, and is a producer in all that is said of these: it holds a file that
 * proves it alive, another takes over the leases of a dead one, and what that had
 * published is still handed on.  It belongs to one thread at a time.
 *
 * A slot is free again once the device has stored EMPTY in it: the ingest is recycled.
 * So the device may be slower than who publishes, and nothing is lost: a publish waits.
 *
 * Timeouts are in nanoseconds from now, on CLOCK_MONOTONIC; 0 only looks.
 */
#ifndef MK_INGEST_H
#define MK_INGEST_H

#include <mk/producer.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mk_ingester;

struct mk_ingester_options {
	size_t size;	     /* sizeof(struct mk_ingester_options) */
	uint32_t max_groups; /* leased at a time: 0 is half of those there are */
};

/*
 * What the handler gets, word for word.  What the words mean is between it and who
 * publishes; those that are for data in the arena are named so.
 */
struct mk_ingest {
	uint32_t source;      /* 0 unless the handler knows another */
	uint32_t destination; /* such as where in the arena the data lies */
	uint64_t offset;
	uint32_t byte_count;
	uint32_t tag;
};

/* What a published ingest is known by, to the ingester that published it. */
struct mk_ingest_ticket {
	uint64_t number; /* of this ingester's publishes, from 1 */
	uint32_t slot;	 /* of the io queue */
	uint32_t reserved;
};

/**
 * mk_ingester_open() - become an ingester of a context
 * @options: NULL for the defaults
 *
 * For every role but an observer's.
 *
 * -EACCES: an observer's context; or one of mk.ko's in the role of a producer, which may
 *          write those whole pages of the io queue that hold no request slot, and there
 *          is none.  Create the context with such, as io_slots 256 and io_request_slots
 *          128.
 * -ENOSPC: all io slots of the context are request slots
 * -EMFILE, -EUSERS: no file descriptor or no producer id is left
 * -EOWNERDEAD: the context is mk.ko's, and its owner is gone
 */
MK_PUBLIC int mk_ingester_open(struct mk_context *context,
			       const struct mk_ingester_options *options,
			       struct mk_ingester **ingester);

/**
 * mk_ingester_close() - give the leases back
 *
 * What is published is still handed on.  NULL is allowed.
 */
MK_PUBLIC void mk_ingester_close(struct mk_ingester *ingester);

/**
 * mk_ingester_publish() - publish one ingest
 * @timeout_ns: how long to wait for a free slot
 * @ticket: receives what to wait for; may be NULL
 *
 * What the caller has stored in the arena before is visible to the handler.  A parked
 * engine is woken.
 *
 * -EAGAIN: no slot is free and @timeout_ns is 0
 * -ETIMEDOUT: no slot became free
 */
MK_PUBLIC int mk_ingester_publish(struct mk_ingester *ingester,
				  const struct mk_ingest *ingest, uint64_t timeout_ns,
				  struct mk_ingest_ticket *ticket);

/**
 * mk_ingester_publish_many() - publish several
 * @tickets: @count entries, or NULL
 *
 * Cheaper than one by one, above all into a device's memory.  They may be handed on in
 * any order.
 *
 * Return: how many were published before the time ran out, at least 1, or a negative
 * errno as above.
 */
MK_PUBLIC int64_t mk_ingester_publish_many(struct mk_ingester *ingester,
					   const struct mk_ingest *ingests, size_t count,
					   uint64_t timeout_ns,
					   struct mk_ingest_ticket *tickets);

/**
 * mk_ingester_wait() - wait until an ingest is recycled
 *
 * The handler has ended then, and what it has stored is visible.  How it ended is not
 * told: an ingest that ended FAULT, or that no handler takes, is in the count of faults
 * and in the debug log.  A ticket may be waited for at any time and as often as liked.
 *
 * A group in which nothing is in flight any more goes back.
 *
 * Return: 0; -ETIMEDOUT (-EAGAIN when @timeout_ns is 0); -EINVAL for a ticket that this
 * ingester has not given.
 */
MK_PUBLIC int mk_ingester_wait(struct mk_ingester *ingester,
			       const struct mk_ingest_ticket *ticket,
			       uint64_t timeout_ns);

/* mk_ingester_identity() - by which mk_context_reap() names it when it is dead. */
MK_PUBLIC void mk_ingester_identity(const struct mk_ingester *ingester,
				    struct mk_producer_identity *identity);

#ifdef __cplusplus
}
#endif

#endif /* MK_INGEST_H */

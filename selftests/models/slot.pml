/* SPDX-License-Identifier: MIT */
/*
 * What the words of a slot say, for the models that include this.
 *
 * With INBOX the ring is in the memory of a device across a bus, and only the host stores
 * there.  A slot's first word then carries the count of the use that is published, and
 * the device keeps the status with its own copy of the entry in the cq.
 */
#include "posted.pml"

#define EMPTY	  0
#define PUBLISHED 1
#define CLAIMED	  2
#define DONE	  3
#define YIELD	  5
#define FAULT	  7
#define IS_FINAL(status) ((status) == EMPTY || (status) == DONE || (status) == FAULT)

/* Entries, and the first word of a slot in an inbox: completions and a status. */
#define COUNTS		     4 /* completions are counted modulo this */
#define NEXT(count)	     (((count) + 1) % COUNTS)
#define ENTRY(count, status) ((count) * 8 + (status))
#define COUNT_OF(entry)	     ((entry) / 8)
#define STATUS_OF(entry)     ((entry) % 8)

/* mk_status_from() */
#ifdef INBOX
#define IS_PUBLISHED(first, kept)                                                         \
	(STATUS_OF(first) == PUBLISHED && COUNT_OF(first) != COUNT_OF(kept))
#define STATUS(first, kept) (IS_PUBLISHED(first, kept) -> PUBLISHED : STATUS_OF(kept))
#else
#define IS_PUBLISHED(first, kept) ((first) == PUBLISHED)
#define STATUS(first, kept)	  (first)
#endif

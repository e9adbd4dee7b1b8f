/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The words that a resident kernel and its host share.
 *
 * This file holds every number of the wire format and nothing else: plain
 * #defines, no types, so that the kernel module, the library and the GLSL all
 * include the same text.  Documentation/abi.rst explains each word.
 *
 * All words are little-endian and 32 bits wide.  An offset is counted in words
 * from the start of its region unless its name ends in _BYTES.
 */
#ifndef _UAPI_LINUX_MK_ABI_H
#define _UAPI_LINUX_MK_ABI_H

#define MK_ABI_VERSION 1u

/* Regions, in the order in which readers expect the first four. */
#define MK_REGION_CONTROL   0u
#define MK_REGION_RING	    1u
#define MK_REGION_DEBUG_LOG 2u
#define MK_REGION_IO_QUEUE  3u
#define MK_REGION_CQ	    4u
#define MK_REGION_COUNT	    5u

/* Control region. */
#define MK_CONTROL_SHUTDOWN	     0u
#define MK_CONTROL_DONE_COUNT	     1u
#define MK_CONTROL_TENANT_BASE	     2u
#define MK_CONTROL_TENANT_MASKS	     3u
#define MK_CONTROL_TENANT_QUOTAS     32u
#define MK_CONTROL_TENANT_FAIRNESS   64u
#define MK_CONTROL_METRICS	     96u
#define MK_CONTROL_EPOCH	     128u
#define MK_CONTROL_PRIORITY_OFFSETS  129u
#define MK_CONTROL_STARVATION	     135u
#define MK_CONTROL_PRIORITY_FAIRNESS 136u
#define MK_CONTROL_RESERVED	     141u
#define MK_CONTROL_MAGIC	     148u
#define MK_CONTROL_ABI_VERSION	     149u
#define MK_CONTROL_SLOT_COUNT	     150u
#define MK_CONTROL_RECORD_CAPACITY   151u
#define MK_CONTROL_IO_SLOT_COUNT     152u
#define MK_CONTROL_OBSERVABLE_WORDS  153u
#define MK_CONTROL_CONTEXT_FLAGS     154u
#define MK_CONTROL_ARENA_BYTES_LOW   155u
#define MK_CONTROL_ARENA_BYTES_HIGH  156u
#define MK_CONTROL_OBSERVABLES	     160u
#define MK_CONTROL_MIN_BYTES	     640u

#define MK_CONTROL_MAGIC_VALUE	     0x314b4du /* "MK1" */

#define MK_CONTEXT_ALLOW_SHUTDOWN    1u /* the SHUTDOWN opcode is not a fault */

#define MK_TENANT_COUNT		     29u
#define MK_TENANT_QUOTA_COUNT	     32u
#define MK_TENANT_FAIRNESS_COUNT     32u
#define MK_TENANT_MASK_ALL	     0xffffffffu
#define MK_TENANT_QUOTA_DEFAULT	     1000000u
#define MK_METRIC_COUNT		     32u

/* The pure encoder refuses more than this of observables, slots and records. */
#define MK_ENCODE_LIMIT 1048576u

/* Ring region: one slot is one cache line. */
#define MK_SLOT_WORDS	    16u
#define MK_SLOT_BYTES	    64u
#define MK_SLOT_STATUS	    0u
#define MK_SLOT_OPCODE	    1u
#define MK_SLOT_TENANT	    2u
#define MK_SLOT_PRIORITY    3u
#define MK_SLOT_ARGS	    4u
#define MK_SLOT_ARG_COUNT   12u
#define MK_SLOT_ARG_BYTES   48u

#define MK_STATUS_EMPTY	    0u
#define MK_STATUS_PUBLISHED 1u
#define MK_STATUS_CLAIMED   2u
#define MK_STATUS_DONE	    3u
#define MK_STATUS_WAIT_IO   4u
#define MK_STATUS_YIELD	    5u
#define MK_STATUS_REQUEUE   6u
#define MK_STATUS_FAULT	    7u

/*
 * A ring in a device's memory is an inbox: only the host stores there.  So PUBLISHED
 * carries, above it, the count that the slot's entry in the cq gets when it ends, by
 * which the device tells a new use from the one before.  All other statuses are the
 * device's own business there; a readback has them in the slot as everywhere.
 */
#define MK_INBOX_COUNT_SHIFT 8u

#define MK_PRIORITY_CRITICAL 0u
#define MK_PRIORITY_HIGH     1u
#define MK_PRIORITY_NORMAL   2u
#define MK_PRIORITY_LOW	     3u
#define MK_PRIORITY_IDLE     4u
#define MK_PRIORITY_COUNT    5u
/* Claims in a row at CRITICAL or HIGH before the others get their turn. */
#define MK_STARVATION_THRESHOLD 16u

/* Opcodes. */
#define MK_OP_NOP	   0u
#define MK_OP_STORE_U32	   1u
#define MK_OP_ATOMIC_ADD   2u
#define MK_OP_LOAD_U32	   3u
#define MK_OP_COMPARE_SWAP 4u
#define MK_OP_MEMCPY	   5u
#define MK_OP_DFA_STEP	   6u
#define MK_OP_BATCH_FENCE  7u
#define MK_OP_IO_READ	   0xfff0u
#define MK_OP_IO_WRITE	   0xfff1u
#define MK_OP_IO_FENCE	   0xfff2u
#define MK_OP_LOAD_MISS	   0xfffdu
#define MK_OP_PRINTF	   0xfffeu
#define MK_OP_PACKED_SLOT  0x80000001u
#define MK_OP_SHUTDOWN	   0xffffffffu

/* Everything else in these ranges is reserved; the rest is the users'. */
#define MK_OP_BUILTIN_LAST 7u
#define MK_OP_SYSTEM_FIRST 0xfff0u
#define MK_OP_SYSTEM_LAST  0xffffu
#define MK_OP_RESERVED_BIT 0x80000000u

/* Debug log region: a cursor in words, then records of four words. */
#define MK_LOG_CURSOR		       0u
#define MK_LOG_RECORDS		       1u
#define MK_LOG_RECORD_WORDS	       4u
#define MK_LOG_RECORD_CAPACITY_DEFAULT 64u
#define MK_LOG_FORMAT_FAULT	       0xffff0001u /* code, opcode, slot's first word */
#define MK_LOG_FORMAT_INGEST_FAULT     0xffff0002u /* code, io slot, tag */

/* IO queue region. */
#define MK_IO_SLOT_WORDS	 8u
#define MK_IO_SLOT_BYTES	 32u
#define MK_IO_OP		 0u
#define MK_IO_SOURCE		 1u
#define MK_IO_DESTINATION	 2u
#define MK_IO_OFFSET_LOW	 3u
#define MK_IO_OFFSET_HIGH	 4u
#define MK_IO_BYTE_COUNT	 5u
#define MK_IO_STATUS		 6u
#define MK_IO_TAG		 7u
#define MK_IO_SLOT_COUNT_DEFAULT 64u

#define MK_IO_OP_READ		 1u
#define MK_IO_OP_WRITE		 2u
#define MK_IO_OP_FENCE		 3u

#define MK_IO_STATUS_OK		 0x10u
#define MK_IO_STATUS_ERROR	 0x11u

/*
 * What the host leaves in a request that it answers with ERROR: the reason in the place
 * of the offset's low half, the system's errno or 0 in that of the high half, and in
 * that of the byte count how many bytes were transferred.
 */
#define MK_IO_REASON		    MK_IO_OFFSET_LOW
#define MK_IO_ERRNO		    MK_IO_OFFSET_HIGH

#define MK_IO_REASON_OPERATION	    1u /* neither READ, WRITE nor FENCE */
#define MK_IO_REASON_UNKNOWN_HANDLE 2u
#define MK_IO_REASON_STALE_HANDLE   3u /* it was taken back */
#define MK_IO_REASON_WRONG_HANDLE   4u /* it names something else than is needed there */
#define MK_IO_REASON_PERMISSION	    5u /* not given for this direction */
#define MK_IO_REASON_RANGE	    6u /* beyond the bounds of a handle */
#define MK_IO_REASON_LENGTH	    7u /* no bytes */
#define MK_IO_REASON_END_OF_FILE    8u /* the file has less */
#define MK_IO_REASON_SYSTEM	    9u /* the system's error */
#define MK_IO_REASON_CANCELLED	    10u
#define MK_IO_REASON_CALLBACK	    11u /* a callback refused */
#define MK_IO_REASON_COUNT	    12u

/* CQ region: a header with one writer per 64-byte line, entries, leases. */
#define MK_CQ_HEADER_BYTES     4096u
#define MK_CQ_HEADER_WORDS     1024u
#define MK_CQ_MAGIC	       0u
#define MK_CQ_VERSION	       1u
#define MK_CQ_SLOT_COUNT       2u
#define MK_CQ_FIRST_ENTRY      3u
#define MK_CQ_WINDOW_SLOTS     4u
#define MK_CQ_FIRST_LEASE      5u
#define MK_CQ_IO_REQUEST_SLOTS 6u
#define MK_CQ_IO_INGEST_SLOTS  7u
#define MK_CQ_HINT_WINDOW      16u /* producers: where to look for a free window */
#define MK_CQ_HINT_GENERATION  17u /* producers: the last generation given out */
#define MK_CQ_HINT_WANTED      18u /* producers: somebody found no free window */
#define MK_CQ_HINT_INGESTS     19u /* producers: the same of ingest slots */
#define MK_CQ_ENGINE_STATE     32u
#define MK_CQ_DISPATCHES       34u
#define MK_CQ_OWNER_PID	       35u
#define MK_CQ_MEMORY_LOST      36u /* non-zero: what has not ended never will */
#define MK_CQ_HEARTBEAT	       48u
#define MK_CQ_IO_REQUESTS      49u
#define MK_CQ_FAULTS	       50u
#define MK_CQ_LOG_DROPPED      51u
#define MK_CQ_SLOTS_DONE_LOW   52u
#define MK_CQ_SLOTS_DONE_HIGH  53u
#define MK_CQ_LOG_GENERATION   54u
#define MK_CQ_IO_INGESTS       55u /* ingests taken so far */
#define MK_CQ_PARK_FUTEX       64u
/*
 * Leases of the io queue's ingest slots, as those of windows, in the header: each for
 * a group of consecutive slots, beginning with the first that is no request slot.  Groups
 * are as large as it takes to have no more of them than leases, and not smaller than
 * that; the last one has what is left.  _SLOTS() is the size for n ingest slots.
 */
#define MK_CQ_INGEST_LEASES	 128u
#define MK_CQ_INGEST_LEASE_COUNT 256u
#define MK_INGEST_GROUP_LEAST	 8u
#define MK_INGEST_GROUP_SLOTS(n)                                  \
	((n) > MK_INGEST_GROUP_LEAST * MK_CQ_INGEST_LEASE_COUNT ? \
		 ((n)-1u) / MK_CQ_INGEST_LEASE_COUNT + 1u :       \
		 MK_INGEST_GROUP_LEAST)

/*
 * Hints where the device has published requests, for a host across a bus: the n-th, from
 * 0, is word n % COUNT, until another takes its place.  It has n + 1 above the slot, which
 * is cut to its bits; all of them set say nothing.
 */
#define MK_CQ_IO_HINTS		896u
#define MK_CQ_IO_HINT_COUNT	128u
#define MK_CQ_IO_HINT_SLOT_BITS 12u
#define MK_CQ_IO_HINT_SLOT_NONE 0xfffu
/*
 * The outbox: what is in the first request slots, for a host across a bus, in a record for
 * each.  Each of its words has 28 bits, below the lap: how often the slot was published,
 * modulo 16.  So a record is whole when all its words have one lap, and new when that is
 * another than before.  First come the low 28 bits of the slot's words but the status, then
 * a word with their upper four, the first lowest.
 */
#define MK_CQ_IO_OUTBOX		  640u
#define MK_CQ_IO_OUTBOX_SLOTS	  32u
#define MK_CQ_IO_OUTBOX_WORDS	  8u
#define MK_CQ_IO_OUTBOX_LAP_SHIFT 28u

#define MK_CQ_MAGIC_VALUE	  0x51434b4du /* "MKCQ" */
#define MK_CQ_LEASE_WORDS	  2u
#define MK_CQ_LEASE_ALIGN_WORDS	  16u /* leases begin on a line of their own */

/* A cq entry: final status, fault code, completions of the slot so far. */
#define MK_CQ_ENTRY_STATUS_MASK 0xfu
#define MK_CQ_ENTRY_FAULT_SHIFT 4u
#define MK_CQ_ENTRY_FAULT_MASK	0xfu
#define MK_CQ_ENTRY_COUNT_SHIFT 8u
#define MK_CQ_ENTRY_COUNT_MASK	0xffffffu

#define MK_ENGINE_IDLE		0u
#define MK_ENGINE_RUNNING	1u
#define MK_ENGINE_PARKED	2u
#define MK_ENGINE_STOPPED	3u
#define MK_ENGINE_LOST		4u

#define MK_PARK_AWAKE		0u
#define MK_PARK_PARKED		1u

#define MK_WINDOW_SLOTS_DEFAULT 32u

#define MK_FAULT_OPCODE		1u /* an opcode that nobody handles */
#define MK_FAULT_RANGE		2u /* an index out of range */
#define MK_FAULT_PACKED		3u /* a malformed packed slot */
#define MK_FAULT_TENANT		4u /* an unknown tenant */
#define MK_FAULT_PERMISSION	5u
#define MK_FAULT_IO		6u /* the host answered ERROR */
#define MK_FAULT_INTERRUPTED	7u /* the device was lost */
#define MK_FAULT_HANDLER	8u /* raised by a user's handler */
#define MK_FAULT_FENCE		9u /* a fence over more slots than lie before it */

#endif /* _UAPI_LINUX_MK_ABI_H */

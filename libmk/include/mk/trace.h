/* SPDX-License-Identifier: MIT */
/*
 * A trace: what this process publishes, waits for, dispatches and answers on a context,
 * with the time of each, in a file.
 *
 * Each producer, ingester, engine and pump that is opened while a trace runs has a ring
 * in the process's own memory, of which it is the only writer.  A thread of the trace
 * writes the rings to the file.  When a ring is full, records are dropped and counted.
 * Where there is no trace, each of these pays one branch.
 *
 * Programs that know nothing of traces are traced by environment variables, which
 * mk_context_create(), mk_context_attach() and mk_context_open() look at:
 *
 *   MK_TRACE          the file: "%p" becomes the process's number.  The second context
 *                     of a process, and who finds the file in use by another process,
 *                     append ".PID.N".  Such a trace ends when the context is closed
 *   MK_TRACE_OPTIONS  "replay", "ring_bytes=N", or both with a comma between them
 *
 * What a record says of time is on CLOCK_MONOTONIC.  What causes something is stamped
 * before it is stored, and what is seen after it was loaded: so in the order of time no
 * effect comes before its cause, whichever threads or processes recorded them.
 *
 * The file's format is in Documentation/trace.rst.
 */
#ifndef MK_TRACE_H
#define MK_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include <mk/abi.h>
#include <mk/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Recording --------------------------------------------------------------- */

/*
 * Record all that a replay needs: the control region and the arena before the first
 * publish and at the end, what is stored in the arena between, and the observables at
 * each new epoch.  Nothing is dropped then: who finds its ring full waits for the file.
 */
#define MK_TRACE_REPLAY (1u << 0)

struct mk_trace_options {
	size_t size;	     /* sizeof(struct mk_trace_options) */
	const char *path;    /* as in MK_TRACE; not kept */
	uint32_t flags;	     /* MK_TRACE_REPLAY */
	uint32_t ring_bytes; /* of each ring: 4 MiB, or a power of two from 4096 */
};

/**
 * mk_trace_start() - begin to trace what this process does on a context
 *
 * Traces those that are opened afterwards.  Neither this nor mk_trace_stop() may be called
 * while another thread opens or closes something on @context, or waits on itself
 * (mk_context_wait()), or sets something.  A child of a fork is not traced on the contexts
 * that it has from its parent.
 *
 * -EBUSY: a trace of @context runs, or another is being written to that file
 * -EINVAL: an option is out of range
 * and what the system says of the file
 */
MK_PUBLIC int mk_trace_start(struct mk_context *context,
			     const struct mk_trace_options *options);

/**
 * mk_trace_stop() - write what is left, and end the file
 *
 * Those that are open stay usable, and record nothing any more.  mk_context_close() does
 * this, too.  Success when no trace runs.
 *
 * -EIO, -ENOSPC and so on: the file could not be written whole
 */
MK_PUBLIC int mk_trace_stop(struct mk_context *context);

struct mk_trace_counters {
	uint64_t records; /* written to the file */
	uint64_t dropped; /* for want of room in a ring */
	uint64_t bytes;	  /* of the file */
};

/* mk_trace_counters() - of the trace that runs; zeros when there is none. */
MK_PUBLIC void mk_trace_counters(struct mk_context *context,
				 struct mk_trace_counters *counters);

/**
 * mk_trace_arena() - note what the host has stored in the arena
 * @offset, @bytes: where, in bytes
 *
 * A library does not see such stores.  For a replay, call this between the stores and the
 * publish of the slot that reads them.  Does nothing unless a trace for replay runs.  What
 * a pump reads is noted by itself.
 */
MK_PUBLIC void mk_trace_arena(struct mk_context *context, uint64_t offset,
			      uint64_t bytes);

/* Reading ------------------------------------------------------------------ */

/* What a part of a file is about: each process that recorded wrote one. */
struct mk_trace_info {
	uint32_t pid;
	uint32_t abi_version;
	uint32_t flags;		     /* MK_TRACE_REPLAY */
	uint8_t boot_id[16];	     /* times of other boots cannot be compared */
	uint64_t context[3];	     /* the same numbers: the same context */
	uint64_t begin_ns;	     /* CLOCK_MONOTONIC */
	uint64_t begin_real_ns;	     /* CLOCK_REALTIME, then */
	struct mk_geometry geometry; /* device is NULL; tenants is 0 where it attached */
};

enum mk_trace_type {
	MK_TRACE_PART = 1, /* a process's records begin: mk_trace_info() changes */
	MK_TRACE_END,	   /* they end, whole; without this the process was killed */
	MK_TRACE_PUBLISH,
	MK_TRACE_COMPLETION,
	MK_TRACE_DISPATCH_BEGIN,
	MK_TRACE_DISPATCH_END,
	MK_TRACE_PARK,
	MK_TRACE_UNPARK,
	MK_TRACE_IO_CLAIM,
	MK_TRACE_IO_DATA,
	MK_TRACE_IO_ANSWER,
	MK_TRACE_INGEST,
	MK_TRACE_INGEST_END,
	MK_TRACE_ARENA,
	MK_TRACE_CONTROL,
	MK_TRACE_EPOCH,
	MK_TRACE_MEMORY,
	MK_TRACE_DROPPED,
	MK_TRACE_TYPE_COUNT,
};

struct mk_trace_publish {
	uint32_t slot;
	uint32_t use;		       /* completions of the slot once this has ended */
	uint32_t words[MK_SLOT_WORDS]; /* the status is PUBLISHED */
};

/* The completion was seen by the trace's thread, which looks now and then. */
#define MK_TRACE_SEEN_LATE (1u << 0)

struct mk_trace_completion {
	uint32_t slot;
	uint32_t use;
	uint32_t status; /* MK_STATUS_DONE or MK_STATUS_FAULT; 0: used again since */
	uint32_t fault;	 /* MK_FAULT_* */
	uint32_t flags;	 /* MK_TRACE_SEEN_LATE */
};

struct mk_trace_dispatch {
	uint32_t steps;	     /* begin: its bound; end: what a worker took of it */
	uint32_t executions; /* end: slots worked on */
};

struct mk_trace_io {
	struct mk_io_request request;
	uint32_t status; /* answer: MK_IO_STATUS_OK or MK_IO_STATUS_ERROR */
	uint32_t reason; /* answer: MK_IO_REASON_*, or 0 */
	uint32_t error;	 /* answer: the system's, or 0 */
	uint32_t done;	 /* answer: bytes that were transferred */
};

/* Bytes in memory, and where; of an io slot's answer, which follows, or of the host. */
struct mk_trace_data {
	uint32_t slot;	 /* IO_DATA: the io slot */
	uint32_t memory; /* MEMORY: MK_REGION_CONTROL or MK_MEMORY_ARENA(0) */
	uint32_t is_end; /* MEMORY: as it was when the trace ended, not before it began */
	uint32_t bytes;
	uint64_t offset;
	const void *data; /* valid until the next call; not aligned */
};

struct mk_trace_ingest {
	uint32_t slot;
	uint32_t source; /* this and what follows: not of INGEST_END */
	uint32_t destination;
	uint32_t byte_count;
	uint64_t offset;
	uint32_t tag;
};

/* A control word that a program has set: a tenant's mask, or SHUTDOWN. */
struct mk_trace_control {
	uint32_t word;
	uint32_t value;
};

/*
 * Observables after a new epoch was seen, in pieces.  They belong together if nothing was
 * in flight, and nothing was published between @begin_ns and the record's own time.
 */
struct mk_trace_epoch {
	uint64_t begin_ns;
	uint32_t epoch;
	uint32_t first; /* observable */
	uint32_t count;
	uint32_t total;	  /* of all pieces */
	const void *data; /* words; valid until the next call; not aligned */
};

struct mk_trace_event {
	uint64_t time_ns;
	uint32_t thread; /* as from gettid() */
	enum mk_trace_type type;
	union {
		struct mk_trace_publish publish;
		struct mk_trace_completion completion;
		struct mk_trace_dispatch dispatch;
		struct mk_trace_io io;	       /* IO_CLAIM, IO_ANSWER */
		struct mk_trace_data data;     /* IO_DATA, ARENA, MEMORY */
		struct mk_trace_ingest ingest; /* INGEST, INGEST_END */
		struct mk_trace_control control;
		struct mk_trace_epoch epoch;
		uint64_t dropped;
	};
};

struct mk_trace_reader;

/**
 * mk_trace_open() - read a trace from the beginning of a file
 * @fd: the caller's, which must stay open; its file position is not used
 *
 * Several traces behind each other in a file are the parts of one.  All that is in the
 * file is checked before it is told: slots, words and bytes of memory are within the
 * geometry that mk_trace_info() tells.
 *
 * -EPROTO: no trace, or of another version
 * -EBADMSG: it is damaged
 */
MK_PUBLIC int mk_trace_open(int fd, struct mk_trace_reader **reader);

/**
 * mk_trace_next() - the next event, in the order of the file
 *
 * That is not the order of time: sort them by that.  The first is MK_TRACE_PART.  A file
 * that was cut off, because its writer was killed, just ends; mk_trace_is_cut_off() says
 * so then.
 *
 * Return: 1, 0 at the end, or -EBADMSG where the file is damaged
 */
MK_PUBLIC int mk_trace_next(struct mk_trace_reader *reader, struct mk_trace_event *event);

/* mk_trace_info() - of the part that the last event was in. */
MK_PUBLIC const struct mk_trace_info *mk_trace_info(const struct mk_trace_reader *reader);

/* mk_trace_is_cut_off() - 1 when the end of the file lies within a block. */
MK_PUBLIC int mk_trace_is_cut_off(const struct mk_trace_reader *reader);

/* mk_trace_good_bytes() - the length of what was read so far: whole blocks. */
MK_PUBLIC uint64_t mk_trace_good_bytes(const struct mk_trace_reader *reader);

/* mk_trace_close() - free a reader; the descriptor stays open.  NULL is allowed. */
MK_PUBLIC void mk_trace_close(struct mk_trace_reader *reader);

#ifdef __cplusplus
}
#endif

#endif /* MK_TRACE_H */

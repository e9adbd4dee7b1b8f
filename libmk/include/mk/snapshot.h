/* SPDX-License-Identifier: MIT */
/*
 * A snapshot is a copy of a context's memories: what a person looks at, live or
 * afterwards, and what a file of mkinspect's holds.  Documentation/mkinspect.rst has the
 * file's format.
 *
 * Nothing stops while it is taken, so it may be torn: words that were copied early are
 * older than those copied late.  A snapshot says what is known to have changed meanwhile.
 *
 * Taking one stores nothing in the context, and every role may.  Functions return 0 or a
 * negative errno with a text in mk_error_text().  A snapshot belongs to one thread at a
 * time; its words never change once it is there.
 */
#ifndef MK_SNAPSHOT_H
#define MK_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mk/context.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mk_snapshot;

/* A memory in a set of them. */
#define MK_SNAPSHOT_MEMORY(memory) (1u << (memory))
/* The regions and the engine's state: all but the arena. */
#define MK_SNAPSHOT_DEFAULT (MK_SNAPSHOT_MEMORY(MK_MEMORY_ARENA(0)) - 1)

/* Why one was taken. */
enum mk_snapshot_reason {
	MK_SNAPSHOT_ASKED,  /* somebody wanted it */
	MK_SNAPSHOT_LOST,   /* the engine gave its device up */
	MK_SNAPSHOT_SIGNAL, /* a program got a signal that asks for it */
};

struct mk_snapshot_options {
	size_t size;	   /* sizeof(struct mk_snapshot_options) */
	uint32_t memories; /* set of MK_SNAPSHOT_MEMORY(); 0: MK_SNAPSHOT_DEFAULT.  The
			    * control region and the cq are always taken. */
	enum mk_snapshot_reason reason;
};

/* What changed while it was copied, as far as that can be seen. */
struct mk_snapshot_tear {
	uint64_t slots_done;	/* slots that ended DONE */
	uint32_t slots_changed; /* of the ring: their status, or their entry in the cq */
	uint32_t io_slots_changed; /* their status */
	uint32_t log_records;	   /* debug records that were added */
	uint32_t log_restarts;	   /* times the debug log started anew */
	uint32_t dispatches;	   /* that ended */
	uint32_t reserved;
};

struct mk_snapshot_info {
	struct mk_geometry geometry; /* as mk_context_geometry() */
	uint64_t id;		     /* as mk_context_id() */
	uint64_t taken_ns;	     /* CLOCK_REALTIME, when copying began */
	uint64_t monotonic_ns;	     /* CLOCK_MONOTONIC, the same moment */
	uint64_t copy_ns;	     /* how long copying took */
	uint32_t pid;		     /* of the process that took it */
	uint32_t memories;	     /* which are in it, as in the options */
	enum mk_snapshot_reason reason;
	bool is_split; /* the ring was an inbox in a device's memory */
	struct mk_snapshot_tear tear;
};

/**
 * mk_snapshot_take() - copy a context
 * @context: in any role; others may do with it what they like meanwhile
 * @options: NULL for the defaults
 * @snapshot: receives it; mk_snapshot_free() gives it back
 *
 * Needs as much memory as it copies.  In a device's memory (MK_BACKING_DEVICE) copying
 * takes about a millisecond for each 64 KiB: take the memories that are needed.
 *
 * -EINVAL: unknown memories or reason
 * -ENOMEM
 */
MK_PUBLIC int mk_snapshot_take(const struct mk_context *context,
			       const struct mk_snapshot_options *options,
			       struct mk_snapshot **snapshot);

/* mk_snapshot_free() - NULL is allowed. */
MK_PUBLIC void mk_snapshot_free(struct mk_snapshot *snapshot);

/* mk_snapshot_info() - the snapshot's own, as long as that lives. */
MK_PUBLIC const struct mk_snapshot_info *
mk_snapshot_info(const struct mk_snapshot *snapshot);

/**
 * mk_snapshot_words() - one memory's words, as they were
 * @memory: MK_REGION_*, MK_MEMORY_STATE or MK_MEMORY_ARENA(0)
 * @count: receives how many
 *
 * Return: the snapshot's own; NULL and a count of 0 when it is not in the snapshot.
 */
MK_PUBLIC const uint32_t *mk_snapshot_words(const struct mk_snapshot *snapshot,
					    uint32_t memory, size_t *count);

/**
 * mk_snapshot_ring() - the ring with every slot's status, as mk_context_readback() has it
 *
 * The same as mk_snapshot_words() but where info.is_split, when statuses come from the
 * engine's state.  Without that memory in the snapshot they stay as they are.
 */
MK_PUBLIC const uint32_t *mk_snapshot_ring(const struct mk_snapshot *snapshot,
					   size_t *count);

/**
 * mk_snapshot_changed() - which slots of the ring are those of tear.slots_changed
 * @count: receives how many words
 *
 * Bit n % 32 of word n / 32 is slot n's; when it is set, the slot's words may belong to
 * two uses.  The snapshot's own.
 */
MK_PUBLIC const uint32_t *mk_snapshot_changed(const struct mk_snapshot *snapshot,
					      size_t *count);

/* Files ---------------------------------------------------------------------- */

/**
 * mk_snapshot_write() - write a snapshot to a file, from where it is
 * @fd: anything that can be written to; not closed
 *
 * -ENOMEM, or the system's error
 */
MK_PUBLIC int mk_snapshot_write(const struct mk_snapshot *snapshot, int fd);

/**
 * mk_snapshot_read() - read what mk_snapshot_write() wrote
 * @fd: anything that can be read from, from where it is to its end; not closed
 * @snapshot: receives it
 *
 * The file may be anybody's: all of it is checked before it is used, and no more memory
 * is taken than what was read unfolds to, within what its geometry says.
 *
 * -EPROTO: it is no snapshot, or of another version, or makes no sense
 * -EBADMSG: it is damaged, or ends too early
 * -ENOMEM, or the system's error
 */
MK_PUBLIC int mk_snapshot_read(int fd, struct mk_snapshot **snapshot);

/* Room for what mk_snapshot_save() tells. */
#define MK_SNAPSHOT_PATH_BYTES 4096

/**
 * mk_snapshot_save() - take a snapshot of a context, and write it to a new file
 * @directory: where; it must exist
 * @reason: why; the arena is not taken
 * @path: receives the file's name, DIRECTORY/mk-PID-SECONDS[-N].mksnap
 *
 * The file has mode 0600.  Nothing is ever overwritten, and what could not be written
 * whole is removed.  An engine whose device is lost calls this by itself
 * (struct mk_engine_options, MK_SNAPSHOT_DIR).
 *
 * -ENAMETOOLONG, as mk_snapshot_take() and mk_snapshot_write(), or the system's error
 */
MK_PUBLIC int mk_snapshot_save(const struct mk_context *context, const char *directory,
			       enum mk_snapshot_reason reason,
			       char path[MK_SNAPSHOT_PATH_BYTES]);

#ifdef __cplusplus
}
#endif

#endif /* MK_SNAPSHOT_H */

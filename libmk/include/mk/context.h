/* SPDX-License-Identifier: MIT */
/*
 * A context is the shared memory of one resident kernel: the five regions of
 * the wire format and an arena for data.  The process that creates it is its
 * owner; other processes attach by file descriptors that they were handed.
 *
 * All functions may be called from any thread at any time, unless said
 * otherwise.  They return 0 or a negative errno with a text in mk_error_text().
 */
#ifndef MK_CONTEXT_H
#define MK_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

#include <mk/readback.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mk_context;

/* Sizes of a context; a field of 0 takes the default named beside it. */
struct mk_geometry {
	size_t size;		   /* sizeof(struct mk_geometry) */
	uint32_t slots;		   /* of the ring: 1024 */
	uint32_t window_slots;	   /* slots leased together: 32, or all if fewer */
	uint32_t log_records;	   /* of the debug log: 64 */
	uint32_t io_slots;	   /* of the io queue: 64 */
	uint32_t io_request_slots; /* of these, the device's: half */
	uint32_t observable_words; /* 0 is 0 */
	uint32_t tenants;	   /* authorised from the start: 1 */
	uint32_t flags;		   /* MK_CONTEXT_ALLOW_SHUTDOWN */
	uint64_t arena_bytes;	   /* 0 is none */
};

/*
 * File descriptors of a context: the regions by number, then the memory that
 * its engines keep their state in, then the arena.
 */
#define MK_CONTEXT_FD_STATE MK_REGION_COUNT
#define MK_CONTEXT_FD_ARENA (MK_REGION_COUNT + 1)
#define MK_CONTEXT_FDS	    (MK_REGION_COUNT + 2)

/**
 * mk_context_create() - make a context in this process's memory
 * @geometry: sizes; NULL for the defaults
 * @context: receives it; mk_context_close() gives it back
 *
 * -E2BIG: @geometry is from a newer library and sets what this one lacks
 * -EINVAL, -EOVERFLOW: a size that the format cannot express
 * -ENOMEM, -EMFILE: as from the system
 */
MK_PUBLIC int mk_context_create(const struct mk_geometry *geometry,
				struct mk_context **context);

/**
 * mk_context_attach() - use a context that another process created
 * @fds: as from mk_context_fds(); duplicated, so the caller keeps its own.  The
 *       arena's may be -1 when there is none.
 *
 * Everything found in the memory is checked against the sizes of the files
 * before it is used, and a file that could still shrink is refused.
 *
 * -EPROTO: this is no context, or of another ABI version
 */
MK_PUBLIC int mk_context_attach(const int fds[MK_CONTEXT_FDS],
				struct mk_context **context);

/**
 * mk_context_close() - unmap a context and close its descriptors
 *
 * Engines and producers on it must be stopped and closed first.  The memory
 * lives on while another process has it.  NULL is allowed.
 */
MK_PUBLIC void mk_context_close(struct mk_context *context);

/* mk_context_fds() - the descriptors to hand on; they stay the context's. */
MK_PUBLIC void mk_context_fds(const struct mk_context *context, int fds[MK_CONTEXT_FDS]);

/*
 * mk_context_geometry() - what the context was made with, defaults filled in.  In an
 * attached context tenants is 0: the masks may have changed since.
 */
MK_PUBLIC const struct mk_geometry *mk_context_geometry(const struct mk_context *context);

/**
 * mk_context_arena() - the arena's mapping, page-aligned; NULL when there is none
 *
 * Handlers address it in words from its start.  A host store is visible to the
 * operations of a slot that is published afterwards; what an operation stored
 * is visible to the host once the slot has completed.
 */
MK_PUBLIC void *mk_context_arena(const struct mk_context *context);

/* mk_context_observable() - read one observable word; -ERANGE. */
MK_PUBLIC int mk_context_observable(const struct mk_context *context, uint32_t index,
				    uint32_t *value);

/**
 * mk_context_set_observable() - preset one observable word
 *
 * Only while no engine runs (-EBUSY): the device owns observables.
 */
MK_PUBLIC int mk_context_set_observable(struct mk_context *context, uint32_t index,
					uint32_t value);

/**
 * mk_context_set_tenant() - authorise a tenant, or mask it
 * @tenant: below MK_TENANT_COUNT (-ERANGE)
 * @mask: 0 leaves the tenant's slots PUBLISHED until it is authorised
 */
MK_PUBLIC int mk_context_set_tenant(struct mk_context *context, uint32_t tenant,
				    uint32_t mask);

/**
 * mk_context_set_priorities() - partition the ring by priority
 * @offsets: first slot of each priority, ascending from 0, then the ring's slots, as
 *           from mk_priority_offsets(); NULL for one partition without priorities
 *
 * Where a slot lies decides its priority.  After work at CRITICAL or HIGH the device
 * looks at the first windows again, up to MK_STARVATION_THRESHOLD times in a row.
 * Only while no engine runs (-EBUSY).
 */
MK_PUBLIC int mk_context_set_priorities(struct mk_context *context,
					const uint32_t offsets[MK_PRIORITY_COUNT + 1]);

/**
 * mk_context_shutdown() - tell the resident kernel to leave, for good
 *
 * Stores SHUTDOWN and wakes a parked engine.  No engine starts on the context
 * afterwards.
 */
MK_PUBLIC void mk_context_shutdown(struct mk_context *context);

/*
 * What the device has counted.  Each is monotone.  Faults and the epoch are there
 * when the slot's completion is; the others follow within microseconds and are exact
 * once the engine is parked or stopped.
 */
struct mk_counters {
	uint64_t slots_done; /* slots that ended DONE */
	uint32_t done_count; /* the same, as 32 bits that wrap */
	uint32_t faults;
	uint32_t epoch;
	uint32_t log_dropped;	 /* debug records that found no room */
	uint32_t log_generation; /* times the debug log was restarted */
	uint32_t heartbeat;
	uint32_t dispatches;
	uint32_t engine_state; /* MK_ENGINE_* */
};

MK_PUBLIC void mk_context_counters(const struct mk_context *context,
				   struct mk_counters *counters);

/**
 * mk_context_readback() - copy the first four regions, merged, in their order
 * @storage: buffers aligned for words and of sufficient capacity (-ENOSPC); their
 *           lengths are set
 *
 * A copy taken while an engine runs may be torn between words.
 */
MK_PUBLIC int mk_context_readback(const struct mk_context *context,
				  struct mk_readback *storage);

#ifdef __cplusplus
}
#endif

#endif /* MK_CONTEXT_H */

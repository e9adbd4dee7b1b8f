/* SPDX-License-Identifier: MIT */
/*
 * A context is the shared memory of one resident kernel: the five regions of
 * the wire format, the memory that its engines keep their state in, and an arena
 * for data.  The process that creates it is its owner; others attach.
 *
 * The memory comes from one of three backings:
 *
 *   mk.ko    The kernel module owns the memory.  It and the MMU hold everybody to
 *            their role.  When the owner's file is closed, however that comes, the
 *            module stores SHUTDOWN, so the resident kernel leaves.  A context has
 *            an id, by which others of the same user open it.
 *   memfds   Nothing but the processes themselves.  Roles protect against mistakes,
 *            not against a process that means harm.  A context outlives its owner
 *            as long as anybody has it.
 *   device   The memory of a Vulkan device across a bus, for all that it looks at.
 *            Others need the same device and driver.  Where the driver exports DMA-bufs
 *            and mk.ko is loaded, the memory is registered there, with what mk.ko gives;
 *            its engine then runs in the process that created it.  Else others get the
 *            driver's own descriptors, and roles are as with memfds.
 *
 * All functions may be called from any thread at any time, unless said
 * otherwise.  They return 0 or a negative errno with a text in mk_error_text().
 * What a context's role does not allow fails with -EACCES.
 */
#ifndef MK_CONTEXT_H
#define MK_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

#include <linux/mk.h>
#include <mk/readback.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mk_context;

/* Where a context's memory comes from. */
enum mk_backing_kind {
	/*
	 * What the environment variable MK_BACKING says (auto, memfd, kmod or device).
	 * With auto, or without the variable: the memory of the best Vulkan device, where
	 * that will run the context, is a GPU, and is faster so; else mk.ko where
	 * /dev/mk can be opened and speaks this library's ABI; else memfds.
	 */
	MK_BACKING_AUTO,
	MK_BACKING_MEMFD,
	MK_BACKING_KMOD,
	/*
	 * The memory of a Vulkan device, for GPUs across a bus: all but the cq, which
	 * stays where the host's caches have it.  The place is chosen by a trial.
	 */
	MK_BACKING_DEVICE,
};

/* What runs a context. */
enum mk_engine_kind {
	MK_ENGINE_KIND_VULKAN, /* the resident kernel on a Vulkan device */
	MK_ENGINE_KIND_CPU,    /* the reference executor on host threads */
};

/* Sizes of a context; a field of 0 takes the default named beside it. */
struct mk_geometry {
	size_t size;		      /* sizeof(struct mk_geometry) */
	uint32_t slots;		      /* of the ring: 1024 */
	uint32_t window_slots;	      /* slots leased together: 32, or all if fewer */
	uint32_t log_records;	      /* of the debug log: 64 */
	uint32_t io_slots;	      /* of the io queue: 64 */
	uint32_t io_request_slots;    /* of these, the device's: half */
	uint32_t observable_words;    /* 0 is 0 */
	uint32_t tenants;	      /* authorised from the start: 1 */
	uint32_t flags;		      /* MK_CONTEXT_ALLOW_SHUTDOWN */
	uint64_t arena_bytes;	      /* 0 is none */
	enum mk_backing_kind backing; /* MK_BACKING_AUTO */
	uint32_t placement;	      /* MK_BACKING_DEVICE: a number of mk_probe()'s, or 0
				       * for the fastest, or what MK_PLACEMENT says */
	const char *device;	      /* the one whose memory it is to be, as <mk/probe.h>
				       * has it; NULL: what MK_DEVICE says, or the best
				       * that will do; not kept */
	enum mk_engine_kind engine;   /* what will run it: MK_BACKING_AUTO goes by that */
};

/* No context has more descriptors than this, in this version or a later one. */
#define MK_CONTEXT_FDS 16

/**
 * mk_context_create() - make a context, and become its owner
 * @geometry: sizes; NULL for the defaults
 * @context: receives it; mk_context_close() gives it back
 *
 * -E2BIG: @geometry is from a newer library and sets what this one lacks
 * -EINVAL, -EOVERFLOW: a size that the format cannot express; no such backing
 * -ENODEV: mk.ko was asked for by name, and cannot be used; or MK_BACKING_DEVICE, and no
 *          device has memory that both sides see while a kernel runs; the text says why
 * -EDQUOT: mk.ko's limit of memory for one user
 * -EPROTO: mk.ko computes another size than this library
 * -ENOMEM, -EMFILE: as from the system
 *
 * Only -ENODEV makes MK_BACKING_AUTO go on to the next.  Nothing else does: who has
 * come to a limit of mk.ko's learns of it.
 */
MK_PUBLIC int mk_context_create(const struct mk_geometry *geometry,
				struct mk_context **context);

/**
 * mk_context_share() - descriptors by which another process attaches
 * @role: what they allow: MK_ROLE_ENGINE, MK_ROLE_PRODUCER or MK_ROLE_OBSERVER;
 *        not more than @context itself may
 * @fds: receives them, close-on-exec; they are the caller's to close
 *
 * Pass all of them on, over a socket (SCM_RIGHTS) or by inheritance, and close them
 * here.  With mk.ko there is one, a file of the context in @role.  Whoever has one
 * of MK_ROLE_ENGINE open is the context's engine: nobody else can be, until it is
 * closed everywhere.
 *
 * The owner's own file is never handed out.  A child of a fork has it though, like
 * every descriptor: while such a child lives and does not exec, the owner lives.
 *
 * Return: how many descriptors, at most MK_CONTEXT_FDS, or
 * -EACCES: @context may not so much itself
 * -EBUSY: MK_ROLE_ENGINE, and mk.ko knows of an engine already
 * -EINVAL: no role that can be handed on
 * -ENOTSUP: the context lies in the memory of a device whose driver exports none; or it is
 *           MK_ROLE_ENGINE, and the memory is device-coherent in this process only
 * -EOWNERDEAD: the owner is gone, and @role is not MK_ROLE_OBSERVER
 */
MK_PUBLIC int mk_context_share(const struct mk_context *context, enum mk_role role,
			       int fds[MK_CONTEXT_FDS]);

/**
 * mk_context_attach() - use a context that another process created
 * @fds: as from mk_context_share(); duplicated, so the caller keeps its own, and
 *       should close them: what they stand for lasts until all are closed
 * @count: how many
 * @context: receives it, in the role that was shared
 *
 * With memfds everything found in the memory is checked against the sizes of the
 * files before it is used, and a file that could still shrink is refused.  With mk.ko
 * the sizes come from the kernel.  A driver's own descriptors are the driver's to check.
 * A context in a device's memory needs the device's driver here.  NVIDIA's does not work
 * in the child of a fork whose parent has it loaded: exec first.
 *
 * -ENODEV: the context lies in the memory of a device that this process lacks
 *
 * -EPROTO: this is no context, or of another ABI version
 */
MK_PUBLIC int mk_context_attach(const int *fds, size_t count,
				struct mk_context **context);

/**
 * mk_context_open() - use a context of mk.ko's that is known by its id
 * @id: from mk_context_id(), or from a list of contexts
 * @role: MK_ROLE_ENGINE, MK_ROLE_PRODUCER or MK_ROLE_OBSERVER
 *
 * The owner must be the same user in the same user namespace, or the caller have
 * CAP_SYS_PTRACE over it.
 *
 * -ENOENT: no such context, or none that the caller may open
 * -ENODEV: mk.ko cannot be used here; the text says why
 * -EBUSY, -EINVAL, -EOWNERDEAD: as for mk_context_share()
 * -EPROTO: as for mk_context_attach()
 */
MK_PUBLIC int mk_context_open(uint64_t id, enum mk_role role,
			      struct mk_context **context);

/**
 * mk_context_close() - unmap a context and close its descriptors
 *
 * Engines and producers on it must be stopped and closed first.  The memory
 * lives on while another process has it.  NULL is allowed.
 *
 * When the owner of a context of mk.ko's closes it, that ends the context: SHUTDOWN
 * is stored, and only observers can be let in from then on.  With memfds nothing is
 * stored; mk_context_shutdown() does that.
 */
MK_PUBLIC void mk_context_close(struct mk_context *context);

/* mk_context_role() - what this context may do; one from memfds has roles too. */
MK_PUBLIC enum mk_role mk_context_role(const struct mk_context *context);

/* mk_context_backing() - "kmod", "memfd" or "device": where the memory comes from. */
MK_PUBLIC const char *mk_context_backing(const struct mk_context *context);

/* mk_context_id() - for mk_context_open(); 0 when it has none, as with memfds. */
MK_PUBLIC uint64_t mk_context_id(const struct mk_context *context);

/**
 * mk_context_export() - one memory of a context, for other libraries and readers
 * @memory: MK_REGION_*, MK_MEMORY_STATE or MK_MEMORY_ARENA(0)
 * @flags: MK_EXPORT_READ or MK_EXPORT_WRITE
 *
 * The functions of <mk/abi.h> say how many bytes a region has; what is exported is
 * whole pages.
 *
 * Return: a descriptor, close-on-exec, that is the caller's to close: a DMA-buf with
 * mk.ko or from a device, a memfd without; all can be mapped from offset 0.  Or
 * -EACCES: @flags ask for more than the role allows
 * -ENOTSUP: the memory is a device's, and its driver does not export DMA-bufs
 * -EINVAL: no such memory, or unknown flags
 */
MK_PUBLIC int mk_context_export(const struct mk_context *context, uint32_t memory,
				uint32_t flags);

/**
 * mk_context_memory() - where this process sees one memory of a context
 * @memory: MK_REGION_*, MK_MEMORY_STATE or MK_MEMORY_ARENA(0)
 * @bytes: receives its length; may be NULL
 *
 * For readers and tests.  Who may not write there, by role, must not store.  In a
 * device's memory (MK_BACKING_DEVICE) a load takes about a microsecond, and stores are
 * sent in any order until a fence (SFENCE on x86).
 *
 * Return: the mapping, page-aligned, the context's as long as it lives; NULL when there
 * is no such memory.
 */
MK_PUBLIC void *mk_context_memory(const struct mk_context *context, uint32_t memory,
				  size_t *bytes);

/*
 * mk_context_geometry() - what the context was made with, defaults filled in, the
 * backing too.  In an attached context tenants is 0: the masks may have changed since.
 */
MK_PUBLIC const struct mk_geometry *mk_context_geometry(const struct mk_context *context);

/**
 * mk_context_arena() - the arena's mapping, page-aligned; NULL when there is none
 *
 * Handlers address it in words from its start.  An observer must not store to it: the
 * mapping is read-only.  A host store is visible to the
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
 * Only while no engine runs (-EBUSY): the device owns observables.  For the context's
 * owner and its engine, like all functions that set something.
 */
MK_PUBLIC int mk_context_set_observable(struct mk_context *context, uint32_t index,
					uint32_t value);

/**
 * mk_context_set_tenant() - authorise a tenant, or mask it
 * @tenant: below MK_TENANT_COUNT (-ERANGE)
 * @mask: 0 leaves the tenant's slots PUBLISHED until it is authorised
 *
 * What is published after this has returned 0 is treated by the new mask.  With
 * MK_BACKING_DEVICE masking waits for the end of the dispatch that runs: some hundred
 * microseconds, or -ETIMEDOUT after 10 s, when the mask is stored but a dispatch that
 * hangs may not heed it.
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
 * afterwards.  For its owner and its engine.
 */
MK_PUBLIC int mk_context_shutdown(struct mk_context *context);

/*
 * What the device has counted.  Each is monotone.  Faults and the epoch are there
 * when the slot's completion is; the others follow within milliseconds and are exact
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

/* SPDX-License-Identifier: MIT */
/*
 * An engine runs the resident kernel on a context: bounded dispatches, queued
 * back to back, all of their state in shared memory.  When nothing comes it
 * parks, and a publish wakes it.
 *
 * At most one engine runs on a context at a time.  A child of a fork has the running
 * engine's file too: while it lives without an exec, no other engine starts.
 */
#ifndef MK_ENGINE_H
#define MK_ENGINE_H

#include <mk/context.h>
#include <mk/handler.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mk_engine;

/* How the regions reach the Vulkan device. */
enum mk_import {
	MK_IMPORT_AUTO, /* DMA-buf where the driver can, else host pointer */
	MK_IMPORT_DMA_BUF,
	MK_IMPORT_HOST_POINTER,
};

struct mk_engine_options {
	size_t size; /* sizeof(struct mk_engine_options) */
	enum mk_engine_kind kind;
	enum mk_import import;	 /* Vulkan */
	uint32_t workgroups;	 /* or host threads; 0: one less than the cores */
	uint32_t dispatch_steps; /* bound of one dispatch, from 2048; 0: adapts */
	uint32_t park_after_us;	 /* idle time before parking; 0: 2000 */
	const char *device;	 /* NULL: MK_DEVICE's, or the first fit; <mk/probe.h> */
	const uint32_t *spirv;	 /* a kernel from mkcc; NULL: the library's own */
	size_t spirv_bytes;
	const struct mk_handler_entry *handlers; /* the reference executor's */
	size_t handler_count;
	uint32_t lanes;	   /* of a workgroup, Vulkan, at most a subgroup's; 0: as many */
	mk_handler ingest; /* the reference executor's; NULL: ingests are faults */
	/*
	 * Where to leave a snapshot (<mk/snapshot.h>) when the device is lost; it has
	 * to exist.  NULL: what the environment variable MK_SNAPSHOT_DIR says; without
	 * either none is taken.  Copied.  Which file it was, or why there is none, is in
	 * the text of mk_engine_failure(), or in the info's rebuild_cause.
	 */
	const char *snapshot_directory;
	/*
	 * How often in a row a device that is lost is opened anew for the same context,
	 * before the engine gives up.  What counts as progress between two of these is in
	 * Documentation/recovery.rst.  0: what the environment variable MK_REBUILDS says,
	 * where 0 is never, or else 3.
	 */
	uint32_t rebuilds;
};

#define MK_REBUILD_NEVER UINT32_MAX

struct mk_engine_info {
	char device[256];	  /* the Vulkan device's name, or "host threads" */
	char driver[256];	  /* name and version */
	char placement[128];	  /* as "shared by kmod, imported as DMA-buf" */
	uint32_t workgroups;	  /* started in each dispatch */
	uint32_t live_workgroups; /* of these, running at once in the last dispatch */
	uint32_t dispatches;	  /* ended so far */
	uint32_t parks;		  /* times the engine went to sleep */
	char device_uuid[40];	  /* as <mk/probe.h> has it; "" with host threads */
	uint32_t rebuilds;	  /* times the device was lost and opened anew */
	uint32_t interrupted;	  /* slots and ingests that ended by that */
	char rebuild_cause[1024]; /* of the last time; where its snapshot is */
	char queue[64]; /* as "compute only, high priority"; "": there is none */
};

/**
 * mk_engine_start() - start the resident kernel
 * @options: NULL for the defaults
 *
 * Returns once the engine's thread runs; slots published before are found.
 * Slots that a killed engine left CLAIMED end with MK_FAULT_INTERRUPTED; those that
 * had yielded, or that wait for io, go on.  The same happens when the device is lost
 * while the engine runs; it opens the device again then, and goes on.
 *
 * -EINVAL: an option is out of range, or a handler's opcode is not a user's, or @options
 *          ask for several Vulkan devices
 * -EBUSY: the context has a running engine
 * -EACCES: the context is attached as a producer or an observer
 * -EOWNERDEAD: the context is mk.ko's, and its owner is gone
 * -ESHUTDOWN: the context was shut down
 * -ENOTRECOVERABLE: its memory was in a device that was lost, and did not survive
 * -ENODEV: no Vulkan device that is asked for fits; the text has a line for each there
 *          is, with what it lacks
 */
MK_PUBLIC int mk_engine_start(struct mk_context *context,
			      const struct mk_engine_options *options,
			      struct mk_engine **engine);

/**
 * mk_engine_stop() - let the queued dispatches end, and free the engine
 * @timeout_ns: how long to wait for the device
 *
 * Slots that have not completed stay as they are.  NULL is allowed.
 *
 * -ETIMEDOUT: the device did not end its dispatch.  The engine still exists, and
 * so must the context; stop it again, or exit.
 */
MK_PUBLIC int mk_engine_stop(struct mk_engine *engine, uint64_t timeout_ns);

MK_PUBLIC void mk_engine_info(const struct mk_engine *engine,
			      struct mk_engine_info *info);

/**
 * mk_engine_failure() - why an engine that is LOST went down
 *
 * Return: 0 while it is well, else a negative errno with its text.
 */
MK_PUBLIC int mk_engine_failure(const struct mk_engine *engine);

/**
 * mk_engine_drain_log() - take the debug log's records and let it start anew
 * @records: receives them
 * @capacity: entries in @records, at least the log's (-ENOSPC)
 * @timeout_ns: how long to wait for the end of a dispatch
 *
 * Return: records taken, or a negative errno: -ETIMEDOUT; -ESHUTDOWN when the engine
 * has ended; -EBUSY when another thread drains; -EPROTO when the log is damaged.
 */
MK_PUBLIC int64_t mk_engine_drain_log(struct mk_engine *engine,
				      struct mk_log_record *records, size_t capacity,
				      uint64_t timeout_ns);

#ifdef __cplusplus
}
#endif

#endif /* MK_ENGINE_H */

/* SPDX-License-Identifier: MIT */
/*
 * The handles that requests name things by, and every check of a request, before any of
 * those things is touched.
 *
 * Nothing here locks: who calls holds the pump's lock.
 */
#ifndef MK_SRC_IO_HANDLES_H
#define MK_SRC_IO_HANDLES_H

#include <stdbool.h>
#include <stdint.h>

#include <mk/io.h>

#include "list.h"

#define MK_IO_HANDLE_INDEX_BITS 24u

enum mk_io_kind {
	MK_IO_KIND_NONE,
	MK_IO_KIND_FILE,
	MK_IO_KIND_ARENA,
	MK_IO_KIND_CALLBACK,
	MK_IO_KIND_RESOURCE,
};

struct mk_io_handle {
	enum mk_io_kind kind;
	uint32_t uses;		  /* of this index so far; modulo 256 the generation */
	bool is_leaving;	  /* for requests it is gone */
	struct mk_list in_flight; /* requests that name it, as they were claimed */

	uint64_t offset; /* in the file or in the arena; a resource's in the file's range */
	uint64_t bytes;
	union {
		struct {
			int fd;
			uint32_t flags;	    /* MK_IO_READ, MK_IO_WRITE */
			bool is_registered; /* with io_uring, under its index */
			bool bounces;	    /* it and the arena do not go together */
			bool is_cached;	    /* its reads may be those of the page cache */
		} file;
		struct {
			mk_io_callback function;
			void *user;
		} callback;
		struct {
			uint32_t file; /* handle */
			uint64_t arena_offset;
		} resource;
	};
};

struct mk_io_handles {
	struct mk_io_handle *entries;
	uint32_t count;
	uint32_t next; /* where to look for a free one */
	uint64_t arena_bytes;
};

/* What a request asks for, once it was checked. */
struct mk_io_plan {
	struct mk_io_handle
		*names[2]; /* what it is in flight for; the second may be NULL */
	struct mk_io_handle *outside; /* file or callback; of a fence any */
	bool write;
	uint64_t file_offset; /* from the start of the file */
	uint64_t arena_offset;
	uint32_t bytes;
};

int mk_io_handles_open(struct mk_io_handles *handles, uint32_t count,
		       uint64_t arena_bytes);
/* Closes the files, too. */
void mk_io_handles_close(struct mk_io_handles *handles);

/* As the public functions of these names. */
int mk_io_handles_add_file(struct mk_io_handles *handles, int fd,
			   const struct mk_io_file *file, uint32_t *handle);
int mk_io_handles_add_arena(struct mk_io_handles *handles, uint64_t offset,
			    uint64_t bytes, uint64_t stride, uint32_t count,
			    uint32_t *first);
int mk_io_handles_add_callback(struct mk_io_handles *handles, mk_io_callback function,
			       void *user, uint32_t *handle);
int mk_io_handles_add_resource(struct mk_io_handles *handles, uint32_t file,
			       uint64_t file_offset, uint64_t arena_offset,
			       uint32_t bytes, uint32_t *handle);

/*
 * What @handle names, also when it is leaving; or NULL, and in @reason whether it is
 * unknown or stale.
 */
struct mk_io_handle *mk_io_handles_find(const struct mk_io_handles *handles,
					uint32_t handle, uint32_t *reason);

/* Its index, as long as it lives nobody else's. */
static inline uint32_t mk_io_handle_index(const struct mk_io_handles *handles,
					  const struct mk_io_handle *handle)
{
	return (uint32_t)(handle - handles->entries);
}

/* Its index is free again, and what was its handle stale; nothing is in flight for it. */
void mk_io_handles_free(struct mk_io_handle *handle);

/* 0 and the plan, or an MK_IO_REASON_*. */
uint32_t mk_io_handles_check(const struct mk_io_handles *handles,
			     const struct mk_io_request *request,
			     struct mk_io_plan *plan);

#endif /* MK_SRC_IO_HANDLES_H */

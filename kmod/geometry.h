/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What follows from numbers alone: the sizes of a context's memories, and what each
 * role may do.  Nothing here touches memory or takes a lock, so all of it is tested
 * by KUnit.
 */
#ifndef MK_GEOMETRY_H
#define MK_GEOMETRY_H

#include <linux/mm.h>
#include <linux/types.h>

#include <linux/mk.h>

/**
 * mk_geometry_check() - whether the wire format can express a geometry
 * @geometry: as from user space
 *
 * Return: 0, -EINVAL, or -EOVERFLOW when a size is above MK_ENCODE_LIMIT.
 */
int mk_geometry_check(const struct mk_geometry_words *geometry);

/**
 * mk_geometry_bytes() - bytes in use of a region
 * @geometry: one that was checked
 * @region: below MK_REGION_COUNT
 */
u64 mk_geometry_bytes(const struct mk_geometry_words *geometry, u32 region);

/* How many windows the ring has. */
u32 mk_geometry_windows(const struct mk_geometry_words *geometry);

/* Where in the cq the leases of windows begin, in bytes. */
u64 mk_geometry_first_lease(const struct mk_geometry_words *geometry);

/* Leases, each a u64, of windows and of groups of ingest slots. */
#define MK_LEASE_ARRAY_COUNT 2

/**
 * struct mk_lease_array - some of the leases in a cq
 * @first: where they begin, in bytes
 * @count: how many there are
 */
struct mk_lease_array {
	u64 first;
	u32 count;
};

/**
 * mk_geometry_leases() - where in the cq leases are
 * @geometry: one that was checked
 * @arrays: receives that
 *
 * All words for groups of ingest slots are meant, however many groups there are.
 */
void mk_geometry_leases(const struct mk_geometry_words *geometry,
			struct mk_lease_array arrays[MK_LEASE_ARRAY_COUNT]);

/**
 * mk_lease_orphaned() - what becomes of a lease when a file of the context goes
 * @lease: generation in the high half, number of its holder in the low one
 * @number: of the file that goes
 *
 * The generation stays, which tells the next holder that something may still be in
 * flight in the window.
 *
 * Return: the new lease, which is @lease when another file holds it.
 */
u64 mk_lease_orphaned(u64 lease, u32 number);

bool mk_role_is_known(u32 role);

/* Whether a file with @role may be turned into another one with @wanted. */
bool mk_role_may_become(u32 role, u32 wanted);

/**
 * mk_role_may_write() - whether a role may have a writable view
 * @role: a known role
 * @geometry: the context's
 * @memory: number
 * @offset: in bytes, where the view begins
 */
bool mk_role_may_write(u32 role, const struct mk_geometry_words *geometry, u32 memory,
		       u64 offset);

/**
 * mk_range_check() - the pages of a view
 * @mapped_bytes: of the memory
 * @offset: in bytes
 * @size: in bytes; 0 is all from @offset on, and is replaced by that
 *
 * Return: 0, -EINVAL when these are no whole pages, -ERANGE beyond the end.
 */
int mk_range_check(u64 mapped_bytes, u64 offset, u64 *size);

#endif /* MK_GEOMETRY_H */
